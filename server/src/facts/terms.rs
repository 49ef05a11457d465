//! The search terms of a text.
//!
//! A name is a term as a whole and in parts: `parseHTTPHeader` is `parsehttpheader`, `parse`, `http` and `header`. Numbers,
//! single letters and the keywords of the text's language are left out.

use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::languages::Language;

/// Longer lines are data or generated.
pub(super) const LONGEST_LINE: usize = 1000;

/// Longer words are data: keys, hashes, base64.
const LONGEST_WORD: usize = 64;

/// Calls `each` with every term of a text, in the order of the text; lower-case, whole names before their parts.
pub fn terms(text: &str, mut each: impl FnMut(&str)) {
    let mut lower = String::new();
    for word in text.lines().filter(|line| line.len() <= LONGEST_LINE).flat_map(words) {
        for_each_term(word, &mut lower, &mut each);
    }
}

/// The words of a line: runs of letters, digits and underscores, in any script.
pub(super) fn words(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let start = position(rest, true)?;
        let from_word = &rest[start..];
        let end = position(from_word, false).unwrap_or(from_word.len());
        rest = &from_word[end..];
        Some(&from_word[..end])
    })
}

/// The first byte of `text` that is (or is not) part of a word.
fn position(text: &str, in_word: bool) -> Option<usize> {
    const IN_WORD: [bool; 128] = {
        let mut table = [false; 128];
        let mut byte = 0;
        while byte < 128 {
            table[byte] = (byte as u8).is_ascii_alphanumeric() || byte == b'_' as usize;
            byte += 1;
        }
        table
    };
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match IN_WORD.get(usize::from(bytes[at])) {
            Some(&is) if is == in_word => return Some(at),
            Some(_) => at += 1,
            None => {
                let c = text[at..].chars().next()?;
                if c.is_alphanumeric() == in_word {
                    return Some(at);
                }
                at += c.len_utf8();
            }
        }
    }
    None
}

/// The terms of one word. `lower` is a buffer.
fn for_each_term(word: &str, lower: &mut String, mut each: impl FnMut(&str)) {
    if word.len() > LONGEST_WORD || word.starts_with(|c: char| c.is_ascii_digit()) || is_short(word) {
        return;
    }
    fold(word, lower);
    each(lower);
    for part in parts(word).filter(|part| part.len() < word.len() && !is_short(part)) {
        fold(part, lower);
        each(lower);
    }
}

fn is_short(word: &str) -> bool {
    word.chars().nth(1).is_none()
}

fn fold(word: &str, lower: &mut String) {
    lower.clear();
    if word.is_ascii() {
        lower.push_str(word);
        lower.make_ascii_lowercase();
    } else {
        lower.extend(word.chars().flat_map(char::to_lowercase));
    }
}

/// The parts of a name: `parse`, `HTTP`, `Header`; `utf`, `8`.
fn parts(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word.trim_matches('_');
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = end_of_part(rest);
        let part = &rest[..end];
        rest = rest[end..].trim_start_matches('_');
        Some(part)
    })
}

/// The end of the first part of a name.
fn end_of_part(name: &str) -> usize {
    let mut before = None;
    let mut chars = name.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let Some(last) = before.replace(c) else { continue };
        let next = chars.peek().map(|&(_, next)| next);
        let is_start = c == '_'
            || c.is_numeric() != char::is_numeric(last)
            || c.is_uppercase()
                && (last.is_lowercase() || last.is_uppercase() && next.is_some_and(char::is_lowercase));
        if is_start {
            return at;
        }
    }
    name.len()
}

/// The distinct words of one file, numbered in the order of occurrence.
#[derive(Default)]
pub(super) struct Vocabulary<'t> {
    numbers: FxHashMap<Box<str>, u32>,
    /// For each word as written: the range of its terms in the list.
    seen: FxHashMap<&'t str, Range<u32>>,
    listed: Vec<u32>,
    lower: String,
}

impl<'t> Vocabulary<'t> {
    /// The number of a word.
    pub(super) fn number(&mut self, word: &str) -> u32 {
        number(&mut self.numbers, word)
    }

    /// The numbers of a word's terms.
    pub(super) fn terms(&mut self, word: &'t str, language: Option<&Language>) -> &[u32] {
        let Vocabulary { numbers, seen, listed, lower } = self;
        let range = seen.entry(word).or_insert_with(|| {
            let start = listed.len() as u32;
            if !language.is_some_and(|language| language.is_keyword(word)) {
                for_each_term(word, lower, |term| listed.push(number(numbers, term)));
            }
            start..listed.len() as u32
        });
        &self.listed[range.start as usize..range.end as usize]
    }

    /// All words by their numbers.
    pub(super) fn into_words(self) -> Vec<Box<str>> {
        let mut words = vec![Box::default(); self.numbers.len()];
        for (word, number) in self.numbers {
            words[number as usize] = word;
        }
        words
    }
}

fn number(numbers: &mut FxHashMap<Box<str>, u32>, word: &str) -> u32 {
    if let Some(&number) = numbers.get(word) {
        return number;
    }
    let number = numbers.len() as u32;
    numbers.insert(word.into(), number);
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut found = Vec::new();
        terms(text, |term| found.push(term.to_owned()));
        assert_eq!(found.join(" "), expected, "{text}");
    }

    #[test]
    fn names_are_terms_as_a_whole_and_in_parts() {
        check("parseHTTPHeader(x)", "parsehttpheader parse http header");
        check("MAX_LINE_BYTES + __init__", "max_line_bytes max line bytes __init__ init");
        check("utf8 sha256sum x86_64", "utf8 utf sha256sum sha 256 sum x86_64 86 64");
        check("HTTP Header snake", "http header snake");
        check("_x a i2c", "_x i2c");
    }

    #[test]
    fn letters_of_all_scripts_make_words() {
        check("größeÄndern, naïve", "größeändern größe ändern naïve");
        check("переменная_счёт", "переменная_счёт переменная счёт");
        check("名前 = İx😀ok", "名前 i̇x ok");
    }

    #[test]
    fn numbers_and_data_are_no_terms() {
        check("0xff 1_000 3d 42", "");
        check(&format!("{} ok", "a".repeat(65)), "ok");
        check(&format!("{}\nok", "ab ".repeat(400)), "ok");
    }
}
