//! Kills `phi-ls refactor --apply` during its writes: each file has its old or its new contents, and `--resume` finishes.
//!
//! One test limits the file size, so that the system kills the program at each length of the journal: the same points on every
//! machine. The other test kills it at many moments drawn from a fixed seed: some time after the start, or shortly after a
//! certain file or its temporary replacement appears. What a kill interrupts depends on the machine; what is asserted does not.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use fastrand::Rng;

const FILES: usize = 10;
/// Threads of the test. They mostly wait for the disk.
const THREADS: u64 = 4;
/// Of all threads; each kills once or twice.
const ROUNDS: u64 = 40;
/// A bound that only a hanging run reaches.
const TOO_LONG: Duration = Duration::from_secs(60);
/// The unit of `ulimit -f`, in bytes.
const BLOCK: u64 = 512;

/// A home folder, and a repository in it in which each file has an item to be rewritten.
struct Machine {
    home: tempfile::TempDir,
    /// The longest file has fewer of these.
    lines: usize,
}

impl Machine {
    fn new(lines: usize) -> Machine {
        let machine = Machine { home: tempfile::tempdir().expect("a folder"), lines };
        fs::create_dir_all(machine.repository().join(".git")).expect("a folder");
        let script = r#"[{"when": [], "replace": [["before", "after"]]}]"#;
        fs::write(machine.home.path().join("script.json"), script).expect("a file");
        machine
    }

    fn repository(&self) -> PathBuf {
        self.home.path().canonicalize().expect("it is there").join("repository")
    }

    fn file(&self, number: usize) -> PathBuf {
        self.repository().join(format!("src/part{}/file{number}.rs", number % 3))
    }

    /// The text of a file before and after: short and long ones, with both kinds of line breaks.
    fn text(&self, number: usize, word: &str) -> String {
        let end = if number.is_multiple_of(2) { "\n" } else { "\r\n" };
        let item = format!("fn item_{number}() -> u32 {{\n    let {word} = {number};\n    {word} + 1\n}}\n");
        let rest = "// More of it, so that the file takes a while.\n".repeat(number * 1485 % self.lines);
        (item + &rest).replace('\n', end)
    }

    /// All files as they were.
    fn begin(&self) {
        let _ = fs::remove_dir_all(self.repository().join("src"));
        for number in 0..FILES {
            let path = self.file(number);
            fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
            fs::write(path, self.text(number, "before")).expect("a file");
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_phi-ls-scripted"));
        command.arg("refactor").args(arguments).current_dir(self.repository()).stdin(Stdio::null());
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("OLLAMA_MODELS", self.home.path().join("ollama"));
        command.env("PHI_LS_SCRIPT", self.home.path().join("script.json"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program starts")
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
    }

    /// The journal of an unfinished run.
    fn journal(&self) -> Option<PathBuf> {
        let folder = self.home.path().join(".cache/phi-ls/refactorings");
        let mut entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.find(|path| path.extension().is_some_and(|end| end == "jsonl"))
    }

    /// The number of files with their new contents. All others must have their old contents.
    fn written(&self) -> usize {
        let written = (0..FILES).filter(|&number| {
            let path = self.file(number);
            let text = fs::read_to_string(&path).expect("it is there, and text");
            let is_after = text == self.text(number, "after");
            let is_whole = is_after || text == self.text(number, "before");
            assert!(is_whole, "{} is neither as it was nor as it is to be", path.display());
            is_after
        });
        written.count()
    }

    /// Other files in the folders of the repository, such as temporary ones.
    fn strangers(&self) -> Vec<PathBuf> {
        let known: Vec<PathBuf> = (0..FILES).map(|number| self.file(number)).collect();
        let folders = fs::read_dir(self.repository().join("src")).expect("a folder").flatten();
        let files = folders.flat_map(|folder| fs::read_dir(folder.path()).expect("a folder").flatten());
        files.map(|file| file.path()).filter(|path| !known.contains(path)).collect()
    }

    /// Kills the process at `moment`, unless it has ended by then.
    fn kill(&self, mut process: Child, moment: &Moment) {
        let was = state(&self.file(moment.file));
        let folder = self.file(moment.file).parent().expect("its folder").to_owned();
        let has_come = || match moment.event {
            Event::Start => true,
            Event::Written => state(&self.file(moment.file)) != was,
            Event::Replacement => {
                let mut files = fs::read_dir(&folder).expect("a folder").flatten();
                files.any(|file| file.file_name().to_string_lossy().starts_with(".phi-ls-"))
            }
        };
        let since = Instant::now();
        while !has_come() {
            if process.try_wait().expect("its state is known").is_some() {
                return;
            }
            assert!(since.elapsed() < TOO_LONG, "the program hangs");
            std::thread::yield_now();
        }
        let come = Instant::now();
        while come.elapsed() < moment.later {
            std::thread::yield_now();
        }
        process.kill().expect("it can be killed");
        process.wait().expect("it ends");
    }
}

/// Changes when another file replaces it, or when it is written.
fn state(path: &Path) -> Option<(u64, u64, i64)> {
    fs::metadata(path).ok().map(|metadata| (metadata.ino(), metadata.len(), metadata.mtime_nsec()))
}

/// When a process is killed: the delay after an event of a file.
#[derive(Debug)]
struct Moment {
    event: Event,
    file: usize,
    later: Duration,
}

#[derive(Debug)]
enum Event {
    Start,
    Replacement,
    Written,
}

impl Moment {
    fn any(random: &mut Rng) -> Moment {
        let (event, microseconds) = match random.u32(..6) {
            0 => (Event::Start, 300_000),
            1 | 2 => (Event::Replacement, 3_000),
            3 => (Event::Written, 3_000),
            // At once: a file that is written in place is not whole yet.
            _ => (Event::Written, 1),
        };
        let later = Duration::from_micros(random.u64(..microseconds));
        Moment { event, file: random.usize(..FILES), later }
    }
}

/// A machine on which the changes are made and nothing is written yet: its journal, and what stands in it.
fn planned(lines: usize) -> (Machine, PathBuf, Vec<u8>) {
    let machine = Machine::new(lines);
    machine.begin();
    let planned = machine.run(&["Say after", "--paths", "src/**"]);
    assert!(planned.status.success(), "{planned:?}");
    let journal = machine.journal().expect("nothing is written yet");
    let finished = fs::read(&journal).expect("readable");
    (machine, journal, finished)
}

/// Finishes what was interrupted.
fn resume(machine: &Machine, journal: &Path, what: &dyn std::fmt::Debug) {
    if journal.exists() {
        let resumed = machine.run(&["--resume", "--apply"]);
        assert!(resumed.status.success(), "{what:?}: {resumed:?}");
    }
    assert_eq!((machine.written(), machine.journal()), (FILES, None), "{what:?}");
    assert_eq!(machine.strangers(), Vec::<PathBuf>::new(), "{what:?}");
}

/// Each file that is written adds a line to the journal, which may not become longer than the limit: the system ends the
/// program in the line after it.
#[test]
fn killed_at_each_length_of_the_journal() {
    let (machine, journal, finished) = planned(2);
    let mut written = Vec::new();
    for blocks in finished.len() as u64 / BLOCK.. {
        machine.begin();
        fs::write(&journal, &finished).expect("written");
        let command = machine.command(&["--resume", "--apply"]);
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!("ulimit -c 0; ulimit -f {blocks}; exec \"$0\" \"$@\"")]);
        limited.arg(command.get_program()).args(command.get_args()).current_dir(machine.repository());
        limited.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let status = limited.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("a shell");
        if status.success() {
            assert_eq!((machine.written(), machine.journal()), (FILES, None));
            break;
        }
        assert!(status.signal().is_some(), "with {blocks} blocks: {status:?}");
        written.push(machine.written());
        resume(&machine, &journal, &blocks);
    }
    assert!(written.is_sorted(), "{written:?}");
    assert_eq!(written.first(), Some(&0));
    let halfway = written.iter().filter(|&written| (1..FILES).contains(written)).count();
    assert!(halfway > 0, "a block is shorter than the lines of all files: {written:?}");
}

#[test]
fn killed_at_any_moment() {
    let rounds = |first: u64| {
        // Each round begins before the first write.
        let (machine, journal, finished) = planned(4000);
        for round in (first..ROUNDS).step_by(THREADS as usize) {
            let mut random = Rng::with_seed(round);
            machine.begin();
            fs::write(&journal, &finished).expect("written");
            let mut moments = Vec::new();
            // Sometimes the run that resumes is killed as well.
            for _ in 0..random.usize(1..3) {
                let moment = Moment::any(&mut random);
                machine.kill(machine.start(&["--resume", "--apply"]), &moment);
                moments.push(moment);
                let written = machine.written();
                if !journal.exists() {
                    assert_eq!(written, FILES, "round {round}, {moments:?}: it is not done");
                    break;
                }
            }
            resume(&machine, &journal, &(round, moments));
        }
    };
    std::thread::scope(|scope| {
        for first in 0..THREADS {
            scope.spawn(move || rounds(first));
        }
    });
}
