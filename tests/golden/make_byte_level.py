#!/usr/bin/env python3
"""Record how llama.cpp tokenizes odd strings with a small byte-level vocabulary, for each of its pre-tokenizers.

    python3 tests/golden/make_byte_level.py LLAMA_SERVER > tests/golden/byte_level.json    # about a minute

The vocabulary is made here: byte pairs are joined greedily over the texts below *without* a pre-tokenizer, so that its
tokens reach over every border that a pre-tokenizer draws, and a missing border shows in the tokens. As in SmolLM2, some
bytes have no token. llama.cpp needs a model, so the vocabulary is put into a llama with one layer of zeros.

Needs gguf and numpy.
"""
import collections
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import gguf
import numpy

PRE_TOKENIZERS = ["smollm", "qwen2", "llama-bpe", "starcoder", "deepseek-coder", "deepseek-llm", "gpt-2", "default", "dbrx",
                  "seed-coder"]
PORT = 18437
MERGES = 260
MISSING = [0x04, 0x06, 0x13, 0x14, 0x16, 0x1D, 0xC0, 0xC1, 0xF1, 0xF2] + list(range(0xF5, 0x100))
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
USER_DEFINED = ["<tool_call>", "\n\n\n\n"]
# A token that no merges lead to: some pre-tokenizers (`ignore_merges`) find it nevertheless.
UNREACHABLE = "xyz"

# What differs between pre-tokenizers: digits, spaces before words, punctuation with line breaks, contractions, CJK,
# letters with marks; then bytes without a token, and spelled special tokens.
TEXTS = [
    "let x = 12345 + 6;", "v1.2.34-rc5 0xFF 1_000", "١٢٣ ½ Ⅻ x2", "a  b   c    d", "    if x:\n        return 1\n",
    "\t\tfoo();\r\n\t}\r\n\r\n", "end.  \n  next", "x \n\n y\n\n\n z", "foo(bar);\n\n// -----\n", "!!!???...  \"\"\"", "a=b==c!=d<=e>>f||g&&h",
    "it's I'll WE'RE can't 'S 'd", "don’t “quote” — dash…", "naïve größe Ünïcode ﬁ", "e\u0301 o\u0308\u0323 नमस्ते สวัสดี", "中文字符，日本語のテキスト。한국어",
    "Привет, мир! Ελληνικά", "😀👨\u200d👩\u200d👧 🇩🇪", "\u00a0\u3000nbsp\u200b\ufeff", "fooBar_baz42Qux", "$a+$b~^`|<>", "(\n  [{}]\n)",
    "f();\n", "g();\n", "xyz", " 1234 xyz", "h(1);\n\n  i(2);\n\n",
    "a\x04b!\x06!\x13 \x14", "\x16\x1d\x01\x7f", "\U00040000x\U000c0000", "<|im_end|>a <|endoftext|>", "x<tool_call>y\n\n\n\n\nz", " ", "\n", "   ",
    "fn f<'a>(s: &'a str) -> Option<&'a str> { s.get(1..) }", "مرحبا بالعالم 123", "ʼn ǅ ͅ ª ² ₃",
]


def byte_characters():
    """GPT-2's character for each byte."""
    moved = 0x100
    for byte in range(256):
        if 0x21 <= byte <= 0x7E or 0xA1 <= byte <= 0xAC or 0xAE <= byte:
            yield chr(byte)
        else:
            yield chr(moved)
            moved += 1


CHARACTERS = list(byte_characters())


def vocabulary():
    """The ordinary tokens and the merges."""
    missing = {CHARACTERS[byte] for byte in MISSING}
    words = [[CHARACTERS[byte] for byte in text.encode()] for text in TEXTS]
    merges = []
    while len(merges) < MERGES:
        pairs = collections.Counter(pair for word in words for pair in zip(word, word[1:]) if not missing & set(pair))
        pair = max(pairs, key=lambda pair: (pairs[pair], pair))
        if "".join(pair) not in {"".join(merge) for merge in merges}:
            merges.append(pair)
        for word in words:
            at = 0
            while at + 1 < len(word):
                if (word[at], word[at + 1]) == pair:
                    word[at:at + 2] = ["".join(pair)]
                at += 1
    tokens = [character for character in CHARACTERS if character not in missing]
    return tokens + ["".join(merge) for merge in merges] + [UNREACHABLE], [" ".join(merge) for merge in merges]


def write_model(path, pre, tokens, merges):
    kinds = gguf.TokenType
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(512)
    writer.add_embedding_length(32)
    writer.add_block_count(1)
    writer.add_feed_forward_length(32)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens + SPECIAL + USER_DEFINED)
    writer.add_token_types([kinds.NORMAL] * len(tokens) + [kinds.CONTROL] * len(SPECIAL) + [kinds.USER_DEFINED] * len(USER_DEFINED))
    writer.add_token_merges(merges)
    writer.add_bos_token_id(len(tokens))
    writer.add_eos_token_id(len(tokens))
    count = len(tokens) + len(SPECIAL) + len(USER_DEFINED)
    zeros = {"token_embd": (count, 32), "output_norm": (32,), "blk.0.attn_norm": (32,), "blk.0.ffn_norm": (32,)}
    zeros |= {f"blk.0.{name}": (32, 32) for name in ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]}
    for name, shape in zeros.items():
        writer.add_tensor(name + ".weight", numpy.zeros(shape, numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def ask(text):
    body = json.dumps({"content": text, "parse_special": False, "add_special": False}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}/tokenize", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["tokens"]


def expected(server, pre, tokens, merges):
    """The tokens of each text; special tokens are text."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder) / "model.gguf")
        write_model(path, pre, tokens, merges)
        process = subprocess.Popen([server, "-m", path, "--port", str(PORT), "-c", "64", "--no-warmup"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            for _ in range(300):
                try:
                    ask("")
                    break
                except urllib.error.URLError:
                    assert process.poll() is None, "llama-server has ended"
                    time.sleep(0.1)
            return [ask(text) for text in TEXTS]
        finally:
            process.terminate()
            process.wait()


def main():
    tokens, merges = vocabulary()
    expected_by_name = {pre: expected(sys.argv[1], pre, tokens, merges) for pre in PRE_TOKENIZERS}
    dump = lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    parts = {"tokens": tokens, "merges": merges, "special": SPECIAL, "user_defined": USER_DEFINED}
    print("{", ",\n".join(f"{dump(key)}:{dump(value)}" for key, value in parts.items()), ',\n"cases":[', sep="")
    cases = []
    for at, text in enumerate(TEXTS):
        names = collections.defaultdict(list)
        for pre, answers in expected_by_name.items():
            names[tuple(answers[at])].append(pre)
        cases.append(json.dumps({"text": text, "expected": [{"pre": pres, "tokens": ids} for ids, pres in names.items()]},
                                separators=(",", ":")))
    print(",\n".join(cases), "]}", sep="")


main()
