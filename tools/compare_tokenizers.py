#!/usr/bin/env python3
"""Holds `lts tokenize` against Hugging Face's tokenizers on mixed text and prints how many ids differ.

    python3 -m venv /tmp/goldens && /tmp/goldens/bin/pip install tokenizers==0.22.2
    /tmp/goldens/bin/python tools/compare_tokenizers.py build/release/bin/lts FOLDER [--mib 10] [--seed 1]

FOLDER has vocab.json and merges.txt. The text is words, code, other scripts, random characters of all of Unicode, long
runs of one character, and special tokens, drawn from the seed. Broken UTF-8 is compared as well, though tokenizers
takes none: its pieces are those of the text with U+FFFD for each broken byte, its merges those of the bytes. Exit 1
when anything differs."""
import argparse
import json
import pathlib
import random
import subprocess
import sys

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
SCRIPTS = [(0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x52F), (0x5D0, 0x6FF), (0x900, 0x97F), (0xE00, 0xE7F), (0x1100, 0x11FF),
           (0x2000, 0x206F), (0x2190, 0x23FF), (0x3040, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x1F300, 0x1F6FF),
           (0x1F900, 0x1F9FF), (0x1, 0x1F), (0x80, 0x9F), (0x1C80, 0x1C8F), (0x10D40, 0x10D8F), (0x20000, 0x2FFFF)]
WORDS = ("the of and to in is that it was for on are as with his they I'm you're we'll HE'S don't 's return int const "
         "std::vector self. def class () {} [] == != -> => += 0 1 42 1999 3.14 0x1F // /* */ # \" ' , . ; : ! ? ( ) naïve "
         "größer être été señor привет мир العربية हिन्दी 日本語 中文 한국어 😀 👍🏽 ❤️ ½ ² <|endoftext|> <|endof http://a.b/c?d=e").split()
GAPS = [" "] * 12 + ["", "\n", "  ", "\t", "\n\n", "    ", "\r\n", "\u00a0", "\u3000", " \n ", "\u2003", "\u0085"]


def a_word(rng):
    if rng.random() < 0.6:
        return rng.choice(WORDS)
    low, high = rng.choice(SCRIPTS)
    return "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 12)))


def mixed_text(rng, size):
    parts, length = [], 0
    while length < size:
        kind = rng.random()
        if kind < 0.985:
            part = a_word(rng) + rng.choice(GAPS)
        elif kind < 0.99:
            part = rng.choice([" ", "\n", "a", "é", "日", "=", "-", "0", "\u3000"]) * rng.randint(10, 3000)
        else:
            part = "".join(chr(c) for c in (rng.randrange(0x110000) for _ in range(50)) if not 0xD800 <= c <= 0xDFFF)
        parts.append(part)
        length += len(part.encode())
    return "".join(parts)


def broken_bytes(rng, size):
    """Text with bytes changed, dropped and put in; each broken one is an error of the decoder below."""
    data = bytearray(mixed_text(rng, size).replace("<|endoftext|>", "").encode())
    for _ in range(size // 40):
        at = rng.randrange(len(data))
        kind = rng.random()
        if kind < 0.5:
            data[at] = rng.randrange(256)
        elif kind < 0.8:
            del data[at]
        else:
            data[at:at] = bytes(rng.randrange(128, 256) for _ in range(rng.randint(1, 4)))
    return bytes(data).replace(b"<|endoftext|>", b"")


def byte_alphabet():
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = {b: chr(b) for b in kept}
    for b in range(256):
        alphabet.setdefault(b, chr(0x100 + len(alphabet) - len(kept)))
    return alphabet


def ids_of_broken(tokenizer, data):
    """Oracle for broken UTF-8: split the text with one U+FFFD for each broken byte, merge the bytes themselves."""
    text = data.decode("utf-8", "surrogateescape")
    readable = "".join("\ufffd" if 0xDC80 <= ord(c) <= 0xDCFF else c for c in text)
    splitter = pre_tokenizers.Split(Regex(GPT2), "isolated")
    alphabet = byte_alphabet()
    ids, cache = [], {}
    for _, (start, end) in splitter.pre_tokenize_str(readable):
        piece = text[start:end].encode("utf-8", "surrogateescape")
        if piece not in cache:
            cache[piece] = [token.id for token in tokenizer.model.tokenize("".join(alphabet[b] for b in piece))]
        ids += cache[piece]
    return ids


def lts_ids(lts, folder, data):
    out = subprocess.run([lts, "tokenize", folder, "-", "--format", "json"], input=data, stdout=subprocess.PIPE, check=True)
    return json.loads(out.stdout)


def report(name, data, ours, theirs, lts, folder):
    differing = sum(a != b for a, b in zip(ours, theirs)) + abs(len(ours) - len(theirs))
    back = subprocess.run([lts, "tokenize", folder, "-", "--decode"], input=json.dumps(ours).encode(),
                          stdout=subprocess.PIPE, check=True).stdout
    print(f"{name}: {len(data)} bytes, {len(theirs)} tokens, {differing} ids differ, "
          f"{'lossless' if back == data else 'NOT LOSSLESS'}", flush=True)
    return differing == 0 and back == data


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lts")
    parser.add_argument("folder")
    parser.add_argument("--mib", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    folder = pathlib.Path(args.folder)
    tokenizer = Tokenizer(models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    size = int(args.mib * (1 << 20))
    text = mixed_text(random.Random(args.seed), size)
    every = "".join(f"{chr(c)}a {chr(c)} {chr(c)}{chr(c)}1" for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF)
    good = True
    for name, sample in (("mixed", text), ("every character", every), ("a million spaces", " " * (1 << 20)),
                         ("a million letters", "a" * (1 << 20))):
        data = sample.encode()
        good &= report(name, data, lts_ids(args.lts, args.folder, data), tokenizer.encode(sample).ids, args.lts, args.folder)
    data = broken_bytes(random.Random(args.seed + 1), size // 5)
    good &= report("broken UTF-8", data, lts_ids(args.lts, args.folder, data), ids_of_broken(tokenizer, data), args.lts,
                   args.folder)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
