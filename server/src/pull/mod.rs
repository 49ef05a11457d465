//! Downloads a model file, on the explicit command `phi-ls model pull` only. The server opens no connection.
//!
//! [`Target`] says what to download and [`Hub`] from which Hugging Face server. [`Download`] resumes, checks and stores it.

pub mod catalog;
mod download;
mod error;
mod partial;

use reqwest::Url;

use crate::messages;

pub use download::{Download, Found, Retries};
pub use error::PullError;

/// Where Hugging Face repositories are, and the token for those that need one.
#[derive(Debug, Clone)]
pub struct Hub {
    /// The server: `HF_ENDPOINT`, or the public one.
    pub endpoint: Url,
    /// `HF_TOKEN`. Sent to [`Hub::endpoint`] alone.
    pub token: Option<String>,
}

/// The public server of Hugging Face repositories.
const PUBLIC_HUB: &str = "https://huggingface.co";

/// A file to download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its address.
    pub url: Url,
    /// Its name in the model folder.
    pub file: String,
    /// Whether it is in a Hugging Face repository, which says the hash of the file.
    pub is_in_hub: bool,
}

/// Why a name is no [`Target`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Neither a known name, nor `hf:`, nor an address.
    #[error("no model is called `{0}`; {names} Other files: hf:OWNER/REPOSITORY/FILE.gguf, or an http(s) address", names = names(.0))]
    Unknown(String),
    /// After `hf:` there are not three parts.
    #[error(
        "`{0}` is not of the form hf:OWNER/REPOSITORY/FILE.gguf or hf:OWNER/REPOSITORY/FILE.gguf@REVISION"
    )]
    Hub(String),
    /// The address cannot be read.
    #[error("`{0}` is not a valid address: {1}")]
    Url(String, String),
    /// The file is not a GGUF file.
    #[error("`{0}` is not a .gguf file; phi-ls downloads GGUF files only")]
    NotGguf(String),
    /// The file is one part of several.
    #[error("`{0}` is one part of a split model; phi-ls needs a model in one file")]
    Split(String),
}

/// The names that are meant, or all names.
fn names(given: &str) -> String {
    let similar = catalog::similar(given);
    if !similar.is_empty() {
        return format!("did you mean {}?", messages::one_of(&similar));
    }
    let names: Vec<_> = catalog::CATALOG.iter().map(|entry| entry.name).collect();
    format!("the names are {}.", names.join(", "))
}

impl Hub {
    /// The server and the token of these variables of the environment.
    ///
    /// # Errors
    /// `HF_ENDPOINT` is not an address.
    pub fn of(endpoint: Option<&str>, token: Option<String>) -> Result<Hub, TargetError> {
        let endpoint = endpoint.unwrap_or(PUBLIC_HUB);
        Ok(Hub { endpoint: address(endpoint)?, token })
    }

    fn url(&self, owner: &str, repository: &str, revision: &str, file: &str) -> Url {
        let mut url = self.endpoint.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend([owner, repository, "resolve", revision]).extend(file.split('/'));
        }
        url
    }
}

impl Target {
    /// Reads a name of the [`catalog`], `hf:OWNER/REPOSITORY/FILE[@REVISION]`, or an address.
    ///
    /// # Errors
    /// It is none of these, or not one GGUF file.
    pub fn parse(name: &str, hub: &Hub) -> Result<Target, TargetError> {
        let (url, is_in_hub) = if let Some(entry) = catalog::named(name) {
            let (owner, repository) = entry.repository.split_once('/').expect("owner and repository");
            (hub.url(owner, repository, "main", entry.file), true)
        } else if let Some(path) = name.strip_prefix("hf:") {
            let (path, revision) = path.rsplit_once('@').unwrap_or((path, "main"));
            let parts: Vec<&str> = path.splitn(3, '/').collect();
            let is_plain = |part: &&str| part.split('/').all(|part| !["", ".", ".."].contains(&part));
            match parts[..] {
                [owner, repository, file] if parts.iter().all(is_plain) && !revision.is_empty() => {
                    (hub.url(owner, repository, revision, file), true)
                }
                _ => return Err(TargetError::Hub(name.to_owned())),
            }
        } else if name.contains("://") {
            (address(name)?, false)
        } else {
            return Err(TargetError::Unknown(name.to_owned()));
        };
        let file = url.path_segments().and_then(|mut path| path.next_back()).unwrap_or_default();
        let file = percent_encoding::percent_decode_str(file).decode_utf8_lossy().into_owned();
        // The name comes from outside and becomes a path.
        let is_name = !file.contains(['/', '\\', ':', '\0']) && !file.starts_with('.');
        let Some(stem) = file.strip_suffix(".gguf").filter(|stem| is_name && !stem.is_empty()) else {
            return Err(TargetError::NotGguf(file));
        };
        let is_count = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_part = stem.rsplit_once("-of-").is_some_and(|(before, count)| {
            is_count(count) && before.rsplit_once('-').is_some_and(|(_, part)| is_count(part))
        });
        if is_part { Err(TargetError::Split(file)) } else { Ok(Target { url, file, is_in_hub }) }
    }
}

fn address(text: &str) -> Result<Url, TargetError> {
    let url = Url::parse(text).map_err(|error| TargetError::Url(text.to_owned(), error.to_string()))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(TargetError::Url(text.to_owned(), "neither http nor https".to_owned())),
    }
}

#[cfg(test)]
mod tests;
