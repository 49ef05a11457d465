//! The cost of the index of a large repository: reading, saving, loading, changing and searching it.
//!
//! ```text
//! cargo bench -p phi-ls --bench index -- DIR [--lines N] [--rounds N]
//! ```
//! `DIR` is read as a workspace. With `--lines`, whole folders of it are first copied elsewhere, evenly spread by name,
//! until they have so many lines: a million out of `~/.cargo/registry/src/*` is `--lines 1000000`. If universal-ctags
//! and ripgrep are installed, they process the same files in the same run. Without `DIR`, and when run
//! by `cargo test --benches`, it only checks that it works, on this crate.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use phi_ls::documents::Documents;
use phi_ls::facts;
use phi_ls::repository::Repository;
use phi_ls::repository::index::{Index, Stamp, disk};
use phi_ls::repository::indexer::{Event, IndexListener, Indexer};
use phi_ls::repository::rules::Rules;
use phi_ls::repository::walk::{self, Bounds, FoundFile};

/// Files that change at once, as after a checkout of another branch.
const BRANCH: usize = 2000;
const SEARCHES: usize = 1000;
/// Lines around a cursor that make up a search.
const WINDOW: usize = 20;
/// Terms of a search.
const TERMS: usize = 60;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (mut folder, mut lines, mut rounds) = (None, None, 3);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|number| number.parse::<usize>().ok());
        match argument.as_str() {
            "--lines" => lines = number(),
            "--rounds" => rounds = number().unwrap_or(rounds),
            _ => folder = Some(PathBuf::from(argument)),
        }
    }
    let copy = tempfile::tempdir()?;
    let root = match (&folder, lines) {
        (Some(folder), Some(lines)) => {
            take(folder, lines, copy.path())?;
            copy.path().to_owned()
        }
        (Some(folder), None) => folder.clone(),
        // Changed below, so not the crate itself.
        (None, _) => {
            take(Path::new(env!("CARGO_MANIFEST_DIR")), 1000, copy.path())?;
            copy.path().to_owned()
        }
    };
    let root = root.canonicalize()?;
    let is_ours = copy.path().canonicalize()? == root;
    let kept = tempfile::tempdir()?;

    let mut ours = Vec::new();
    let mut others: Vec<(&str, Vec<Took>)> = Vec::new();
    let mut repository = Repository::default();
    let documents = Arc::<Documents>::default();
    let mut peak = None;
    // Resets the peak after copying; where that is not possible, the peak is too high.
    let _ = fs::write("/proc/self/clear_refs", "5");
    for _ in 0..rounds.max(1) {
        repository = open(&root);
        ours.push(took(Cpu::Own, || indexer(&repository, &documents).settle()));
        peak = peak.or_else(resident);
        for (at, (name, time)) in peers(&root, kept.path()).into_iter().enumerate() {
            match others.get_mut(at) {
                Some((_, times)) => times.push(time),
                None => others.push((name, vec![time])),
            }
        }
    }
    let stats = repository.index().stats();
    let (files, lines) = (stats.all.files, stats.all.lines);
    writeln!(out, "{files} files, {lines} lines, {} bytes of text", stats.all.bytes)?;
    writeln!(
        out,
        "{} symbols, {} references, {} chunks, {} terms",
        stats.all.symbols, stats.all.references, stats.all.chunks, stats.terms
    )?;
    let first = median(&mut ours);
    writeln!(out, "{:<44} {first}", "first index, median")?;
    for (name, mut times) in others {
        let time = median(&mut times);
        let ratio = first.wall.as_secs_f64() / time.wall.as_secs_f64();
        writeln!(out, "{name:<44} {time}  ours takes {ratio:.1} times as long")?;
    }
    let memory = repository.index().memory();
    writeln!(out, "{:<44} {:>9.1} MB", "index in memory, estimated", memory.total() as f64 / 1e6)?;
    if let Some((now, most)) = peak {
        let what = "process after the first index";
        writeln!(out, "{what:<44} {now:>9.1} MB, {most:.1} at the most")?;
    }

    let roots = [root.clone()];
    let file = disk::file(kept.path(), &roots);
    let started = Instant::now();
    let snapshot = repository.index().snapshot();
    report(&mut out, "snapshot, with the index locked", &mut [started.elapsed()])?;
    let save = |_| took(Cpu::Own, || disk::save(&snapshot, &roots, &file).expect("saved"));
    writeln!(out, "{:<44} {}", "save, median", median(&mut (0..5).map(save).collect::<Vec<_>>()))?;
    let load = |_| {
        let mut loaded = None;
        let took = took(Cpu::Own, || loaded = disk::load(&file, &roots));
        assert!(loaded.is_some(), "what was saved is loaded");
        took
    };
    writeln!(out, "{:<44} {}", "load, median", median(&mut (0..5).map(load).collect::<Vec<_>>()))?;
    writeln!(out, "{:<44} {:>9.1} MB", "on disk", fs::metadata(&file)?.len() as f64 / 1e6)?;

    let mut random = fastrand::Rng::with_seed(1);
    search(&mut out, &repository.index(), &mut random)?;
    one_file(&mut out, &repository)?;
    if is_ours {
        branch(&mut out, &repository, &documents)?;
    }
    Ok(())
}

fn open(root: &Path) -> Repository {
    let repository = Repository::default();
    repository.set_rules(Rules::new(&[root.to_owned()], &[]));
    repository
}

fn indexer(repository: &Repository, documents: &Arc<Documents>) -> Indexer {
    Indexer::new(repository.clone(), documents, usize::MAX, IndexListener::none())
}

/// Copies folders of `from`, evenly spread by name, until they have so many lines.
fn take(from: &Path, lines: usize, to: &Path) -> std::io::Result<()> {
    let from = from.canonicalize()?;
    let mut folders: Vec<_> = fs::read_dir(&from)?.flatten().map(|entry| entry.path()).collect();
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    // Every tenth, then the ones after them, and so on.
    let spread = (0..10).flat_map(|start| folders.iter().skip(start).step_by(10).cloned());
    let mut taken = 0;
    for folder in spread {
        if taken >= lines {
            break;
        }
        // As a separate workspace, so that hidden or ignored folders around it do not matter.
        let rules = Rules::new(std::slice::from_ref(&folder), &[]);
        let bounds = Bounds { files: usize::MAX, bytes: u64::MAX };
        for FoundFile { path, .. } in
            walk::walk(&rules, std::slice::from_ref(&folder), bounds, &|| false).files
        {
            if let (Ok((_, text)), Ok(below)) = (walk::read(&path), path.strip_prefix(&from)) {
                let copy = to.join(below);
                fs::create_dir_all(copy.parent().unwrap_or(to))?;
                taken += text.lines().count();
                fs::write(copy, text)?;
            }
        }
    }
    Ok(())
}

/// The time of other programs for the same files, if they are installed.
fn peers(root: &Path, scratch: &Path) -> Vec<(&'static str, Took)> {
    let tags = scratch.join("tags");
    let programs: [(&str, &str, Vec<&std::ffi::OsStr>); 3] = [
        (
            "universal-ctags -R",
            "ctags",
            vec!["-R".as_ref(), "--links=no".as_ref(), "-f".as_ref(), tags.as_ref(), root.as_ref()],
        ),
        ("rg --files", "rg", vec!["--files".as_ref(), root.as_ref()]),
        (
            "rg for a word that is nowhere",
            "rg",
            vec!["-w".as_ref(), concat!("nowhere", "_to_be_found").as_ref(), root.as_ref()],
        ),
    ];
    let run = |(name, program, arguments): (&'static str, &str, Vec<&std::ffi::OsStr>)| {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut is_installed = false;
        let took = took(Cpu::Children, || is_installed = command.status().is_ok());
        is_installed.then_some((name, took))
    };
    programs.into_iter().filter_map(run).collect()
}

/// Searches for the words around places of the repository itself.
fn search(out: &mut impl Write, index: &Index, random: &mut fastrand::Rng) -> std::io::Result<()> {
    let files: Vec<_> = index.files().collect();
    let (mut times, mut found) = (Vec::new(), 0);
    while times.len() < SEARCHES {
        let file = files[random.usize(..files.len())];
        let text = fs::read_to_string(index.path(file)).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        let start = random.usize(..lines.len().max(1));
        let near = lines[start.min(lines.len())..(start + WINDOW).min(lines.len())].join("\n");
        let mut terms = Vec::new();
        facts::terms(&near, |term| terms.push((term.to_owned(), 1.0)));
        terms.truncate(TERMS);
        let started = Instant::now();
        found += index.search(&terms, 20, &|other, _| other != file).len();
        times.push(started.elapsed());
    }
    assert!(found > 0, "the files have nothing in common");
    report(out, "search for the words of 20 lines", &mut times)
}

/// Reads files of about 2,000 lines and replaces them in the index.
fn one_file(out: &mut impl Write, repository: &Repository) -> std::io::Result<()> {
    let (mut read, mut put) = (Vec::new(), Vec::new());
    let paths: Vec<_> = {
        let index = repository.index();
        let large = index.files().filter(|&file| (1800..2200).contains(&index.lines(file)));
        large.map(|file| (index.path(file).to_owned(), index.stamp(file))).take(50).collect()
    };
    for (path, Stamp { modified, bytes }) in paths {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let language = phi_ls::languages::Language::of_path(&path);
        let started = Instant::now();
        let facts = facts::read(&path, &text, language, None);
        read.push(started.elapsed());
        let mut index = repository.index_mut();
        let started = Instant::now();
        index.replace(&path, Stamp { modified: modified + 1, bytes }, facts);
        put.push(started.elapsed());
    }
    if !put.is_empty() {
        report(out, "parsing a file of 2,000 lines", &mut read)?;
        report(out, "putting it into the index", &mut put)?;
    }
    Ok(())
}

/// Changes many files while another thread reads the index all the time.
fn branch(out: &mut impl Write, repository: &Repository, documents: &Arc<Documents>) -> std::io::Result<()> {
    let mut indexer = indexer(repository, documents);
    indexer.settle();
    let paths: Vec<_> = {
        let index = repository.index();
        let all: Vec<_> = index.files().map(|file| index.path(file).to_owned()).collect();
        all.iter().step_by((all.len() / BRANCH).max(1)).take(BRANCH).cloned().collect()
    };
    for path in &paths {
        fs::OpenOptions::new().append(true).open(path)?.write_all(b"\n")?;
    }
    let is_done = AtomicBool::new(false);
    let (took, mut waits) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut waits = Vec::new();
            while !is_done.load(Ordering::Relaxed) {
                let started = Instant::now();
                let index = repository.index();
                waits.push(started.elapsed());
                drop(index);
                std::thread::sleep(Duration::from_millis(1));
            }
            waits
        });
        indexer.handle(Event::Rescan);
        let took = took(Cpu::Own, || indexer.settle());
        is_done.store(true, Ordering::Relaxed);
        (took, reader.join().expect("the reader does not panic"))
    });
    let name = format!("{} files changed", paths.len());
    writeln!(out, "{name:<44} {took}")?;
    report(out, "waiting for the index meanwhile", &mut waits)
}

fn median(times: &mut [Took]) -> Took {
    times.sort_by_key(|took| took.wall);
    times[times.len() / 2]
}

/// Wall-clock time and processor time: on a busy machine these differ much.
#[derive(Clone, Copy)]
struct Took {
    wall: Duration,
    processor: Duration,
}

impl std::fmt::Display for Took {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:>9.2} s, {:.2} s of processors", self.wall.as_secs_f64(), self.processor.as_secs_f64())
    }
}

#[derive(Clone, Copy)]
enum Cpu {
    Own,
    Children,
}

fn took(whose: Cpu, work: impl FnOnce()) -> Took {
    let (started, before) = (Instant::now(), processor(whose));
    work();
    Took { wall: started.elapsed(), processor: processor(whose).saturating_sub(before) }
}

/// The processor time so far, of this process or of its children; `None` if Linux does not report it.
fn processor(whose: Cpu) -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name before it may contain spaces.
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let first = match whose {
        Cpu::Own => 11,
        Cpu::Children => 13,
    };
    let ticks = fields.iter().skip(first).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// The memory of this process in megabytes: current and peak.
fn resident() -> Option<(f64, f64)> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kilobytes| kilobytes / 1024.0)
    };
    Some((field("VmRSS:")?, field("VmHWM:")?))
}

fn report(out: &mut impl Write, what: &str, times: &mut [Duration]) -> std::io::Result<()> {
    times.sort();
    let percentile = |of_hundred: usize| times[(times.len() - 1) * of_hundred / 100].as_secs_f64() * 1e3;
    let (p50, p95, most) = (percentile(50), percentile(95), percentile(100));
    writeln!(out, "{what:<44} p50 {p50:>8.2} ms  p95 {p95:>8.2} ms  most {most:>8.2} ms")
}
