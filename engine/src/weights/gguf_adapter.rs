//! Reads a LoRA adapter from a GGUF file, as llama.cpp's `convert_lora_to_gguf.py` writes it.

use std::path::Path;
use std::sync::Arc;

use super::adapter::{Adapter, Factor, Lora, Scaling};
use super::architecture::{Architecture, GGUF};
use super::error::{LoadError, damaged, misfit};
use super::gguf_model::{Metadata, header};
use super::tensors::{TensorLocation, map};

/// Locates the tensors of an adapter, which must be for a model of this architecture.
pub(super) fn read(adapter: &Adapter, architecture: &Architecture) -> Result<Lora, LoadError> {
    let path = &*adapter.path;
    let map = map(path)?;
    let header = header(path, &map)?;
    let metadata = Metadata { path, values: &header.metadata, prefix: "" };
    for (key, expected) in [
        ("general.type", "adapter"),
        ("adapter.type", "lora"),
        // Checked before the tensors, because it says best what is wrong.
        ("general.architecture", architecture.gguf),
    ] {
        match metadata.string(key)? {
            Some(found) if found == expected => {}
            Some(found) => return Err(misfit(path, format!("`{key}` is `{found}`, not `{expected}`"))),
            None => return Err(misfit(path, format!("the metadata key `{key}` is missing"))),
        }
    }
    let alpha =
        metadata.float("adapter.lora.alpha")?.ok_or_else(|| metadata.missing("adapter.lora.alpha"))?;
    if !alpha.is_finite() {
        return Err(damaged(path, format!("`adapter.lora.alpha` is {alpha}")));
    }
    let file: Arc<Path> = path.into();
    let located = |(name, info)| (name, TensorLocation { path: file.clone(), map: map.clone(), info });
    let tensors = header.tensors.into_iter().map(located).collect();
    let scaling = Scaling {
        scale: adapter.scale,
        // As in llama.cpp: without an alpha, the factors are as they are.
        alpha: Some(alpha).filter(|alpha| *alpha != 0.0),
        is_rank_stabilised: false,
        rank: None,
    };
    Lora::new(path, (&GGUF, architecture.gguf_pairs), scaling, tensors, factor)
}

/// `NAME.weight.lora_a`
fn factor(tensor: &str) -> Option<(&str, Factor)> {
    let a = tensor.strip_suffix(".weight.lora_a").map(|matrix| (matrix, Factor::A));
    a.or_else(|| tensor.strip_suffix(".weight.lora_b").map(|matrix| (matrix, Factor::B)))
}
