//! The only module that turns a draft into an edit.
//!
//! [`verify`] checks every draft against [`Constraints`]: what may change, what must stay. A draft that violates them
//! is refused with a reason for the user, and for a model that is asked again.

mod abbreviations;
mod change;
mod deletions;
mod heading;
mod imports;
mod nodes;
mod outline;
mod rejection;

use std::ops::Range;

pub use self::deletions::{DeletedContent, DeletionAllowance, Deletions};
pub use self::imports::imports;
pub use self::rejection::Rejection;
use crate::answer::{self, Draft};
use crate::documents::{Change, Document, DocumentId};

/// A verified change of one document, bound to the version and the text that it was made for. Only [`verify`] makes
/// one, and [`imports`] makes one for the imports of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    document: DocumentId,
    version: i32,
    range: Range<usize>,
    old: String,
    new: String,
    deletions: Deletions,
}

/// The constraints on an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Constraints<'a> {
    /// Text within the cursor's line. The document has no more syntax errors than before. That is deliberately lenient:
    /// while you type, the text around the cursor is an error already, and an answer that does not fix it is still
    /// wanted.
    Completion,
    /// A whole item replaces another.
    Item(Policy<'a>),
}

/// What the rewrite of an item may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy<'a> {
    /// The instruction: names in it may be deleted without a warning.
    pub instruction: &'a str,
    /// How much it is expected to delete.
    pub may_delete: DeletionAllowance,
    /// Whether there may be more functions and types than before.
    pub may_add_items: bool,
    /// Lines of the document, counted from 0, of which one must be among those that change.
    pub must_touch: Option<Range<usize>>,
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

    /// What it deletes that the instruction does not mention, for the preview.
    pub fn deletions(&self) -> &Deletions {
        &self.deletions
    }

    /// Whether it can still be applied: the document is the one it was made for, at the same version, with the same
    /// text. Otherwise there is no edit; it is never adapted.
    pub fn applies_to(&self, document: &Document) -> bool {
        self.document == document.id
            && self.version == document.version
            && text_of(document, &self.range).is_some_and(|text| text == self.old)
    }

    /// The edit as a plain change.
    pub fn change(&self) -> Change {
        Change::Splice { range: self.range.clone(), text: self.new.clone() }
    }
}

/// Makes an edit of a draft.
///
/// # Errors If the draft cannot be applied: its range is not in the text, it changes nothing, or it violates the
/// constraints.
pub fn verify(document: &Document, draft: &Draft, constraints: &Constraints) -> Result<Edit, Rejection> {
    let old = text_of(document, &draft.range).ok_or(Rejection::NoSuchPlace)?;
    if matches!(constraints, Constraints::Completion) && old.contains(['\n', '\r']) {
        return Err(Rejection::NoSuchPlace);
    }
    if old == draft.text {
        return Err(Rejection::Unchanged);
    }
    let change = Change::Splice { range: draft.range.clone(), text: draft.text.clone() };
    let after = document.apply(document.version, &[change]);
    let deletions = match constraints {
        Constraints::Completion => {
            let errors = |document: &Document| document.tree().map_or(0, answer::errors);
            if errors(&after) > errors(document) {
                return Err(outline::first_error(&after, &draft.range));
            }
            Deletions::default()
        }
        Constraints::Item(policy) => {
            let range = draft.range.start..draft.range.start + draft.text.len();
            let (before, after) = ((document, &draft.range), (&after, &range));
            change::changes(before, after)?;
            change::touches(&old, draft, document, policy)?;
            outline::same_outside(before, after)?;
            outline::nothing_beside(before, after)?;
            deletions::deletions(before, after, policy)?
        }
    };
    Ok(Edit {
        document: document.id.clone(),
        version: document.version,
        range: draft.range.clone(),
        old,
        new: draft.text.clone(),
        deletions,
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

    fn completion(document: &Document, draft: &Draft) -> Option<Edit> {
        verify(document, draft, &Constraints::Completion).ok()
    }

    #[test]
    fn an_edit_names_what_it_was_made_for() {
        let text = "fn f() { g(); }\n";
        let edit = completion(&document(text), &draft(9..12, "h(1)")).unwrap();
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
    fn invalid_ranges_are_refused() {
        let document = document("let é = 1;\nlet b = 2;\n");
        let refused = |range| assert_eq!(completion(&document, &draft(range, "x")), None);
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
    fn an_edit_without_a_change_is_refused() {
        let document = document("fn f() {}\n");
        assert_eq!(completion(&document, &draft(3..4, "f")), None);
        assert_eq!(completion(&document, &draft(3..3, "")), None);
    }

    #[test]
    fn no_new_syntax_errors() {
        let whole = document("fn f() { g(); }\n");
        assert_eq!(completion(&whole, &draft(12..12, ")")), None);
        assert!(completion(&whole, &draft(12..12, ".h()")).is_some());
        // An error that is already there may stay.
        let typing = document("fn f() { let x = }\n");
        assert!(completion(&typing, &draft(17..17, "1 +")).is_some());
        assert!(completion(&typing, &draft(17..17, "1;")).is_some());
        // Plain text has no syntax.
        let plain = Document::open(DocumentId("file:///a".into()), None, "", 1, "see (\n");
        assert!(completion(&plain, &draft(5..5, "((")).is_some());
    }

    /// What the user is asked to confirm of a rewrite of an item that is the whole text; empty if it is as expected.
    fn rewritten(old: &str, new: &str) -> Result<String, String> {
        let policy = Policy {
            instruction: "Add a limit",
            may_delete: DeletionAllowance::Some,
            may_add_items: true,
            must_touch: None,
        };
        let made = verify(&document(old), &draft(0..old.len(), new), &Constraints::Item(policy));
        let asked = |edit: Edit| match edit.deletions().is_unexpected {
            true => edit.deletions().to_string(),
            false => String::new(),
        };
        made.map(asked).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn code_of_the_same_length_may_be_written_differently() {
        let old =
            "fn named(&self, name: &str) -> Files {\n    self.files().filter(|file| file.path() == name)\n}";
        let other =
            "fn named(&self, name: &str) -> Files {\n    self.files.in_order(self.by_name.get(name))\n}";
        assert_eq!(rewritten(old, other), Ok(String::new()));
        let foreign = "fn named(&self, x: &u8) -> u8 {\n    open(read(more(get(x))))\n}";
        let said = rewritten(old, foreign).expect("it has the name of the item");
        assert!(said.starts_with("deletes `") && said.contains("`filter`"), "{said}");
    }

    #[test]
    fn a_changed_name_is_shown_and_another_item_is_refused() {
        let old = "fn sum(a: &[u8]) -> u8 {\n    let total = a.iter().sum();\n    total\n}";
        let said = rewritten(old, &old.replace("sum(a", "total_of(a"));
        assert_eq!(said.as_deref(), Ok("renames `sum` to `total_of`"));
        let other = "fn open(path: &str) -> File {\n    File::open(path).expect(\"it is there\")\n}";
        assert_eq!(rewritten(old, other), Err("It no longer defines `sum`.".to_owned()));
        assert_eq!(rewritten(old, "let total = 1;"), Err("It no longer defines `sum`.".to_owned()));
    }

    #[test]
    fn the_words_of_an_instruction_do_not_matter() {
        let old =
            "/// Adds.\npub fn f(a: u8) -> u8 {\n    log(a);\n    check(a);\n    note(a);\n    a + 1\n}";
        let new = "fn f(a: u8) -> u8 {\n    a + 1\n}";
        for instruction in
            ["Remove it", "Entferne die Aufrufe", "supprime", "", "Simplify the doc, make it private"]
        {
            let policy = Policy {
                instruction,
                may_delete: DeletionAllowance::Some,
                may_add_items: true,
                must_touch: None,
            };
            let edit = verify(&document(old), &draft(0..old.len(), new), &Constraints::Item(policy))
                .expect("an edit");
            let said = edit.deletions().to_string();
            assert_eq!(
                said,
                "deletes `/// Adds.`, `pub` in front of it; deletes `log`, `check`, `note`, and 3 of 5 statements, 9 of 15 words",
                "{instruction}"
            );
            assert!(edit.deletions().is_unexpected);
        }
        // A name in the instruction needs no warning.
        let policy = Policy {
            instruction: "Without `log`",
            may_delete: DeletionAllowance::Some,
            may_add_items: true,
            must_touch: None,
        };
        let less = old.replace("    log(a);\n", "");
        let edit =
            verify(&document(old), &draft(0..old.len(), &less), &Constraints::Item(policy)).expect("an edit");
        assert_eq!(edit.deletions().to_string(), "deletes 1 of 5 statements");
        assert!(!edit.deletions().is_unexpected);
    }

    #[test]
    fn tokens_in_a_macro_are_not_its_head() {
        let old = "macro_rules! m {\n    ($name:ident) => { pub fn $name() {} };\n}";
        let new = "macro_rules! m {\n    ($vis:vis $name:ident) => { $vis fn $name() {} };\n}";
        assert_eq!(rewritten(old, new), Ok(String::new()));
        let said = rewritten("pub static A: u8 = 1;", "static A: u8 = 2;");
        assert_eq!(said.as_deref(), Ok("deletes `pub` in front of it"));
    }
}
