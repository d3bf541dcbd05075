#!/usr/bin/env python3
"""Greedy text of `lts generate` against Hugging Face Transformers, token for token.

  tools/check_generate.py build/release/bin/lts CHECKPOINT_FOLDER [PROMPT] [--tokens 256]

Needs torch and transformers. Prints the number of equal tokens; exits with 1 where they differ, unless
the two candidates at the first difference are within 1e-4 of each other (a tie that float32 decides).
"""
import argparse
import json
import subprocess
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lts")
    parser.add_argument("folder")
    parser.add_argument("prompt", nargs="?", default="Once upon a time there was")
    parser.add_argument("--tokens", type=int, default=256)
    args = parser.parse_args()

    ours = subprocess.run(
        [args.lts, "generate", args.folder, args.prompt, "--greedy", "--max-new-tokens", str(args.tokens),
         "--format", "json"], check=True, capture_output=True, text=True)
    ours = json.loads(ours.stdout)
    tokenizer = AutoTokenizer.from_pretrained(args.folder)
    model = AutoModelForCausalLM.from_pretrained(args.folder).eval()
    ids = tokenizer(args.prompt, return_tensors="pt").input_ids
    prompt_tokens = ids.shape[1]
    with torch.no_grad():
        out = model.generate(ids, max_new_tokens=ours["new_tokens"], do_sample=False,
                             pad_token_id=tokenizer.eos_token_id)[0]
        theirs = out[prompt_tokens:].tolist()
        if ours["tokens"] == theirs:
            print(f"{ours['new_tokens']} tokens, all the same")
            return 0
        n = next(i for i, pair in enumerate(zip(ours["tokens"], theirs)) if pair[0] != pair[1])
        logits = model.double()(out[None, :prompt_tokens + n]).logits[0, -1]
        gap = abs(float(logits[ours["tokens"][n]] - logits[theirs[n]]))
        print(f"token {n} differs: the logits of the two are {gap:.2g} apart")
        return 0 if gap < 1e-4 else 1


if __name__ == "__main__":
    sys.exit(main())
