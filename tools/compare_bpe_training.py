#!/usr/bin/env python3
"""Holds lts's training of a vocabulary against BpeTrainer of Hugging Face's tokenizers.

    python3 -m venv /tmp/goldens && /tmp/goldens/bin/pip install tokenizers==0.22.2
    /tmp/goldens/bin/python tools/compare_bpe_training.py LTS SIZE FILE...   # LTS: the program; prints what differs
    /tmp/goldens/bin/python tools/compare_bpe_training.py --goldens          # writes tests/goldens/bpe_training

Both train on the FILEs, one document each, with GPT-2's splitter, all 256 bytes and a least frequency of 2.
"""
import pathlib
import random
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

GOLDENS = pathlib.Path(__file__).resolve().parent.parent / "tests" / "goldens" / "bpe_training"


def trained(documents, vocab_size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(documents, trainers.BpeTrainer(
        vocab_size=vocab_size, min_frequency=2, special_tokens=["<|endoftext|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tokenizer


def merges_of(tokenizer, folder):
    """The lines of merges.txt in `folder`, of `tokenizer` if it is not None."""
    if tokenizer is not None:
        tokenizer.model.save(str(folder))
    return [line for line in (folder / "merges.txt").read_text(encoding="utf-8").splitlines()
            if not line.startswith("#version")]


def write_goldens():
    """Words of syllables, so that many pairs overlap, tie and make the same token in two ways."""
    rng = random.Random(20261122)
    syllables = ["an", "na", "ing", "in", "gi", "a", "aa", "the", "he", "er", "re", "st", "日本", "é", "1", "12", "_", "."]
    words = ["".join(rng.choice(syllables) for _ in range(rng.randint(1, 6))) for _ in range(4000)]
    words += [rng.choice(["-", "=", "na", "aab"]) * rng.randint(1, 60) for _ in range(400)]  # "--" "--" and "---" "-"
    rng.shuffle(words)
    text = ""
    for _ in range(5000):
        text += words[min(int(rng.expovariate(0.001)), len(words) - 1)] + rng.choice([" ", " ", " ", "\n", ", ", "  "])
    GOLDENS.mkdir(parents=True, exist_ok=True)
    (GOLDENS / "corpus.txt").write_text(text, encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        lines = merges_of(trained([text], 1500), pathlib.Path(folder))
    (GOLDENS / "merges.txt").write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def compare(lts, vocab_size, files):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([lts, "tokenize", *files, "-o", folder / "data", "--train-vocab", str(vocab_size),
                        "--document-bytes", "0", "--validation", "0", "--test", "0", "--quiet"], check=True,
                       stdout=subprocess.DEVNULL)
        documents = [pathlib.Path(file).read_bytes().decode() for file in files]
        theirs_tokenizer = trained(documents, vocab_size)
        theirs = merges_of(theirs_tokenizer, folder)
        ours = merges_of(None, folder / "data")
        loaded = Tokenizer.from_file(str(folder / "data" / "tokenizer.json"))
        wrong_ids = sum(loaded.encode(text).ids != theirs_tokenizer.encode(text).ids for text in documents)
        wrong_vocab = loaded.get_vocab() != theirs_tokenizer.get_vocab()
    first = next((i for i, pair in enumerate(zip(ours, theirs)) if pair[0] != pair[1]), min(len(ours), len(theirs)))
    print(f"{len(ours)} merges, {len(theirs)} of tokenizers, the first {first} equal; vocabularies "
          f"{'differ' if wrong_vocab else 'equal'}; ids of {wrong_ids} of {len(documents)} documents differ")
    return 0 if ours == theirs and not wrong_vocab and wrong_ids == 0 else 1


if __name__ == "__main__":
    if sys.argv[1:] == ["--goldens"]:
        write_goldens()
    elif len(sys.argv) > 3:
        sys.exit(compare(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
    else:
        sys.exit(__doc__)
