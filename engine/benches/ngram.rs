//! Cost and accuracy of the n-gram model: `cargo bench -p phi-engine --bench ngram [-- DIR...]`.
//!
//! Adds up to 5,000 source files or 20 MB of the folders (the workspace's own sources by default), then simulates
//! edits: removes the rest of a line from a file and asks the model for it, with all other files and lines as
//! sources. An answer is right if the file continued with exactly that text.
//!
//! Times are CPU times. The lengths of the answers and the share of whole lines are printed too. Results are in
//! `tests/bench/RESULTS.md`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use phi_engine::ngram::NgramModel;
use phi_engine::{Origin, SourceId};

const FILES: usize = 5000;
const BYTES: usize = 20 << 20;
const QUESTIONS: usize = 6000;
const SOURCES: [&str; 10] = ["rs", "py", "ts", "js", "go", "java", "c", "h", "rb", "lua"];

fn main() -> std::io::Result<()> {
    let mut folders: Vec<PathBuf> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).map(PathBuf::from).collect();
    if folders.is_empty() {
        folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..")];
    }
    let mut texts: Vec<Arc<str>> = Vec::new();
    for folder in &folders {
        read(folder, &mut texts)?;
    }
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    println!("{} files, {:.1} MB", texts.len(), bytes as f64 / 1e6);

    let mut model = NgramModel::new();
    let mut times = Times::default();
    for (id, text) in texts.iter().enumerate() {
        times.measure(|| model.add_source(SourceId(id as u64), text.clone()));
    }
    times.print("add a file");
    println!("{:.1} MB of texts and index", model.bytes() as f64 / 1e6);

    edit(&mut model, &texts);
    long_file(&mut model, &texts);
    Ok(())
}

/// Adds the source files below a folder, in the order of their names.
fn read(folder: &Path, texts: &mut Vec<Arc<str>>) -> std::io::Result<()> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            read(&path, texts)?;
        } else if path.extension().is_some_and(|extension| SOURCES.iter().any(|source| extension == *source))
        {
            let taken: usize = texts.iter().map(|text| text.len()).sum();
            match std::fs::read_to_string(&path) {
                Ok(text) if texts.len() < FILES && taken + text.len() <= BYTES => texts.push(text.into()),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Removes the rests of lines from files and asks for them.
fn edit(model: &mut NgramModel, texts: &[Arc<str>]) {
    let mut random = Random(1);
    let mut answers = Times::default();
    let mut updates = Times::default();
    let mut scores = [
        ("at the start of a line", Score::default()),
        ("inside a word", Score::default()),
        ("elsewhere in a line", Score::default()),
    ];
    for _ in 0..QUESTIONS {
        let id = random.below(texts.len());
        let text = &texts[id];
        let Some((cursor, end)) = place(text, &mut random) else { continue };
        let buffer: Arc<str> = format!("{}{}", &text[..cursor], &text[end..]).into();
        let source = SourceId(id as u64);
        updates.measure(|| model.add_source(source, buffer.clone()));
        let origin = Some(Origin { source, offset: cursor });
        let answer = answers.measure(|| model.continue_text(&text[..cursor], origin, 64));
        let before = text[..cursor].chars().next_back().unwrap_or('\n');
        let behind = text[cursor..].chars().next().unwrap_or('\n');
        let kind = match (text[..cursor].rsplit('\n').next(), before, behind) {
            (Some(line), ..) if line.trim().is_empty() => 0,
            (_, before, behind) if is_word(before) && is_word(behind) => 1,
            _ => 2,
        };
        scores[kind].1.add(
            answer.as_ref().map(|answer| answer.text.as_str()),
            &text[cursor..],
            &text[cursor..end],
        );
        if random.below(8) == 0 {
            model.add_source(source, text.clone());
        }
    }
    updates.print("replace an edited file");
    answers.print("answer");
    for (name, score) in &scores {
        score.print(name);
    }
}

/// A cursor in a line of `text` and the line's end.
fn place(text: &str, random: &mut Random) -> Option<(usize, usize)> {
    let somewhere = text.floor_char_boundary(random.below(text.len().max(1)));
    let start = text[..somewhere].rfind('\n').map_or(0, |at| at + 1);
    let end = text[somewhere..].find('\n').map_or(text.len(), |at| somewhere + at);
    let indent = text[start..end].len() - text[start..end].trim_start().len();
    let cursor = if random.below(4) == 0 { start + indent } else { somewhere.max(start + indent) };
    (cursor < end).then_some((cursor, end))
}

/// Types into a file of 10,000 lines.
fn long_file(model: &mut NgramModel, texts: &[Arc<str>]) {
    let lines: Vec<&str> = texts.iter().flat_map(|text| text.lines()).cycle().take(10_000).collect();
    let text = lines.join("\n");
    let mut cursor = text.floor_char_boundary(text.len() / 2);
    let mut buffer = text;
    let (mut updates, mut answers) = (Times::default(), Times::default());
    for character in "let value = self.model.continue_text(tail, origin".repeat(4).chars() {
        buffer.insert(cursor, character);
        cursor += character.len_utf8();
        let now: Arc<str> = buffer.as_str().into();
        let source = SourceId(u64::MAX);
        updates.measure(|| model.add_source(source, now));
        let origin = Some(Origin { source, offset: cursor });
        answers.measure(|| model.continue_text(&buffer[..cursor], origin, 64));
    }
    updates.print("replace 10,000 lines after a keystroke");
    answers.print("answer there");
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[derive(Default)]
struct Score {
    asked: usize,
    answered: usize,
    right: usize,
    line: usize,
    bytes: usize,
}

impl Score {
    fn add(&mut self, answer: Option<&str>, truth: &str, line: &str) {
        self.asked += 1;
        let Some(answer) = answer else { return };
        self.answered += 1;
        if truth.starts_with(answer) {
            self.right += 1;
            self.bytes += answer.len();
            self.line += usize::from(answer.starts_with(line.trim_end()));
        }
    }

    fn print(&self, name: &str) {
        let percent = |part: usize, whole: usize| 100.0 * part as f64 / whole.max(1) as f64;
        println!(
            "{name:<24} {:>5} asked, {:>4.1} % answered, {:>4.1} % of these right, {:>4.1} % the whole line, {:>4.1} bytes each",
            self.asked,
            percent(self.answered, self.asked),
            percent(self.right, self.answered),
            percent(self.line, self.answered),
            self.bytes as f64 / self.right.max(1) as f64,
        );
    }
}

#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn measure<T>(&mut self, job: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = job();
        self.0.push(start.elapsed());
        result
    }

    fn print(mut self, name: &str) {
        self.0.sort();
        let at = |share: f64| {
            self.0.get(((self.0.len() as f64 - 1.0) * share) as usize).copied().unwrap_or_default()
        };
        println!("{name:<40} p50 {:>9.1?}  p95 {:>9.1?}  max {:>9.1?}", at(0.5), at(0.95), at(1.0));
    }
}

/// Xorshift; the same questions in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}
