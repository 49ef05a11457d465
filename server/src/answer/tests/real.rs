//! Real files, cut at random tokens: a model that writes the removed text restores the file.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;

use super::super::*;
use crate::documents::{Change, DocumentId};
use crate::edits::{self, Constraints};
use crate::syntax::ancestors;

/// The folder whose files are cut: sources of this repository as of one day, so that the cuts change with the rules
/// only. `PHI_LS_REAL_FILES` names another folder, to search for new cases.
const FOLDER: &str = "tests/fixtures/real";
/// Completions are not meant for longer remainders.
const LONGEST: usize = 2000;
const LARGEST_FILE: u64 = 40_000;

struct File {
    name: String,
    document: Document,
    text: String,
    /// Where tokens begin or end, except at the ends of lines.
    places: Vec<usize>,
}

static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let folder = std::env::var_os("PHI_LS_REAL_FILES").map_or_else(|| root.join(FOLDER), PathBuf::from);
    let mut paths = Vec::new();
    collect(&folder, &mut paths);
    paths.sort();
    let files: Vec<File> = paths.iter().filter_map(|path| read(path)).collect();
    assert!(files.len() > 10, "the files are here");
    files
});

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().expect("a kind"));
        let name = entry.file_name();
        if kind.is_dir() && !["node_modules", "target", "golden"].contains(&&*name.to_string_lossy()) {
            collect(&path, paths);
        } else if kind.is_file() && entry.metadata().is_ok_and(|data| data.len() < LARGEST_FILE) {
            paths.push(path);
        }
    }
}

/// A readable file without syntax errors: with errors it is not clear what is right.
fn read(path: &Path) -> Option<File> {
    let text = std::fs::read_to_string(path).ok()?;
    let document = Document::open(DocumentId("file:///real".into()), Some(path.into()), "", 1, &text);
    let tree = document.tree()?;
    if tree.root_node().has_error() || document.language.is_some_and(|language| language.id == "markdown") {
        return None;
    }
    let mut places = Vec::new();
    let mut cursor = tree.walk();
    'walk: loop {
        if cursor.goto_first_child() {
            continue;
        }
        places.extend([cursor.node().start_byte(), cursor.node().end_byte()]);
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                break 'walk;
            }
        }
    }
    places.sort_unstable();
    places.dedup();
    places.retain(|&at| !text[at..line_end(&text, at)].trim().is_empty());
    (!places.is_empty()).then(|| File {
        name: path.display().to_string(),
        document: document.clone(),
        text,
        places,
    })
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end)
}

/// The end of the last line of the unit that byte `at` is in.
fn unit_end(file: &File, at: usize) -> usize {
    let (tree, language) = (file.document.tree().expect("parsed"), file.document.language.expect("known"));
    let start = at + file.text[at..].len() - file.text[at..].trim_start().len();
    let path = ancestors(tree, start..start + 1);
    let unit = (1..path.len()).rev().find(|&depth| {
        let list = path[depth - 1];
        path[depth].is_named() && (language.role(list).members || language.holds_statements(list, path[0]))
    });
    let end = unit.map_or(start, |depth| path[depth].end_byte());
    // A comment may contain its line break.
    let end = file.text[..end.min(file.text.len())].trim_end().len();
    line_end(&file.text, end.max(start))
}

/// The text of a document with the draft of an answer in it, if one passes.
fn applied(document: &Document, cursor: usize, said: &str, finished: bool) -> Option<String> {
    let draft = completion(document, cursor, said, finished)?;
    edits::verify(document, &draft, &Constraints::Completion).ok()?;
    let after = document.apply(2, &[Change::Splice { range: draft.range, text: draft.text }]);
    Some(after.text.to_string())
}

/// Cuts that even the author could not decide, or that the rules change on purpose: a line next to its equal, text that
/// looks like a derailed or chatting small model, an empty block (it gets a line for the cursor), white space at the
/// end of a line, and a multi-line string, whose indentation shows nothing.
fn is_odd(file: &File, cut: usize, end: usize) -> bool {
    let text = &file.text;
    let start = text[..cut].rfind('\n').map_or(0, |at| at + 1);
    let lines: Vec<&str> = text[start..end].lines().map(str::trim).collect();
    let above: Vec<&str> = text[..start].lines().rev().take(3).map(str::trim).collect();
    let below: Vec<&str> = text[end..].lines().skip(1).take(3).map(str::trim).collect();
    let said = &text[cut..end];
    let place = context_at(&file.document, cut).expect("a place");
    let chats = fences::code(said, &place, true).is_none_or(|(code, _)| code != said);
    let is_empty = lines
        .windows(2)
        .any(|pair| pair[0].ends_with(['{', '(', '[']) && pair[1].starts_with(['}', ')', ']']));
    let has_unseen = said.lines().any(|line| line.ends_with([' ', '\t']));
    let has_strings =
        ["r#\"", "\"\"\"", "\\\n", "<<"].iter().any(|mark| said.contains(mark)) && said.contains('\n');
    let repeats = lines.windows(2).any(|pair| repetition::near(pair[0], pair[1]));
    let is_doubled =
        lines.iter().filter(|line| !line.is_empty()).any(|line| below.contains(line) || above.contains(line));
    chats || is_empty || has_unseen || has_strings || repeats || is_doubled
}

/// Cuts a file and lets the model write the removed text in several ways; returns what went wrong.
fn check(file: &File, at: usize, right: usize, more: usize) -> Result<(), String> {
    let text = &file.text;
    let end = unit_end(file, at);
    if end - at > LONGEST || text[at..end].trim().is_empty() || is_odd(file, at, end) {
        return Ok(());
    }
    let fail = |how: &str, became: Option<String>, truth: &str, said: &str| {
        let line = text[..at].matches('\n').count() + 1;
        let became =
            became.map(|became| became[at.min(became.len())..].chars().take(300).collect::<String>());
        Err(format!(
            "{how}: {}:{line}, cut before {truth:?}, the model says {said:?}\nbecame {became:?}",
            file.name
        ))
    };
    let without = |range: std::ops::Range<usize>| {
        file.document.apply(2, &[Change::Splice { range, text: String::new() }])
    };
    // The rest of the unit is missing.
    let document = without(at..end);
    let rest = &text[at..end];
    // Text that is nearly the next line may give no draft, but no other one.
    let may_be_nothing = overlap::is_like_next(rest, &context_at(&document, at).expect("a place"));
    let is_right = |became: &Option<String>| match became {
        Some(became) => became == text,
        None => may_be_nothing,
    };
    let became = applied(&document, at, rest, true);
    if !is_right(&became) {
        return fail("the rest", became, rest, rest);
    }
    // The model continues with what follows it.
    let mut beyond = end;
    for _ in 0..more {
        beyond = line_end(text, (beyond + 1).min(text.len()));
    }
    let said = &text[at..beyond];
    let became = applied(&document, at, said, true);
    if !is_right(&became) {
        return fail("and more", became, rest, said);
    }
    // The model is stopped in the middle of a line after the unit.
    let half = text.floor_char_boundary(end + (beyond - end) / 2);
    let said = &text[at..half];
    if !text[end..half].trim().is_empty() && !said.ends_with('\n') {
        let became = applied(&document, at, said, false);
        if !is_right(&became) {
            return fail("and half a line more", became, rest, said);
        }
    }
    // Some of the line follows the cursor.
    let line = line_end(text, at);
    let (missing, behind) = (text[at..right.clamp(at, line)].trim(), text[right.min(line)..line].trim());
    // One mark may be repeated for good reason, and no editor closes what is not open.
    let is_mark =
        behind.len() == 1 && !behind.contains(|c: char| c.is_alphanumeric() || ";,:={)]}>\"'`".contains(c));
    let is_repeated = behind.char_indices().any(|(at, c)| missing.ends_with(&behind[..at + c.len_utf8()]));
    if at < right && right < line && !missing.is_empty() && !behind.is_empty() && !is_mark {
        let opens = |mark| missing.matches(mark).count();
        if file.document.language.is_some_and(|language| language.id == "shellscript")
            && opens('{') != opens('}')
        {
            return Ok(());
        }
        let document = without(at..right);
        let said = &text[at..line];
        let became = applied(&document, at, said, true);
        if became.as_ref() != Some(text) {
            return fail("over the right", became, &text[at..right], said);
        }
        // Without the proof there may be no draft, but no other one. A comma before a bracket is superfluous.
        if is_repeated || missing.ends_with(',') && behind.starts_with([')', ']', '}']) {
            return Ok(());
        }
        let said = &text[at..right];
        let became = applied(&document, at, said, true);
        if became.as_ref().is_some_and(|became| became != text) {
            return fail("before the right", became, said, said);
        }
    }
    Ok(())
}

proptest! {
    /// Whatever the cut, the removed text restores the file.
    #[test]
    fn the_truth_gives_the_file_back(file: Index, place: Index, right in 1usize..7, more in 1usize..5) {
        let file = file.get(&FILES);
        let place = place.index(file.places.len());
        let right = file.places[(place + right).min(file.places.len() - 1)];
        if let Err(what) = check(file, file.places[place], right, more) {
            prop_assert!(false, "{what}");
        }
    }
}
