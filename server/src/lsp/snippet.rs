//! LSP snippets for completions: literal text with a cursor position.

/// `text` as a snippet with the cursor at byte `cursor`. The client adds `indentation` to each line except the first, so it is
/// removed from them. `None` if the inserted text would differ from `text`.
pub fn with_cursor(text: &str, cursor: usize, indentation: &str) -> Option<String> {
    let mut snippet = String::with_capacity(text.len() + indentation.len());
    let (mut start, mut is_placed) = (0, false);
    for (number, line) in text.split('\n').enumerate() {
        let end = start + line.len();
        if number > 0 {
            snippet.push('\n');
            start += line.strip_prefix(indentation).map(|_| indentation.len())?;
        }
        match text.get(start..cursor).zip(text.get(cursor..end)) {
            Some((before, after)) => {
                is_placed = true;
                escape(before, &mut snippet);
                snippet.push_str("$0");
                escape(after, &mut snippet);
            }
            None => escape(&text[start..end], &mut snippet),
        }
        // After the line break.
        start = end + 1;
    }
    is_placed.then_some(snippet)
}

/// Escapes characters with a meaning in snippets.
fn escape(text: &str, snippet: &mut String) {
    for char in text.chars() {
        if matches!(char, '$' | '}' | '\\') {
            snippet.push('\\');
        }
        snippet.push(char);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The text that a client inserts, and its cursor.
    fn inserted(snippet: &str, indentation: &str) -> (String, Option<usize>) {
        let (mut text, mut cursor) = (String::new(), None);
        let mut chars = snippet.chars();
        while let Some(char) = chars.next() {
            match char {
                '\\' => match chars.next() {
                    Some(escaped @ ('$' | '}' | '\\')) => text.push(escaped),
                    other => panic!("{other:?} is no escape: {snippet:?}"),
                },
                '$' => {
                    assert_eq!((chars.next(), cursor), (Some('0'), None), "one place: {snippet:?}");
                    cursor = Some(text.len());
                }
                '}' => panic!("it ends nothing: {snippet:?}"),
                '\n' => {
                    text.push('\n');
                    text.push_str(indentation);
                }
                other => text.push(other),
            }
        }
        (text, cursor)
    }

    #[test]
    fn the_cursor_goes_into_an_empty_block() {
        let text = "if a {\n        \n    }";
        assert_eq!(with_cursor(text, 15, "").as_deref(), Some("if a {\n        $0\n    \\}"));
        assert_eq!(with_cursor(text, 15, "    ").as_deref(), Some("if a {\n    $0\n\\}"));
        assert_eq!(with_cursor("a\n\n    b", 1, "    "), None, "the empty line would get blanks");
        assert_eq!(with_cursor("a\n  b", 1, "    "), None, "less indentation than the client gives");
        assert_eq!(with_cursor("a\n    b", 3, "    "), None, "in the indentation");
    }

    proptest! {
        #[test]
        fn a_snippet_gives_the_text_and_the_cursor(
            lines in prop::collection::vec("[$}{\\\\0a :|é😀\t\r]{0,8}", 1..5),
            any in any::<String>(),
            indentation in "[ \t]{0,3}",
            at in any::<prop::sample::Index>(),
        ) {
            let lines = lines.join(&format!("\n{indentation}"));
            for text in [lines, any] {
                let cursor = text.floor_char_boundary(at.index(text.len() + 1));
                let plain = with_cursor(&text, cursor, "").expect("nothing is left out");
                prop_assert_eq!(inserted(&plain, ""), (text.clone(), Some(cursor)));
                if let Some(snippet) = with_cursor(&text, cursor, &indentation) {
                    prop_assert_eq!(inserted(&snippet, &indentation), (text.clone(), Some(cursor)));
                }
            }
        }
    }
}
