//! The context of a prompt: candidates, ranked, within a token budget. Pure: files are read only through
//! [`Sources::text`].
//!
//! ```text
//! window, edit_region   the part of the document that is shown; cached while you type
//! focus                 the names near the cursor, the receiver, the enclosing function and type
//! scope, resolve        which definitions these names refer to
//! declarations, members, similar, calls, recent      candidates, each with a score and a reason
//! rank                  the score and all its weights
//! selection             the best candidates that fit the budget, in a stable order
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
mod members;
mod rank;
pub mod ranking;
mod recent;
mod report;
mod repository;
mod resolve;
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
use self::focus::{Enclosing, Focus};
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

/// The text that a completion prompt shows the model.
#[derive(Debug, Clone)]
pub struct Context {
    /// The text around the cursor.
    pub window: Window,
    /// The project's guidelines.
    pub guidance: Option<Snippet>,
    /// Text from elsewhere, in an order that is stable between keystrokes.
    pub snippets: Vec<Snippet>,
}

/// The sources of a context, in addition to the cursor's document.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// Which sources may be used.
    pub scope: ContextScope,
    /// The open documents, the most recent first; the cursor's own is skipped.
    pub open: &'a [Arc<Document>],
    /// The files of the workspace.
    pub index: &'a Index,
    /// Facts about the workspace that are not in the index.
    pub background: &'a Background,
    /// The indexed text of a file; `None` if it is no longer available.
    pub text: &'a dyn Fn(FileId) -> Option<Arc<str>>,
}

/// The part of the cursor's document that is shown, as byte ranges of its text.
///
/// The document is split into a stable and a changing part, so that little of the prompt changes while you type or move.
/// The *edit region* is the function that holds the cursor (or the text between two functions, or some lines of a text
/// without syntax); it is kept as long as the cursor and all changes stay in it.
///
/// ```text
/// imports ┐
/// scopes  │ unchanged while the edit region is kept
/// above   │
/// after   ┘
/// rest      the edit region's lines below the cursor's line: unchanged while you type on one line
/// before    the edit region up to the cursor: grows while you type
/// ```
///
/// `above`, `before`, `tail` with its line break, `rest` and `after` are contiguous.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The document's imports, if `above` does not contain them.
    pub imports: Option<Range<usize>>,
    /// The first lines of classes, modules and functions around the cursor that begin above `above`, the
    /// outermost first.
    pub scopes: Vec<Range<usize>>,
    /// The text above the edit region, from an item boundary that moves in large steps.
    pub above: Range<usize>,
    /// From the edit region's start to the cursor.
    pub before: Range<usize>,
    /// From the cursor to the end of its line, the line break excepted.
    pub tail: Range<usize>,
    /// From the line below the cursor's to the edit region's end.
    pub rest: Range<usize>,
    /// The text below the edit region, to the end of an item if the budget allows.
    pub after: Range<usize>,
}

impl Window {
    /// A window that shows only the text before the cursor.
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

/// A piece of another file, or of another part of this one.
#[derive(Debug, Clone, PartialEq)]
pub struct Snippet {
    /// Why it is shown.
    pub source: Source,
    /// The reason as text.
    pub reason: String,
    /// A short path for display.
    pub path: String,
    /// Its path on disk, if it has one.
    pub file: Option<Arc<Path>>,
    /// Its language.
    pub language: Option<&'static Language>,
    /// The type or module that a declaration belongs to.
    pub container: Option<Box<str>>,
    /// Its lines in its file, counted from 0; for a declaration, its first line.
    pub lines: Range<usize>,
    /// Whole lines.
    pub text: Arc<str>,
    /// Its relevance; comparable among declarations, and among pieces of code.
    pub score: f32,
    /// The tokens that it costs, its heading included.
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

/// The cached contexts of the documents that you edit. They make the next keystroke's context cheap, and keep its window
/// and the order of its snippets stable.
#[derive(Debug, Default)]
pub struct Contexts {
    cache: Mutex<ContextCache>,
}

/// The number of documents whose latest context is cached.
const MOST_CACHED: usize = 16;

/// Fewer words are too few to compare with.
const FEWEST_WORDS: usize = 3;

#[derive(Debug, Default)]
struct ContextCache {
    /// The words of each open document, computed once per version.
    files: FxHashMap<DocumentId, Arc<FileWords>>,
    /// Most recently used first. Each has its own lock, so that one document does not wait for another.
    contexts: Vec<(DocumentId, Arc<Mutex<Option<CachedContext>>>)>,
}

/// The latest context of one document, and the inputs that it was built from.
#[derive(Debug)]
struct CachedContext {
    cached_window: CachedWindow,
    focus: Focus,
    near: WordSet,
    budget: Budget,
    scope: ContextScope,
    files: Vec<Arc<FileWords>>,
    /// Whether the index had any file.
    is_indexed: bool,
    guidance: Option<Snippet>,
    selection: Selection,
}

impl Contexts {
    /// Clears the cache, because another model counts tokens differently.
    pub fn reset(&self) {
        *self.cache() = ContextCache::default();
    }

    /// The context at a cursor, a byte offset that is clamped to the text; `count` counts tokens.
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

    /// The same; `None` if `has_texts` returns false after all calls of [`Sources::text`], because some texts must be read
    /// first. The cache is then unchanged.
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

    /// The cache entry of a document, to be locked while its context is built.
    fn cached(&self, document: &DocumentId) -> Arc<Mutex<Option<CachedContext>>> {
        let mut cache = self.cache();
        let known = cache.contexts.iter().position(|(known, _)| known == document);
        let entry = known.map_or_else(|| (document.clone(), Arc::default()), |at| cache.contexts.remove(at));
        let cached = entry.1.clone();
        cache.contexts.insert(0, entry);
        cache.contexts.truncate(MOST_CACHED);
        cached
    }

    /// The words of open documents. Missing ones are computed without a lock.
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

/// The view of a document at a cursor.
struct CursorView {
    cached_window: CachedWindow,
    window: Window,
    focus: Focus,
    /// The words near the cursor; empty if they are too few to compare with.
    near: WordSet,
    /// The text of the whole window.
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
        let enclosing = match previous {
            Some(cached) if !moved => cached.focus.enclosing.clone(),
            _ => index.map_or_else(Enclosing::default, |index| {
                let file = document.path.as_deref().and_then(|path| index.file(path));
                Enclosing::of(index, file, document.text.byte_to_line(cursor))
            }),
        };
        let focus = Focus::of(document, lines, cached_window.near(), cursor, enclosing);
        let near = near(document, lines, &cached_window, cursor);
        let near = if near.len() < FEWEST_WORDS { WordSet::default() } else { near };
        let shown = cached_window.shown_text(lines);
        CursorView { window: cached_window.window(lines, cursor), cached_window, focus, near, shown }
    }
}

/// The words near the cursor, except the one that you are typing.
fn near(document: &Document, lines: &Lines, cached_window: &CachedWindow, cursor: usize) -> WordSet {
    let near = cached_window.near();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let (front, back) = (lines.slice(near.start..cursor), lines.slice(cursor..near.end));
    let (front, back) = (front.trim_end_matches(is_part), back.trim_start_matches(is_part));
    WordSet::of(&format!("{front} {back}"), document.language)
}

#[cfg(test)]
mod tests;
