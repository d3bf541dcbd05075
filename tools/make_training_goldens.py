#!/usr/bin/env python3
"""Writes tests/goldens/training: gradients and training steps of small decoders, computed by PyTorch, that the trainer must
reproduce.

    python3 -m venv /tmp/goldens && /tmp/goldens/bin/pip install numpy torch
    /tmp/goldens/bin/python tools/make_training_goldens.py                       # writes tests/goldens/training/

The decoders and their weights are those of make_goldens.py, which says how both sides draw the same ones.

A golden is two files:
    <name>.json  decoder, sizes, seed, weight_scale, weights_sha1, tokens [steps, B, T + 1], gradient_loss,
                 and per optimizer its learning_rate and the loss before each of its steps
    <name>.bin   little-endian float32: the gradients of the mean cross-entropy of the first batch, of every tensor in the
                 order in which the graph declares them, computed in float64 and rounded
"""
import argparse
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

import make_goldens

STEPS = 10
CLIP_NORM = 1.0
BETAS = (0.9, 0.95)
EPSILON = 1e-8
WEIGHT_DECAY = 0.1
LEARNING_RATES = {"adamw": 6e-3, "lamb": 1e-2}

CASES = {
    "gpt2": dict(
        decoder="gpt2", seed=31, weight_scale=6, batch=3, tokens=10,
        sizes=dict(vocab_size=37, max_sequence_length=12, d_model=12, n_layer=2, n_head=[2, 3], d_inner=[20, 17])),
    "opt": dict(
        decoder="opt", seed=32, weight_scale=6, batch=2, tokens=12,
        sizes=dict(vocab_size=29, max_sequence_length=12, d_model=12, **make_goldens.equal_layers(2, 3, 24))),
    "codegen": dict(
        decoder="codegen", seed=33, weight_scale=6, batch=2, tokens=11,
        sizes=dict(vocab_size=31, max_sequence_length=16, d_model=16, rotary_dims=2,
                   **make_goldens.equal_layers(2, 4, 24))),
    "llama": dict(
        decoder="llama", seed=34, weight_scale=6, batch=2, tokens=9,
        sizes=dict(vocab_size=33, max_sequence_length=16, d_model=16, n_kv_head=2,
                   **make_goldens.equal_layers(2, 4, 28))),
}


class Lamb(torch.optim.Optimizer):
    """You et al. 2020, algorithm 2, phi(z) = min(z, 10)."""

    def __init__(self, groups, lr):
        super().__init__(groups, dict(lr=lr))
        self.steps = 0

    @torch.no_grad()
    def step(self):
        self.steps += 1
        for group in self.param_groups:
            for w in group["params"]:
                state = self.state[w]
                if not state:
                    state["m"], state["v"] = torch.zeros_like(w), torch.zeros_like(w)
                state["m"].lerp_(w.grad, 1 - BETAS[0])
                state["v"].lerp_(w.grad.square(), 1 - BETAS[1])
                m = state["m"] / (1 - BETAS[0] ** self.steps)
                v = state["v"] / (1 - BETAS[1] ** self.steps)
                direction = m / (v.sqrt() + EPSILON) + group["weight_decay"] * w
                w.sub_(direction * group["lr"] * min(float(w.norm()), 10.0) / float(direction.norm()))


def declared(case, dtype):
    weights = make_goldens.Weights(case["seed"], case["weight_scale"])
    declare, forward = make_goldens.DECODERS[case["decoder"]]
    index = declare(case["sizes"], weights)
    tensors = [torch.from_numpy(array).to(dtype).requires_grad_() for array in weights.arrays]
    return weights, tensors, lambda tokens: forward(case["sizes"], {k: tensors[i] for k, i in index.items()}, tokens)


def loss_of(forward, tokens):
    logits = forward(tokens[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())


def losses_of(case, tokens, name):
    """Float32, as training is."""
    _, tensors, forward = declared(case, torch.float32)
    groups = [{"params": [t for t in tensors if t.dim() == 2], "weight_decay": WEIGHT_DECAY},
              {"params": [t for t in tensors if t.dim() != 2], "weight_decay": 0.0}]
    rate = LEARNING_RATES[name]
    if name == "adamw":
        optimizer = torch.optim.AdamW(groups, lr=rate, betas=BETAS, eps=EPSILON)
    else:
        optimizer = Lamb(groups, rate)
    losses = []
    for batch in tokens:
        optimizer.zero_grad()
        loss = loss_of(forward, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(tensors, CLIP_NORM)
        optimizer.step()
        losses.append(loss.item())
    return losses


def write_golden(folder, name, case):
    rng = np.random.default_rng(case["seed"])
    shape = (STEPS, case["batch"], case["tokens"] + 1)
    tokens = torch.from_numpy(rng.integers(0, case["sizes"]["vocab_size"], shape))
    weights, tensors, forward = declared(case, torch.float64)
    loss = loss_of(forward, tokens[0])
    loss.backward()
    golden = {"decoder": case["decoder"], "sizes": case["sizes"], "seed": case["seed"],
              "weight_scale": case["weight_scale"], "weights_sha1": weights.sha1(), "gradient_loss": loss.item(),
              "optimizers": {optimizer: {"learning_rate": rate, "losses": losses_of(case, tokens, optimizer)}
                             for optimizer, rate in LEARNING_RATES.items()},
              "tokens": tokens.tolist()}
    text = json.dumps(golden)
    (folder / f"{name}.json").write_text(text + "\n")
    with open(folder / f"{name}.bin", "wb") as file:
        for tensor in tensors:
            file.write(tensor.grad.numpy().astype("<f4").tobytes())
    print(f"{name}: {len(tensors)} tensors, loss {loss.item():.4f}, then {golden['optimizers']['adamw']['losses'][-1]:.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--out", type=pathlib.Path, default=root / "tests" / "goldens" / "training",
                        help="folder to write to")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, case in CASES.items():
        write_golden(arguments.out, name, case)


if __name__ == "__main__":
    main()
