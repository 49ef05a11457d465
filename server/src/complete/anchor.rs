//! The cursor context of an answer: not an offset, but the surrounding text, so that it is found again after typing,
//! undoing, moving back, and changes far away.

use ropey::Rope;

use super::trigger::is_closing;

/// The longest text typed at an anchor that is recognised, in bytes.
const MOST_TYPED: usize = 4096;
/// The number of characters that an editor may add after the cursor to close brackets.
const MOST_CLOSED: usize = 2;

/// This many bytes distinguish one anchor from most others.
const TELLING: usize = 32;

/// How far around the cursor a change invalidates an answer, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reach {
    pub before: usize,
    pub after: usize,
}

/// The text around the cursor that an answer was made for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Anchor {
    before: Box<str>,
    /// `before` begins at the start of the document.
    from_start: bool,
    after: Box<str>,
    /// `after` ends at the end of the document.
    to_end: bool,
}

/// How a text differs from the text that an anchor was made in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TypedSince {
    /// Between the anchor and the cursor.
    pub text: String,
    /// New bytes directly after the cursor: what the editor closed automatically.
    pub closed: usize,
}

impl TypedSince {
    /// The cursor is at the anchor.
    pub(super) fn is_nothing(&self) -> bool {
        self.text.is_empty() && self.closed == 0
    }
}

impl Anchor {
    pub(super) fn new(text: &Rope, cursor: usize, reach: Reach) -> Anchor {
        let from = floor(text, cursor.saturating_sub(reach.before));
        let to = floor(text, cursor.saturating_add(reach.after).min(text.len_bytes()));
        Anchor {
            before: text.byte_slice(from..cursor).to_string().into(),
            from_start: from == 0,
            after: text.byte_slice(cursor..to).to_string().into(),
            to_end: to == text.len_bytes(),
        }
    }

    /// What was typed at this anchor to arrive at `cursor` of `text`; `None` if anything else around it has changed.
    pub(super) fn typed(&self, text: &Rope, cursor: usize) -> Option<TypedSince> {
        let closed = self.closed(text, cursor)?;
        let from = floor(text, cursor.saturating_sub(self.before.len() + MOST_TYPED));
        let front = text.byte_slice(from..cursor).to_string();
        let typed = if self.from_start {
            if from > 0 {
                return None;
            }
            front.strip_prefix(&*self.before)?
        } else {
            // A short suffix is found quickly, and nearly always shows whether the rest matches.
            let end =
                &self.before[self.before.floor_char_boundary(self.before.len().saturating_sub(TELLING))..];
            // Repetitive text matches the same anchor several times; the least typed text counts.
            let mut ends = front.rmatch_indices(end).map(|(at, _)| at + end.len());
            &front[ends.find(|&end| front[..end].ends_with(&*self.before))?..]
        };
        Some(TypedSince { text: typed.to_owned(), closed })
    }

    fn closed(&self, text: &Rope, cursor: usize) -> Option<usize> {
        let to = floor(text, (cursor + MOST_CLOSED * 4 + self.after.len()).min(text.len_bytes()));
        let back = text.byte_slice(cursor..to).to_string();
        let matches = |skipped: usize| {
            back[skipped..].starts_with(&*self.after)
                && (!self.to_end || cursor + skipped + self.after.len() == text.len_bytes())
        };
        let closing =
            back.char_indices().take_while(|&(_, c)| is_closing(c)).map(|(at, c)| at + c.len_utf8());
        [0].into_iter().chain(closing.take(MOST_CLOSED)).find(|&skipped| matches(skipped))
    }
}

/// The start of the character that contains byte `at`.
fn floor(text: &Rope, at: usize) -> usize {
    text.char_to_byte(text.byte_to_char(at))
}

/// The rest of `text` after `typed`, if it starts with that. LF and CR LF are equal: a document may have other line
/// breaks than the model writes.
pub(super) fn after<'a>(text: &'a str, typed: &str) -> Option<&'a str> {
    let mut rest = text.char_indices().filter(|&(_, c)| c != '\r').peekable();
    for c in typed.chars().filter(|&c| c != '\r') {
        if rest.next()?.1 != c {
            return None;
        }
    }
    Some(rest.peek().map_or("", |&(at, _)| &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REACH: Reach = Reach { before: 8, after: 8 };

    fn rope(text: &str) -> (Rope, usize) {
        let cursor = text.find("$0").expect("the text has a cursor");
        (Rope::from_str(&text.replacen("$0", "", 1)), cursor)
    }

    #[track_caller]
    fn check(made: &str, now: &str, expected: Option<(&str, usize)>) {
        let (text, cursor) = rope(made);
        let anchor = Anchor::new(&text, cursor, REACH);
        let (text, cursor) = rope(now);
        let typed = anchor.typed(&text, cursor);
        assert_eq!(typed.as_ref().map(|typed| (&*typed.text, typed.closed)), expected);
    }

    #[test]
    fn what_was_typed_is_found() {
        check("let x = $0;", "let x = $0;", Some(("", 0)));
        check("let x = $0;", "let x = foo$0;", Some(("foo", 0)));
        check("let x = é$0\n", "let x = éa😀\nb$0\n", Some(("a😀\nb", 0)));
        check("$0", "abc$0", Some(("abc", 0)));
        check("let x = $0;", "let x = f($0);", Some(("f(", 1)));
        check("let x = $0\n", "let x = f([$0])\n", Some(("f([", 2)));
    }

    #[test]
    fn a_change_within_reach_moves_the_anchor() {
        check("let x = $0;", "let y = $0;", None);
        check("let x = $0;", "let x = $0,;x", None);
        check("let x = foo$0;", "let x = fo$0;", None);
        check("let x = $0;", "let x = foo$0!!!;", None);
        check("$0", "$0x", None);
    }

    #[test]
    fn in_a_text_that_repeats_itself_the_least_typed_counts() {
        check("one line;\none line;\n$0\n", "one line;\none line;\n$0\n", Some(("", 0)));
        check("one line;\none line;\n$0\n", "one line;\none line;\none$0\n", Some(("one", 0)));
    }

    #[test]
    fn a_change_out_of_reach_does_not() {
        check("1234567890 far away $0 and 1234567890", "1234567890 far awry x$0 and 1234567890", None);
        check("1234567890 far away $0 and 1234567890", "0 far away x$0 and 123456789!", Some(("x", 0)));
    }

    #[test]
    fn the_rest_after_what_was_typed() {
        assert_eq!(after("foo(bar)", "foo("), Some("bar)"));
        assert_eq!(after("foo", "foo"), Some(""));
        assert_eq!(after("foo", "fox"), None);
        assert_eq!(after("foo", "food"), None);
        assert_eq!(after("a\nb\nc", "a\r\nb"), Some("\nc"));
        assert_eq!(after("a\r\nb", "a\n"), Some("b"));
    }
}
