//! Finds models in folders: `.gguf` files, and folders with a `config.json` and safetensors.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Candidate, Source};
use crate::files;

/// How deep to search; LM Studio uses `publisher/model`.
const DEPTH: usize = 3;
/// Maximum number of entries read per folder.
const ENTRIES: usize = 2000;
/// Maximum size of a manifest, in bytes.
const SMALL: u64 = 1 << 20;

/// The models below a folder.
pub(super) fn models(source: Source, folder: &Path) -> Vec<Candidate> {
    let name = |path: &Path| path.strip_prefix(folder).unwrap_or(path).to_string_lossy().replace('\\', "/");
    let mut found = Vec::new();
    collect(folder, DEPTH, &mut found);
    found.into_iter().map(|path| Candidate { source, name: name(&path), path }).collect()
}

/// The models of a Hugging Face cache: the latest snapshot of each `models--PUBLISHER--NAME`.
pub(super) fn hugging_face(hub: &Path) -> Vec<Candidate> {
    let of_repository = |folder: PathBuf| {
        let repository = folder.file_name()?.to_str()?.strip_prefix("models--")?.replace("--", "/");
        let snapshots = folder.join("snapshots");
        let main = read_small(&folder.join("refs/main")).map(|revision| snapshots.join(revision.trim()));
        let latest = || {
            let modified = |path: &PathBuf| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
            children(&snapshots).into_iter().max_by_key(modified)
        };
        let snapshot =
            main.filter(|path| path.parent() == Some(&snapshots) && path.is_dir()).or_else(latest)?;
        let candidate = |path: PathBuf| {
            let below = path.strip_prefix(&snapshot).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            let name = if below.is_empty() { repository.clone() } else { format!("{repository}/{below}") };
            Candidate { source: Source::HuggingFace, name, path }
        };
        let mut found = Vec::new();
        collect(&snapshot, 1, &mut found);
        Some(found.into_iter().map(candidate).collect::<Vec<_>>())
    };
    children(hub).into_iter().filter_map(of_repository).flatten().collect()
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let entries = children(folder);
    let ends = |path: &Path, end: &str| path.extension().is_some_and(|own| own.eq_ignore_ascii_case(end));
    if folder.join("config.json").is_file() && entries.iter().any(|path| ends(path, "safetensors")) {
        return found.push(folder.to_owned());
    }
    for path in entries {
        if path.is_dir() {
            if depth > 0 {
                collect(&path, depth - 1, found);
            }
        } else if ends(&path, "gguf") && !is_no_model(&path) {
            found.push(path);
        }
    }
}

/// What a folder lacks to be a model's; `None` if it lacks nothing, or is no folder.
pub(super) fn lacks(path: &Path) -> Option<&'static str> {
    let lacks = |file: &&str| !path.join(file).exists();
    let lacking = ["config.json", "tokenizer.json"].into_iter().find(lacks);
    let lacking = lacking
        .or_else(|| (!children(path).iter().any(|path| is_weights(path))).then_some("safetensors file"));
    lacking.filter(|_| path.is_dir())
}

/// Whether the file is the second or a later part of a split model, or the projector of a vision model.
fn is_no_model(path: &Path) -> bool {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let later_part =
        name.rsplit_once("-of-").and_then(|(start, _)| start.rsplit_once('-')).is_some_and(|(_, part)| {
            part.len() == 5 && part != "00001" && part.bytes().all(|byte| byte.is_ascii_digit())
        });
    later_part || name.starts_with("mmproj")
}

/// The entries of a folder, sorted; empty if it cannot be read.
pub(super) fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(ENTRIES);
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn is_weights(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "safetensors")
}

/// The size of a model's weights, in bytes.
pub(super) fn bytes(path: &Path) -> u64 {
    let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    if !path.is_dir() {
        return size(path);
    }
    children(path).iter().filter(|path| is_weights(path)).map(|path| size(path)).sum()
}

/// The text of a small file.
pub(super) fn read_small(path: &Path) -> Option<String> {
    files::decode(files::bytes_up_to(path, SMALL).ok()?).ok().map(|text| text.text)
}
