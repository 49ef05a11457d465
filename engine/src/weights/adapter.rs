//! LoRA adapters (arXiv 2106.09685): for some matrices `W` of the model, `W + scale * B A`.
//!
//! An adapter names its tensors as its own format does, which need not be the model's: a PEFT folder may adapt a GGUF
//! file. The files are untrusted. A tensor that fits no matrix of the model is an error, as is anything else that
//! would be left out: an answer that ignores a part of an adapter is wrong.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hasher;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rustc_hash::FxHasher;

use super::architecture::TensorNames;
use super::error::{LoadError, misfit};
use super::tensors::TensorLocation;
use crate::linear::LowRank;
use crate::rope::Pairs;

/// A LoRA adapter that a model is opened with.
#[derive(Debug, Clone, PartialEq)]
pub struct Adapter {
    /// A GGUF file, or a PEFT folder with `adapter_config.json` and `adapter_model.safetensors`.
    pub path: PathBuf,
    /// Multiplies the adapter's effect; 1 is as trained. A finite number.
    pub scale: f32,
}

impl Adapter {
    /// The name of its file or folder.
    pub fn name(&self) -> String {
        self.path.file_stem().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned()
    }
}

/// An adapter whose tensors are located.
pub(super) struct Lora {
    pub path: PathBuf,
    /// The names of its format.
    pub names: &'static TensorNames,
    /// The order of the rows of a head of queries and keys.
    pub pairs: Pairs,
    pub scaling: Scaling,
    /// By the name of the matrix in its format, without `.weight`.
    factors: BTreeMap<String, Factors>,
    /// The matrices that were adapted.
    used: usize,
}

/// What multiplies `B A`.
pub(super) struct Scaling {
    /// The user's scale.
    pub scale: f32,
    /// `alpha` of the adapter; `None` is a factor of 1.
    pub alpha: Option<f64>,
    /// Whether `alpha` is divided by the root of the rank (rsLoRA, arXiv 2312.03732), not by the rank.
    pub is_rank_stabilised: bool,
    /// The rank that the adapter states.
    pub rank: Option<usize>,
}

/// The two factors of an update of a matrix, with the names of their tensors.
struct Factors {
    /// `[rank][inputs]`
    a: (String, TensorLocation),
    /// `[outputs][rank]`
    b: (String, TensorLocation),
}

/// One of the two factors.
pub(super) enum Factor {
    A,
    B,
}

/// A matrix of the model, or a part of one, that an adapter may change.
pub(super) struct Place {
    pub layer: Option<usize>,
    pub name: fn(&TensorNames) -> &'static str,
    /// Where its rows are in the matrix.
    pub outputs: Range<usize>,
    pub inputs: usize,
    /// The heads that the rows are, where RoPE rotates them.
    pub heads: Option<usize>,
}

impl Lora {
    /// An adapter of these tensors. `factor` returns the matrix of a tensor and which factor it is.
    ///
    /// # Errors
    /// A tensor is no factor, or one of two factors is missing.
    pub(super) fn new(
        path: &Path,
        (names, pairs): (&'static TensorNames, Pairs),
        scaling: Scaling,
        tensors: HashMap<String, TensorLocation>,
        factor: impl Fn(&str) -> Option<(&str, Factor)>,
    ) -> Result<Lora, LoadError> {
        let (mut a, mut b) = (BTreeMap::new(), BTreeMap::new());
        for (name, location) in tensors {
            let (matrix, map) = match factor(&name) {
                Some((matrix, Factor::A)) => (matrix, &mut a),
                Some((matrix, Factor::B)) => (matrix, &mut b),
                None => {
                    return Err(misfit(path, format!("the tensor `{name}` is none of LoRA's two factors")));
                }
            };
            map.insert(matrix.to_owned(), (name, location));
        }
        if a.is_empty() && b.is_empty() {
            return Err(misfit(path, "the adapter has no tensors"));
        }
        let lone = |matrix: &str| misfit(path, format!("`{matrix}` has only one of LoRA's two factors"));
        let mut factors = BTreeMap::new();
        for (matrix, a) in a {
            let b = b.remove(&matrix).ok_or_else(|| lone(&matrix))?;
            factors.insert(matrix, Factors { a, b });
        }
        match b.into_keys().next() {
            Some(matrix) => Err(lone(&matrix)),
            None => Ok(Lora { path: path.into(), names, pairs, scaling, factors, used: 0 }),
        }
    }

    /// The term of a matrix, if this adapter has one, for a model whose heads have their rows in the order of `pairs`.
    pub(super) fn term(&mut self, place: &Place, pairs: Pairs) -> Result<Option<LowRank>, LoadError> {
        let name = (place.name)(self.names);
        let full = place.layer.map_or_else(|| name.to_owned(), |layer| self.names.in_layer(layer, name));
        let Some(Factors { a, b }) = self.factors.get(full.trim_end_matches(".weight")) else {
            return Ok(None);
        };
        let (inputs, outputs) = (place.inputs, place.outputs.len());
        let rank = match (self.scaling.rank, a.1.info.shape.first()) {
            (Some(rank), _) | (None, Some(&rank)) => rank,
            (None, None) => 0,
        };
        for ((tensor, location), needed) in [(a, [rank, inputs]), (b, [outputs, rank])] {
            let found = &location.info.shape;
            if found[..] != needed {
                return Err(misfit(
                    &self.path,
                    format!("the tensor `{tensor}` has the shape {found:?} where the model needs {needed:?}"),
                ));
            }
        }
        let down = a.1.open(&a.0)?.to_f32();
        let mut up = b.1.open(&b.0)?.to_f32();
        let scale = self.scaling.of_rank(rank);
        up.iter_mut().for_each(|x| *x *= scale);
        if let Some(heads) = place.heads
            && pairs != self.pairs
        {
            up = reordered(&up, heads, rank, pairs);
        }
        self.used += 1;
        Ok(Some(LowRank { outputs: place.outputs.clone(), inputs, down, up }))
    }

    /// An error if the adapter changes a matrix that the model does not have.
    pub(super) fn check_all_used(&self, architecture: &str, layers: usize) -> Result<(), LoadError> {
        if self.used == self.factors.len() {
            return Ok(());
        }
        let known = |matrix: &str| {
            let names = self.names;
            let in_layer = |(layer, name): (&str, &str)| {
                let parts = [names.qkv, names.query, names.key, names.value, names.attention_output];
                let parts = parts.into_iter().chain([names.gate_up, names.gate, names.up, names.down]);
                layer.parse().is_ok_and(|layer: usize| layer < layers)
                    && parts.into_iter().any(|part| part == name)
            };
            matrix.strip_prefix(names.layer).and_then(|rest| rest.split_once('.')).is_some_and(in_layer)
        };
        let matrix = self.factors.keys().find(|matrix| !known(matrix)).or(self.factors.keys().next());
        let matrix = matrix.map_or("", String::as_str);
        Err(misfit(
            &self.path,
            format!(
                "it adapts `{matrix}`, which a `{architecture}` model of {layers} layers does not have as a matrix of its own"
            ),
        ))
    }

    /// Depends on all bytes of the adapter and on its scale.
    fn hash(&self, hasher: &mut FxHasher) {
        let Scaling { scale, alpha, is_rank_stabilised, .. } = self.scaling;
        hasher.write_u32(scale.to_bits());
        hasher.write_u64(alpha.unwrap_or(-1.0).to_bits());
        hasher.write_u8(is_rank_stabilised.into());
        for (matrix, Factors { a, b }) in &self.factors {
            hasher.write(matrix.as_bytes());
            for (_, TensorLocation { map, info, .. }) in [a, b] {
                hasher.write_usize(info.shape[0]);
                hasher.write(&map[info.range.clone()]);
            }
        }
    }
}

/// Identifies adapters and their scales: equal for equal ones, 0 for none.
pub(super) fn fingerprint(adapters: &[Lora]) -> u64 {
    let mut hasher = FxHasher::default();
    adapters.iter().for_each(|adapter| adapter.hash(&mut hasher));
    if adapters.is_empty() { 0 } else { hasher.finish() }
}

impl Scaling {
    fn of_rank(&self, rank: usize) -> f32 {
        let divisor = if self.is_rank_stabilised { (rank as f64).sqrt() } else { rank as f64 };
        let own = self.alpha.map_or(1.0, |alpha| alpha / divisor);
        (own * f64::from(self.scale)) as f32
    }
}

/// Rows of heads, `[heads * head_dim][columns]`, in the order of `to` instead of the other one.
fn reordered(rows: &[f32], heads: usize, columns: usize, to: Pairs) -> Vec<f32> {
    let head_dim = rows.len() / columns / heads;
    let half = head_dim / 2;
    let from = |i: usize| match to {
        Pairs::Adjacent => i % 2 * half + i / 2,
        Pairs::Halves => i % half * 2 + i / half,
    };
    let row = |head: usize, i: usize| &rows[(head * head_dim + from(i)) * columns..][..columns];
    (0..heads).flat_map(|head| (0..head_dim).flat_map(move |i| row(head, i))).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_orders_of_a_heads_rows_are_each_others_inverse() {
        // Two heads of six rows, one column.
        let halves: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let adjacent = reordered(&halves, 2, 1, Pairs::Adjacent);
        assert_eq!(adjacent, [0.0, 3.0, 1.0, 4.0, 2.0, 5.0, 6.0, 9.0, 7.0, 10.0, 8.0, 11.0]);
        assert_eq!(reordered(&adjacent, 2, 1, Pairs::Halves), halves);
    }
}
