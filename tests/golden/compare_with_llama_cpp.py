#!/usr/bin/env python3
"""Compare the recorded logits of a golden model with llama.cpp's, as a second reference for the fixtures.

    llama-server -m tests/golden/dense/model.gguf -c 128 -np 1 -ctk f32 -ctv f32 -fa off --port 18431 &
    python3 tests/golden/compare_with_llama_cpp.py dense http://127.0.0.1:18431

Prints the largest relative error of the log-probabilities after 2 to 56 tokens. llama.cpp takes LongRoPE's mode from
the size of its context and not from the length of the sequence: here it is always the long one.
"""
import json
import sys
import urllib.request
from pathlib import Path

import torch
from safetensors.torch import load_file

golden = load_file(Path(__file__).parent / sys.argv[1] / "logits.safetensors")
tokens = golden["tokens"].tolist()
logits = golden["long"] if "long" in golden else golden["beyond_window"]

for count in range(2, len(tokens) + 1):
    request = {"prompt": tokens[:count], "n_predict": 1, "n_probs": 320, "temperature": 0, "samplers": [],
               "cache_prompt": False}
    body = json.dumps(request).encode()
    with urllib.request.urlopen(urllib.request.Request(sys.argv[2] + "/completion", body,
                                                       {"Content-Type": "application/json"})) as answer:
        found = json.load(answer).get("completion_probabilities")
    if not found:
        # The server reports no probabilities where the likeliest token ends the answer.
        continue
    expected = torch.log_softmax(logits[count - 1], -1)
    found = {entry["id"]: entry["logprob"] for entry in found[0]["top_logprobs"]}
    error = max(abs(found[token] - float(expected[token])) for token in found) / float(expected.abs().max())
    print(f"{count} tokens, {len(found)} probabilities: {error:.1e}")
