//! Downloads from a server on this machine that misbehaves as servers and networks do.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// How the server answers one request.
#[derive(Clone)]
enum Answer {
    /// These header lines, and the content from here to there, whatever was asked for.
    Send { head: String, from: usize, to: usize },
    /// What the request asks for, `Range` included.
    Serve,
    /// As `Serve`, but after this number of bytes the connection ends.
    Cut(usize),
    /// Header lines alone.
    Head(String),
}

/// A server whose answers are scripted; the last one repeats.
struct Server {
    url: String,
    /// The heads of the requests.
    requests: Arc<Mutex<Vec<String>>>,
}

fn content() -> Vec<u8> {
    let rest = (0..100_000u32).flat_map(|number| number.to_le_bytes());
    b"GGUF".iter().copied().chain(rest).collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Server {
    async fn answering(answers: Vec<Answer>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut answers = answers.into_iter().peekable();
            while let Ok((stream, _)) = listener.accept().await {
                let answer = answers.next().expect("an answer");
                let answer = if answers.peek().is_none() {
                    answers = vec![answer.clone(), answer.clone()].into_iter().peekable();
                    answers.next().expect("the same")
                } else {
                    answer
                };
                let _ = reply(stream, answer, &log).await;
            }
        });
        Server { url, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

async fn reply(mut stream: TcpStream, answer: Answer, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head.push(stream.read_u8().await? as char);
    }
    let head = head.to_lowercase();
    log.lock().expect("no panic").push(head.clone());
    let content = content();
    let range = head.lines().find_map(|line| line.strip_prefix("range: bytes=")?.strip_suffix('-'));
    let from: usize = range.map_or(0, |from| from.parse().expect("a number"));
    let (lines, body, length) = match answer {
        Answer::Head(lines) => (lines, &content[..0], 0),
        Answer::Send { head, from, to } => (head, &content[from..to], to - from),
        Answer::Serve | Answer::Cut(_) => {
            let lines = match from {
                0 => "200 OK\r\netag: \"one\"".to_owned(),
                from => {
                    let last = content.len() - 1;
                    format!("206 Partial Content\r\ncontent-range: bytes {from}-{last}/{}", content.len())
                }
            };
            let end = match answer {
                Answer::Cut(bytes) => (from + bytes).min(content.len()),
                _ => content.len(),
            };
            (lines, &content[from..end], content.len() - from)
        }
    };
    let head_lines = format!("HTTP/1.1 {lines}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all(head_lines.as_bytes()).await?;
    if !head.starts_with("head ") {
        stream.write_all(body).await?;
    }
    stream.shutdown().await
}

/// The answer of a repository that names the hash and redirects to the content.
fn linked(sha256: &str, to: &str) -> Answer {
    let bytes = content().len();
    Answer::Head(format!(
        "302 Found\r\nx-linked-etag: \"{sha256}\"\r\nx-linked-size: {bytes}\r\nlocation: {to}/content"
    ))
}

struct Case {
    folder: TempDir,
    hub: Hub,
    target: Target,
    sha256: Option<String>,
}

impl Case {
    fn of(name: &str, endpoint: &str) -> Case {
        let hub = Hub::of(Some(endpoint), Some("secret-token".to_owned())).expect("an address");
        let target = Target::parse(name, &hub).expect("a target");
        Case { folder: tempfile::tempdir().expect("a folder"), hub, target, sha256: None }
    }

    /// A file of a repository.
    fn hub(server: &Server) -> Case {
        Case::of("hf:some/model/m.gguf", &server.url)
    }

    /// A file at an address.
    fn plain(server: &Server) -> Case {
        Case::of(&format!("{}/m.gguf", server.url), &server.url)
    }

    async fn run(&self) -> Result<Found, PullError> {
        let retries = Retries { attempts: 2, pause: Duration::ZERO };
        let (target, hub, folder) = (&self.target, &self.hub, self.folder.path());
        let mut last = 0;
        let mut progress = |there, of: Option<u64>| {
            last = there;
            assert!(of.is_none_or(|of| there <= of));
        };
        Download { target, hub, folder, sha256: self.sha256.as_deref(), retries }.run(&mut progress).await
    }

    async fn error(&self) -> String {
        self.run().await.expect_err("an error").to_string()
    }

    /// The file names in the folder.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("m.gguf")
    }
}

#[tokio::test]
async fn a_file_of_a_repository_is_checked_and_not_fetched_twice() {
    let content_server = Server::answering(vec![Answer::Serve]).await;
    let hash = sha256(&content());
    let server = Server::answering(vec![linked(&hash, &content_server.url)]).await;
    let case = Case::hub(&server);
    let found = case.run().await.expect("a file");
    assert_eq!(found, Found { path: case.path(), sha256: hash, was_checked: true, was_there: false });
    assert_eq!(fs::read(case.path()).expect("a file"), content());
    assert_eq!(case.files(), ["m.gguf"]);
    let requests = server.requests();
    assert!(requests[0].starts_with("head /some/model/resolve/main/m.gguf"), "{requests:?}");
    assert!(requests[0].contains("authorization: bearer secret-token"));
    let elsewhere = content_server.requests();
    assert!(elsewhere[0].starts_with("get /content"), "{elsewhere:?}");
    assert!(!elsewhere[0].contains("secret-token"), "the token stays with its server");
    assert!(case.run().await.expect("a file").was_there);
    assert_eq!(content_server.requests().len(), 1);
}

#[tokio::test]
async fn a_cut_connection_continues_where_it_ended() {
    let content_server =
        Server::answering(vec![Answer::Cut(1000), Answer::Cut(150_000), Answer::Cut(1), Answer::Serve]).await;
    let server = Server::answering(vec![linked(&sha256(&content()), &content_server.url)]).await;
    let case = Case::hub(&server);
    case.run().await.expect("a file");
    assert_eq!(fs::read(case.path()).expect("a file"), content());
    let requests = content_server.requests();
    assert!(requests[1].contains("range: bytes=1000-"), "{requests:?}");
    assert!(requests[2].contains("range: bytes=151000-"), "{requests:?}");
}

#[tokio::test]
async fn the_next_run_continues_a_download_that_failed() {
    let content_server =
        Server::answering(vec![Answer::Cut(5000), Answer::Cut(0), Answer::Cut(0), Answer::Serve]).await;
    let server = Server::answering(vec![linked(&sha256(&content()), &content_server.url)]).await;
    let case = Case::hub(&server);
    let error = case.error().await;
    assert!(error.contains("is kept, run the command again"), "{error}");
    assert!(case.files()[0].ends_with(".part"));
    case.run().await.expect("a file");
    assert!(content_server.requests().last().expect("a request").contains("range: bytes=5000-"));
    assert_eq!(fs::read(case.path()).expect("a file"), content());
    assert_eq!(case.files(), ["m.gguf"]);
}

#[tokio::test]
async fn a_server_without_ranges_starts_again() {
    let whole = Answer::Send { head: "200 OK".to_owned(), from: 0, to: content().len() };
    let content_server = Server::answering(vec![Answer::Cut(5000), whole]).await;
    let server = Server::answering(vec![linked(&sha256(&content()), &content_server.url)]).await;
    let case = Case::hub(&server);
    case.run().await.expect("a file");
    assert_eq!(fs::read(case.path()).expect("a file"), content());
}

#[tokio::test]
async fn a_range_that_was_not_asked_for_is_not_used() {
    let wrong = Answer::Send {
        head: "206 Partial Content\r\ncontent-range: bytes 7000-400003/400004".to_owned(),
        from: 7000,
        to: content().len(),
    };
    let content_server = Server::answering(vec![Answer::Cut(5000), wrong, Answer::Serve]).await;
    let server = Server::answering(vec![linked(&sha256(&content()), &content_server.url)]).await;
    let case = Case::hub(&server);
    case.run().await.expect("a file");
    assert_eq!(fs::read(case.path()).expect("a file"), content());
}

#[tokio::test]
async fn a_wrong_hash_leaves_nothing() {
    let content_server = Server::answering(vec![Answer::Serve]).await;
    let server = Server::answering(vec![linked(&"0".repeat(64), &content_server.url)]).await;
    let case = Case::hub(&server);
    let error = case.error().await;
    assert!(error.contains(&sha256(&content())) && error.contains("deleted"), "{error}");
    assert_eq!(case.files(), [""; 0]);
}

#[tokio::test]
async fn a_busy_server_is_asked_again() {
    let busy = || Answer::Head("503 Service Unavailable".to_owned());
    let content_server = Server::answering(vec![busy(), busy(), Answer::Serve]).await;
    let server = Server::answering(vec![linked(&sha256(&content()), &content_server.url)]).await;
    Case::hub(&server).run().await.expect("a file");
    let content_server = Server::answering(vec![busy()]).await;
    let server = Server::answering(vec![linked(&sha256(&content()), &content_server.url)]).await;
    assert!(Case::hub(&server).error().await.contains("503"));
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let status = async |line: &str| {
        let server = Server::answering(vec![Answer::Head(line.to_owned())]).await;
        Case::hub(&server).error().await
    };
    assert!(status("404 Not Found").await.contains("there is no file at"));
    assert!(status("401 Unauthorized").await.contains("HF_TOKEN"));
    assert!(status("200 OK").await.contains("does not say the SHA-256"));
    let case = Case::of("hf:some/model/m.gguf", "http://127.0.0.1:1");
    let error = case.error().await;
    assert!(error.starts_with("the connection to 127.0.0.1:1 failed: "), "{error}");
    assert!(error.to_lowercase().contains("refused"), "{error}");
    assert!(error.ends_with("check the network connection, and HTTP_PROXY if you need a proxy"), "{error}");
}

#[tokio::test]
async fn an_address_is_checked_as_far_as_possible() {
    let server = Server::answering(vec![Answer::Serve]).await;
    let mut case = Case::plain(&server);
    let found = case.run().await.expect("a file");
    assert_eq!((found.was_checked, found.was_there), (false, false));
    assert!(!server.requests()[0].contains("secret-token"), "the token is for repositories");
    // The same name may be another file.
    assert!(case.error().await.contains("move it away"));
    case.sha256 = Some(sha256(&content()).to_uppercase());
    assert!(case.run().await.expect("a file").was_there);
    // A page in place of a file.
    let page = Answer::Send { head: "200 OK\r\ncontent-type: text/html".to_owned(), from: 4, to: 2000 };
    let case = Case::plain(&Server::answering(vec![page]).await);
    assert!(case.error().await.contains("does not hold a GGUF file"));
    assert_eq!(case.files(), [""; 0]);
}

#[tokio::test]
async fn an_address_continues_only_the_same_content() {
    let server = Server::answering(vec![
        Answer::Serve,
        Answer::Cut(5000),
        Answer::Cut(0),
        Answer::Cut(0),
        Answer::Serve,
        Answer::Serve,
    ])
    .await;
    let case = Case::plain(&server);
    case.error().await;
    case.run().await.expect("a file");
    let last = server.requests().pop().expect("a request");
    assert!(last.contains("range: bytes=5000-") && last.contains("if-range: \"one\""), "{last}");
    assert_eq!(fs::read(case.path()).expect("a file"), content());
}

#[tokio::test]
async fn a_download_needs_space() {
    let bytes = 1u64 << 60;
    let head = format!("302 Found\r\nx-linked-etag: \"{}\"\r\nx-linked-size: {bytes}", "0".repeat(64));
    let server = Server::answering(vec![Answer::Head(head)]).await;
    assert!(Case::hub(&server).error().await.contains("free some space"));
}

#[tokio::test]
async fn two_processes_do_not_write_one_file() {
    let content_server = Server::answering(vec![Answer::Cut(5000), Answer::Cut(0)]).await;
    let server = Server::answering(vec![linked(&sha256(&content()), &content_server.url)]).await;
    let case = Case::hub(&server);
    case.error().await;
    let part = fs::File::open(case.folder.path().join(&case.files()[0])).expect("a file");
    part.lock().expect("a lock");
    assert!(case.error().await.contains("another process"));
}

#[test]
fn targets_are_names_repositories_or_addresses() {
    let hub = Hub::of(None, None).expect("an address");
    let url = |name: &str| Target::parse(name, &hub).map(|target| target.url.to_string());
    assert_eq!(
        url("Phi-3.5-mini").as_deref(),
        Ok(
            "https://huggingface.co/bartowski/Phi-3.5-mini-instruct-GGUF/resolve/main/Phi-3.5-mini-instruct-Q4_K_M.gguf"
        )
    );
    assert_eq!(
        url("hf:a/b/c/d e.gguf").as_deref(),
        Ok("https://huggingface.co/a/b/resolve/main/c/d%20e.gguf")
    );
    assert_eq!(url("hf:a/b/c.gguf@v1").as_deref(), Ok("https://huggingface.co/a/b/resolve/v1/c.gguf"));
    assert_eq!(url("https://host/c.gguf?x=1").as_deref(), Ok("https://host/c.gguf?x=1"));
    let mirror = Hub::of(Some("http://mirror:8080/hub/"), None).expect("an address");
    let target = Target::parse("hf:a/b/c.gguf", &mirror).expect("a target");
    assert_eq!(target.url.as_str(), "http://mirror:8080/hub/a/b/resolve/main/c.gguf");

    let error = |name: &str| url(name).expect_err("an error").to_string();
    assert!(error("phi-9").contains("phi-3.5-mini, qwen2.5-coder-3b"), "{}", error("phi-9"));
    for name in ["hf:a/b", "hf:a//c.gguf", "hf:a/b/../c.gguf", "hf:a/b/c.gguf@"] {
        assert!(error(name).contains("is not of the form"), "{name}: {}", error(name));
    }
    assert!(error("hf:a/b/model.safetensors").contains("GGUF files only"));
    assert!(error("https://host/%2e%2e%2fc.gguf").contains("GGUF files only"));
    assert!(error("https://host/.gguf").contains("GGUF files only"));
    assert!(error("hf:a/b/m-00001-of-00003.gguf").contains("split model"));
    assert!(error("ftp://host/c.gguf").contains("neither http nor https"));
    assert!(Hub::of(Some("nowhere"), None).is_err());
}

#[test]
fn the_catalog_is_valid() {
    let hub = Hub::of(None, None).expect("an address");
    for entry in catalog::CATALOG {
        let target = Target::parse(entry.name, &hub).expect("a target");
        assert_eq!(target.file, entry.file);
        assert!(!entry.good_at.is_empty() && !entry.license.is_empty() && entry.bytes > 0);
    }
}
