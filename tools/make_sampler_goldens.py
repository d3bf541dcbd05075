#!/usr/bin/env python3
"""Writes tests/goldens/generate/sampler.json: what Hugging Face's logits processors leave of small distributions.

    python3 -m venv /tmp/goldens && /tmp/goldens/bin/pip install torch transformers==4.57.6
    /tmp/goldens/bin/python tools/make_sampler_goldens.py

Each case: logits [40] (multiples of 1/64: exact in float32, and without ties), context, options, and the probabilities by
id of the tokens that are left. A case whose top-p falls within 1e-4 of a sum is left out: rounding would decide it."""
import json
import pathlib
import random

import torch
from transformers import (RepetitionPenaltyLogitsProcessor, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper)

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "goldens" / "generate" / "sampler.json"


def main():
    rng = random.Random(1)
    cases = []
    for options in [(1, 0, 1, 1), (0.7, 0, 1, 1), (1.5, 5, 1, 1), (1, 0, 0.9, 1), (1, 0, 0.3, 1), (1, 0, 1, 1.3),
                    (0.8, 10, 0.9, 1.2), (2, 20, 0.5, 1.1), (0.3, 40, 0.99, 1.5), (1, 100, 0.7, 0.8)] * 3:
        temperature, top_k, top_p, penalty = options
        logits = [n / 64 for n in rng.sample(range(-400, 400), 40)]
        context = [rng.randrange(40) for _ in range(8)]
        scores = torch.tensor([logits], dtype=torch.float32)
        ids = torch.tensor([context])
        if penalty != 1:
            scores = RepetitionPenaltyLogitsProcessor(float(penalty))(ids, scores)
        scores = TemperatureLogitsWarper(float(temperature))(ids, scores)
        if top_k:
            scores = TopKLogitsWarper(top_k)(ids, scores)
        sums = torch.softmax(scores.double(), -1).sort(descending=True).values.cumsum(-1)
        if top_p < 1 and (sums - top_p).abs().min() < 1e-4:
            continue
        if top_p < 1:
            scores = TopPLogitsWarper(float(top_p))(ids, scores)
        probabilities = torch.softmax(scores.double(), -1)[0].tolist()
        cases.append({"temperature": temperature, "top_k": top_k, "top_p": top_p, "repetition_penalty": penalty,
                      "context": context, "logits": logits,
                      "probabilities": {str(i): round(p, 9) for i, p in enumerate(probabilities) if p > 0}})
    OUT.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main()
