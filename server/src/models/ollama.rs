//! Models of Ollama: `manifests/REGISTRY/NAMESPACE/MODEL/TAG` names the blob `blobs/sha256-...` with the weights.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::folders::{children, read_small};
use super::{Candidate, Source};

/// The media type of the layer with the weights.
const WEIGHTS: &str = "application/vnd.ollama.image.model";
/// The prefix of models that Ollama publishes itself.
const LIBRARY: &str = "registry.ollama.ai/library/";

#[derive(Deserialize)]
struct Manifest {
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
}

/// The models below one of Ollama's folders.
pub(super) fn models(folder: &Path) -> Vec<Candidate> {
    let manifests = folder.join("manifests");
    let level =
        |folders: Vec<_>| folders.iter().flat_map(|folder: &std::path::PathBuf| children(folder)).collect();
    let tags: Vec<_> = level(level(level(children(&manifests))));
    let candidate = |tag: &std::path::PathBuf| {
        let manifest: Manifest = serde_json::from_str(&read_small(tag)?).ok()?;
        let weights = manifest.layers.into_iter().find(|layer| layer.media_type == WEIGHTS)?;
        let path = folder.join("blobs").join(blob(&weights.digest)?);
        let name = tag.strip_prefix(&manifests).ok()?.to_string_lossy().replace('\\', "/");
        let (model, tag) = name.rsplit_once('/')?;
        let model = model.strip_prefix(LIBRARY).unwrap_or(model);
        Some(Candidate { source: Source::Ollama, name: format!("{model}:{tag}"), path })
    };
    tags.iter().filter(|tag| fs::metadata(tag).is_ok_and(|tag| tag.is_file())).filter_map(candidate).collect()
}

/// The file name of a digest; `None` for an invalid digest, which could name a file elsewhere.
fn blob(digest: &str) -> Option<String> {
    let hash = digest.strip_prefix("sha256:")?;
    (hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| format!("sha256-{hash}"))
}
