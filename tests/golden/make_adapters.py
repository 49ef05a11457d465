#!/usr/bin/env python3
"""Make random LoRA adapters for two golden models and record the logits with PEFT in float32.

    python3 tests/golden/make_adapters.py

Reads NAME/hf and writes, beside it: `lora/` as PEFT saves it, `lora.gguf` as llama.cpp's convert_lora_to_gguf.py would write it,
and `lora_logits.safetensors`. Needs torch, transformers, peft, safetensors, gguf, numpy.
"""
import json
import math
import shutil
from pathlib import Path

import gguf
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

HERE = Path(__file__).parent
RANK, ALPHA, TOKENS = 4, 6, 24
ATTENTION_AND_FEED_FORWARD = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
ADAPTERS = {
    # Fused matrices, one update for all of their rows.
    "gqa": dict(seed=11, architecture="phi3", use_rslora=True, target_modules=["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]),
    # Matrices that phi-ls stacks, the output, and rows that llama.cpp permutes.
    "llama": dict(seed=12, architecture="llama", use_rslora=False, target_modules=ATTENTION_AND_FEED_FORWARD + ["lm_head"]),
}
NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.qkv_proj": "attn_qkv",
         "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.gate_up_proj": "ffn_up",
         "mlp.down_proj": "ffn_down"}


def logits_of(model, tokens):
    with torch.no_grad():
        return model(torch.tensor([tokens])).logits[0]


def error(found, expected):
    return float((found - expected).abs().max() / expected.abs().max())


def gguf_name(module):
    if module == "lm_head":
        return "output.weight"
    layer, name = module.removeprefix("model.layers.").split(".", 1)
    return f"blk.{layer}.{NAMES[name]}.weight"


def write_gguf(path, spec, config, weights):
    writer = gguf.GGUFWriter(path, spec["architecture"])
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    # GGUF has no key for rsLoRA: an alpha with the same effect.
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, ALPHA * math.sqrt(RANK) if spec["use_rslora"] else ALPHA)
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    for name, weight in sorted(weights.items()):
        module, factor = name.removeprefix("base_model.model.").removesuffix(".weight").rsplit(".", 1)
        count = heads.get(module.rsplit(".", 1)[-1])
        if factor == "lora_B" and count and spec["architecture"] == "llama":
            rows, columns = weight.shape
            weight = weight.reshape(count, 2, rows // count // 2, columns).swapaxes(1, 2).reshape(rows, columns)
        writer.add_tensor(f"{gguf_name(module)}.{factor.lower()}", weight.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


for name, spec in ADAPTERS.items():
    folder = HERE / name
    generator = torch.Generator().manual_seed(spec["seed"])
    model = AutoModelForCausalLM.from_pretrained(folder / "hf", dtype=torch.float32, attn_implementation="eager").eval()
    tokens = load_file(folder / "logits.safetensors")["tokens"][:TOKENS].tolist()
    plain = logits_of(model, tokens)
    adapted = get_peft_model(model, LoraConfig(r=RANK, lora_alpha=ALPHA, use_rslora=spec["use_rslora"], lora_dropout=0.0,
                                               target_modules=spec["target_modules"], task_type="CAUSAL_LM")).eval()
    for parameter, weight in adapted.named_parameters():
        if "lora_" in parameter:
            # A bit larger than after training, so that each update shows in the logits. Values that F16 holds exactly.
            value = torch.randn(weight.shape, generator=generator) * (0.3 if "lora_B" in parameter else 1 / math.sqrt(weight.shape[1]))
            weight.data.copy_(value.to(torch.bfloat16).float())
    recorded = logits_of(adapted, tokens)
    assert error(recorded, plain) > 0.1
    shutil.rmtree(folder / "lora", ignore_errors=True)
    adapted.save_pretrained(folder / "lora", save_embedding_layers=False)
    (folder / "lora" / "README.md").unlink(missing_ok=True)
    config_path = folder / "lora" / "adapter_config.json"
    config = json.loads(config_path.read_text())
    config["base_model_name_or_path"] = None
    config.pop("peft_version", None)
    config["target_modules"] = sorted(config["target_modules"])
    config_path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    write_gguf(folder / "lora.gguf", spec, model.config, load_file(folder / "lora" / "adapter_model.safetensors"))
    save_file({"adapted": recorded.contiguous()}, folder / "lora_logits.safetensors")
    print(name, error(recorded, plain))
