#!/usr/bin/env python3
"""Holds the checkpoints that `lts export --format huggingface` writes against the ONNX models that it writes of the same
weights: Hugging Face Transformers must load the one and give the logits that ONNX Runtime gives for the other.

    python3 -m venv /tmp/check && /tmp/check/bin/pip install torch transformers onnxruntime
    /tmp/check/bin/python tools/check_checkpoint.py build/dev/bin/lts ARCH|CHECKPOINT...

Prints the greatest difference of each, relative to the greatest logit of its row; exits with 1 above 1e-4.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime
import torch
from transformers import AutoModelForCausalLM

import gpt2_flex  # noqa: F401: registers Archai's type for layers that differ


def onnx_logits(path, tokens):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feeds = {"input_ids": tokens}
    for value in session.get_inputs():
        if value.name.startswith("past_key_values"):
            _, heads, _, width = value.shape
            feeds[value.name] = np.zeros((len(tokens), heads, 0, width), np.float32)
    return session.run(["logits"], feeds)[0]


def check(lts, source, folder):
    common = [lts, "export", source, "--quiet"]
    for extra in (["--format", "huggingface", "-o", folder / "hf"],
                  ["--logits", "all", "-o", folder / "model.onnx"]):
        subprocess.run([*common, *extra], check=True, stdout=subprocess.DEVNULL)
    model, info = AutoModelForCausalLM.from_pretrained(folder / "hf", output_loading_info=True)
    left = {key: names for key, names in info.items() if names}
    if left:
        raise SystemExit(f"{source}: Transformers reports {left}")
    count = min(model.config.max_position_embeddings, 64)
    tokens = np.random.default_rng(1).integers(0, model.config.vocab_size, (2, count))
    expected = onnx_logits(folder / "model.onnx", tokens)
    with torch.no_grad():
        actual = model.eval()(torch.from_numpy(tokens)).logits.numpy()
    error = float((np.abs(actual - expected).max(-1) / np.abs(expected).max(-1)).max())
    print(f"{source}: {type(model).__name__} within {error:.1e}")
    return error


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lts", type=pathlib.Path, help="the program")
    parser.add_argument("sources", nargs="+", help="architecture files and checkpoint folders")
    arguments = parser.parse_args()
    worst = 0.0
    for source in arguments.sources:
        with tempfile.TemporaryDirectory() as folder:
            worst = max(worst, check(arguments.lts, source, pathlib.Path(folder)))
    sys.exit(1 if worst > 1e-4 else 0)


if __name__ == "__main__":
    main()
