#!/usr/bin/env python3
"""Make small random models and record their logits with transformers in float32.

    python3 tests/golden/make_goldens.py [FOLDER [NAME...]]    # default: all, in the folder of this script

Writes FOLDER/NAME/: `model.gguf` as llama.cpp's converter would write it, `hf/` as Hugging Face has it,
and `logits.safetensors`. See README.md there. Needs torch, transformers, safetensors, gguf, numpy.
"""
import json
import math
import shutil
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors.torch import save_file
import transformers

from make_vocabulary import gguf_vocabulary, hugging_face_vocabulary, END, VOCABULARY

OUT = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
NAMES = sys.argv[2:]


def factors(low, high, count):
    return [round(float(x), 4) for x in np.geomspace(low, high, count)]


def longrope(rotary):
    # The real factors lie between 1 and about 65, growing with the dimension.
    return {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": factors(1.0, 2.8, rotary // 2),
            "long_factor": factors(1.08, 20.0, rotary // 2)}


# Each model has what the others have not. The default family is Phi-3.
MODELS = {
    # Multi-head, tied output, LongRoPE; configured as Phi-3.5-mini's own config.json does it.
    "dense": dict(seed=1, config=dict(hidden_size=48, intermediate_size=80, num_attention_heads=2, num_key_value_heads=2,
                                      tie_word_embeddings=True, max_position_embeddings=128,
                                      original_max_position_embeddings=32, rope_parameters=longrope(24)),
                  old_config=True, gguf="f32", hf="f16", shards=1),
    # Grouped-query, separate output, LongRoPE; sharded.
    "gqa": dict(seed=2, config=dict(hidden_size=64, intermediate_size=96, num_attention_heads=4, num_key_value_heads=2,
                                    tie_word_embeddings=False, max_position_embeddings=128,
                                    original_max_position_embeddings=32, rope_parameters=longrope(16)),
                old_config=False, gguf="f16", hf="bf16", shards=2),
    # Multi-query, plain RoPE over three quarters of each head, a sliding window.
    "window": dict(seed=3, config=dict(hidden_size=64, intermediate_size=48, num_attention_heads=2, num_key_value_heads=1,
                                       tie_word_embeddings=True, max_position_embeddings=64,
                                       original_max_position_embeddings=64, sliding_window=12,
                                       rope_parameters={"rope_type": "default", "rope_theta": 10000.0,
                                                        "partial_rotary_factor": 0.75}),
                   old_config=False, gguf="bf16", hf="f32", shards=1),
    # Separate matrices, heads wider than the hidden size shared among them, the frequencies of Llama 3.
    "llama": dict(seed=4, family="Llama",
                  config=dict(hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=2, head_dim=12,
                              tie_word_embeddings=False, max_position_embeddings=128,
                              rope_parameters={"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0,
                                               "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                               "original_max_position_embeddings": 32}),
                  old_config=False, gguf="f16", hf="bf16", shards=1),
    # Linear interpolation; a `llama` for llama.cpp.
    "mistral": dict(seed=5, family="Mistral",
                    config=dict(hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=1,
                                tie_word_embeddings=True, max_position_embeddings=128, sliding_window=None,
                                rope_parameters={"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}),
                    old_config=False, gguf="f32", hf="f16", shards=1),
    # Biases of queries, keys and values; a base of a million; the embedding as output.
    "qwen2": dict(seed=6, family="Qwen2",
                  config=dict(hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=2,
                              tie_word_embeddings=True, max_position_embeddings=128, sliding_window=16,
                              use_sliding_window=False,
                              rope_parameters={"rope_type": "default", "rope_theta": 1000000.0}),
                  old_config=False, gguf="f32", hf="f16", shards=1),
    # Norms of the heads; heads of another size; YaRN.
    "qwen3": dict(seed=7, family="Qwen3",
                  config=dict(hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=2, head_dim=16,
                              tie_word_embeddings=False, max_position_embeddings=128, attention_bias=False,
                              rope_parameters={"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0,
                                               "original_max_position_embeddings": 32}),
                  old_config=False, gguf="bf16", hf="f32", shards=1),
}
LAYERS = 2
SHORT, LONG = 32, 56


def random_weights(model, generator):
    """Values that float16 and bfloat16 both hold exactly, so that one set of logits serves every type. Large enough
    that attention looks at some tokens much more than at others: else an error in RoPE would hardly show."""
    for name, weight in model.named_parameters():
        if weight.dim() == 1:
            value = 0.75 + 0.5 * torch.rand(weight.shape, generator=generator)
            if "bias" in name:
                value = value - 1.0
        else:
            gain = 1.7 if any(part in name for part in ["qkv", "q_proj", "k_proj", "v_proj"]) else 1.0
            fan_in = 1 if "embed" in name else weight.shape[1]
            value = torch.randn(weight.shape, generator=generator) * gain / math.sqrt(fan_in)
        value = value.to(torch.bfloat16).float()
        value[value.abs() < 2**-14] = 0.0
        weight.data.copy_(value)


def logits_of(model, tokens):
    with torch.no_grad():
        return model(torch.tensor([tokens])).logits[0]


def record(model, tokens, folder):
    """All rows of a prefill; in long mode, the whole sequence is in long mode. Causal: row i is also the answer to a
    step behind i tokens in that mode."""
    longrope = model.config.rope_parameters["rope_type"] == "longrope"
    recorded = {"tokens": torch.tensor(tokens, dtype=torch.int64)}
    recorded["short"] = logits_of(model, tokens[:SHORT])
    windowed = getattr(model.config, "sliding_window", None)
    recorded["long" if longrope else "beyond_window" if windowed else "all"] = logits_of(model, tokens)

    # Steps with transformers' own cache give the same: prefill 20, then one by one.
    with torch.no_grad():
        cache, out = None, None
        for piece in [tokens[:20]] + [[token] for token in tokens[20:SHORT]]:
            out = model(torch.tensor([piece]), past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            row = recorded["short"][cache.get_seq_length() - 1]
            assert error(out.logits[0, -1], row) < 1e-5
    if longrope:
        # What the test must be able to see: the two modes, and the attention scale.
        assert error(recorded["long"][:SHORT], recorded["short"]) > 0.05
        scale = model.model.rotary_emb.attention_scaling
        assert abs(scale - math.sqrt(1 + math.log(128 / 32) / math.log(32))) < 1e-6
        model.model.rotary_emb.attention_scaling = 1.0
        assert error(logits_of(model, tokens[:SHORT]), recorded["short"]) > 0.01
        model.model.rotary_emb.attention_scaling = scale
    save_file({name: value.contiguous() for name, value in recorded.items()}, folder / "logits.safetensors")


def error(found, expected):
    return float((found - expected).abs().max() / expected.abs().max())


def write_hugging_face(model, spec, folder):
    dtype = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}[spec["hf"]]
    size = sum(weight.numel() for weight in model.parameters()) * dtype.itemsize
    shard = f"{size // 1000 * 6 // 10}KB" if spec["shards"] == 2 else "1GB"
    model.to(dtype).save_pretrained(folder, max_shard_size=shard)
    model.to(torch.float32)
    config = json.loads((folder / "config.json").read_text())
    # The version of transformers is README.md's affair.
    for name in ["transformers_version"]:
        config.pop(name, None)
    if spec["old_config"]:
        rope = config.pop("rope_parameters")
        config["rope_theta"] = rope["rope_theta"]
        config["rope_scaling"] = {"type": "longrope", "short_factor": rope["short_factor"], "long_factor": rope["long_factor"]}
        config["torch_dtype"] = config.pop("dtype")
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    (folder / "generation_config.json").write_text(json.dumps({"bos_token_id": 1, "eos_token_id": END}) + "\n")
    hugging_face_vocabulary(folder)


def write_gguf(model, spec, path):
    config, rope = model.config, model.config.rope_parameters
    family = spec.get("family", "Phi3")
    writer = gguf.GGUFWriter(path, {"Mistral": "llama"}.get(family, family.lower()))
    writer.add_name(f"{family.replace('Phi3', 'phi-3')} {path.parent.name}, random weights")
    writer.add_context_length(config.max_position_embeddings)
    if family == "Phi3":
        writer.add_rope_scaling_orig_ctx_len(config.original_max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_block_count(LAYERS)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    if head != config.hidden_size // config.num_attention_heads:
        writer.add_key_length(head)
        writer.add_value_length(head)
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if rope["rope_type"] == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    writer.add_rope_dimension_count(int(rope.get("partial_rotary_factor", 1.0) * head))
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_vocab_size(VOCABULARY)
    if getattr(config, "sliding_window", None):
        writer.add_sliding_window(config.sliding_window)
    if rope["rope_type"] == "longrope":
        writer.add_rope_scaling_attn_factors(model.model.rotary_emb.attention_scaling)
    types = {"f32": (gguf.LlamaFileType.ALL_F32, gguf.GGMLQuantizationType.F32),
             "f16": (gguf.LlamaFileType.MOSTLY_F16, gguf.GGMLQuantizationType.F16),
             "bf16": (gguf.LlamaFileType.MOSTLY_BF16, gguf.GGMLQuantizationType.BF16)}
    file_type, matrix_type = types[spec["gguf"]]
    writer.add_file_type(file_type)
    writer.add_quantization_version(2)
    gguf_vocabulary(writer)

    def add(name, weight):
        data = weight.detach().numpy()
        kind = matrix_type if data.ndim == 2 else gguf.GGMLQuantizationType.F32
        writer.add_tensor(name, gguf.quants.quantize(data, kind), raw_dtype=kind)

    if rope["rope_type"] == "longrope":
        for name in ["long", "short"]:
            writer.add_tensor(f"rope_factors_{name}.weight", np.array(rope[f"{name}_factor"], np.float32))
    if rope["rope_type"] == "llama3":
        # As llama.cpp's converter computes them: by what the plain frequencies are divided.
        plain = rope["rope_theta"] ** (np.arange(0, head, 2, dtype=np.float64) / head)
        scaled = model.model.rotary_emb.inv_freq.double().numpy()
        writer.add_tensor("rope_freqs.weight", (1 / (plain * scaled)).astype(np.float32))

    def permuted(weight, heads):
        """The rows of a head as the architecture `llama` wants them: pairs side by side."""
        if family not in ["Llama", "Mistral"]:
            return weight
        rows, columns = weight.shape
        return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)

    add("token_embd.weight", model.model.embed_tokens.weight)
    add("output_norm.weight", model.model.norm.weight)
    if not config.tie_word_embeddings:
        add("output.weight", model.lm_head.weight)
    for i, layer in enumerate(model.model.layers):
        add(f"blk.{i}.attn_norm.weight", layer.input_layernorm.weight)
        attention = layer.self_attn
        if family == "Phi3":
            add(f"blk.{i}.attn_qkv.weight", attention.qkv_proj.weight)
        else:
            add(f"blk.{i}.attn_q.weight", permuted(attention.q_proj.weight, config.num_attention_heads))
            add(f"blk.{i}.attn_k.weight", permuted(attention.k_proj.weight, config.num_key_value_heads))
            add(f"blk.{i}.attn_v.weight", attention.v_proj.weight)
        if family == "Qwen2":
            for letter in "qkv":
                add(f"blk.{i}.attn_{letter}.bias", getattr(attention, f"{letter}_proj").bias)
        if family == "Qwen3":
            add(f"blk.{i}.attn_q_norm.weight", attention.q_norm.weight)
            add(f"blk.{i}.attn_k_norm.weight", attention.k_norm.weight)
        add(f"blk.{i}.attn_output.weight", attention.o_proj.weight)
        add(f"blk.{i}.ffn_norm.weight", layer.post_attention_layernorm.weight)
        if family == "Phi3":
            add(f"blk.{i}.ffn_up.weight", layer.mlp.gate_up_proj.weight)
        else:
            add(f"blk.{i}.ffn_gate.weight", layer.mlp.gate_proj.weight)
            add(f"blk.{i}.ffn_up.weight", layer.mlp.up_proj.weight)
        add(f"blk.{i}.ffn_down.weight", layer.mlp.down_proj.weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


for name, spec in MODELS.items():
    if NAMES and name not in NAMES:
        continue
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "hf").mkdir(parents=True)
    generator = torch.Generator().manual_seed(spec["seed"])
    family = spec.get("family", "Phi3")
    config = getattr(transformers, f"{family}Config")(vocab_size=VOCABULARY, num_hidden_layers=LAYERS, bos_token_id=1, eos_token_id=END[0],
                        pad_token_id=END[0], attn_implementation="eager", **spec["config"])
    model = getattr(transformers, f"{family}ForCausalLM")(config).eval().to(torch.float32)
    random_weights(model, generator)
    tokens = torch.randint(0, VOCABULARY, (LONG,), generator=generator).tolist()
    record(model, tokens, folder)
    write_gguf(model, spec, folder / "model.gguf")
    write_hugging_face(model, spec, folder / "hf")
    print(name, sum(weight.numel() for weight in model.parameters()), "parameters")
