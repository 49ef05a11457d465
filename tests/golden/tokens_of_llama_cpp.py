#!/usr/bin/env python3
"""Record how llama.cpp tokenizes a few hundred strings, as a reference for engine/src/tokens.

    llama-server -m MODEL.gguf --port 18431 &      # any model with Phi-3's vocabulary, the one of tests/data
    python3 tests/golden/tokens_of_llama_cpp.py http://127.0.0.1:18431 > tests/golden/tokens_of_llama_cpp.jsonl

Each line: the text, its tokens where special tokens are text (`plain`), and its tokens where they are special
(`special`; omitted if equal). The strings are edge cases: code, tabs, CRLF, emoji, runs of spaces, special tokens spelled
out, random Unicode.
"""
import json
import random
import sys
import urllib.request

url = sys.argv[1] + "/tokenize"
rng = random.Random(3)

CODE = '''fn main() {\n    let mut total = 0;\n    for (i, x) in xs.iter().enumerate() {\n\t\tif *x > 1_000 && i % 2 == 0 { total += x * 0xFF; }
    }\r\n    println!("{total:>8}");  // größe → 5 µs ½\n}\n\n\n#[derive(Debug)]\nstruct S<'a> { name: &'a str, }
def f(self, *args, **kwargs) -> Optional[int]:\n    """Doc."""\n    return [y for y in range(10) if y not in {1, 2}]
<div class="a b">&nbsp;</div>\n<!-- c -->\nconst f = async (x) => await g?.(x ?? null);\nSELECT a.b FROM "t" WHERE c <> 'd''e';
#include <stdio.h>\nint main(void) { return printf("%d\\n", 3); }\n\tfoo:\n\t\t@echo $(BAR)\n'''
SPECIAL = ["<|user|>", "<|end|>", "<|assistant|>", "<|system|>", "<|endoftext|>", "</s>", "<s>", "<unk>", "<0x0A>",
           "<|placeholder1|>", "<|us", "er|>", "<", "|>"]
ODD = [" ", "  ", "   ", "        ", "\t", "\t\t", "\n", "\n\n", "\r\n", "\r", "\x0b", "\x0c", "\u00a0", "\u3000", "▁", "▁▁", "\u200b",
       "\u200d", "\ufeff", "e\u0301", "é", "ß", "😀", "👨\u200d👩\u200d👧", "🇩🇪", "你好", "日本語", "한국어", "สวัสดี", "हिन्दी", "مرحبا",
       "ру́сский", "ﬁ", "𝔘", "\U0010ffff", "\x01", "\x7f", "=", "==", "=====", "----", "....", "''", '"""', "0", "123456789",
       "aaaaaaaaaaaaaaaaaaaaaaaa", "AAAA", "the", " the", "return", "self", "();", "});", "->", "::", "ﷺ", "a" * 200, " " * 100]


def texts():
    yield from SPECIAL + ODD
    yield from CODE.split("\n")
    yield CODE
    for _ in range(120):
        start = rng.randrange(len(CODE))
        yield CODE[start:start + rng.randrange(1, 200)]
    for _ in range(120):
        yield "".join(rng.choice(rng.choice([ODD, ODD, SPECIAL, list(CODE)])) for _ in range(rng.randrange(1, 20)))
    for _ in range(60):
        planes = [(0, 0x7f), (0x80, 0x7ff), (0x800, 0xd7ff), (0xe000, 0xffff), (0x10000, 0x10ffff)]
        yield "".join(chr(rng.randint(*rng.choice(planes))) for _ in range(rng.randrange(1, 30)))
    for _ in range(20):
        yield "".join(rng.choice("ab ") for _ in range(rng.randrange(1, 400)))


def tokens(text, special):
    body = json.dumps({"content": text, "parse_special": special, "add_special": False}).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"})) as answer:
        return json.load(answer)["tokens"]


seen = set()
for text in texts():
    if text and text not in seen:
        seen.add(text)
        line = {"text": text, "plain": tokens(text, False)}
        special = tokens(text, True)
        if special != line["plain"]:
            line["special"] = special
        print(json.dumps(line, ensure_ascii=True, separators=(",", ":")))
