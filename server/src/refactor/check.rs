//! Runs the user's check command in a [`SandboxCopy`] and parses problems from its output.
//!
//! The user names the command in a setting or a flag; no shell parses it. It runs with the user's rights, so it can
//! access what the user's other programs can, including the network. But it may execute the repository's code, so it
//! has limits, no input, and an environment with only these variables:
//!
//! | variables | value |
//! | --- | --- |
//! | `PATH` | the user's, without relative folders: they would resolve in the repository |
//! | [`KEPT`] | the user's: home, language, locations of toolchains and their caches; no token, no key |
//! | `TMPDIR`, `TEMP`, `TMP` | a folder that is removed with the copy |
//! | `CI`, `NO_COLOR`, `TERM=dumb`, `CARGO_TERM_COLOR=never` | plain output, no questions |
//! | `PYTHONPATH` | the copy and its `src`: an editable installation refers to the user's folder |
//! | `PYTHONDONTWRITEBYTECODE` | set: packages may be outside of the copy |
//! | `GIT_CEILING_DIRECTORIES` | the copy is in no git working tree, whatever folder contains it |
//!
//! The command itself can set other variables: `env NAME=value cargo check`. Everything the command leaves is removed:
//! [`tree`] kills the processes, and the files are removed with the copy. If phi-ls is killed, [`watchdog`] does both.

mod output;
mod problems;
#[cfg(test)]
mod tests;
mod tree;
pub mod watchdog;

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use self::output::Capture;
pub use self::problems::Problem;
use self::tree::ProcessTree;
use super::sandbox::SandboxCopy;

/// The user's variables that a command gets; `*` matches any suffix.
pub const KEPT: [&str; 34] = [
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "XDG_*",
    // Rust, Go, C.
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "GOPATH",
    "GOROOT",
    "GOCACHE",
    "GOMODCACHE",
    "GOTOOLCHAIN",
    "CC",
    "CXX",
    // Python, JavaScript, Ruby, PHP, JVM, .NET.
    "PYENV_ROOT",
    "NVM_DIR",
    "VOLTA_HOME",
    "RBENV_ROOT",
    "COMPOSER_HOME",
    "JAVA_HOME",
    "GRADLE_USER_HOME",
    "DOTNET_ROOT",
    // Windows.
    "SystemRoot",
    "SystemDrive",
    "ComSpec",
    "PATHEXT",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "ProgramFiles*",
];

/// How often a running command is polled.
const ROUND: Duration = Duration::from_millis(20);
/// How long to wait for the end of the output after all processes have ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The limits of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From its start to its end.
    pub time: Duration,
    /// Maximum bytes of output to keep: half from its beginning, half from its end.
    pub output: usize,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The command exited successfully within its time.
    pub passed: bool,
    /// The command was killed because its time was up.
    pub timed_out: bool,
    /// The output as plain text: without control characters, with workspace paths instead of those of the copy, and
    /// without likely secrets.
    pub output: String,
    /// The problems, with their positions in the workspace.
    pub problems: Vec<Problem>,
}

/// Runs `command`, a program and its arguments, in the copy. Dropping the future kills the command and all its
/// descendants; the drop takes some milliseconds, the time to scan the machine's processes.
///
/// # Errors
/// The program does not exist, or cannot be started or waited for. A command that fails is no error.
pub async fn check(copy: &SandboxCopy, command: &[String], limits: Limits) -> io::Result<Checked> {
    let (copy, command) = (copy.clone(), command.to_vec());
    let (wanted, unwanted) = mpsc::channel();
    let running = Running { tree: Arc::default(), _wanted: wanted };
    let tree = running.tree.clone();
    let run = move || run(&copy, &command, limits, &tree, &unwanted);
    tokio::task::spawn_blocking(run).await.map_err(io::Error::other)?
}

/// The processes of a check while it runs.
type Processes = Arc<Mutex<Option<ProcessTree>>>;

/// A check whose result is awaited.
struct Running {
    tree: Processes,
    /// Dropping it notifies the thread that polls the processes.
    _wanted: mpsc::Sender<()>,
}

impl Drop for Running {
    /// Kills at once: if the whole program is exiting, the thread may not run again.
    fn drop(&mut self) {
        if let Some(tree) = &mut *self.tree.lock() {
            tree.kill();
        }
    }
}

fn run(
    copy: &SandboxCopy,
    command: &[String],
    limits: Limits,
    processes: &Processes,
    unwanted: &mpsc::Receiver<()>,
) -> io::Result<Checked> {
    let start = Instant::now();
    let (reader, writer) = io::pipe()?;
    let (mut process, lifeline) = process(copy, command)?;
    let is_watched = lifeline.is_some();
    // One pipe for both, to keep the order of the output.
    process.stdout(writer.try_clone()?).stderr(writer);
    let not_started = |error: io::Error| {
        let program = command.first().map_or("", String::as_str);
        io::Error::new(error.kind(), format!("the check command `{program}` cannot be started: {error}"))
    };
    let tree = ProcessTree::start(process, lifeline).map_err(not_started)?;
    *processes.lock() = Some(tree);

    let capture = Arc::new(Mutex::new(Capture::new(limits.output)));
    let silence = read_on(reader, capture.clone())?;
    let mut timed_out = false;
    while !processes.lock().as_mut().map_or(Ok(true), ProcessTree::has_ended)? {
        let left = limits.time.saturating_sub(start.elapsed());
        timed_out = left.is_zero();
        let cancelled = unwanted.recv_timeout(ROUND.min(left)) == Err(RecvTimeoutError::Disconnected);
        if timed_out || cancelled {
            break;
        }
    }
    let tree = processes.lock().take();
    let status = tree.ok_or(io::ErrorKind::Interrupted)?.end()?;
    // A process that could not be killed may keep the pipe open.
    let _ = silence.recv_timeout(LAST_WORDS);
    let text = capture.lock().text();
    let output = output::plain(&text, copy.tree(), copy.base());
    if is_watched && status.code() == Some(watchdog::NOT_RUN.into()) {
        return Err(not_started(io::Error::other(output)));
    }
    let problems = problems::find(&output, copy);
    Ok(Checked { passed: status.success() && !timed_out, timed_out, output, problems })
}

/// Captures the output of `reader` on its own thread. The channel disconnects at its end.
fn read_on(mut reader: io::PipeReader, capture: Arc<Mutex<Capture>>) -> io::Result<mpsc::Receiver<()>> {
    let (last_word, silence) = mpsc::channel();
    let read = move || {
        let mut bytes = vec![0; 64 << 10];
        while let Ok(length @ 1..) = reader.read(&mut bytes) {
            capture.lock().push(&bytes[..length]);
        }
        drop::<mpsc::Sender<()>>(last_word);
    };
    thread::Builder::new().name("check output".to_owned()).spawn(read)?;
    Ok(silence)
}

/// The command as a process to be started, with its working folder and environment, and the write end of the pipe that
/// its watchdog reads.
fn process(copy: &SandboxCopy, command: &[String]) -> io::Result<(Command, Option<io::PipeWriter>)> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the check command is empty"));
    };
    let root = copy.root();
    let program = match Path::new(program).components().count() {
        // A bare name is resolved through `PATH`.
        1 if !program.contains(std::path::is_separator) => PathBuf::from(program),
        _ => root.join(program),
    };
    let (mut process, lifeline) = watchdog::command(copy.folder(), program)?;
    process.args(arguments).current_dir(&root).env_clear();
    let kept = |name: &str| {
        KEPT.iter().any(|kept| match kept.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name.eq_ignore_ascii_case(kept),
        })
    };
    process.envs(
        std::env::vars_os()
            .filter(|(name, _)| name.to_str().is_some_and(|name| kept(name) || tree::is_mark(name))),
    );
    if let Some(path) = std::env::var_os("PATH") {
        process.env("PATH", absolute(&path)?);
    }
    let temporary = copy.temporary();
    process.envs(["TMPDIR", "TEMP", "TMP"].map(|name| (name, &temporary)));
    process.envs([("CI", "1"), ("NO_COLOR", "1"), ("TERM", "dumb"), ("CARGO_TERM_COLOR", "never")]);
    process.env("PYTHONDONTWRITEBYTECODE", "1").env("GIT_CEILING_DIRECTORIES", copy.tree());
    let sources = [root.clone(), root.join("src")].into_iter().filter(|folder| folder.is_dir());
    process.env("PYTHONPATH", std::env::join_paths(sources).map_err(io::Error::other)?);
    Ok((process, lifeline))
}

/// The absolute folders of `PATH`.
fn absolute(path: &std::ffi::OsStr) -> io::Result<OsString> {
    let folders = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    std::env::join_paths(folders).map_err(io::Error::other)
}
