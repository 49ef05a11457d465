//! One download: resumable, checked, and stored in one step.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, LAST_MODIFIED, LOCATION, RANGE,
};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};

use super::error::{PullError, file_error};
use super::partial::{Partial, sha256};
use super::{Hub, Target};
use crate::files;

/// Disk space that stays free.
const SPARE: u64 = 64 << 20;
/// How long a server may send nothing.
const SILENCE: Duration = Duration::from_secs(60);
/// The first bytes of a GGUF file.
const MAGIC: &[u8] = b"GGUF";
/// The most redirects that are followed to a file's hash.
const REDIRECTS: usize = 5;

/// How often a broken connection is tried again without new bytes, and the pause before the first new attempt. Each
/// further pause is twice as long.
#[derive(Debug, Clone, Copy)]
pub struct Retries {
    /// Attempts in a row that bring no new bytes.
    pub attempts: u32,
    /// Before the first of them.
    pub pause: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Retries { attempts: 5, pause: Duration::from_secs(1) }
    }
}

/// The file after a download.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// Its SHA-256, as lower-case hexadecimal digits.
    pub sha256: String,
    /// Whether the server or the user said the hash beforehand; else there was nothing to compare it with.
    pub was_checked: bool,
    /// Whether it was there before.
    pub was_there: bool,
}

/// A download.
pub struct Download<'a> {
    /// What.
    pub target: &'a Target,
    /// For files of a Hugging Face repository.
    pub hub: &'a Hub,
    /// Where to.
    pub folder: &'a Path,
    /// The hash that the user expects, as hexadecimal digits.
    pub sha256: Option<&'a str>,
    /// After a broken connection.
    pub retries: Retries,
}

/// What a server says of a file before it sends it.
struct Announced {
    sha256: Option<String>,
    /// Equal for equal content: the hash, or the server's own mark.
    identity: Option<String>,
    /// For `If-Range`.
    validator: Option<String>,
    bytes: Option<u64>,
}

impl Download<'_> {
    /// Downloads the file, unless it is there. `progress` gets the bytes that are there and the size, if it is known.
    ///
    /// # Errors
    /// See [`PullError`]. What was downloaded stays in the folder and is continued by the next call, except if its content
    /// is wrong.
    pub async fn run(&self, progress: &mut dyn FnMut(u64, Option<u64>)) -> Result<Found, PullError> {
        let client = client()?;
        let announced = self.announced(&client).await?;
        let path = self.folder.join(&self.target.file);
        if path.exists() {
            return Self::same(path, announced.sha256);
        }
        std::fs::create_dir_all(self.folder).map_err(|source| file_error(self.folder, source))?;
        let part = self.part(announced.identity.as_deref());
        let mut partial = Partial::open(&part, announced.identity.is_some())?;
        self.check_space(&announced, partial.length)?;
        self.fetch(&client, &announced, &mut partial, progress).await?;
        let (actual, is_gguf) = partial.finish(MAGIC)?;
        let remove = |error| {
            // It is of no use to anyone, and a second attempt must not continue it.
            let _ = std::fs::remove_file(&part);
            Err(error)
        };
        if let Some(expected) = &announced.sha256
            && *expected != actual
        {
            return remove(PullError::Hash { expected: expected.clone(), actual });
        }
        if !is_gguf {
            return remove(PullError::NotGguf);
        }
        std::fs::rename(&part, &path).map_err(|source| file_error(&path, source))?;
        files::sync_folder(self.folder).map_err(|source| file_error(self.folder, source))?;
        Ok(Found { path, sha256: actual, was_checked: announced.sha256.is_some(), was_there: false })
    }

    /// A file that is there, if its hash is the announced one.
    fn same(path: PathBuf, expected: Option<String>) -> Result<Found, PullError> {
        let Some(expected) = expected else { return Err(PullError::Exists(path)) };
        let sha256 = sha256(&path).map_err(|source| file_error(&path, source))?;
        if sha256 != expected {
            return Err(PullError::Exists(path));
        }
        Ok(Found { path, sha256, was_checked: true, was_there: true })
    }

    /// The file with the bytes that are there. Its name holds the identity of the content, so that no two contents are mixed.
    fn part(&self, identity: Option<&str>) -> PathBuf {
        let id = format!("{} {}", self.target.url, identity.unwrap_or_default());
        self.folder.join(format!("{}.{:08x}.part", self.target.file, crc32fast::hash(id.as_bytes())))
    }

    fn check_space(&self, announced: &Announced, there: u64) -> Result<(), PullError> {
        let Some(bytes) = announced.bytes else { return Ok(()) };
        let needed = bytes.saturating_sub(there) + SPARE;
        // A file system that does not say how much is free is no reason to refuse.
        let free = fs4::available_space(self.folder).unwrap_or(u64::MAX);
        if free >= needed {
            Ok(())
        } else {
            Err(PullError::Space { folder: self.folder.into(), needed, free })
        }
    }

    fn get(&self, client: &Client, url: Url, is_head: bool) -> RequestBuilder {
        let request = if is_head { client.head(url) } else { client.get(url) };
        // A range of a compressed body is of no use.
        let request = request.header(ACCEPT_ENCODING, "identity");
        match &self.hub.token {
            // The client drops it where a redirect leads to another host.
            Some(token) if self.target.is_in_hub => request.bearer_auth(token),
            _ => request,
        }
    }

    /// Asks for the file's hash and size.
    async fn announced(&self, client: &Client) -> Result<Announced, PullError> {
        let mut announced = if self.target.is_in_hub {
            self.announced_by_hub().await?
        } else {
            let response = self.get(client, self.target.url.clone(), false).send().await;
            let response = self.success(response.map_err(|error| self.connection(&error, 0))?)?;
            let headers = response.headers();
            // A weak mark does not promise equal bytes.
            let mark = |name| text(headers, name).filter(|mark| !mark.starts_with("W/"));
            let validator = mark(ETAG).or_else(|| mark(LAST_MODIFIED));
            Announced {
                sha256: None,
                identity: validator.clone(),
                validator,
                bytes: response.content_length(),
            }
        };
        if let Some(expected) = self.sha256 {
            announced.sha256 = Some(expected.to_ascii_lowercase());
        }
        Ok(announced)
    }

    /// The server of a repository says the hash and the size of a large file in the answer that redirects to the file.
    async fn announced_by_hub(&self) -> Result<Announced, PullError> {
        let client = client_with(reqwest::redirect::Policy::none())?;
        let mut url = self.target.url.clone();
        for _ in 0..REDIRECTS {
            let response = self.get(&client, url.clone(), true).send().await;
            let response = response.map_err(|error| self.connection(&error, 0))?;
            let headers = response.headers();
            let linked = text(headers, "x-linked-etag").map(|tag| tag.trim_matches('"').to_ascii_lowercase());
            let is_hash = |tag: &String| tag.len() == 64 && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
            if let Some(sha256) = linked.filter(is_hash) {
                let bytes = text(headers, "x-linked-size").and_then(|size| size.parse().ok());
                return Ok(Announced {
                    identity: Some(sha256.clone()),
                    sha256: Some(sha256),
                    validator: None,
                    bytes,
                });
            }
            let elsewhere = text(headers, LOCATION).filter(|_| response.status().is_redirection());
            // A repository was renamed. Other hosts hold the content and know nothing of repositories.
            match elsewhere.and_then(|to| url.join(&to).ok()) {
                Some(to) if to.origin() == url.origin() => url = to,
                _ => {
                    self.success_or_redirect(&response)?;
                    break;
                }
            }
        }
        Err(PullError::Status(format!(
            "{} does not say the SHA-256 of {}",
            self.hub.endpoint, self.target.file
        )))
    }

    fn success_or_redirect(&self, response: &Response) -> Result<(), PullError> {
        let status = response.status();
        if status.is_success() || status.is_redirection() { Ok(()) } else { Err(self.refused(status)) }
    }

    fn success(&self, response: Response) -> Result<Response, PullError> {
        if response.status().is_success() { Ok(response) } else { Err(self.refused(response.status())) }
    }

    /// What an HTTP status means, and what to do.
    fn refused(&self, status: StatusCode) -> PullError {
        let url = &self.target.url;
        PullError::Status(match status {
            StatusCode::NOT_FOUND => format!("there is no file at {url} (404)"),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if self.target.is_in_hub => format!(
                "{url} is not accessible ({status}): accept the model's licence on its page, and set HF_TOKEN to a token of yours"
            ),
            status => format!("{url} answers {status}"),
        })
    }

    fn connection(&self, error: &reqwest::Error, there: u64) -> PullError {
        // The innermost cause is what a person can act on: no such host, a certificate, a refusal.
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        let url = error.url().unwrap_or(&self.target.url);
        let host = url.host_str().unwrap_or_default();
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        let is_unreachable = error.is_connect() || error.is_timeout();
        let hint = is_unreachable.then(|| {
            let proxy = url.scheme().to_uppercase();
            format!("; check the network connection, and {proxy}_PROXY if you need a proxy")
        });
        PullError::Connection(
            format!("the connection to {host}{port} failed: {cause}{}", hint.unwrap_or_default()),
            there,
        )
    }

    /// Appends what is missing.
    async fn fetch(
        &self,
        client: &Client,
        announced: &Announced,
        partial: &mut Partial,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<(), PullError> {
        let mut failures = 0;
        loop {
            progress(partial.length, announced.bytes);
            if announced.bytes.is_some_and(|bytes| partial.length == bytes) {
                return Ok(());
            }
            let before = partial.length;
            let error = match self.attempt(client, announced, partial, progress).await {
                Ok(()) => return Ok(()),
                Err(Attempt::Final(error)) => return Err(error),
                Err(Attempt::Again(error)) => error,
            };
            failures = if partial.length > before { 1 } else { failures + 1 };
            if failures > self.retries.attempts {
                return Err(error);
            }
            tracing::debug!("{error}; attempt {failures}");
            tokio::time::sleep(self.retries.pause * 2u32.pow(failures - 1)).await;
        }
    }

    /// One request; appends its body.
    async fn attempt(
        &self,
        client: &Client,
        announced: &Announced,
        partial: &mut Partial,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<(), Attempt> {
        let mut request = self.get(client, self.target.url.clone(), false);
        if partial.length > 0 {
            request = request.header(RANGE, format!("bytes={}-", partial.length));
            if let Some(validator) = &announced.validator {
                request = request.header(IF_RANGE, validator);
            }
        }
        let again = |error: reqwest::Error, there| Attempt::Again(self.connection(&error, there));
        let mut response = request.send().await.map_err(|error| again(error, partial.length))?;
        let status = response.status();
        if status.is_server_error()
            || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status)
        {
            return Err(Attempt::Again(self.refused(status)));
        }
        let continues = format!("bytes {}-", partial.length);
        match status {
            StatusCode::PARTIAL_CONTENT
                if text(response.headers(), CONTENT_RANGE)
                    .is_some_and(|range| range.starts_with(&continues)) => {}
            // The server knows no ranges, sends another one, or the content has changed.
            StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                let had_some = partial.length > 0;
                partial.clear()?;
                if status != StatusCode::OK {
                    let message = format!("{} answers with a range that was not asked for", self.target.url);
                    let error = PullError::Status(message);
                    return Err(if had_some { Attempt::Again(error) } else { Attempt::Final(error) });
                }
            }
            _ => return Err(Attempt::Final(self.refused(status))),
        }
        while let Some(bytes) = response.chunk().await.map_err(|error| again(error, partial.length))? {
            partial.append(&bytes)?;
            progress(partial.length, announced.bytes);
        }
        match announced.bytes {
            Some(bytes) if partial.length < bytes => Err(Attempt::Again(PullError::Connection(
                format!("the connection ended after {} of {bytes} bytes", partial.length),
                partial.length,
            ))),
            _ => Ok(()),
        }
    }
}

/// A failed attempt.
enum Attempt {
    /// Another one may succeed.
    Again(PullError),
    Final(PullError),
}

impl From<PullError> for Attempt {
    fn from(error: PullError) -> Self {
        Attempt::Final(error)
    }
}

fn client() -> Result<Client, PullError> {
    client_with(reqwest::redirect::Policy::limited(10))
}

/// Honours the proxies of the environment and the certificates of the system.
fn client_with(redirects: reqwest::redirect::Policy) -> Result<Client, PullError> {
    // An error means that one is installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().redirect(redirects).connect_timeout(SILENCE).read_timeout(SILENCE);
    let client = client.user_agent(concat!("phi-ls/", env!("CARGO_PKG_VERSION")));
    client.build().map_err(|error| PullError::Connection(error.to_string(), 0))
}

fn text(headers: &HeaderMap, name: impl reqwest::header::AsHeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
