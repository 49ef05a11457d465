//! What is worth showing the model: candidates, ranked, under a budget. Pure: no file is read here.

mod items;
mod lines;
mod snippets;
mod window;
mod words;
mod zone;

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use self::lines::Lines;
use self::snippets::{Files, Query, Selection};
use self::window::Frame;
use self::words::Words;
use crate::documents::{Document, DocumentId};
use crate::repository::Background;
use crate::repository::index::{FileId, Index};

/// What a completion shows the model.
#[derive(Debug, Clone)]
pub struct Context {
    /// The text around the cursor.
    pub window: Window,
    /// Text from elsewhere, in an order that stays the same from keystroke to keystroke.
    pub snippets: Vec<Snippet>,
}

/// How far a context may reach. Less than all of it serves to measure what the rest is worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum Breadth {
    /// The lines in front of the cursor, as far as its zone reaches.
    None,
    /// The window of the cursor's own document.
    File,
    /// Open documents besides.
    Open,
    /// Everything that is known of the workspace besides.
    #[default]
    Repository,
}

/// Where a context is drawn from, besides the cursor's own document.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// Which of them may be used.
    pub breadth: Breadth,
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
/// The *zone* is the function (or what stands between two functions, or some lines of a text without syntax)
/// that holds the cursor; it is kept for as long as the cursor and all changes stay in it.
///
/// ```text
/// imports ┐
/// scopes  │ the same bytes for as long as the zone is kept
/// above   │
/// after   ┘
/// rest      the zone's lines below the cursor's: the same bytes while one types on a line
/// before    the zone up to the cursor: grows as one types
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
    /// What stands above the zone, from an item boundary that moves only in jumps.
    pub above: Range<usize>,
    /// From the zone's start to the cursor.
    pub before: Range<usize>,
    /// From the cursor to the end of its line, the line break excepted.
    pub tail: Range<usize>,
    /// From the line below the cursor's to the zone's end.
    pub rest: Range<usize>,
    /// What stands below the zone, down to the end of an item where the budget allows.
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

/// A piece of another text.
#[derive(Debug, Clone, PartialEq)]
pub struct Snippet {
    /// For the reader: the document's [label](Document::label).
    pub path: String,
    /// Whole lines.
    pub text: Arc<str>,
    /// Similarity to the cursor's surroundings, 0 to 1.
    pub score: f32,
}

/// The most tokens that each part of a context may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// For [`Window::imports`], [`Window::scopes`] and [`Window::above`].
    pub above: usize,
    /// For the zone: [`Window::before`], [`Window::tail`] and [`Window::rest`].
    pub zone: usize,
    /// For [`Window::after`].
    pub after: usize,
    /// For all snippets together.
    pub snippets: usize,
}

/// The contexts of the documents that are being edited: what makes the next keystroke's context cheap, and its
/// window and its order of snippets the same as before.
#[derive(Debug, Default)]
pub struct Contexts {
    state: Mutex<State>,
}

/// So many documents have their latest context kept.
const MOST_KEPT: usize = 16;

/// Counted anew at each call: another count means that another model answers, and that no count kept is right.
const PROBE: &str = "pub fn probe(text: &str) -> usize { text.len() } // 0123456789";

#[derive(Debug, Default)]
struct State {
    probe: usize,
    files: Files,
    /// The latest used first.
    kept: Vec<Kept>,
}

/// The latest context of one document.
#[derive(Debug)]
struct Kept {
    document: DocumentId,
    frame: Frame,
    selection: Selection,
}

impl Contexts {
    /// The context of a cursor, a byte offset that is clamped to the text; `count` counts tokens.
    pub fn gather(
        &self,
        document: &Document,
        cursor: usize,
        sources: &Sources,
        budget: Budget,
        count: &dyn Fn(&str) -> usize,
    ) -> Context {
        let text = &document.text;
        let cursor = text.char_to_byte(text.byte_to_char(cursor.min(text.len_bytes())));
        let lines = Lines { text, count };
        let open = if sources.breadth >= Breadth::Open { sources.open } else { &[] };
        let others: Vec<_> = open.iter().filter(|other| other.id != document.id).cloned().collect();

        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        let probe = count(PROBE);
        if state.probe != probe {
            *state = State { probe, ..State::default() };
        }
        let known = state.kept.iter().position(|kept| kept.document == document.id);
        let previous = known.map(|at| state.kept.remove(at));

        let frame = Frame::next(previous.as_ref().map(|kept| &kept.frame), document, &lines, cursor, budget);
        let query = Query {
            near: near(document, &lines, &frame, cursor),
            shown: Words::of(&lines.slice(frame.shown()), document.language),
            others: &others,
            budget: budget.snippets,
            count,
        };
        let none = Selection::default();
        let selection = Selection::next(
            previous.as_ref().map_or(&none, |kept| &kept.selection),
            &query,
            &mut state.files,
        );

        let window = frame.window(&lines, cursor);
        let window = if sources.breadth == Breadth::None { window.only_before() } else { window };
        let context = Context { window, snippets: selection.snippets() };
        state.kept.insert(0, Kept { document: document.id.clone(), frame, selection });
        state.kept.truncate(MOST_KEPT);
        state.files.retain(&others, &document.id);
        context
    }
}

/// The words of what one is at work on, but for the one that is being typed.
fn near(document: &Document, lines: &Lines, frame: &Frame, cursor: usize) -> Words {
    let near = frame.near();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let (front, back) = (lines.slice(near.start..cursor), lines.slice(cursor..near.end));
    let (front, back) = (front.trim_end_matches(is_part), back.trim_start_matches(is_part));
    Words::of(&format!("{front} {back}"), document.language)
}

#[cfg(test)]
mod tests;
