#!/usr/bin/env python3
"""Exports one model for every opset and holds each file to the first one's logits.

Needs Python's onnx and onnxruntime; no test of the repository does. For each opset that `lts export` takes and each
variant: onnx.checker with full_check (types and shapes), then a prompt and two decode steps in ONNX Runtime, whose
logits must be those of opset 17 to 1e-4 of the greatest (f16 and int8 to 5e-3, for rounding elsewhere).
    tools/check_onnx_opsets.py build/dev/bin/lts
"""
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

FIRST, LAST = 17, 26  # kFirstOnnxOpset, kLastOnnxOpset in lts/export/onnx.h
ARCHITECTURE = '{"n_layer": 3, "d_model": 64, "d_inner": [96, 200, 64], "n_head": [4, 2, 8]}'
VARIANTS = [("none", "f32", 1e-4), ("onnxruntime", "f32", 1e-4), ("none", "f16", 5e-3), ("none", "int8", 5e-3)]


def logits_of(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    types = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
    past = {
        value.name: np.zeros((1, value.shape[1], 0, value.shape[3]), types[value.type])
        for value in session.get_inputs()
        if value.name != "input_ids"
    }
    names = [value.name for value in session.get_outputs()]
    all_logits = []
    for ids in ([5, 70, 900, 12, 44], [7], [50000]):
        outputs = dict(zip(names, session.run(names, {"input_ids": np.array([ids], np.int64), **past})))
        all_logits.append(outputs.pop("logits"))
        past = {name.replace("present", "past_key_values"): value for name, value in outputs.items()}
    return np.concatenate(all_logits, axis=1)


def main():
    lts = sys.argv[1]
    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.onnx"
        for fuse, dtype, tolerance in VARIANTS:
            expected = None
            for opset in range(FIRST, LAST + 1):
                command = [lts, "export", "-", "-o", path, "--fuse", fuse, "--dtype", dtype, "--opset", str(opset)]
                subprocess.run([*command, "--quiet"], input=ARCHITECTURE, text=True, check=True, stdout=subprocess.DEVNULL)
                # The checker does not know ONNX Runtime's operators; it skips their types.
                onnx.checker.check_model(onnx.load(path), full_check=True)
                logits = logits_of(path)
                expected = logits if expected is None else expected
                error = np.abs(logits - expected).max() / np.abs(expected).max()
                good = error <= tolerance
                failed = failed or not good
                print(f"opset {opset} fuse {fuse} {dtype}: {'good' if good else 'BAD'}, {error:.1e} from opset {FIRST}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
