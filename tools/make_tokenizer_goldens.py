#!/usr/bin/env python3
"""Writes tests/goldens/tokenizer: small tokenizers and what Hugging Face's tokenizers encodes with them.

    python3 -m venv /tmp/goldens && /tmp/goldens/bin/pip install tokenizers==0.22.2
    /tmp/goldens/bin/python tools/make_tokenizer_goldens.py GPT2_FOLDER    # with vocab.json and merges.txt

    gpt2/vocab.json, merges.txt    trained here, 320 tokens: GPT-2's files
    llama3.json qwen2.json o200k.json roberta.json starcoder.json    the same vocabulary with the pre-tokenizers,
                                   added tokens and post-processors of those models
    goldens.json   {"<file or gpt2 or real_gpt2>": [{"text", "ids"}, ...]}; real_gpt2 is GPT2_FOLDER
    classes.json   how many characters are \\p{L}, \\p{N}, \\s to Oniguruma, and the SHA-1 of a string of one
                   letter (L, N, S or O) for each code point from 0 to 10FFFF
"""
import hashlib
import json
import pathlib
import random
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "tests" / "goldens" / "tokenizer"

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace("{1,3}", "")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
O200K = "|".join([rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{CONTRACTIONS}?",
                  rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{CONTRACTIONS}?",
                  r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])

CORPUS = ["the quick brown fox jumps over the lazy dog and then the other one; they're here, it's there",
          "int main() { return 0; }  // the end of the other thing\n" * 2,
          "this is the first of the many things that there are in the world, in the end of the day 123 1234"]

TEXTS = ["", " ", "  ", "a", "Hello world", "Hello, world!  How's it going?\nFine.\n\n\n  Thanks ",
         "they're I'll we've you'd I'm it's can't", "THEY'RE I'LL WE'VE", "don'\u017ft '\u017f 'S 'sS", "''s 's' ' s",
         "   leading", "trailing   ", "tab\tseparated\t\tvalues\r\nand\r\rlines \n \n x", "a  b   c    d",
         "123 4567 89012345 3.14 1,000,000 ²³½ ٣٤ Ⅷ 〇", "snake_case camelCase HTTPServer x1y2z3", "!?... (){}[] <<>> --- ===",
         "for (int i = 0; i < 10; ++i) {\n    sum += a[i];\n}\n", "größer straße Ünïcödé naïve café cafe\u0301",
         "Привет, мир! Как дела?", "日本語のテキスト、中文文本。", "한국어 안녕하세요", "العربية مرحبا بالعالم", "हिन्दी भाषा",
         "😀🎉👍🏽 👩\u200d👩\u200d👧 ❤\ufe0f 🇩🇪", "a\u00a0b\u2003c\u3000d\u200be\u180ef\u0085g\u001ch\u2028i", "\u00a0\u00a0x \u00a0 y",
         "\U00010D4A\U00010D40 \u1c89\U0002ebf0x \ua7cb", "\x00\x01\x7f\u0080\ufffd\ufeff\U0010ffff", "a" * 300, " " * 300, "ab" * 200 + "\n" * 50,
         "<|endoftext|>", "one<|endoftext|>two <|endoftext|> three<|endoftext|", "<|end<|endoftext|>|>",
         "<s>x</s> <mask> y  <mask>  z", "<|begin_of_text|>hi<|eot_id|><|eot", "<tool>call</tool> <tool_call> <tool",
         "the\u0301 \u0301the", "x" + "\u0301" * 5 + " y", "\r", "\n \n", " \r\n\r\n  z", "/ /\n/ a/\r\n"]


def pieces_of_noise():
    """Random mixtures that no one would think of."""
    rng = random.Random(20261122)
    alphabet = [" ", "  ", "\n", "\t", "'", "'s", "'RE", "a", "Z", "the", "é", "É", "\u0301", "1", "23", "½", ".", "->", "日", "本", "😀",
                "\u00a0", "\u2003", "\u0085", "\u200d", "\r\n", "<|endoftext|>", "<mask>", "ǅ", "ʰ", "ا", "_", "/"]
    return ["".join(rng.choice(alphabet) for _ in range(rng.randint(1, 40))) for _ in range(60)]


def trained():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=320, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                                  special_tokens=["<|endoftext|>"], show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def plain(base, **model):
    """The trained vocabulary without its pre-tokenizer and added tokens."""
    state = json.loads(base.to_str())
    state["added_tokens"] = []
    state["model"].update(model)
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def split_by(expression):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(expression), "isolated"),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def variants(base):
    llama3 = plain(base, ignore_merges=True)
    llama3.pre_tokenizer = split_by(LLAMA3)
    llama3.add_special_tokens(["<|begin_of_text|>", "<|eot_id|>", "<|eot"])
    begin = llama3.token_to_id("<|begin_of_text|>")
    llama3.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
        single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|> $B:1",
        special_tokens=[("<|begin_of_text|>", begin)])])

    qwen2 = plain(base)
    qwen2.pre_tokenizer = split_by(QWEN2)
    qwen2.add_special_tokens(["<|endoftext|>"])
    qwen2.add_tokens([AddedToken("<tool>", normalized=False), AddedToken("<tool_call>", normalized=True),
                      AddedToken("tool", normalized=True)])

    o200k = plain(base)
    o200k.pre_tokenizer = split_by(O200K)
    o200k.add_special_tokens(["<|endoftext|>"])

    roberta = plain(base)
    roberta.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    roberta.add_special_tokens([AddedToken("<s>"), AddedToken("</s>"), AddedToken("<mask>", lstrip=True, rstrip=True)])
    roberta.post_processor = processors.RobertaProcessing(
        sep=("</s>", roberta.token_to_id("</s>")), cls=("<s>", roberta.token_to_id("<s>")), add_prefix_space=True)

    starcoder = plain(base)
    starcoder.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                       pre_tokenizers.ByteLevel(add_prefix_space=False)])
    starcoder.add_special_tokens(["<|endoftext|>"])
    return {"llama3": llama3, "qwen2": qwen2, "o200k": o200k, "roberta": roberta, "starcoder": starcoder}


def gpt2_of(folder):
    """As transformers makes it of GPT-2's files."""
    tokenizer = Tokenizer(models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    return tokenizer


def goldens(tokenizer):
    return [{"text": text, "ids": tokenizer.encode(text).ids} for text in TEXTS + pieces_of_noise()]


def classes():
    letters = ["O"] * 0x110000
    for letter, expression in (("L", r"\p{L}"), ("N", r"\p{N}"), ("S", r"\s")):
        removed = pre_tokenizers.Split(Regex(expression), "removed")
        for c in range(0x110000):
            if not 0xD800 <= c <= 0xDFFF and not removed.pre_tokenize_str(chr(c)):
                letters[c] = letter
    text = "".join(letters)
    return {"letters": text.count("L"), "numbers": text.count("N"), "spaces": text.count("S"),
            "sha1": hashlib.sha1(text.encode()).hexdigest()}


def main():
    base = trained()
    (OUT / "gpt2").mkdir(parents=True, exist_ok=True)
    base.model.save(str(OUT / "gpt2"))
    result = {"gpt2": goldens(gpt2_of(OUT / "gpt2")), "real_gpt2": goldens(gpt2_of(pathlib.Path(sys.argv[1])))}
    for name, tokenizer in variants(base).items():
        state = json.loads(tokenizer.to_str())
        (OUT / f"{name}.json").write_text(json.dumps(state, ensure_ascii=False) + "\n")
        result[name] = goldens(tokenizer)
    lines = []
    for name, cases in result.items():
        lines.append(f' "{name}": [\n' + ",\n".join("  " + json.dumps(case, separators=(",", ":")) for case in cases) + "\n ]")
    (OUT / "goldens.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    (OUT / "classes.json").write_text(json.dumps(classes()) + "\n")


if __name__ == "__main__":
    main()
