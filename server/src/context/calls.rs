//! Call sites of the function around the cursor: they show how it is used.

use super::candidate::{Body, Candidate, Excerpt, Origin, Source, label};
use super::focus::Focus;
use super::scope::Scope;
use super::similar::lines_of;
use super::words::WordSet;
use super::{Sources, rank};
use crate::languages::Language;
use crate::repository::index::{FileId, Index};

/// The most call sites that are shown, each in another file.
const MOST_SITES: usize = 2;
/// A function that more files use needs no example, or the name refers to another one.
const MOST_USERS: usize = 12;
/// Lines shown around the use.
const ABOVE: u32 = 3;
const HEIGHT: u32 = 7;

/// The call sites of the function around the cursor.
pub fn sites(scope: &Scope, focus: &Focus, near: &WordSet, sources: &Sources) -> Vec<Candidate> {
    let Some(function) = focus.enclosing.function.as_deref() else { return Vec::new() };
    let index = scope.index;
    let definers = index
        .definitions(function)
        .filter(|definition| scope.shares_language(definition.file))
        .take(4)
        .count();
    if definers > 3 || index.frequency(function) > MOST_USERS {
        return Vec::new();
    }
    let uses: Vec<(FileId, u32)> = index
        .references(function)
        .filter(|&(file, _)| Some(file) != scope.own && scope.shares_language(file))
        .collect();
    let by_file = uses.chunk_by(|(one, _), (other, _)| one == other);
    let mut users: Vec<_> = by_file.map(|uses| first_use(index, function, uses)).collect();
    users.sort_by_key(|&(file, line, _)| (scope.distance(file, function), file, line));
    let site = |(file, line, is_import): (FileId, u32, bool)| {
        let text = (sources.text)(file)?;
        let start = line.saturating_sub(ABOVE);
        let path = index.path(file);
        let language = Language::of_path(path);
        let lines = lines_of(&text, &(start..start + HEIGHT));
        let similarity = near.jaccard(&WordSet::of(lines, language));
        Some(Candidate {
            source: Source::Use,
            origin: Origin::File(index.stamp(file)),
            file: Some(path.into()),
            label: label(path),
            language,
            container: None,
            lines: line as usize..line as usize + 1,
            body: Body::Lines(Excerpt {
                text: lines.into(),
                skipped: start as usize,
                line: 0,
                height: HEIGHT as usize,
            }),
            score: rank::CALL / definers.max(1) as f32 + similarity,
            reason: format!(
                "{} `{function}`, which you are writing",
                if is_import { "imports" } else { "uses" }
            ),
        })
    };
    users.into_iter().filter_map(site).take(MOST_SITES).collect()
}

/// The first of the uses in one file, and whether it is an import; an import only if there is no other use.
fn first_use(index: &Index, function: &str, uses: &[(FileId, u32)]) -> (FileId, u32, bool) {
    let (file, first) = uses[0];
    // An import may have several lines: it contains the first use after its beginning.
    let imports =
        index.imports(file).iter().filter(|import| import.names.iter().any(|name| **name == *function));
    let imports: Vec<u32> = imports
        .filter_map(|import| uses.iter().map(|(_, line)| *line).find(|line| *line >= import.line))
        .collect();
    match uses.iter().find(|(_, line)| !imports.contains(line)) {
        Some(&(_, line)) => (file, line, false),
        None => (file, first, true),
    }
}
