//! What is worth showing the model: candidates, ranked, under a budget. Pure: no file is read here but through
//! [`Sources::text`].
//!
//! ```text
//! window, frame     what the document shows of itself, kept while one types
//! focus             what the cursor is about: names near it, receiver, function and type around it
//! scope, meaning    what these names mean here
//! declarations, members, similar, calls, recent      candidates, each with a score and a reason
//! rank              the score: all its numbers
//! selection         the best that the budget holds, in an order that stays
//! ```

mod calls;
mod candidate;
mod declarations;
mod edit_region;
mod evidence;
mod focus;
mod gather;
mod guidance;
mod items;
mod lines;
mod meaning;
mod members;
mod rank;
pub mod ranking;
mod recent;
mod report;
mod repository;
mod scope;
mod selection;
mod similar;
mod window;
mod words;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use rustc_hash::FxHashMap;

pub use self::candidate::Source;
use self::focus::{Around, Focus};
pub use self::gather::{Gathered, gather};
use self::lines::Lines;
pub use self::report::Report;
use self::repository::Surroundings;
use self::selection::{Query, Selection};
use self::window::CachedWindow;
use self::words::{FileWords, WordSet};
use crate::documents::{Document, DocumentId};
use crate::languages::Language;
use crate::repository::Background;
use crate::repository::index::{FileId, Index};
pub use crate::workspace::ContextScope;

/// What a completion shows the model.
#[derive(Debug, Clone)]
pub struct Context {
    /// The text around the cursor.
    pub window: Window,
    /// How the project's people want code to be written.
    pub guidance: Option<Snippet>,
    /// Text from elsewhere, in an order that stays the same from keystroke to keystroke.
    pub snippets: Vec<Snippet>,
}

/// Where a context is drawn from, besides the cursor's own document.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// Which of them may be used.
    pub scope: ContextScope,
    /// The open documents, the most recent first; the cursor's own among them is passed over.
    pub open: &'a [Arc<Document>],
    /// The files of the workspace.
    pub index: &'a Index,
    /// What is known of the workspace besides.
    pub background: &'a Background,
    /// The text of a file of the index, as the index knows it; `None` where it cannot be had any more.
    pub text: &'a dyn Fn(FileId) -> Option<Arc<str>>,
}

/// The part of the cursor's own document that is shown, as byte ranges of its text.
///
/// The document is cut into a stable and a moving part, so that little of a prompt changes as one types or moves.
/// The *edit region* is the function (or what stands between two functions, or some lines of a text without syntax)
/// that holds the cursor; it is kept for as long as the cursor and all changes stay in it.
///
/// ```text
/// imports ┐
/// scopes  │ the same bytes for as long as the edit region is kept
/// above   │
/// after   ┘
/// rest      the edit region's lines below the cursor's: the same bytes while one types on a line
/// before    the edit region up to the cursor: grows as one types
/// ```
///
/// `above`, `before`, `tail` with its line break, `rest` and `after` follow each other without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The document's imports where `above` does not already hold them.
    pub imports: Option<Range<usize>>,
    /// The first lines of classes, modules and functions around the cursor that begin above `above`, the
    /// outermost first.
    pub scopes: Vec<Range<usize>>,
    /// What stands above the edit region, from an item boundary that moves only in jumps.
    pub above: Range<usize>,
    /// From the edit region's start to the cursor.
    pub before: Range<usize>,
    /// From the cursor to the end of its line, the line break excepted.
    pub tail: Range<usize>,
    /// From the line below the cursor's to the edit region's end.
    pub rest: Range<usize>,
    /// What stands below the edit region, down to the end of an item where the budget allows.
    pub after: Range<usize>,
}

impl Window {
    /// A window that shows nothing but what stands in front of the cursor.
    fn only_before(self) -> Window {
        let (start, cursor) = (self.before.start, self.before.end);
        let nothing = cursor..cursor;
        Window {
            imports: None,
            scopes: Vec::new(),
            above: start..start,
            before: self.before,
            tail: nothing.clone(),
            rest: nothing.clone(),
            after: nothing,
        }
    }
}

/// A piece of another text, or of another place of this one.
#[derive(Debug, Clone, PartialEq)]
pub struct Snippet {
    /// Why it is shown.
    pub source: Source,
    /// The same in words.
    pub reason: String,
    /// For the reader: the last names of its path.
    pub path: String,
    /// Where it lies on disk, if it does.
    pub file: Option<Arc<Path>>,
    /// Its language.
    pub language: Option<&'static Language>,
    /// The type or module that a declaration belongs to.
    pub container: Option<Box<str>>,
    /// Its lines in its file, the first counted from 0; of a declaration the first one.
    pub lines: Range<usize>,
    /// Whole lines.
    pub text: Arc<str>,
    /// How much speaks for it; comparable among declarations, and among pieces of code.
    pub score: f32,
    /// What it takes of the budget, the words around it included.
    pub tokens: usize,
}

/// The most tokens that each part of a context may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// For [`Window::imports`], [`Window::scopes`] and [`Window::above`].
    pub above: usize,
    /// For the edit region: [`Window::before`], [`Window::tail`] and [`Window::rest`].
    pub edit_region: usize,
    /// For [`Window::after`].
    pub after: usize,
    /// For [`Context::guidance`].
    pub guidance: usize,
    /// For all snippets together.
    pub snippets: usize,
}

/// The contexts of the documents that are being edited: what makes the next keystroke's context cheap, and its
/// window and its order of snippets the same as before.
#[derive(Debug, Default)]
pub struct Contexts {
    cache: Mutex<ContextCache>,
}

/// So many documents have their latest context cached.
const MOST_CACHED: usize = 16;

/// Too few words to compare with.
const FEWEST_WORDS: usize = 3;

#[derive(Debug, Default)]
struct ContextCache {
    /// Each open document read once per version.
    files: FxHashMap<DocumentId, Arc<FileWords>>,
    /// The latest used first. Each has its own lock, so that one document does not wait for another.
    contexts: Vec<(DocumentId, Arc<Mutex<Option<CachedContext>>>)>,
}

/// The latest context of one document, and what it was gathered for.
#[derive(Debug)]
struct CachedContext {
    cached_window: CachedWindow,
    focus: Focus,
    near: WordSet,
    budget: Budget,
    scope: ContextScope,
    files: Vec<Arc<FileWords>>,
    /// Whether the index held anything yet.
    is_indexed: bool,
    guidance: Option<Snippet>,
    selection: Selection,
}

impl Contexts {
    /// Drops what is cached: another model counts tokens from now on.
    pub fn reset(&self) {
        *self.cache() = ContextCache::default();
    }

    /// The context of a cursor, a byte offset that is clamped to the text; `count` counts tokens.
    pub fn gather(
        &self,
        document: &Document,
        cursor: usize,
        sources: &Sources,
        budget: Budget,
        count: &dyn Fn(&str) -> usize,
    ) -> Context {
        let gathered = self.gather_if(document, cursor, sources, budget, count, &|| true);
        gathered.expect("all texts are there")
    }

    /// The same; `None` if `has_texts` says, after [`Sources::text`] was asked for all that is wanted, that some of it has to
    /// be read first. Nothing is then as if this had been called.
    pub fn gather_if(
        &self,
        document: &Document,
        cursor: usize,
        sources: &Sources,
        budget: Budget,
        count: &dyn Fn(&str) -> usize,
        has_texts: &dyn Fn() -> bool,
    ) -> Option<Context> {
        let text = &document.text;
        let cursor = text.char_to_byte(text.byte_to_char(cursor.min(text.len_bytes())));
        let lines = Lines { text, count };
        let open = if sources.scope >= ContextScope::Open { sources.open } else { &[] };
        let others: Vec<_> =
            open.iter().filter(|other| other.id != document.id && !other.is_binary()).cloned().collect();
        let height = similar::height(budget.snippets);
        let cached = self.cached(&document.id);
        let mut cached = cached.lock();
        let files = self.read(&others, height);

        let previous = cached.take();
        let index = (sources.scope == ContextScope::Repository).then_some(sources.index);
        let CursorView { cached_window, window, focus, near, shown } =
            CursorView::of(previous.as_ref(), document, &lines, cursor, budget, index);
        let shown_words = WordSet::of(&shown, document.language);
        let query = Query {
            near: &near,
            shown: &shown_words,
            others: &others,
            index,
            own: document.path.as_deref(),
            budget: budget.snippets,
            count,
        };
        let is_indexed = index.is_some_and(|index| index.files().next().is_some());
        let is_same = |cached: &CachedContext| {
            cached.files.len() == files.len()
                && cached.files.iter().zip(&files).all(|(old, new)| Arc::ptr_eq(old, new))
                && (cached.budget, cached.scope, cached.is_indexed) == (budget, sources.scope, is_indexed)
                && cached.near == near
                && cached.focus == focus
                && cached.selection.holds(&query)
        };
        let selection = match &previous {
            Some(cached) if is_same(cached) => cached.selection.clone(),
            _ => {
                let mut candidates = similar::in_open(&others.iter().zip(&files).collect::<Vec<_>>(), &near);
                if index.is_some() {
                    let above = lines.slice(window.above.start..cursor);
                    let surroundings = Surroundings {
                        document,
                        focus: &focus,
                        near: &near,
                        shown: &shown,
                        above: &above,
                        height,
                    };
                    candidates.extend(repository::candidates(&surroundings, sources));
                    if !has_texts() {
                        *cached = previous;
                        return None;
                    }
                }
                let none = Selection::default();
                let previous = previous.as_ref().map_or(&none, |cached| &cached.selection);
                Selection::next(previous, candidates, &query)
            }
        };
        let known = previous.filter(|cached| cached.budget == budget).and_then(|cached| cached.guidance);
        let guidance =
            index.and_then(|_| guidance::of(document, sources.background, budget.guidance, count, known));

        let window = if sources.scope == ContextScope::None { window.only_before() } else { window };
        let context = Context { window, guidance: guidance.clone(), snippets: selection.snippets() };
        let scope = sources.scope;
        *cached = Some(CachedContext {
            cached_window,
            focus,
            near,
            budget,
            scope,
            files,
            is_indexed,
            guidance,
            selection,
        });
        drop(cached);
        self.cache().files.retain(|id, _| *id == document.id || others.iter().any(|other| other.id == *id));
        Some(context)
    }

    /// What is kept of a document, to be locked for as long as a context is gathered for it.
    fn cached(&self, document: &DocumentId) -> Arc<Mutex<Option<CachedContext>>> {
        let mut cache = self.cache();
        let known = cache.contexts.iter().position(|(known, _)| known == document);
        let entry = known.map_or_else(|| (document.clone(), Arc::default()), |at| cache.contexts.remove(at));
        let cached = entry.1.clone();
        cache.contexts.insert(0, entry);
        cache.contexts.truncate(MOST_CACHED);
        cached
    }

    /// The words of open documents. What is not known yet is read without a lock.
    fn read(&self, documents: &[Arc<Document>], height: usize) -> Vec<Arc<FileWords>> {
        let known = |document: &Document, file: &Arc<FileWords>| {
            file.height == height && file.text.is_instance(&document.text)
        };
        documents
            .iter()
            .map(|document| {
                let file = self.cache().files.get(&document.id).cloned();
                file.filter(|file| known(document, file)).unwrap_or_else(|| {
                    let file = Arc::new(FileWords::new(&document.text, document.language, height));
                    self.cache().files.insert(document.id.clone(), file.clone());
                    file
                })
            })
            .collect()
    }

    fn cache(&self) -> MutexGuard<'_, ContextCache> {
        self.cache.lock()
    }
}

/// A cursor and what is around it.
struct CursorView {
    cached_window: CachedWindow,
    window: Window,
    focus: Focus,
    /// The words near the cursor, if they are enough to compare with.
    near: WordSet,
    /// All that the window shows.
    shown: String,
}

impl CursorView {
    fn of(
        previous: Option<&CachedContext>,
        document: &Document,
        lines: &Lines,
        cursor: usize,
        budget: Budget,
        index: Option<&Index>,
    ) -> CursorView {
        let (cached_window, moved) =
            CachedWindow::next(previous.map(|cached| &cached.cached_window), document, lines, cursor, budget);
        let around = match previous {
            Some(cached) if !moved => cached.focus.around.clone(),
            _ => index.map_or_else(Around::default, |index| {
                let file = document.path.as_deref().and_then(|path| index.file(path));
                Around::of(index, file, document.text.byte_to_line(cursor))
            }),
        };
        let focus = Focus::of(document, lines, cached_window.near(), cursor, around);
        let near = near(document, lines, &cached_window, cursor);
        let near = if near.len() < FEWEST_WORDS { WordSet::default() } else { near };
        let shown = cached_window.shown_text(lines);
        CursorView { window: cached_window.window(lines, cursor), cached_window, focus, near, shown }
    }
}

/// The words of what one is at work on, but for the one that is being typed.
fn near(document: &Document, lines: &Lines, cached_window: &CachedWindow, cursor: usize) -> WordSet {
    let near = cached_window.near();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let (front, back) = (lines.slice(near.start..cursor), lines.slice(cursor..near.end));
    let (front, back) = (front.trim_end_matches(is_part), back.trim_start_matches(is_part));
    WordSet::of(&format!("{front} {back}"), document.language)
}

#[cfg(test)]
mod tests;
