#!/usr/bin/env python3
"""Trains a small GPT-2 on one text: a checkpoint with real weights, for `lts bench --quality` and `lts generate`.

  tools/train_small_checkpoint.py TEXT TOKENIZER_FOLDER OUT_FOLDER [--steps 260]

TOKENIZER_FOLDER holds vocab.json and merges.txt. Needs torch and transformers; two to ten minutes on two cores.
Nothing about it is meant to be good: 13 M parameters learn the words of a novel and little else. Then

  lts bench OUT_FOLDER --runtimes cpu,cpu:bf16,cpu:int8 --quality TEXT --prompt 128 --output-tokens 32
"""
import argparse
import math

import torch
from transformers import GPT2Config, GPT2LMHeadModel, GPT2TokenizerFast

BATCH = 4
TOKENS = 64
LEARNING_RATE = 2e-3
WARM_UP = 50


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text")
    parser.add_argument("tokenizer")
    parser.add_argument("out")
    parser.add_argument("--steps", type=int, default=260)
    args = parser.parse_args()

    torch.manual_seed(0)
    tokenizer = GPT2TokenizerFast(vocab_file=f"{args.tokenizer}/vocab.json",
                                  merges_file=f"{args.tokenizer}/merges.txt")
    with open(args.text, encoding="utf8") as file:
        ids = torch.tensor(tokenizer(file.read())["input_ids"])
    ids = ids[: len(ids) * 9 // 10]
    model = GPT2LMHeadModel(GPT2Config(n_embd=192, n_layer=4, n_head=4, n_inner=640, n_positions=256,
                                       vocab_size=len(tokenizer)))
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.1, betas=(0.9, 0.95))
    model.train()
    for step in range(args.steps):
        decay = 0.5 * (1 + math.cos(math.pi * step / args.steps)) * 0.95 + 0.05
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1, (step + 1) / WARM_UP) * decay
        starts = torch.randint(0, len(ids) - TOKENS - 1, (BATCH,))
        batch = torch.stack([ids[i:i + TOKENS] for i in starts])
        loss = model(input_ids=batch, labels=batch).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 20 == 0:
            print(f"step {step}: loss {loss.item():.3f}", flush=True)
    model.save_pretrained(args.out)
    tokenizer.save_pretrained(args.out)


if __name__ == "__main__":
    main()
