//! Retrieval recall: the share of the declarations that a hole needs that are among the first in the ranking.
//!
//! No model is involved, so that ranking can be evaluated, and tuned, in seconds.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use super::corpus::{Corpus, Hole};
use super::holes::Kind;
use super::metrics;
use super::needed::{self, Lines, Needed};
use super::open;
use crate::context::ranking::{self, Declared};
use crate::context::{Budget, Context, ContextScope, Contexts, Sources, Window};
use crate::documents::{Document, DocumentId};
use crate::repository::Background;
use crate::repository::index::{Definition, Index};

/// The ranks at which recall is measured.
pub const PLACES: [usize; 4] = [1, 4, 8, 16];

/// The retrieval result of one hole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HoleResult {
    /// Relative to the repository.
    pub path: String,
    /// Counted from 1.
    pub line: usize,
    /// The first removed byte of the file.
    pub offset: usize,
    /// The kind of hole.
    pub kind: Kind,
    /// The language's id.
    pub language: String,
    /// The declarations needed.
    pub declarations: Vec<Declaration>,
    /// A line similar to the hole's first; `None` if the repository has none.
    pub similar: Option<Place>,
    /// The time to gather the context.
    pub milliseconds: f64,
}

/// A declaration that a hole needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Declaration {
    /// The declared name.
    pub name: String,
    /// Whether the window contains the name.
    pub named: bool,
    /// Where it was found.
    pub place: Place,
}

/// Where something was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The rank, counted from 1; `None` if it is not among the candidates.
    pub rank: Option<usize>,
    /// Whether it is in the prompt.
    pub shown: bool,
}

/// Evaluates retrieval on the holes of one repository.
pub struct Retrieval<'c> {
    corpus: &'c Corpus,
    lines: Lines<'c>,
    index: Index,
    background: Background,
    budget: Budget,
    scope: ContextScope,
}

impl<'c> Retrieval<'c> {
    /// Reads and indexes the whole corpus.
    pub fn new(
        corpus: &'c Corpus,
        background: Background,
        budget: Budget,
        scope: ContextScope,
    ) -> Retrieval<'c> {
        Retrieval { corpus, lines: Lines::of(corpus), index: corpus.index(), background, budget, scope }
    }

    /// The result for one hole; meanwhile the index has its file with the hole.
    pub fn look(&mut self, hole: &Hole) -> HoleResult {
        let corpus = self.corpus;
        let document = corpus.masked(hole);
        corpus.mask(&mut self.index, &document);
        let open = open::beside(corpus, &self.index, hole);
        let found = self.find(hole, &document, &open);
        corpus.unmask(&mut self.index, hole);
        found
    }

    fn find(&self, hole: &Hole, document: &Document, open: &[Arc<Document>]) -> HoleResult {
        let file = &self.corpus.files[hole.file];
        let text = |id| self.corpus.text(&self.index, id);
        let sources = Sources {
            scope: self.scope,
            open,
            index: &self.index,
            background: &self.background,
            text: &text,
        };
        let started = Instant::now();
        let cursor = hole.range.start;
        let context = Contexts::default().gather(document, cursor, &sources, self.budget, &count);
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        let ranking = match self.scope {
            ContextScope::Repository => {
                ranking::declarations(document, cursor, &sources, self.budget, &count)
            }
            _ => Vec::new(),
        };

        let window = ranges(&context.window);
        let text = &document.text;
        let shown: String =
            window.iter().map(|range| text.byte_slice(range.clone()).to_string() + "\n").collect();
        let shown: FxHashSet<&str> = metrics::identifiers(&shown, document.language).into_iter().collect();
        let whole = Document::open(
            DocumentId(file.path.to_string_lossy().into()),
            Some(file.path.clone()),
            "",
            1,
            &file.text,
        );
        let names = needed::names(&whole, &file.text, hole);
        let in_sight = |definition: &Definition| {
            let line = definition.symbol.lines.start as usize;
            self.index.path(definition.file) == file.path
                && line < text.len_lines()
                && window.iter().any(|range| range.contains(&text.line_to_byte(line)))
        };
        let own = self.index.file(&file.path);
        let needed =
            own.map(|own| needed::declarations(&self.index, &names, own, self.corpus.files.len(), &in_sight));
        let declarations = needed
            .into_iter()
            .flatten()
            .map(|needed| Declaration {
                name: needed.name.to_owned(),
                named: shown.contains(needed.name),
                place: self.place(&ranking, &context, &needed),
            })
            .collect();
        let alike = self.lines.like(hole, &before_hole(&window, hole));
        let similar = (!alike.is_empty()).then(|| {
            let rank = context.snippets.iter().position(|snippet| holds_line(&snippet.text, &alike));
            Place { rank: rank.map(|rank| rank + 1), shown: rank.is_some() }
        });
        HoleResult {
            path: self.corpus.relative(hole.file),
            line: file.text[..hole.range.start].matches('\n').count() + 1,
            offset: hole.range.start,
            kind: hole.kind,
            language: file.language.map_or("", |language| language.id).to_owned(),
            declarations,
            similar,
            milliseconds,
        }
    }

    /// Where any of the definitions was found.
    fn place(&self, ranking: &[Declared], context: &Context, needed: &Needed) -> Place {
        let any = |is: &dyn Fn(&Path, &Definition) -> bool| {
            let mut definitions = needed.definitions.iter();
            definitions.any(|definition| is(self.index.path(definition.file), definition))
        };
        let rank = ranking.iter().position(|declared| {
            any(&|path, definition| {
                *declared.file == *path && shows(&declared.text, &declared.lines, definition)
            })
        });
        let shown = context.snippets.iter().any(|snippet| {
            any(&|path, definition| {
                snippet.file.as_deref() == Some(path) && shows(&snippet.text, &snippet.lines, definition)
            })
        });
        Place { rank: rank.map(|rank| rank + 1), shown }
    }
}

/// Whether a text from the definition's file, whose first line is the first of `lines`, shows its declaration. For a type
/// that is shown without its members' bodies, `lines` has only the first line, but its text may still show a member.
fn shows(text: &str, lines: &Range<usize>, definition: &Definition) -> bool {
    let symbol = definition.symbol;
    let line = symbol.lines.start as usize;
    let declared = || symbol.signature.lines().map(str::trim).find(|line| line.contains(&*symbol.name));
    let is_part = |container: &str| {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        line >= lines.start
            && text.split(|c| !is_part(c)).any(|word| word == container)
            && declared().is_some_and(|own| text.lines().any(|line| line.trim() == own))
    };
    lines.contains(&line) || symbol.container.as_deref().is_some_and(is_part)
}

/// An estimate of the tokens of code in its vocabulary, exact enough to fill a budget.
fn count(text: &str) -> usize {
    text.len().div_ceil(3)
}

fn ranges(window: &Window) -> Vec<Range<usize>> {
    let mut ranges: Vec<_> = window.imports.iter().chain(&window.scopes).cloned().collect();
    ranges.push(window.above.start..window.after.end);
    ranges
}

/// Ranges of the text with the hole as ranges of the text without it.
fn before_hole(ranges: &[Range<usize>], hole: &Hole) -> Vec<Range<usize>> {
    let length = hole.range.len();
    let moved = |byte: usize| if byte > hole.range.start { byte + length } else { byte };
    ranges.iter().map(|range| moved(range.start)..moved(range.end)).collect()
}

fn holds_line(text: &str, alike: &[&str]) -> bool {
    text.lines().any(|line| alike.binary_search(&line.trim()).is_ok())
}
