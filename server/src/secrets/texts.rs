//! Detects secrets in a text, by rules that are data: `own.toml` has regular expressions, `tokens.txt` the forms of tokens.
//!
//! One automaton finds the keywords of all rules; then the rule checks the bytes around the keyword. So a match depends only
//! on [`BEFORE`] and [`REACH`] bytes around its keyword. An open document can count its secrets incrementally, and a scan is
//! linear in the length of the text.

use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};
use regex::bytes::{Regex, RegexBuilder};
use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::values::{Value, entropy, is_placeholder};

/// Bytes that a rule checks before a keyword.
pub const BEFORE: usize = 128;
/// Bytes that a rule checks from the start of a keyword on.
pub const REACH: usize = 512;

/// Markers of a false positive on a line, as in common secret scanners.
const ALLOWED: [&[u8]; 2] = [b"gitleaks:allow", b"pragma: allowlist secret"];

/// A secret in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretText {
    /// The rule's name, `aws-access-token`.
    pub rule: &'static str,
    /// The line, counted from 1.
    pub line: u32,
}

/// A rule as written in its file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    regex: String,
    keywords: Vec<String>,
    #[serde(default)]
    entropy: f32,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    digit: bool,
    #[serde(default)]
    anchored: bool,
    #[serde(default)]
    lines: bool,
    /// Whether no letter, digit or `_` may precede the keyword.
    #[serde(skip)]
    begins_word: bool,
}

#[derive(Debug, Deserialize)]
struct File {
    rules: Vec<Row>,
}

#[derive(Debug)]
struct Rule {
    row: Row,
    /// Compiled at the first match of its keyword.
    regex: OnceLock<Regex>,
}

#[derive(Debug)]
struct Scanner {
    rules: Vec<Rule>,
    keywords: AhoCorasick,
    /// By keyword.
    of_keyword: Vec<Vec<usize>>,
}

static SCANNER: LazyLock<Scanner> = LazyLock::new(|| {
    // They are part of the program, and a test parses them.
    let own = toml::from_str::<File>(include_str!("own.toml")).expect("rules for secrets can be read").rules;
    let tokens = include_str!("tokens.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let tokens = tokens.map(|line| token(line).unwrap_or_else(|| panic!("no form of a token: {line}")));
    let rules: Vec<Rule> =
        own.into_iter().chain(tokens).map(|row| Rule { row, regex: OnceLock::new() }).collect();
    let mut places: FxHashMap<&str, usize> = FxHashMap::default();
    let (mut words, mut of_keyword): (Vec<&str>, Vec<Vec<usize>>) = Default::default();
    for (at, rule) in rules.iter().enumerate() {
        for word in &rule.row.keywords {
            let place = *places.entry(word).or_insert_with(|| {
                words.push(word);
                of_keyword.push(Vec::new());
                words.len() - 1
            });
            of_keyword[place].push(at);
        }
    }
    let keywords = AhoCorasickBuilder::new()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::DFA))
        .build(&words)
        .expect("keywords make an automaton");
    Scanner { keywords, of_keyword, rules }
});

/// Parses a rule from a line of `tokens.txt`.
fn token(line: &str) -> Option<Row> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let [id, beginnings @ .., letters, count] = words.as_slice() else { return None };
    let letters = match *letters {
        "hex" => "[0-9a-f]",
        "lower" => "[0-9a-z]",
        "upper" => "[0-9A-Z]",
        "word" => "[0-9A-Za-z]",
        "name" => "[0-9A-Za-z_-]",
        "dotted" => "[0-9A-Za-z_.=-]",
        "base64" => "[0-9A-Za-z_+/=-]",
        _ => return None,
    };
    let (count, end) = match (count.strip_suffix('+'), count.split_once('-')) {
        (Some(least), _) => (format!("{{{least},}}"), ""),
        (None, Some((least, most))) => (format!("{{{least},{most}}}"), r"(?:\W|\z)"),
        (None, None) => (format!("{{{count}}}"), r"(?:\W|\z)"),
    };
    let escaped: Vec<String> = beginnings.iter().map(|beginning| regex::escape(beginning)).collect();
    Some(Row {
        id: (*id).to_owned(),
        regex: format!("((?:{}){letters}{count}){end}", escaped.join("|")),
        keywords: beginnings.iter().map(|beginning| beginning.to_lowercase()).collect(),
        entropy: 3.0,
        value: Value::Any,
        digit: true,
        anchored: true,
        lines: false,
        begins_word: true,
    })
}

/// The first secret in a text.
pub fn in_text(text: &str) -> Option<SecretText> {
    let bytes = text.as_bytes();
    let (at, rule) = secrets(bytes, 0..bytes.len()).next()?;
    let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count();
    Some(SecretText { rule: &rule.row.id, line: u32::try_from(line).unwrap_or(u32::MAX).saturating_add(1) })
}

/// Whether a text contains a key or token that is recognized by its form alone; passwords, and values that are secret only
/// by the name they are assigned to, do not count.
pub fn has_key(text: &str) -> bool {
    let bytes = text.as_bytes();
    secrets(bytes, 0..bytes.len()).any(|(_, rule)| rule.row.value == Value::Any)
}

/// The number of secrets with their keyword in `range` of these bytes. To count a longer text in pieces, each piece needs
/// [`BEFORE`] bytes before the range and [`REACH`] after it.
pub fn starts(bytes: &[u8], range: Range<usize>) -> usize {
    secrets(bytes, range).count()
}

fn secrets(bytes: &[u8], range: Range<usize>) -> impl Iterator<Item = (usize, &'static Rule)> {
    let scanner = &*SCANNER;
    // A keyword may begin in the range and end after it.
    let end = bytes.len().min(range.end + REACH);
    let hits = scanner.keywords.find_overlapping_iter(&bytes[range.start..end]);
    hits.flat_map(move |hit| {
        let at = range.start + hit.start();
        let rules: &'static [usize] =
            if at < range.end { &scanner.of_keyword[hit.pattern().as_usize()] } else { &[] };
        rules.iter().map(move |&rule| (at, &scanner.rules[rule]))
    })
    .filter(move |(at, rule)| rule.holds(bytes, *at))
}

impl Rule {
    /// Whether there is a secret at a keyword.
    fn holds(&self, bytes: &[u8], at: usize) -> bool {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        if self.row.begins_word && bytes[..at].last().is_some_and(is_word) {
            return false;
        }
        let mut start = at.saturating_sub(BEFORE);
        let mut end = bytes.len().min(at + REACH);
        let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let line_start =
            bytes[start..at].iter().rposition(is_break).map_or(start, |before| start + before + 1);
        let line_end = bytes[at..end].iter().position(is_break).map_or(end, |length| at + length);
        if !self.row.lines {
            (start, end) = (line_start, line_end);
        }
        if self.row.anchored {
            start = at;
        }
        let regex = self.regex.get_or_init(|| compile(&self.row));
        let is_secret = |groups: regex::bytes::Captures| {
            let whole = groups.get(0).expect("there is a match");
            let value = groups.iter().skip(1).flatten().last().unwrap_or(whole).as_bytes();
            (!self.row.digit || value.iter().any(u8::is_ascii_digit))
                && !is_placeholder(value)
                && self.row.value.fits(value)
                && (self.row.entropy == 0.0 || entropy(value) >= self.row.entropy)
        };
        let is_secret = regex.captures_iter(&bytes[start..end]).any(is_secret);
        let line = &bytes[line_start..line_end];
        is_secret && !ALLOWED.iter().any(|allowed| line.windows(allowed.len()).any(|word| word == *allowed))
    }
}

fn compile(row: &Row) -> Regex {
    let anchor = if row.anchored { r"\A" } else { "" };
    // By bytes: a long text may be cut inside a character.
    let regex = RegexBuilder::new(&format!("{anchor}(?:{})", row.regex)).unicode(false).build();
    regex.expect("a test compiles all of them")
}

#[cfg(test)]
pub(super) fn compile_all() -> usize {
    let compiled = SCANNER.rules.iter().inspect(|rule| drop(compile(&rule.row)));
    compiled.fold(0, |count, _| count + 1)
}
