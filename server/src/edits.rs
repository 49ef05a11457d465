//! The only place where a draft becomes an edit.

use std::ops::Range;

use crate::answer::{self, Draft};
use crate::documents::{Change, Document, DocumentId};

/// A verified change of one document, bound to the version and the text that it was made for. Only [`verify`]
/// makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    document: DocumentId,
    version: i32,
    range: Range<usize>,
    old: String,
    new: String,
}

impl Edit {
    /// The document it is for.
    pub fn document(&self) -> &DocumentId {
        &self.document
    }

    /// The version it was made for.
    pub fn version(&self) -> i32 {
        self.version
    }

    /// Bytes of that version that it replaces.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// The text of the range before the edit.
    pub fn old(&self) -> &str {
        &self.old
    }

    /// The text of the range after it.
    pub fn new_text(&self) -> &str {
        &self.new
    }

    /// Whether it may still be applied: the document is the one it was made for, at the same version, and holds the
    /// same text. Otherwise there is no edit; it is never adapted.
    pub fn applies_to(&self, document: &Document) -> bool {
        self.document == document.id
            && self.version == document.version
            && text_of(document, &self.range).is_some_and(|text| text == self.old)
    }
}

/// Makes an edit of a draft; `None` where the draft may not be applied.
///
/// The range lies within one line, between characters. The edit changes something. And it leaves the document with no
/// more syntax errors than before, where the document has a tree. That is lenient on purpose: while one types,
/// the text around the cursor is an error already, and an answer that does not mend it is still wanted.
pub fn verify(document: &Document, draft: &Draft) -> Option<Edit> {
    let old = text_of(document, &draft.range)?;
    if old.contains(['\n', '\r']) || old == draft.text {
        return None;
    }
    if let Some(before) = document.tree() {
        let change = Change::Splice { range: draft.range.clone(), text: draft.text.clone() };
        let after = document.apply(document.version, &[change]);
        if after.tree().is_some_and(|after| answer::errors(after) > answer::errors(before)) {
            return None;
        }
    }
    Some(Edit {
        document: document.id.clone(),
        version: document.version,
        range: draft.range.clone(),
        old,
        new: draft.text.clone(),
    })
}

/// The text of a range; `None` where the range is not in the text or cuts a character.
fn text_of(document: &Document, range: &Range<usize>) -> Option<String> {
    let text = &document.text;
    if range.start > range.end || range.end > text.len_bytes() {
        return None;
    }
    let (start, end) = (text.byte_to_char(range.start), text.byte_to_char(range.end));
    let whole = text.char_to_byte(start) == range.start && text.char_to_byte(end) == range.end;
    whole.then(|| text.slice(start..end).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document::open(DocumentId("file:///a.rs".into()), None, "rust", 3, text)
    }

    fn draft(range: Range<usize>, text: &str) -> Draft {
        Draft { range, text: text.to_owned() }
    }

    #[test]
    fn an_edit_names_what_it_was_made_for() {
        let text = "fn f() { g(); }\n";
        let edit = verify(&document(text), &draft(9..12, "h(1)")).unwrap();
        assert_eq!((edit.version(), edit.range(), edit.old(), edit.new_text()), (3, 9..12, "g()", "h(1)"));
        assert!(edit.applies_to(&document(text)));
        let newer = document(text).apply(4, &[]);
        assert!(!edit.applies_to(&newer), "another version");
        assert!(!edit.applies_to(&document("fn f() { k(); }\n")), "another text");
        assert!(!edit.applies_to(&document("")), "no such range");
        let other = Document::open(DocumentId("file:///b.rs".into()), None, "rust", 3, text);
        assert!(!edit.applies_to(&other), "another document");
    }

    #[test]
    fn ranges_that_are_none() {
        let document = document("let é = 1;\nlet b = 2;\n");
        let refused = |range| assert_eq!(verify(&document, &draft(range, "x")), None);
        refused(5..6);
        refused(4..5);
        refused(10..14);
        refused(11..12);
        refused(0..1000);
        refused(1000..1000);
        #[expect(clippy::reversed_empty_ranges, reason = "what a bug would make")]
        refused(3..1);
    }

    #[test]
    fn what_changes_nothing_is_no_edit() {
        let document = document("fn f() {}\n");
        assert_eq!(verify(&document, &draft(3..4, "f")), None);
        assert_eq!(verify(&document, &draft(3..3, "")), None);
    }

    #[test]
    fn no_new_syntax_errors() {
        let whole = document("fn f() { g(); }\n");
        assert_eq!(verify(&whole, &draft(12..12, ")")), None);
        assert!(verify(&whole, &draft(12..12, ".h()")).is_some());
        // An error that is there already may stay.
        let typing = document("fn f() { let x = }\n");
        assert!(verify(&typing, &draft(17..17, "1 +")).is_some());
        assert!(verify(&typing, &draft(17..17, "1;")).is_some());
        // Plain text has no syntax.
        let plain = Document::open(DocumentId("file:///a".into()), None, "", 1, "see (\n");
        assert!(verify(&plain, &draft(5..5, "((")).is_some());
    }
}
