//! JSON with comments and trailing commas, as in configuration files.

use serde_json::Value;

/// Parses it; `None` if it is otherwise invalid.
pub(super) fn parse(text: &str) -> Option<Value> {
    let text = text.trim_start_matches('\u{feff}');
    serde_json::from_str(text).ok().or_else(|| serde_json::from_str(&plain(text)).ok())
}

/// Without comments and trailing commas.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if next == '"' {
            let (string, after) = rest.split_at(string_end(rest));
            plain += string;
            rest = after;
        } else if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if rest.starts_with("/*") {
            rest = rest[2..].find("*/").map_or("", |end| &rest[2 + end + 2..]);
            plain.push(' ');
        } else {
            if matches!(next, '}' | ']') {
                let end = plain.trim_end().len();
                if plain[..end].ends_with(',') {
                    plain.truncate(end - 1);
                }
            }
            plain.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    plain
}

/// The end of the string that `text` begins with, its quotes included.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn comments_and_trailing_commas_are_passed_over() {
        let text =
            "\u{feff}{ // one\n \"a\": [1, 2, /* three */ ], \"b\": \"// \\\" /* no comment, ]\", /**/ }";
        assert_eq!(parse(text), Some(json!({ "a": [1, 2], "b": "// \" /* no comment, ]" })));
    }

    #[test]
    fn damaged_text_is_none() {
        for text in ["", "{", "{\"a", "{\"a\\", "/* ", "//", "[1,,]", &"[".repeat(100_000)] {
            assert_eq!(parse(text), None, "{text:.20}");
        }
    }
}
