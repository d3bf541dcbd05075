#!/usr/bin/env python3
"""Writes tests/checkpoints: tiny checkpoints as Hugging Face Transformers and torch.save write them, with their logits.

    python3 -m venv /tmp/goldens && /tmp/goldens/bin/pip install torch transformers safetensors
    /tmp/goldens/bin/python tools/make_checkpoints.py

Every folder has what a checkpoint has. Those with weights of their own also have expected.json: tokens [1, T] and the
logits [T, V] that Transformers computes from the files it has just written; the others hold the same weights in another
form (FORMS says whose). Weights are drawn large enough that an error in any of them shows in the logits.
"""
import argparse
import collections
import json
import pathlib
import shutil

import torch
from transformers import (CodeGenConfig, CodeGenForCausalLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM,
                          OPTConfig, OPTForCausalLM)

from gpt2_flex import GPT2FlexConfig, GPT2FlexLMHeadModel

VOCAB, POSITIONS, TOKENS = 17, 8, [3, 16, 0, 7, 7, 12]


def randomised(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator) * 0.4
            parameter.copy_(noise + 1 if parameter.dim() == 1 and parameter.mean() == 1 else noise)
    return model.eval()


def gpt2():
    return randomised(GPT2LMHeadModel(GPT2Config(vocab_size=VOCAB, n_positions=POSITIONS, n_embd=8, n_layer=2, n_head=2,
                                                 n_inner=12)), 1)


def gpt2_flex():
    return randomised(GPT2FlexLMHeadModel(GPT2FlexConfig(
        vocab_size=VOCAB, n_positions=POSITIONS, n_embd=8, n_layer=3, n_head=[2, 4, 1], n_inner=[12, 3, 20])), 2)


def opt():
    return randomised(OPTForCausalLM(OPTConfig(
        vocab_size=VOCAB, max_position_embeddings=POSITIONS, hidden_size=8, word_embed_proj_dim=8, num_hidden_layers=2,
        num_attention_heads=2, ffn_dim=12, pad_token_id=1)), 3)


def codegen():
    return randomised(CodeGenForCausalLM(CodeGenConfig(
        vocab_size=VOCAB, n_positions=POSITIONS, n_ctx=POSITIONS, n_embd=16, n_layer=2, n_head=4, rotary_dim=2,
        tie_word_embeddings=False)), 4)


def llama(tied):
    return randomised(LlamaForCausalLM(LlamaConfig(
        vocab_size=VOCAB, max_position_embeddings=POSITIONS, hidden_size=8, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, intermediate_size=12, tie_word_embeddings=tied,
        rms_norm_eps=1e-5 if tied else 1e-6, rope_theta=500000.0 if tied else 10000.0)), 5)


def logits_of(model):
    with torch.no_grad():
        return model.double()(torch.tensor([TOKENS])).logits[0]


def old_names(model):
    """As the first files of GPT-2: a base model without prefix, with its causal masks."""
    state = collections.OrderedDict()
    for name, tensor in model.transformer.state_dict().items():
        state[name] = tensor
        if name.endswith("ln_1.bias"):
            attention = name[: -len("ln_1.bias")] + "attn."
            state[attention + "bias"] = torch.ones(1, 1, POSITIONS, POSITIONS, dtype=torch.uint8).tril()
            state[attention + "masked_bias"] = torch.tensor(-1e4)
    return state


def odd_views(model):
    """Transposed, sliced and shared storages, and parameters instead of tensors."""
    state = collections.OrderedDict()
    for name, tensor in model.state_dict().items():
        if name.endswith("c_attn.weight"):
            tensor = tensor.t().contiguous().t()
        elif name.endswith("ln_1.weight"):
            big = torch.zeros(3, 2 * len(tensor))
            big[1, ::2] = tensor
            tensor = big[1, ::2]
        elif name.endswith("ln_2.weight"):
            tensor = torch.nn.Parameter(tensor.clone())
        state[name] = tensor
    return state


# Same weights as `gpt2`, in another form: how to write them into a folder that has its config.json.
FORMS = {
    "gpt2_sharded": lambda m, folder: m.save_pretrained(folder, max_shard_size="3KB"),
    "gpt2_bin": lambda m, folder: m.save_pretrained(folder, safe_serialization=False),
    "gpt2_bin_sharded": lambda m, folder: m.save_pretrained(folder, safe_serialization=False, max_shard_size="3KB"),
    "gpt2_legacy": lambda m, folder: torch.save(old_names(m), folder / "pytorch_model.bin",
                                                _use_new_zipfile_serialization=False),
    "gpt2_views": lambda m, folder: torch.save(odd_views(m), folder / "pytorch_model.bin"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--out", type=pathlib.Path, default=root / "tests" / "checkpoints", help="folder to write to")
    out = parser.parse_args().out
    shutil.rmtree(out, ignore_errors=True)
    models = {"gpt2": gpt2(), "gpt2_bf16": gpt2().bfloat16(), "gpt2_f16": gpt2().half(), "gpt2_flex": gpt2_flex(),
              "opt": opt(), "codegen": codegen(), "llama": llama(False), "llama_tied": llama(True)}
    for name, model in models.items():
        model.save_pretrained(out / name)
        exact = logits_of(type(model).from_pretrained(out / name))
        document = {"tokens": TOKENS, "logits": [[float(f"{x:.9g}") for x in row] for row in exact.tolist()]}
        (out / name / "expected.json").write_text(json.dumps(document) + "\n")
    for name, write in FORMS.items():
        folder = out / name
        folder.mkdir()
        shutil.copy(out / "gpt2" / "config.json", folder)
        write(gpt2(), folder)
    for path in out.rglob("generation_config.json"):
        path.unlink()
    for folder in sorted(out.iterdir()):
        print(f"{folder.name}: {', '.join(f'{p.name} {p.stat().st_size}' for p in sorted(folder.iterdir()))}")


if __name__ == "__main__":
    main()
