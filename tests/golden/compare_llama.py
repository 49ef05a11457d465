#!/usr/bin/env python3
"""Compare logits with llama.cpp's on the same GGUF file.

    python3 tests/golden/compare_llama.py --llama DIR --vocabulary VOCAB.gguf     # makes small random models
    python3 tests/golden/compare_llama.py --llama DIR --model MODEL.gguf          # any Phi-3

DIR holds `llama-server` and `llama-quantize`; VOCAB.gguf is llama.cpp's `models/ggml-vocab-phi-3.gguf`. Needs gguf and
numpy. Our side is `cargo run --release --example logits`, or the program that --logits names. See LLAMA_CPP.md.
"""
import argparse
import json
import math
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import gguf
import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def small_model(path, vocabulary, kv_heads, original=256, context=1024, layers=3, heads=8, head_dim=96, ffn=1024):
    """A random Phi-3 in f16 whose rows K-quants can hold, with LongRoPE and a window that a test can cross."""
    rng = np.random.default_rng(kv_heads)
    hidden = heads * head_dim
    source = gguf.GGUFReader(vocabulary)
    writer = gguf.GGUFWriter(path, "phi3")
    writer.add_name("small phi-3, random weights")
    writer.add_context_length(context)
    writer.add_rope_scaling_orig_ctx_len(original)
    writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(context / original) / math.log(original)))
    writer.add_embedding_length(hidden)
    writer.add_feed_forward_length(ffn)
    writer.add_block_count(layers)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(head_dim)
    writer.add_rope_freq_base(10000.0)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    for key, field in source.fields.items():
        if key.startswith("tokenizer."):
            if field.types[0] == gguf.GGUFValueType.ARRAY:
                writer.add_array(key, field.contents())
            else:
                writer.add_key_value(key, field.contents(), field.types[0])
    tokens = len(source.fields["tokenizer.ggml.tokens"].contents())

    def matrix(name, rows, columns, gain=1.0):
        value = rng.standard_normal((rows, columns), dtype=np.float32) * np.float32(gain / math.sqrt(columns))
        writer.add_tensor(name, value.astype(np.float16))

    def norm(name):
        writer.add_tensor(name, (0.75 + 0.5 * rng.random(hidden)).astype(np.float32))

    writer.add_tensor("rope_factors_long.weight", np.geomspace(1.08, 20.0, head_dim // 2).astype(np.float32))
    writer.add_tensor("rope_factors_short.weight", np.geomspace(1.0, 2.8, head_dim // 2).astype(np.float32))
    matrix("token_embd.weight", tokens, hidden, gain=math.sqrt(hidden))
    norm("output_norm.weight")
    # Wide logits: the most likely token is then clear enough to survive a different order of additions.
    matrix("output.weight", tokens, hidden, gain=3.0)
    for i in range(layers):
        norm(f"blk.{i}.attn_norm.weight")
        matrix(f"blk.{i}.attn_qkv.weight", (heads + 2 * kv_heads) * head_dim, hidden, gain=1.7)
        matrix(f"blk.{i}.attn_output.weight", hidden, hidden)
        norm(f"blk.{i}.ffn_norm.weight")
        matrix(f"blk.{i}.ffn_up.weight", 2 * ffn, hidden)
        matrix(f"blk.{i}.ffn_down.weight", hidden, ffn)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def widened(model, path):
    """The same model with each weight as the float32 that it stands for."""
    source = gguf.GGUFReader(model)
    writer = gguf.GGUFWriter(path, "phi3")
    for key, field in source.fields.items():
        if key.startswith("GGUF.") or key == "general.architecture":
            continue
        if field.types[0] == gguf.GGUFValueType.ARRAY:
            writer.add_array(key, field.contents())
        else:
            writer.add_key_value(key, field.contents(), field.types[0])
    for tensor in source.tensors:
        writer.add_tensor(tensor.name, gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class LlamaServer:
    """llama.cpp's server on one file. It takes LongRoPE's long factors if its context is larger than the original one."""

    def __init__(self, folder, model, context, threads):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = tempfile.TemporaryFile()
        command = [f"{folder}/llama-server", "-m", model, "-c", context, "-np", 1, "-t", threads, "--port", self.port,
                   "-ctk", "f32", "-ctv", "f32", "-fa", "off", "--no-warmup"]
        self.process = subprocess.Popen([str(part) for part in command], stdout=self.log, stderr=self.log)

    def __enter__(self):
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health"):
                    return self
            except (urllib.error.URLError, ConnectionError):
                if self.process.poll() is not None:
                    break
                time.sleep(0.2)
        self.log.seek(0)
        raise SystemExit(self.log.read().decode(errors="replace")[-3000:])

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def complete(self, tokens, n_predict, n_probs):
        """For each of the generated tokens its number, and the most likely ones with their log probabilities."""
        body = {"prompt": tokens, "n_predict": n_predict, "n_probs": n_probs, "temperature": 0, "cache_prompt": False,
                "ignore_eos": True, "samplers": ["temperature"]}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/completion", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as response:
            answer = json.load(response)
        assert answer["tokens_evaluated"] == len(tokens), "llama.cpp changed the prompt"
        return [(step["id"], {top["id"]: top["logprob"] for top in step["top_logprobs"]})
                for step in answer["completion_probabilities"]]


def our_logprobs(command, model, tokens, long):
    command = command + [str(model)] + (["--long"] if long else []) + [str(token) for token in tokens]
    logits = np.array(json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout), np.float64)
    largest = logits.max()
    return logits - largest - math.log(np.exp(logits - largest).sum())


def compare(args, model, exact, context, long, prompt_len, steps):
    """Prints and returns the root mean squares of the differences of the 64 highest log probabilities: ours to
    theirs, ours to exact, theirs to exact; and whether the most likely tokens agree. Each step's prompt is theirs."""
    tokens = np.random.default_rng(7).integers(3, 31000, prompt_len).tolist()
    with LlamaServer(args.llama, model, context, args.threads) as server:
        theirs = server.complete(tokens, steps, 256)
    differences, same = [], 0
    for token, top in theirs:
        ours = our_logprobs(args.logits, model, tokens, long)
        reference = our_logprobs(args.logits, exact, tokens, long) if exact else ours
        # ignore_eos takes the end tokens out of the candidates on their side.
        ids = [i for i in sorted(top, key=top.get, reverse=True) if math.isfinite(top[i])][:64]
        their = np.array([top[i] for i in ids])
        differences.append([ours[ids] - their, ours[ids] - reference[ids], their - reference[ids]])
        same += int(ours.argmax()) == token
        tokens.append(token)
    to_theirs, to_exact, theirs_to_exact = np.sqrt(np.mean(np.square(differences), axis=(0, 2)))
    line = f"{Path(model).name:16} {'long' if long else 'short':5} prompt {prompt_len:4}: same most likely token {same}/{steps}"
    line += f", ours - theirs {to_theirs:.4f}"
    line += f", ours - exact {to_exact:.4f}, theirs - exact {theirs_to_exact:.4f}" if exact else ""
    print(line, flush=True)
    return to_exact, theirs_to_exact


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama", required=True, type=Path)
    parser.add_argument("--vocabulary", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--logits", nargs="+", default=None, help="the program to compare, if it is built already")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=8)
    args = parser.parse_args()
    args.logits = args.logits or ["cargo", "run", "--quiet", "--release", "--manifest-path", str(ROOT / "Cargo.toml"),
                                  "-p", "phi-engine", "--example", "logits", "--"]
    if args.model:
        compare(args, args.model, None, 4096, False, 24, args.steps)
        compare(args, args.model, None, 8192, True, 24, args.steps)
        return
    if not args.vocabulary:
        parser.error("--vocabulary or --model is needed")
    worse = 0
    with tempfile.TemporaryDirectory() as folder:
        for kv_heads in [8, 2]:
            whole = Path(folder) / f"kv{kv_heads}-F16.gguf"
            small_model(whole, args.vocabulary, kv_heads)
            for kind in ["F16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q4_0"]:
                model, exact = Path(folder) / f"kv{kv_heads}-{kind}.gguf", Path(folder) / "exact.gguf"
                if kind != "F16":
                    subprocess.run([args.llama / "llama-quantize", whole, model, kind, str(args.threads)], check=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                widened(model, exact)
                for long, prompt_len, context in [(False, 60, 256), (True, 60, 1024), (True, 300, 1024)]:
                    ours, theirs = compare(args, model, exact, context, long, prompt_len, args.steps)
                    worse += ours > 1.5 * theirs + 0.005
    raise SystemExit(f"{worse} times further from the exact result than llama.cpp" if worse else 0)


if __name__ == "__main__":
    main()
