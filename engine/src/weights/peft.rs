//! Reads a LoRA adapter that PEFT has saved: `adapter_config.json` and `adapter_model.safetensors` in a folder.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::adapter::{Adapter, Factor, Lora, Scaling};
use super::architecture::HUGGING_FACE;
use super::error::{LoadError, damaged, misfit};
use super::hugging_face::{read_json, read_shard};
use crate::rope::Pairs;

/// Keys of methods that change more than `B A` does. Without them, or with an empty value, an adapter is plain LoRA.
const NOT_READ: [&str; 16] = [
    "use_dora",
    "modules_to_save",
    "lora_bias",
    "fan_in_fan_out",
    "rank_pattern",
    "alpha_pattern",
    "layer_replication",
    "trainable_token_indices",
    "target_parameters",
    "alora_invocation_tokens",
    "use_qalora",
    "use_bdlora",
    "arrow_config",
    "kasa_config",
    "monteclora_config",
    "velora_config",
];

/// Initialisations that also change the weights of the model, which the adapter then expects.
const CHANGE_THE_MODEL: [&str; 5] = ["pissa", "olora", "corda", "loftq", "lora_ga"];

/// Locates the tensors of an adapter.
pub(super) fn read(adapter: &Adapter) -> Result<Lora, LoadError> {
    let config_path = adapter.path.join("adapter_config.json");
    let config: Map<String, Value> = read_json(&config_path)?;
    let refused = |problem: String| Err(misfit(&config_path, problem));
    let kind = config.get("peft_type").unwrap_or(&Value::Null);
    if kind != "LORA" {
        return refused(format!("`peft_type` is {}, not \"LORA\"", short(kind)));
    }
    for key in NOT_READ {
        if let Some(value) = config.get(key).filter(|value| !is_empty(value)) {
            return refused(format!("`{key}` is {}, which is not read", short(value)));
        }
    }
    if let Some(bias) = config.get("bias").filter(|bias| !bias.is_null() && *bias != "none") {
        return refused(format!("`bias` is {}: biases of adapters are not read", short(bias)));
    }
    if let Some(start) = config.get("init_lora_weights").and_then(Value::as_str)
        && CHANGE_THE_MODEL.iter().any(|changes| start.starts_with(changes))
    {
        return refused(format!(
            "`init_lora_weights` is \"{start}\", which changes the model too (convert it to plain LoRA when you save it)"
        ));
    }
    let wrong = |key: &str| {
        let value = config.get(key).unwrap_or(&Value::Null);
        damaged(&config_path, format!("`{key}` is {}, not a number above 0", short(value)))
    };
    let rank = config.get("r").and_then(Value::as_u64).filter(|rank| *rank > 0);
    let rank = rank.and_then(|rank| usize::try_from(rank).ok()).ok_or_else(|| wrong("r"))?;
    let alpha = config.get("lora_alpha").and_then(Value::as_f64).filter(|alpha| alpha.is_finite());
    let alpha = alpha.filter(|alpha| *alpha > 0.0).ok_or_else(|| wrong("lora_alpha"))?;
    let is_rank_stabilised = match config.get("use_rslora") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(stabilised)) => *stabilised,
        Some(value) => {
            return Err(damaged(
                &config_path,
                format!("`use_rslora` is {}, not true or false", short(value)),
            ));
        }
    };

    let weights = adapter.path.join("adapter_model.safetensors");
    if !weights.exists() && adapter.path.join("adapter_model.bin").exists() {
        return Err(misfit(
            &adapter.path,
            "it has adapter_model.bin, which may run code, but no adapter_model.safetensors",
        ));
    }
    let mut tensors = HashMap::new();
    read_shard(&weights, &mut tensors)?;
    let scaling = Scaling { scale: adapter.scale, alpha: Some(alpha), is_rank_stabilised, rank: Some(rank) };
    Lora::new(&weights, (&HUGGING_FACE, Pairs::Halves), scaling, tensors, factor)
}

/// `base_model.model.NAME.lora_A.weight`
fn factor(tensor: &str) -> Option<(&str, Factor)> {
    let name = tensor.strip_prefix("base_model.model.")?;
    let a = name.strip_suffix(".lora_A.weight").map(|matrix| (matrix, Factor::A));
    a.or_else(|| name.strip_suffix(".lora_B.weight").map(|matrix| (matrix, Factor::B)))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(values) => values.is_empty(),
        _ => false,
    }
}

/// A value for a message.
fn short(value: &Value) -> String {
    let text = value.to_string();
    let start: String = text.chars().take(60).collect();
    if start.len() < text.len() { start + "..." } else { start }
}
