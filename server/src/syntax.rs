//! Parsing with a time limit, and walks over trees of any depth.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::ops::{ControlFlow, Range};
use std::time::{Duration, Instant};

use ropey::Rope;
use tree_sitter::{Node, ParseOptions, Parser, Tree};

use crate::languages::{Language, scanner};

pub(crate) use crate::languages::scanner::MAX_PARSED_BYTES;

/// The bytes that a parser gets at a time. The time limit is checked between two pieces, because a parser checks it only
/// between tokens, and an unterminated string is one token.
const PIECE: usize = 4096;

/// The time limit does not apply up to this position, so that the result for small texts does not depend on the load of
/// the machine...
const UNTIMED_BYTES: usize = 16 * 1024;

/// ... unless it takes longer than this.
const UNTIMED: Duration = Duration::from_millis(200);

/// Why there is no tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoTree {
    /// The time limit was reached.
    Late,
    /// The parse was cancelled.
    Abandoned,
    /// The state of the grammar's scanner is too small: the text nests too deep, or has words that are too long.
    TooDeep,
    /// The text is too large.
    TooLarge,
}

/// The time limit for a parse of so many bytes. Ordinary code takes a tenth of this; a text takes longer if the grammar is
/// quadratic on it, such as thousands of unclosed HTML elements.
pub fn max_parse_time(bytes: usize) -> Duration {
    Duration::from_secs(1) + Duration::from_micros(2) * u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// The tree of `text`, which is read in place. `old` is a tree of an earlier text to which every edit since was applied.
/// None if `limit` is reached, or `wanted` returns false.
pub(crate) fn parse(
    language: &Language,
    text: &Rope,
    old: Option<&Tree>,
    limit: Duration,
    wanted: &dyn Fn() -> bool,
) -> Result<Tree, NoTree> {
    let read = |byte| {
        if byte >= text.len_bytes() {
            return "";
        }
        let (chunk, chunk_start, ..) = text.chunk_at_byte(byte);
        // Never inside a character: chunks end between characters, and so do tree-sitter's steps.
        chunk.get(byte - chunk_start..).unwrap_or("")
    };
    parse_within(language, text.len_bytes(), read, old, limit, wanted)
}

/// The tree of a text in one piece. `None` if `limit` is reached, and for a text that has no tree.
pub fn parse_str(language: &Language, text: &str, limit: Duration) -> Option<Tree> {
    let read = |byte| text.get(byte..).unwrap_or("");
    parse_within(language, text.len(), read, None, limit, &|| true).ok()
}

thread_local! {
    /// Reused, because a parser keeps its memory; each parse is independent.
    static PARSER: RefCell<Parser> = RefCell::new(Parser::new());
}

fn parse_within<'t>(
    language: &Language,
    bytes: usize,
    read: impl Fn(usize) -> &'t str,
    old: Option<&Tree>,
    limit: Duration,
    wanted: &dyn Fn() -> bool,
) -> Result<Tree, NoTree> {
    if bytes > MAX_PARSED_BYTES {
        return Err(NoTree::TooLarge);
    }
    PARSER.with_borrow_mut(|parser| {
        parser.set_language(language.grammar()).expect("a test parses with every grammar");
        scanner::begin();
        let start = Instant::now();
        let bytes_read = Cell::new(0);
        let ended: Cell<Option<NoTree>> = Cell::new(None);
        let goes_on = || {
            let taken = start.elapsed();
            let is_late = taken >= limit && (bytes_read.get() > UNTIMED_BYTES || taken > UNTIMED);
            let end = match () {
                () if scanner::gave_up() => Some(NoTree::TooDeep),
                () if is_late => Some(NoTree::Late),
                () if !wanted() => Some(NoTree::Abandoned),
                () => None,
            };
            ended.set(ended.get().or(end));
            ended.get().is_none()
        };
        let mut progress = |_: &_| if goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
        let options = ParseOptions::new().progress_callback(&mut progress);
        let mut read = |byte, _| {
            // At the time limit the text ends, and with it the current token.
            let piece = if goes_on() { read(byte) } else { "" };
            let piece = &piece[..piece.floor_char_boundary(PIECE)];
            bytes_read.set(bytes_read.get() + piece.len());
            if language.ascii_only { ascii(piece) } else { Cow::Borrowed(piece.as_bytes()) }
        };
        let tree = parser.parse_with_options(&mut read, old, Some(options));
        // Else the next parse, of another text, would resume the cancelled one.
        parser.reset();
        match ended.get() {
            _ if scanner::gave_up() => Err(NoTree::TooDeep),
            Some(end) => Err(end),
            None => tree.ok_or(NoTree::Late),
        }
    })
}

/// The nodes around `range`, from the root to the smallest. The result equals `descendant_for_byte_range` and then
/// `Node::parent` on every level, but each call of `Node::parent` walks down from the root, so a loop over it is quadratic
/// in the depth of a tree; this is one walk.
pub(crate) fn ancestors(tree: &Tree, range: Range<usize>) -> Vec<Node<'_>> {
    match tree.root_node().descendant_for_byte_range(range.start, range.end) {
        Some(innermost) => path_to(tree.root_node(), innermost),
        None => Vec::new(),
    }
}

/// The nodes from `outer` down to `inner`, both included; empty if `outer` does not contain `inner`.
pub(crate) fn path_to<'t>(outer: Node<'t>, inner: Node<'t>) -> Vec<Node<'t>> {
    let mut path = vec![outer];
    let mut node = outer;
    while node != inner {
        let Some(next) = node.child_with_descendant(inner) else { return Vec::new() };
        path.push(next);
        node = next;
    }
    path
}

/// The start of a text, with non-ASCII bytes replaced by letters.
///
/// The scanner of tree-sitter-bash 0.25 looks up the character after a brace in a table of 256 (C's `isdigit`)
/// whatever it is, and reads past its end: `{😀` can crash the process. A byte order mark stays one.
fn ascii(text: &str) -> Cow<'_, [u8]> {
    if text.starts_with('\u{feff}') {
        return Cow::Borrowed(&text.as_bytes()[..3]);
    }
    text.as_bytes().iter().map(|&byte| if byte.is_ascii() { byte } else { b'x' }).collect()
}

/// Whether `kind` is one of `kinds`, which are separated by spaces.
pub(crate) fn is_one_of(kinds: &str, kind: &str) -> bool {
    kinds.split_ascii_whitespace().any(|one| one == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bash_survives_any_character_behind_a_brace() {
        let bash = Language::named("bash").unwrap();
        let text = "echo {\u{10ffff} {\u{ef2e5}..3}\n".repeat(400);
        let tree = parse_str(bash, &text, Duration::MAX).unwrap();
        assert_eq!(tree.root_node().end_byte(), text.len());
    }

    #[test]
    fn a_byte_order_mark_is_not_part_of_a_word() {
        let bash = Language::named("bash").unwrap();
        let sexp = |text| parse_str(bash, text, Duration::MAX).unwrap().root_node().to_sexp();
        assert_eq!(sexp("\u{feff}ls é\n"), sexp("ls ee\n"));
    }

    #[test]
    fn ancestors_are_what_parent_finds_level_by_level() {
        let rust = Language::named("rust").unwrap();
        let text = "mod a { fn f() { g((1 + 2, \"x\"), |y| { y }); let = ; } } struct S;\n";
        let tree = parse_str(rust, text, Duration::MAX).unwrap();
        for start in 0..text.len() {
            for end in start..text.len().min(start + 3) {
                let innermost = tree.root_node().descendant_for_byte_range(start, end);
                let mut expected: Vec<_> = std::iter::successors(innermost, Node::parent).collect();
                expected.reverse();
                assert_eq!(ancestors(&tree, start..end), expected, "{start}..{end}");
            }
        }
    }

    #[test]
    fn ancestors_of_a_deep_tree_are_found_in_one_walk() {
        const DEPTH: usize = 100_000;
        let rust = Language::named("rust").unwrap();
        let text = format!("const A: u8 = {}1{};", "(".repeat(DEPTH), ")".repeat(DEPTH));
        let tree = parse_str(rust, &text, Duration::MAX).unwrap();
        let at = text.find('1').unwrap();
        // With `Node::parent` this would be 5,000,000,000 steps.
        assert!(ancestors(&tree, at..at + 1).len() > DEPTH);
    }

    #[test]
    fn a_parse_ends_at_its_limit() {
        let rust = Language::named("rust").unwrap();
        let text = Rope::from_str(&"fn f() { g(1, 2, 3); }\n".repeat(2000));
        assert_eq!(parse(rust, &text, None, Duration::ZERO, &|| true).err(), Some(NoTree::Late));
        assert!(parse(rust, &text, None, Duration::MAX, &|| true).is_ok());
        assert_eq!(parse(rust, &text, None, Duration::MAX, &|| false).err(), Some(NoTree::Abandoned));
    }

    #[test]
    fn one_token_does_not_outlive_the_limit() {
        let rust = Language::named("rust").unwrap();
        let text = Rope::from_str(&format!("const A: &str = \"{}", "x ".repeat(500_000)));
        let read = Cell::new(0);
        // The limit is reached after the first pieces; the string has 250.
        let wanted = || {
            read.set(read.get() + 1);
            read.get() < 20
        };
        assert_eq!(parse(rust, &text, None, Duration::MAX, &wanted).err(), Some(NoTree::Abandoned));
        assert!(read.get() < 40, "asked {} times", read.get());
    }

    #[test]
    fn a_text_that_is_too_deep_for_a_scanner_has_no_tree() {
        let yaml = Language::named("yaml").unwrap();
        let nested = |levels: usize| Rope::from_str(&("- ".repeat(levels) + "1\n"));
        assert!(parse(yaml, &nested(200), None, Duration::MAX, &|| true).is_ok());
        assert_eq!(parse(yaml, &nested(254), None, Duration::MAX, &|| true).err(), Some(NoTree::TooDeep));
        // The limit does not apply to the next text.
        assert!(parse(yaml, &nested(2), None, Duration::MAX, &|| true).is_ok());
    }

    #[test]
    fn text_is_read_across_chunks() {
        let rust = Language::named("rust").unwrap();
        let source = "/// é😀\nfn f() -> &'static str { \"é😀\" }\n".repeat(500);
        let tree = parse(rust, &Rope::from_str(&source), None, Duration::MAX, &|| true).unwrap();
        let mut parser = Parser::new();
        parser.set_language(rust.grammar()).unwrap();
        assert_eq!(tree.root_node().to_sexp(), parser.parse(&source, None).unwrap().root_node().to_sexp());
        assert!(!tree.root_node().has_error());
    }
}
