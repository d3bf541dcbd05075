#!/usr/bin/env python3
"""Writes tests/goldens: logits of small decoders, computed by PyTorch, that the runtimes must reproduce.

    python3 -m venv /tmp/goldens && /tmp/goldens/bin/pip install numpy torch
    /tmp/goldens/bin/python tools/make_goldens.py                       # writes tests/goldens/
    /tmp/goldens/bin/pip install transformers
    /tmp/goldens/bin/python tools/make_goldens.py --check-transformers  # writes nothing

Each decoder stands here a second time, in plain PyTorch and from its paper, so that a golden says what the model should
compute and not what lts computes. Weights are no part of a golden: both sides draw them from the same generator (the
functions below restate lts/base/rng.cc and lts/arch/model.cc), and a golden holds the SHA-1 of all of them, which
catches any drift of the generator or of the order of the tensors.

A golden is two files:
    <name>.json  decoder, sizes, seed, weight_scale, weights_sha1, tokens [B, T], positions [P] whose logits are kept
    <name>.bin   little-endian float32, twice [B, P, V]: computed in float64 and rounded, then computed in float32

--check-transformers holds the decoders here against Hugging Face's implementations of them with the same weights.
"""
import argparse
import hashlib
import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

# ---- Weights: lts/base/rng.cc FillNormalLike and lts/arch/model.cc RandomModel(everything_random) ----

GOLDEN_RATIO = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


def mix(z):
    """The output function of splitmix64, on numpy uint64 arrays."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def mix_int(z):
    return int(mix(np.array([z & MASK], dtype=np.uint64))[0])


def fill_normal_like(count, std, seed, key):
    stream = mix_int(mix_int(seed + GOLDEN_RATIO) ^ ((key * GOLDEN_RATIO + 1) & MASK))
    bits = mix(np.uint64(stream) + np.arange(count, dtype=np.uint64) * np.uint64(GOLDEN_RATIO))
    lanes = sum(((bits >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.int64) for shift in (0, 16, 32, 48))
    scale = np.float32(std) * np.float32(0.5 / math.sqrt((65536.0 * 65536.0 - 1) / 3))
    return (2 * lanes - 4 * 65535).astype(np.float32) * scale


class Weights:
    """Draws tensors in the order in which the graph of lts declares them."""

    def __init__(self, seed, scale):
        self.seed, self.scale = seed, np.float32(scale)
        self.arrays = []

    def _draw(self, shape, std):
        return fill_normal_like(math.prod(shape), std, self.seed, len(self.arrays)).reshape(shape)

    def _keep(self, array):
        self.arrays.append(array.astype(np.float32))
        return len(self.arrays) - 1

    def matrix(self, rows, columns, std=np.float32(0.02)):
        return self._keep(self._draw((rows, columns), std) * self.scale)

    def bias(self, count):
        return self._keep(self._draw((count,), 0.1))

    def gain(self, count):
        return self._keep(self._draw((count,), 0.1) + np.float32(1))

    def sha1(self):
        digest = hashlib.sha1()
        for array in self.arrays:
            digest.update(array.astype("<f4").tobytes())
        return digest.hexdigest()


def branch_std(n_layer):
    return np.float32(0.02) / np.sqrt(np.float32(2) * np.float32(n_layer))


# ---- Decoders: declare(sizes, weights) -> {name: tensor index}, forward(sizes, {name: tensor}, tokens) -> logits ----


def attend(q, k, v):
    """Causal softmax attention; q: [B, H, T, d_head], k and v: [B, KV, T, d_head] with KV dividing H."""
    groups = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(groups, dim=1), v.repeat_interleave(groups, dim=1)
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    allowed = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    return scores.masked_fill(~allowed, -math.inf).softmax(-1) @ v


def split_heads(x, n_head):
    return x.unflatten(-1, (n_head, -1)).transpose(1, 2)


def merge_heads(x):
    return x.transpose(1, 2).flatten(2)


def qkv(x, w, layer, n_head, n_kv_head, d_head):
    y = x @ w[f"{layer}.qkv"] + w.get(f"{layer}.qkv_bias", 0)
    q, k, v = y.split([n_head * d_head, n_kv_head * d_head, n_kv_head * d_head], dim=-1)
    return split_heads(q, n_head), split_heads(k, n_kv_head), split_heads(v, n_kv_head)


def layer_norm(x, w, name):
    return F.layer_norm(x, x.shape[-1:], w[name + ".gain"], w[name + ".bias"], eps=1e-5)


def declare_gpt2(sizes, weights, position_rows):
    """GPT-2 and OPT: the same tensors."""
    d, n_layer = sizes["d_model"], sizes["n_layer"]
    t = {"wte": weights.matrix(sizes["vocab_size"], d), "wpe": weights.matrix(position_rows, d)}
    for i in range(n_layer):
        inner = sizes["d_inner"][i]
        t[f"{i}.norm1.gain"], t[f"{i}.norm1.bias"] = weights.gain(d), weights.bias(d)
        t[f"{i}.qkv"], t[f"{i}.qkv_bias"] = weights.matrix(d, 3 * d), weights.bias(3 * d)
        t[f"{i}.out"], t[f"{i}.out_bias"] = weights.matrix(d, d, branch_std(n_layer)), weights.bias(d)
        t[f"{i}.norm2.gain"], t[f"{i}.norm2.bias"] = weights.gain(d), weights.bias(d)
        t[f"{i}.up"], t[f"{i}.up_bias"] = weights.matrix(d, inner), weights.bias(inner)
        t[f"{i}.down"], t[f"{i}.down_bias"] = weights.matrix(inner, d, branch_std(n_layer)), weights.bias(d)
    t["norm.gain"], t["norm.bias"] = weights.gain(d), weights.bias(d)
    return t


def forward_gpt2(sizes, w, tokens, activation, offset):
    """Radford et al. 2019; OPT (Zhang et al. 2022) differs by ReLU and by positions that start at 2."""
    x = w["wte"][tokens] + w["wpe"][torch.arange(tokens.shape[1]) + offset]
    for i in range(sizes["n_layer"]):
        n_head = sizes["n_head"][i]
        q, k, v = qkv(layer_norm(x, w, f"{i}.norm1"), w, i, n_head, n_head, sizes["d_model"] // n_head)
        x = x + merge_heads(attend(q, k, v)) @ w[f"{i}.out"] + w[f"{i}.out_bias"]
        inner = layer_norm(x, w, f"{i}.norm2") @ w[f"{i}.up"] + w[f"{i}.up_bias"]
        x = x + activation(inner) @ w[f"{i}.down"] + w[f"{i}.down_bias"]
    return layer_norm(x, w, "norm") @ w["wte"].T


def gelu_tanh(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def rotate(x, dims, halves):
    """RoPE as a product of complex numbers: pair i of position t is turned by t * 10000^(-2 i / dims)."""
    turned, rest = x[..., :dims].double(), x[..., dims:]
    frequencies = 10000.0 ** (-torch.arange(0, dims, 2, dtype=torch.float64) / dims)
    angles = torch.outer(torch.arange(x.shape[-2], dtype=torch.float64), frequencies)
    pairs = turned.unflatten(-1, (2, -1)).transpose(-1, -2) if halves else turned.unflatten(-1, (-1, 2))
    pairs = torch.view_as_real(torch.view_as_complex(pairs.contiguous()) * torch.polar(torch.ones_like(angles), angles))
    turned = (pairs.transpose(-1, -2) if halves else pairs).flatten(-2)
    return torch.cat([turned.to(x.dtype), rest], dim=-1)


def declare_codegen(sizes, weights):
    d, n_layer = sizes["d_model"], sizes["n_layer"]
    t = {"wte": weights.matrix(sizes["vocab_size"], d)}
    for i in range(n_layer):
        inner = sizes["d_inner"][i]
        t[f"{i}.norm1.gain"], t[f"{i}.norm1.bias"] = weights.gain(d), weights.bias(d)
        t[f"{i}.qkv"], t[f"{i}.out"] = weights.matrix(d, 3 * d), weights.matrix(d, d)
        t[f"{i}.up"], t[f"{i}.up_bias"] = weights.matrix(d, inner), weights.bias(inner)
        t[f"{i}.down"], t[f"{i}.down_bias"] = weights.matrix(inner, d), weights.bias(d)
    t["norm.gain"], t["norm.bias"] = weights.gain(d), weights.bias(d)
    t["head"], t["head_bias"] = weights.matrix(sizes["vocab_size"], d), weights.bias(sizes["vocab_size"])
    return t


def forward_codegen(sizes, w, tokens):
    """Nijkamp et al. 2022: attention and feed-forward block side by side, partial RoPE of neighbours."""
    x = w["wte"][tokens]
    for i in range(sizes["n_layer"]):
        n_head = sizes["n_head"][i]
        y = layer_norm(x, w, f"{i}.norm1")
        q, k, v = qkv(y, w, i, n_head, n_head, sizes["d_model"] // n_head)
        q, k = rotate(q, sizes["rotary_dims"], False), rotate(k, sizes["rotary_dims"], False)
        inner = gelu_tanh(y @ w[f"{i}.up"] + w[f"{i}.up_bias"])
        x = x + merge_heads(attend(q, k, v)) @ w[f"{i}.out"] + inner @ w[f"{i}.down"] + w[f"{i}.down_bias"]
    return layer_norm(x, w, "norm") @ w["head"].T + w["head_bias"]


def declare_llama(sizes, weights):
    d, d_head = sizes["d_model"], sizes["d_model"] // sizes["n_head"][0]
    t = {"wte": weights.matrix(sizes["vocab_size"], d)}
    for i in range(sizes["n_layer"]):
        inner = sizes["d_inner"][i]
        t[f"{i}.norm1.gain"] = weights.gain(d)
        t[f"{i}.qkv"] = weights.matrix(d, (sizes["n_head"][i] + 2 * sizes["n_kv_head"]) * d_head)
        t[f"{i}.out"] = weights.matrix(d, d)
        t[f"{i}.norm2.gain"] = weights.gain(d)
        t[f"{i}.up"], t[f"{i}.gate"] = weights.matrix(d, inner), weights.matrix(d, inner)
        t[f"{i}.down"] = weights.matrix(inner, d)
    t["norm.gain"] = weights.gain(d)
    t["head"] = weights.matrix(sizes["vocab_size"], d)
    return t


def rms_norm(x, gain):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * gain


def forward_llama(sizes, w, tokens):
    """Touvron et al. 2023: RMSNorm, RoPE of halves, grouped-query attention, SwiGLU, no biases."""
    x = w["wte"][tokens]
    for i in range(sizes["n_layer"]):
        d_head = sizes["d_model"] // sizes["n_head"][i]
        q, k, v = qkv(rms_norm(x, w[f"{i}.norm1.gain"]), w, i, sizes["n_head"][i], sizes["n_kv_head"], d_head)
        x = x + merge_heads(attend(rotate(q, d_head, True), rotate(k, d_head, True), v)) @ w[f"{i}.out"]
        y = rms_norm(x, w[f"{i}.norm2.gain"])
        gate = y @ w[f"{i}.gate"]
        x = x + (gate * gate.sigmoid() * (y @ w[f"{i}.up"])) @ w[f"{i}.down"]
    return rms_norm(x, w["norm.gain"]) @ w["head"].T


DECODERS = {
    "gpt2": (lambda s, w: declare_gpt2(s, w, s["max_sequence_length"]),
             lambda s, w, tokens: forward_gpt2(s, w, tokens, gelu_tanh, 0)),
    "opt": (lambda s, w: declare_gpt2(s, w, s["max_sequence_length"] + 2),
            lambda s, w, tokens: forward_gpt2(s, w, tokens, torch.relu, 2)),
    "codegen": (declare_codegen, forward_codegen),
    "llama": (declare_llama, forward_llama),
}

# ---- The goldens ----


def equal_layers(n_layer, n_head, d_inner):
    return {"n_layer": n_layer, "n_head": [n_head] * n_layer, "d_inner": [d_inner] * n_layer}


# weight_scale multiplies every matrix: with std 0.02 all attention would be nearly uniform and no error in a score would
# show. `positions` None keeps all of them.
CASES = {
    "gpt2_plain": dict(
        decoder="gpt2", seed=11, weight_scale=8, batch=2, tokens=16, positions=None,
        sizes=dict(vocab_size=101, max_sequence_length=32, d_model=64, **equal_layers(3, 4, 256))),
    "gpt2_initial_scale": dict(
        decoder="gpt2", seed=12, weight_scale=1, batch=1, tokens=7, positions=None,
        sizes=dict(vocab_size=211, max_sequence_length=8, d_model=96, **equal_layers(2, 6, 384))),
    "gpt2_heterogeneous": dict(
        decoder="gpt2", seed=13, weight_scale=8, batch=2, tokens=20, positions=None,
        sizes=dict(vocab_size=97, max_sequence_length=21, d_model=48, n_layer=4, n_head=[1, 3, 12, 48],
                   d_inner=[37, 200, 96, 5])),
    "gpt2_long": dict(
        decoder="gpt2", seed=14, weight_scale=12, batch=1, tokens=192, positions=[0, 1, 15, 16, 63, 64, 65, 127, 191],
        sizes=dict(vocab_size=61, max_sequence_length=256, d_model=32, n_layer=2, n_head=[2, 4], d_inner=[128, 51])),
    "opt": dict(
        decoder="opt", seed=15, weight_scale=8, batch=2, tokens=12, positions=None,
        sizes=dict(vocab_size=53, max_sequence_length=16, d_model=40, **equal_layers(2, 5, 160))),
    "codegen": dict(
        decoder="codegen", seed=16, weight_scale=8, batch=2, tokens=12, positions=None,
        sizes=dict(vocab_size=59, max_sequence_length=16, d_model=48, rotary_dims=8, **equal_layers(2, 4, 192))),
    "llama": dict(
        decoder="llama", seed=17, weight_scale=8, batch=2, tokens=12, positions=None,
        sizes=dict(vocab_size=67, max_sequence_length=16, d_model=48, n_kv_head=2, **equal_layers(2, 6, 77))),
}


def draw_tokens(case):
    """Any tokens will do: they are stored. Drawn from the same generator to need no second one."""
    count = case["batch"] * case["tokens"]
    bits = mix(np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN_RATIO) + np.uint64(case["seed"]))
    return (bits % np.uint64(case["sizes"]["vocab_size"])).astype(np.int64).reshape(case["batch"], case["tokens"])


def run(case, dtype):
    declare, forward = DECODERS[case["decoder"]]
    weights = Weights(case["seed"], case["weight_scale"])
    names = declare(case["sizes"], weights)
    tensors = {name: torch.from_numpy(weights.arrays[index]).to(dtype) for name, index in names.items()}
    with torch.no_grad():
        return forward(case["sizes"], tensors, torch.from_numpy(draw_tokens(case))), weights, tensors


def row_error(a, b):
    """max |a - b| / max |b| over each row of logits: what the tests compare."""
    a, b = a.double(), b.double()
    return float(((a - b).abs().amax(-1) / b.abs().amax(-1)).max())


def write_golden(folder, name, case):
    exact, weights, _ = run(case, torch.float64)
    single, _, _ = run(case, torch.float32)
    positions = case["positions"] or list(range(case["tokens"]))
    kept = [x[:, positions].float().numpy().astype("<f4") for x in (exact, single)]
    with open(folder / f"{name}.bin", "wb") as file:
        file.write(b"".join(x.tobytes() for x in kept))
    document = dict(decoder=case["decoder"], sizes=case["sizes"], seed=case["seed"],
                    weight_scale=case["weight_scale"], weights_sha1=weights.sha1(),
                    tokens=draw_tokens(case).tolist(), positions=positions)
    members = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in document.items())
    (folder / f"{name}.json").write_text("{\n" + members + "\n}\n")
    print(f"{name}: {len(weights.arrays)} tensors, logits up to {float(exact.abs().max()):.2f}, "
          f"float32 within {row_error(single, exact):.1e} of float64")


# ---- Hugging Face's implementations with our weights ----


def hugging_face_gpt2(sizes, w):
    from transformers import GPT2Config, GPT2LMHeadModel
    from transformers.models.gpt2.modeling_gpt2 import GPT2Block

    def config(i):
        return GPT2Config(vocab_size=sizes["vocab_size"], n_positions=sizes["max_sequence_length"],
                          n_embd=sizes["d_model"], n_layer=sizes["n_layer"], n_head=sizes["n_head"][i],
                          n_inner=sizes["d_inner"][i], attn_implementation="eager")

    model = GPT2LMHeadModel(config(0))
    for i in range(sizes["n_layer"]):  # a layer of its own shape is still their block
        model.transformer.h[i] = GPT2Block(config(i), layer_idx=i)
    state = {"transformer.wte.weight": w["wte"], "transformer.wpe.weight": w["wpe"], "lm_head.weight": w["wte"],
             "transformer.ln_f.weight": w["norm.gain"], "transformer.ln_f.bias": w["norm.bias"]}
    for i in range(sizes["n_layer"]):
        for theirs, ours in (("ln_1.weight", "norm1.gain"), ("ln_1.bias", "norm1.bias"), ("attn.c_attn.weight", "qkv"),
                             ("attn.c_attn.bias", "qkv_bias"), ("attn.c_proj.weight", "out"),
                             ("attn.c_proj.bias", "out_bias"), ("ln_2.weight", "norm2.gain"),
                             ("ln_2.bias", "norm2.bias"), ("mlp.c_fc.weight", "up"), ("mlp.c_fc.bias", "up_bias"),
                             ("mlp.c_proj.weight", "down"), ("mlp.c_proj.bias", "down_bias")):
            state[f"transformer.h.{i}.{theirs}"] = w[f"{i}.{ours}"]
    return model, state


def hugging_face_opt(sizes, w):
    from transformers import OPTConfig, OPTForCausalLM

    d = sizes["d_model"]
    model = OPTForCausalLM(OPTConfig(vocab_size=sizes["vocab_size"], max_position_embeddings=sizes["max_sequence_length"],
                                     hidden_size=d, word_embed_proj_dim=d, num_hidden_layers=sizes["n_layer"],
                                     num_attention_heads=sizes["n_head"][0], ffn_dim=sizes["d_inner"][0],
                                     attn_implementation="eager"))
    base = "model.decoder"
    state = {f"{base}.embed_tokens.weight": w["wte"], f"{base}.embed_positions.weight": w["wpe"],
             "lm_head.weight": w["wte"], f"{base}.final_layer_norm.weight": w["norm.gain"],
             f"{base}.final_layer_norm.bias": w["norm.bias"]}
    for i in range(sizes["n_layer"]):
        layer = f"{base}.layers.{i}"
        for part, name in enumerate(("q_proj", "k_proj", "v_proj")):
            state[f"{layer}.self_attn.{name}.weight"] = w[f"{i}.qkv"][:, part * d:(part + 1) * d].T
            state[f"{layer}.self_attn.{name}.bias"] = w[f"{i}.qkv_bias"][part * d:(part + 1) * d]
        for theirs, ours in (("self_attn.out_proj", "out"), ("fc1", "up"), ("fc2", "down")):
            state[f"{layer}.{theirs}.weight"] = w[f"{i}.{ours}"].T
            state[f"{layer}.{theirs}.bias"] = w[f"{i}.{ours}_bias"]
        for theirs, ours in (("self_attn_layer_norm", "norm1"), ("final_layer_norm", "norm2")):
            state[f"{layer}.{theirs}.weight"] = w[f"{i}.{ours}.gain"]
            state[f"{layer}.{theirs}.bias"] = w[f"{i}.{ours}.bias"]
    return model, state


def hugging_face_codegen(sizes, w):
    from transformers import CodeGenConfig, CodeGenForCausalLM

    d = sizes["d_model"]
    model = CodeGenForCausalLM(CodeGenConfig(
        vocab_size=sizes["vocab_size"], n_positions=sizes["max_sequence_length"], n_ctx=sizes["max_sequence_length"],
        n_embd=d, n_layer=sizes["n_layer"], n_head=sizes["n_head"][0], n_inner=sizes["d_inner"][0],
        rotary_dim=sizes["rotary_dims"], activation_function="gelu_new"))
    state = {"transformer.wte.weight": w["wte"], "transformer.ln_f.weight": w["norm.gain"],
             "transformer.ln_f.bias": w["norm.bias"], "lm_head.weight": w["head"], "lm_head.bias": w["head_bias"]}
    for i in range(sizes["n_layer"]):
        # Their projection is cut in four for TPU cores, each with its queries, values and keys, in this order.
        q, k, v = (part.T.unflatten(0, (4, -1)) for part in w[f"{i}.qkv"].split(d, dim=1))
        layer = f"transformer.h.{i}"
        state[f"{layer}.attn.qkv_proj.weight"] = torch.cat([q, v, k], dim=1).flatten(0, 1)
        state[f"{layer}.attn.out_proj.weight"] = w[f"{i}.out"].T
        state[f"{layer}.ln_1.weight"], state[f"{layer}.ln_1.bias"] = w[f"{i}.norm1.gain"], w[f"{i}.norm1.bias"]
        for theirs, ours in (("fc_in", "up"), ("fc_out", "down")):
            state[f"{layer}.mlp.{theirs}.weight"] = w[f"{i}.{ours}"].T
            state[f"{layer}.mlp.{theirs}.bias"] = w[f"{i}.{ours}_bias"]
    return model, state


def hugging_face_llama(sizes, w):
    from transformers import LlamaConfig, LlamaForCausalLM

    d, n_head, n_kv_head = sizes["d_model"], sizes["n_head"][0], sizes["n_kv_head"]
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=sizes["vocab_size"], max_position_embeddings=sizes["max_sequence_length"], hidden_size=d,
        num_hidden_layers=sizes["n_layer"], num_attention_heads=n_head, num_key_value_heads=n_kv_head,
        intermediate_size=sizes["d_inner"][0], rms_norm_eps=1e-6, attn_implementation="eager"))
    state = {"model.embed_tokens.weight": w["wte"], "model.norm.weight": w["norm.gain"], "lm_head.weight": w["head"]}
    d_kv = n_kv_head * (d // n_head)
    for i in range(sizes["n_layer"]):
        layer = f"model.layers.{i}"
        for name, part in zip(("q_proj", "k_proj", "v_proj"), w[f"{i}.qkv"].split([d, d_kv, d_kv], dim=1)):
            state[f"{layer}.self_attn.{name}.weight"] = part.T
        state[f"{layer}.self_attn.o_proj.weight"] = w[f"{i}.out"].T
        for name in ("up", "gate", "down"):
            state[f"{layer}.mlp.{name}_proj.weight"] = w[f"{i}.{name}"].T
        state[f"{layer}.input_layernorm.weight"] = w[f"{i}.norm1.gain"]
        state[f"{layer}.post_attention_layernorm.weight"] = w[f"{i}.norm2.gain"]
    return model, state


def check_transformers():
    theirs = {"gpt2": hugging_face_gpt2, "opt": hugging_face_opt, "codegen": hugging_face_codegen,
              "llama": hugging_face_llama}
    for name, case in CASES.items():
        ours, _, tensors = run(case, torch.float64)
        model, state = theirs[case["decoder"]](case["sizes"], tensors)
        missing, unexpected = model.load_state_dict({k: v.contiguous() for k, v in state.items()}, strict=False)
        buffers = {key for key, _ in model.named_buffers()}
        if set(missing) - buffers or unexpected:
            raise SystemExit(f"{name}: weights do not map: missing {missing}, unexpected {unexpected}")
        with torch.no_grad():
            logits = model.double().eval()(torch.from_numpy(draw_tokens(case))).logits
        error = row_error(ours, logits)
        print(f"{name}: within {error:.1e} of transformers' {type(model).__name__}")
        if error > 1e-5:
            raise SystemExit(f"{name}: too far from transformers")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--out", type=pathlib.Path, default=root / "tests" / "goldens", help="folder to write to")
    parser.add_argument("--check-transformers", action="store_true",
                        help="hold these decoders against Hugging Face's and write nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.check_transformers:
        check_transformers()
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, case in CASES.items():
        write_golden(arguments.out, name, case)


if __name__ == "__main__":
    main()
