#!/usr/bin/env python3
"""Compare the logits of phi-ls with those of transformers in float32, which reads the same GGUF file and widens its weights.

    cargo build -p phi-engine --release --example logits --example tokens
    python3 tests/golden/compare_with_transformers.py MODEL.gguf [TEXT FILE...]

Prints `max |a - b| / max |b|` and whether the most likely token is the same, for the end of each text. Without texts: the
Rust files of engine/src. Needs torch, transformers, accelerate, gguf, numpy.
"""
import json
import subprocess
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

ROOT = Path(__file__).resolve().parents[2]
MODEL = Path(sys.argv[1]).resolve()
TEXTS = [Path(path) for path in sys.argv[2:]] or sorted((ROOT / "engine/src").glob("*.rs"))
EXAMPLES = ROOT / "target/release/examples"
TOKENS = 200


def run(example, *arguments, text=None):
    command = [EXAMPLES / example, MODEL, *map(str, arguments)]
    return json.loads(subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout)


model = AutoModelForCausalLM.from_pretrained(MODEL.parent, gguf_file=MODEL.name, dtype=torch.float32).eval()
worst, equal = 0.0, 0
for path in TEXTS:
    tokens = run("tokens", text=path.read_text())[:TOKENS]
    found = torch.tensor(run("logits", *tokens))
    with torch.no_grad():
        expected = model(torch.tensor([tokens])).logits[0, -1]
    error = float((found - expected).abs().max() / expected.abs().max())
    same = int(found.argmax()) == int(expected.argmax())
    worst, equal = max(worst, error), equal + same
    print(f"{path.name}: {len(tokens)} tokens, error {error:.2e}, {'same' if same else 'another'} token")
print(f"worst error {worst:.2e}; the same token in {equal} of {len(TEXTS)} texts")
