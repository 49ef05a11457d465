//! One version of one document.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use ropey::Rope;
use tree_sitter::Tree;

use super::splice::{clamp, input_edit, lone_crs, point, splice};
use super::tree::{Old, Parse, Patience};
use crate::diff::changed_bytes;
use crate::languages::Language;
use crate::secrets::{BEFORE, REACH, starts};
use crate::syntax::MAX_PARSED_BYTES;

/// So many edited places are remembered per document.
const EDITED_PLACES: usize = 8;

/// Names a document for as long as it is open: the client's URI, opaque to everything but `lsp`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentId(pub Arc<str>);

/// One version of a document. Never changes; a change makes a new one that shares most of its memory.
#[derive(Debug, Clone)]
pub struct Document {
    /// Who it is.
    pub id: DocumentId,
    /// Where it lies on disk, if it does: the one path of the file, whatever name the client has for it.
    pub path: Option<PathBuf>,
    /// The path in the client's name for it, where that is another or it lies on no disk: rules for files judge it, too.
    pub named: Option<PathBuf>,
    /// The client's version number.
    pub version: i32,
    /// The text, exactly as the client has it: CRLF, BOM and all.
    pub text: Rope,
    /// `None`: plain text without a tree (an unknown language, more than 2 MB, or binary).
    pub language: Option<&'static Language>,
    /// What `language` is whenever the text allows it.
    known_language: Option<&'static Language>,
    /// NUL bytes in the text.
    nuls: usize,
    /// Carriage returns that no line feed follows.
    lone_crs: usize,
    /// Keys and tokens that begin in the text.
    secrets: usize,
    /// Lines edited, the latest first.
    edited: Vec<Range<usize>>,
    /// Of exactly this text.
    parse: Arc<Parse>,
    /// How long [`Document::tree`] waits.
    patience: Patience,
    /// Whether the tree was there when somebody first asked for it: it stays so, for rules that ask twice.
    in_time: OnceLock<bool>,
    /// The text's length when parsing was given up.
    given_up: Option<usize>,
}

/// One step from a version of a document to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The whole text anew.
    Replace(String),
    /// The bytes of `range` (of the text before this step) become `text`.
    Splice {
        /// Byte offsets on character boundaries.
        range: Range<usize>,
        /// What stands there afterwards.
        text: String,
    },
}

impl Document {
    /// The document as the client opened it. `language_id` is the client's name for the language; where it says
    /// nothing known, the path decides, then a `#!` line.
    pub fn open(
        id: DocumentId,
        path: Option<PathBuf>,
        language_id: &str,
        version: i32,
        text: &str,
    ) -> Document {
        let known_language = Language::named(language_id)
            .or_else(|| path.as_deref().and_then(Language::of_path))
            .or_else(|| Language::of_shebang(text.lines().next().unwrap_or("")));
        let text = Rope::from_str(text);
        let mut document = Document {
            id,
            path,
            named: None,
            version,
            language: None,
            known_language,
            nuls: text.bytes().filter(|&byte| byte == 0).count(),
            lone_crs: lone_crs(&text, 0..text.len_bytes()),
            secrets: secrets(&text, 0..text.len_bytes()),
            edited: Vec::new(),
            parse: Arc::default(),
            patience: Patience::Whole,
            in_time: OnceLock::new(),
            given_up: None,
            text,
        };
        document.settle_language();
        document
    }

    /// The same document, which the client calls by a path that is not its own.
    pub fn named(self, name: Option<PathBuf>) -> Document {
        Document { named: name.filter(|name| self.path.as_ref() != Some(name)), ..self }
    }

    /// The next version. Costs what the change costs: the tree is only told of it and parsed when asked for.
    /// A range that is not in the text or cuts a character is clamped.
    pub fn apply(&self, version: i32, changes: &[Change]) -> Document {
        let gave_up = matches!(self.parse.tree(), Some(None));
        let mut old = self.parse.for_later();
        let mut next = Document {
            id: self.id.clone(),
            path: self.path.clone(),
            named: self.named.clone(),
            version,
            text: self.text.clone(),
            language: self.language,
            known_language: self.known_language,
            nuls: self.nuls,
            lone_crs: self.lone_crs,
            secrets: self.secrets,
            edited: self.edited.clone(),
            parse: Arc::default(),
            patience: match self.patience {
                // An attempt: nobody else will see its text.
                Patience::Until(deadline) | Patience::Only(deadline) => Patience::Only(deadline),
                Patience::Whole => Patience::Whole,
            },
            in_time: OnceLock::new(),
            given_up: self.given_up.or(gave_up.then_some(self.text.len_bytes())),
        };
        for change in changes {
            match change {
                Change::Splice { range, text } => next.splice(&clamp(&next.text, range), text, &mut old),
                Change::Replace(text) => {
                    // Clients without incremental changes send everything at each keystroke.
                    let (range, text) = changed_bytes(&next.text, text);
                    next.splice(&range, text, &mut old);
                }
            }
        }
        next.settle_language();
        if next.language.is_some() {
            next.parse = Arc::new(Parse::after(old));
        }
        next
    }

    /// The same document for an answer that must be there by `deadline`: [`Document::tree`] does not wait beyond it. The
    /// parse goes on, and whoever asks later finds the tree. For documents that [apply](Document::apply) changes to it the
    /// same deadline holds, and their parses end there: they are attempts that nobody else sees.
    pub fn until(&self, deadline: Instant) -> Document {
        Document { patience: Patience::Until(deadline), in_time: OnceLock::new(), ..self.clone() }
    }

    /// The syntax tree of exactly this text, parsed on first use, incrementally where an older tree is known. `None` for
    /// a text that has none, and where it is not there by the [deadline](Document::until).
    pub fn tree(&self) -> Option<&Tree> {
        let language = self.language?;
        let in_time = *self.in_time.get_or_init(|| {
            // A text that took too long once is not tried again at each keystroke.
            if self.given_up.is_some_and(|length| self.text.len_bytes() > length / 2) {
                return false;
            }
            self.parse.settle(language, &self.text, self.patience);
            self.parse.tree().is_some()
        });
        if in_time { self.parse.tree().flatten() } else { None }
    }

    /// Whether the text holds NUL bytes. Such a document has no language and is no use to a model.
    pub fn is_binary(&self) -> bool {
        self.nuls > 0
    }

    /// Whether the text holds what looks like a key or a token.
    pub fn has_secret(&self) -> bool {
        self.secrets > 0
    }

    /// The lines that were edited last, as line ranges of this version, the latest first; never overlapping.
    pub fn edited_lines(&self) -> &[Range<usize>] {
        &self.edited
    }

    /// The document for a reader: the last three components of its path with `/`, empty without a path.
    pub fn label(&self) -> String {
        let components = self.path.iter().flat_map(|path| path.components());
        let names: Vec<_> = components
            .filter_map(|component| match component {
                std::path::Component::Normal(name) => Some(name.to_string_lossy()),
                _ => None,
            })
            .collect();
        names[names.len().saturating_sub(3)..].join("/")
    }

    fn splice(&mut self, range: &Range<usize>, inserted: &str, old: &mut Old) {
        if range.is_empty() && inserted.is_empty() {
            return;
        }
        if !matches!(old, Old::None) {
            let points = [range.start, range.end].map(|byte| point(&self.text, byte, self.lone_crs));
            old.edit(input_edit(range, points, inserted));
        }
        // Whether a carriage return just before the range is alone may change with what follows it.
        let before = range.start.saturating_sub(1);
        let is_nul = |byte: &u8| *byte == 0;
        let removed_lines = self.text.byte_to_line(range.start)..self.text.byte_to_line(range.end);
        self.nuls -= self.text.byte_slice(range.clone()).bytes().filter(is_nul).count();
        self.lone_crs -= lone_crs(&self.text, before..range.end);
        // What begins this far before the range may end in it, and what begins behind it looks back.
        let first = range.start.saturating_sub(REACH);
        self.secrets -= secrets(&self.text, first..range.end + BEFORE);
        splice(&mut self.text, range, inserted);
        let end = range.start + inserted.len();
        self.nuls += inserted.bytes().filter(is_nul).count();
        self.lone_crs += lone_crs(&self.text, before..end);
        self.secrets += secrets(&self.text, first..end + BEFORE);
        self.remember_edit(removed_lines, self.text.byte_to_line(range.start)..self.text.byte_to_line(end));
    }

    /// `old` and `new` are the first and the last line of the place, before and after the edit.
    fn remember_edit(&mut self, old: Range<usize>, new: Range<usize>) {
        let mut place = new.start..new.end + 1;
        let moved = |line: usize| match line.checked_sub(old.end) {
            Some(below @ 1..) => new.end + below,
            _ => line.min(new.end + 1),
        };
        self.edited.retain_mut(|other| {
            let touches = other.start <= old.end + 1 && old.start <= other.end;
            if touches {
                place.start = place.start.min(other.start);
                place.end = place.end.max(moved(other.end));
            } else {
                *other = moved(other.start)..moved(other.end);
            }
            !touches
        });
        place.end = place.end.min(self.text.len_lines());
        self.edited.insert(0, place);
        self.edited.truncate(EDITED_PLACES);
    }

    fn settle_language(&mut self) {
        let parseable = self.text.len_bytes() <= MAX_PARSED_BYTES && !self.is_binary();
        self.language = self.known_language.filter(|_| parseable);
    }
}

/// Keys and tokens that begin in these bytes; a range that ends behind the text is clamped.
fn secrets(text: &Rope, range: Range<usize>) -> usize {
    let range = range.start..range.end.min(text.len_bytes());
    let from = range.start.saturating_sub(BEFORE);
    let bytes: Vec<u8> = text.bytes_at(from).take(range.end + REACH - from).collect();
    starts(&bytes, range.start - from..range.end - from)
}
