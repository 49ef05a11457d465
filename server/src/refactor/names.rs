//! Finds code identifiers in an instruction, and names in text.

use rustc_hash::FxHashSet;

/// The code identifiers in an instruction, in text order: words in backticks, or with the form of code (`max_size`,
/// `maxSize`, `Shape::area`, `area()`). Of a path, the last name.
pub(super) fn identifiers(instruction: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, piece) in instruction.split('`').enumerate() {
        let is_quoted = at % 2 == 1;
        for word in piece.split(|c: char| !(c.is_alphanumeric() || "_:.()".contains(c))) {
            let word = word.trim_matches(['.', ':']);
            let is_path = word.contains("::") || word.contains("()");
            let name = last_name(word);
            if (is_quoted || is_path || is_code(name)) && !name.is_empty() && !found.contains(&name) {
                found.push(name);
            }
        }
    }
    found
}

/// The last name of a path: `area` in `shapes::Shape.area()`.
pub(super) fn last_name(path: &str) -> &str {
    let is_name = |word: &&str| !word.is_empty() && !word.starts_with(|c: char| c.is_ascii_digit());
    path.rsplit(|c: char| !is_in_name(c)).find(is_name).unwrap_or("")
}

/// The name before the last one of a path.
pub(super) fn container(path: &str) -> Option<&str> {
    let mut names = path.split(|c: char| !is_in_name(c)).filter(|name| !name.is_empty()).rev();
    names.nth(1)
}

/// The distinct words of a text that may be names.
pub(super) fn words(text: &str) -> FxHashSet<&str> {
    text.split(|c: char| !is_in_name(c)).filter(|word| !word.is_empty()).collect()
}

/// Whether a text contains this name as a word.
pub(super) fn speaks_of(text: &str, name: &str) -> bool {
    text.split(|c: char| !is_in_name(c)).any(|word| word == name)
}

fn is_in_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a word has a form that only code identifiers have.
fn is_code(word: &str) -> bool {
    let inner = word.trim_matches('_');
    let has_hump =
        word.as_bytes().windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    inner.contains('_') || has_hump
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_an_instruction() {
        assert_eq!(
            identifiers("Rename `area` to `surface` in Shape::new, please."),
            ["area", "surface", "new"]
        );
        assert_eq!(
            identifiers("Give parse_line a maxSize; HTTP errors are logged."),
            ["parse_line", "maxSize"]
        );
        assert_eq!(identifiers("Call close() at the end. Then stop."), ["close"]);
        assert_eq!(identifiers("Use `a.b.c(1)`"), ["c"]);
        assert!(identifiers("Add error handling, i.e. more of it, in a.py...``").is_empty());
    }

    #[test]
    fn the_parts_of_a_path() {
        assert_eq!((last_name("geo::Shape.area()"), container("geo::Shape.area")), ("area", Some("Shape")));
        assert_eq!((last_name("area"), container("area")), ("area", None));
        assert_eq!(last_name("2.0"), "");
    }
}
