//! One version of one document.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use ropey::Rope;
use tree_sitter::Tree;

use super::splice::{clamp, input_edit, lone_crs, point, splice};
use super::tree::{Old, Parse, WaitPolicy};
use crate::diff::changed_bytes;
use crate::languages::Language;
use crate::secrets::{BEFORE, REACH, starts};
use crate::syntax::MAX_PARSED_BYTES;

/// Maximum number of edited regions recorded per document.
const EDITED_REGIONS: usize = 8;

/// The id of an open document: the client's URI, opaque outside `lsp`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentId(pub Arc<str>);

/// One immutable version of a document. A change creates a new version that shares most of its memory.
#[derive(Debug, Clone)]
pub struct Document {
    /// The document's id.
    pub id: DocumentId,
    /// The canonical path of its file, if it has one, regardless of the client's spelling. Until
    /// [`Documents::resolve`](super::Documents::resolve), it is the client's spelling.
    pub path: Option<PathBuf>,
    /// The path in the client's URI, if it differs from `path` or there is no file. The ignore and secret rules check it too.
    pub named: Option<PathBuf>,
    /// The client's version number.
    pub version: i32,
    /// The text, exactly as in the client, including CRLF and BOM.
    pub text: Rope,
    /// `None`: plain text without a tree (an unknown language, more than 2 MB, or binary).
    pub language: Option<&'static Language>,
    /// The language if the text can be parsed.
    known_language: Option<&'static Language>,
    /// Number of NUL bytes.
    nuls: usize,
    /// Number of carriage returns without a line feed.
    lone_crs: usize,
    /// Number of secrets that start in the text.
    secrets: usize,
    /// Edited lines, most recent first.
    edited: Vec<Range<usize>>,
    /// The parse of exactly this text.
    parse: Arc<Parse>,
    /// How long [`Document::tree`] waits.
    wait: WaitPolicy,
    /// Whether the tree was available at the first call. Fixed from then on, so that later calls agree.
    in_time: OnceLock<bool>,
    /// The text's length when a parse timed out.
    timed_out_at: Option<usize>,
}

/// One step from a version of a document to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Replaces the whole text.
    Replace(String),
    /// Replaces the bytes of `range` (in the text before this step) with `text`.
    Splice {
        /// Byte offsets on character boundaries.
        range: Range<usize>,
        /// The new text.
        text: String,
    },
}

impl Document {
    /// A newly opened document. `language_id` is the client's language identifier; if it is unknown, the path decides,
    /// then a `#!` line.
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
            wait: WaitPolicy::Full,
            in_time: OnceLock::new(),
            timed_out_at: None,
            text,
        };
        document.update_language();
        document
    }

    /// Sets the path in the client's URI.
    pub fn named(self, name: Option<PathBuf>) -> Document {
        Document { named: name.filter(|name| self.path.as_ref() != Some(name)), ..self }
    }

    /// The same version with the canonical path of its file.
    pub(super) fn at(&self, path: &Path) -> Document {
        let mut document = Document { path: Some(path.to_owned()), ..self.clone() };
        if document.named.is_none() {
            document.named = self.path.clone().filter(|name| name != path);
        }
        if document.known_language.is_none() {
            document.known_language = Language::of_path(path);
            document.parse = Arc::default();
            document.update_language();
        }
        document
    }

    /// Creates the next version. Cheap: the tree is parsed on first use. A range outside the text or inside a character is
    /// clamped.
    pub fn apply(&self, version: i32, changes: &[Change]) -> Document {
        let timed_out = matches!(self.parse.tree(), Some(None));
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
            wait: match self.wait {
                // A draft, whose text no other code sees.
                WaitPolicy::ThenBackground(deadline) | WaitPolicy::ThenAbort(deadline) => {
                    WaitPolicy::ThenAbort(deadline)
                }
                WaitPolicy::Full => WaitPolicy::Full,
            },
            in_time: OnceLock::new(),
            timed_out_at: self.timed_out_at.or(timed_out.then_some(self.text.len_bytes())),
        };
        for change in changes {
            match change {
                Change::Splice { range, text } => next.splice(&clamp(&next.text, range), text, &mut old),
                Change::Replace(text) => {
                    // Clients without incremental sync send the whole text at each keystroke.
                    let (range, text) = changed_bytes(&next.text, text);
                    next.splice(&range, text, &mut old);
                }
            }
        }
        next.update_language();
        if next.language.is_some() {
            next.parse = Arc::new(Parse::after(old));
        }
        next
    }

    /// The same document with a deadline, beyond which [`Document::tree`] does not wait. The parse continues, so that
    /// later calls find the tree. Documents that [`Document::apply`] derives from it have the same deadline, but their
    /// parses stop there, because no other code uses them.
    pub fn until(&self, deadline: Instant) -> Document {
        Document { wait: WaitPolicy::ThenBackground(deadline), in_time: OnceLock::new(), ..self.clone() }
    }

    /// The syntax tree of exactly this text, parsed on first use, incrementally if an older tree is known. `None` if the
    /// text has no tree, or it is not ready by the [deadline](Document::until).
    pub fn tree(&self) -> Option<&Tree> {
        let language = self.language?;
        let in_time = *self.in_time.get_or_init(|| {
            // After a timeout, do not try again at each keystroke.
            if self.timed_out_at.is_some_and(|length| self.text.len_bytes() > length / 2) {
                return false;
            }
            self.parse.parse_or_wait(language, &self.text, self.wait);
            self.parse.tree().is_some()
        });
        if in_time { self.parse.tree().flatten() } else { None }
    }

    /// Whether the text contains NUL bytes. Such a document has no language.
    pub fn is_binary(&self) -> bool {
        self.nuls > 0
    }

    /// Whether the text contains a secret.
    pub fn has_secret(&self) -> bool {
        self.secrets > 0
    }

    /// The recently edited lines, as disjoint line ranges of this version, most recent first.
    pub fn edited_lines(&self) -> &[Range<usize>] {
        &self.edited
    }

    /// A short name: the last three components of its path, joined with `/`; empty without a path.
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
        // The change may add or remove the line feed after a carriage return just before the range.
        let before = range.start.saturating_sub(1);
        let is_nul = |byte: &u8| *byte == 0;
        let removed_lines = self.text.byte_to_line(range.start)..self.text.byte_to_line(range.end);
        self.nuls -= self.text.byte_slice(range.clone()).bytes().filter(is_nul).count();
        self.lone_crs -= lone_crs(&self.text, before..range.end);
        // A secret that starts this far before the range may end in it, and rules look back from after it.
        let first = range.start.saturating_sub(REACH);
        self.secrets -= secrets(&self.text, first..range.end + BEFORE);
        splice(&mut self.text, range, inserted);
        let end = range.start + inserted.len();
        self.nuls += inserted.bytes().filter(is_nul).count();
        self.lone_crs += lone_crs(&self.text, before..end);
        self.secrets += secrets(&self.text, first..end + BEFORE);
        self.record_edit(removed_lines, self.text.byte_to_line(range.start)..self.text.byte_to_line(end));
    }

    /// `old` and `new` are the first and the last line of the edit, before and after it.
    fn record_edit(&mut self, old: Range<usize>, new: Range<usize>) {
        let mut region = new.start..new.end + 1;
        let moved = |line: usize| match line.checked_sub(old.end) {
            Some(below @ 1..) => new.end + below,
            _ => line.min(new.end + 1),
        };
        self.edited.retain_mut(|other| {
            let touches = other.start <= old.end + 1 && old.start <= other.end;
            if touches {
                region.start = region.start.min(other.start);
                region.end = region.end.max(moved(other.end));
            } else {
                *other = moved(other.start)..moved(other.end);
            }
            !touches
        });
        region.end = region.end.min(self.text.len_lines());
        self.edited.insert(0, region);
        self.edited.truncate(EDITED_REGIONS);
    }

    fn update_language(&mut self) {
        let parseable = self.text.len_bytes() <= MAX_PARSED_BYTES && !self.is_binary();
        self.language = self.known_language.filter(|_| parseable);
    }
}

/// The number of secrets that start in these bytes. A range that ends after the text is clamped.
fn secrets(text: &Rope, range: Range<usize>) -> usize {
    let range = range.start..range.end.min(text.len_bytes());
    let from = range.start.saturating_sub(BEFORE);
    let bytes: Vec<u8> = text.bytes_at(from).take(range.end + REACH - from).collect();
    starts(&bytes, range.start - from..range.end - from)
}
