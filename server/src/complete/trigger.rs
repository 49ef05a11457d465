//! Where an automatic completion is worth showing.

use super::{CompletionRequest, Trigger};
use crate::documents::Document;

/// More than this many characters to the right of the cursor, spaces and closing marks not counted, and the
/// user is editing a line rather than writing one.
const MOST_TO_THE_RIGHT: usize = 8;

/// Whether to answer this request. `deleted`: the latest change removed text.
pub(super) fn wanted(request: &CompletionRequest, deleted: bool) -> bool {
    match request.trigger {
        Trigger::Invoked => true,
        Trigger::Automatic | Trigger::Menu => {
            !deleted && !inside_identifier(request) && !much_to_the_right(&request.document, request.cursor)
        }
    }
}

fn inside_identifier(request: &CompletionRequest) -> bool {
    let text = &request.document.text;
    let at = text.byte_to_char(request.cursor);
    let right = text.get_char(at);
    let left = at.checked_sub(1).and_then(|before| text.get_char(before));
    left.is_some_and(is_word) && right.is_some_and(is_word)
}

fn much_to_the_right(document: &Document, cursor: usize) -> bool {
    let text = &document.text;
    text.chars_at(text.byte_to_char(cursor))
        .take_while(|c| !matches!(c, '\n' | '\r'))
        .filter(|&c| !c.is_whitespace() && !is_closing(c))
        .nth(MOST_TO_THE_RIGHT)
        .is_some()
}

pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What an editor closes by itself, and what ends a statement.
pub(super) fn is_closing(c: char) -> bool {
    matches!(c, ')' | ']' | '}' | '>' | '"' | '\'' | '`' | ';' | ',' | ':')
}

/// Tells a deletion from a change that adds text: the lengths of the latest two texts.
#[derive(Debug, Default)]
pub(super) struct LatestChange {
    bytes: usize,
    deleted: bool,
}

impl LatestChange {
    /// Records a new text.
    pub(super) fn note(&mut self, document: &Document) {
        let bytes = document.text.len_bytes();
        self.deleted = bytes < self.bytes;
        self.bytes = bytes;
    }

    /// Whether the latest change took text away.
    pub(super) fn deleted(&self) -> bool {
        self.deleted
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::documents::DocumentId;

    /// `$0` is the cursor.
    fn request(text: &str, trigger: Trigger) -> CompletionRequest {
        let cursor = text.find("$0").expect("the text has a cursor");
        let id = DocumentId("file:///a.rs".into());
        let document = Document::open(id, None, "rust", 1, &text.replacen("$0", "", 1));
        CompletionRequest { document: Arc::new(document), cursor, trigger }
    }

    #[track_caller]
    fn check(text: &str, expected: bool) {
        assert_eq!(wanted(&request(text, Trigger::Automatic), false), expected, "{text}");
        assert_eq!(wanted(&request(text, Trigger::Menu), false), expected, "{text}");
        assert!(wanted(&request(text, Trigger::Invoked), false), "a key always tries: {text}");
    }

    #[test]
    fn at_the_end_of_a_line_and_before_what_an_editor_closes() {
        check("let x = $0", true);
        check("let x = f($0)", true);
        check("let x = f(g(h(a, \"$0\")));  // ", true);
        check("let x = f($0);\nlet y = something_long();", true);
        check("$0", true);
    }

    #[test]
    fn not_inside_an_identifier() {
        check("let val$0ue = 1", false);
        check("let va$0é", false);
        check("let $0value", true);
        check("foo$0(a)", true);
    }

    #[test]
    fn not_with_more_than_a_few_characters_to_the_right() {
        check("f($0 abcdefgh)", true);
        check("f($0 abcdefghi)", false);
        check("f($0 a b c d e f g h i)", false);
    }

    #[test]
    fn not_after_a_deletion_unless_invoked() {
        assert!(!wanted(&request("let x = $0", Trigger::Automatic), true));
        assert!(!wanted(&request("let x = $0", Trigger::Menu), true));
        assert!(wanted(&request("let x = $0", Trigger::Invoked), true));
    }

    #[test]
    fn a_deletion_is_a_version_with_less_text() {
        let mut latest = LatestChange::default();
        let mut note = |text: &str| {
            let id = DocumentId("file:///a.rs".into());
            latest.note(&Document::open(id, None, "rust", 1, text));
            latest.deleted()
        };
        assert!(!note("abc"));
        assert!(!note("abcd"));
        assert!(note("abc"));
        assert!(!note("abx"));
    }
}
