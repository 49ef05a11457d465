//! Parsing within a bound.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::{ControlFlow, Range};
use std::time::{Duration, Instant};

use ropey::Rope;
use tree_sitter::{Node, ParseOptions, Parser, Tree};

use crate::languages::Language;

/// A text of more bytes has no tree: parsing and keeping it would cost more than a completion can gain.
pub const MAX_PARSED_BYTES: usize = 2_000_000;

/// The longest that a parse of so many bytes may take. Ordinary code takes a tenth of this; what takes longer is a
/// text on which a grammar is quadratic, such as thousands of HTML elements that nobody closes.
pub fn max_parse_time(bytes: usize) -> Duration {
    Duration::from_secs(1) + Duration::from_micros(2) * u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// The tree of `text`, which is read in place. `old` is a tree of an earlier text that was told of every edit
/// since. `None` when `limit` is over first.
pub fn parse(language: &Language, text: &Rope, old: Option<&Tree>, limit: Duration) -> Option<Tree> {
    let read = |byte| {
        if byte >= text.len_bytes() {
            return "";
        }
        let (chunk, chunk_start, ..) = text.chunk_at_byte(byte);
        // Never inside a character: chunks end between characters and so do tree-sitter's steps.
        chunk.get(byte - chunk_start..).unwrap_or("")
    };
    parse_within(language, read, old, limit)
}

/// The tree of a text in one piece. `None` when `limit` is over first.
pub fn parse_str(language: &Language, text: &str, limit: Duration) -> Option<Tree> {
    parse_within(language, |byte| text.get(byte..).unwrap_or(""), None, limit)
}

thread_local! {
    /// A parser keeps the memory that it works in; each parse starts anew.
    static PARSER: RefCell<Parser> = RefCell::new(Parser::new());
}

fn parse_within<'t>(
    language: &Language,
    read: impl Fn(usize) -> &'t str,
    old: Option<&Tree>,
    limit: Duration,
) -> Option<Tree> {
    PARSER.with_borrow_mut(|parser| {
        parser.set_language(language.grammar()).ok()?;
        let start = Instant::now();
        let mut within_limit =
            |_: &_| if start.elapsed() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
        let options = ParseOptions::new().progress_callback(&mut within_limit);
        let is_safe = language.id != "shellscript";
        let mut read =
            |byte, _| if is_safe { Cow::Borrowed(read(byte).as_bytes()) } else { ascii(read(byte)) };
        let tree = parser.parse_with_options(&mut read, old, Some(options));
        // What was given up would be resumed by the next parse, of another text.
        parser.reset();
        tree
    })
}

/// The nodes around `range`, the root first and the smallest last: what `descendant_for_byte_range` and then
/// `Node::parent` on every level find. Each call of `Node::parent` walks down from the root, so a loop over it is
/// quadratic in the depth of a tree; this is one walk.
pub(crate) fn ancestors(tree: &Tree, range: Range<usize>) -> Vec<Node<'_>> {
    match tree.root_node().descendant_for_byte_range(range.start, range.end) {
        Some(innermost) => path_to(tree.root_node(), innermost),
        None => Vec::new(),
    }
}

/// The nodes from `outer` down to `inner`, both of them included; nothing where `outer` does not hold `inner`.
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

/// The start of a text with other bytes than ASCII's shown as letters.
///
/// The scanner of tree-sitter-bash 0.25 looks up the character behind a brace in a table of 256 (C's `isdigit`)
/// whatever it is, and reads past its end: `{😀` can crash the process. A byte order mark stays one.
fn ascii(text: &str) -> Cow<'_, [u8]> {
    /// A parser that goes back asks again.
    const PIECE: usize = 4096;
    if text.starts_with('\u{feff}') {
        return Cow::Borrowed(&text.as_bytes()[..3]);
    }
    let piece = &text.as_bytes()[..text.len().min(PIECE)];
    piece.iter().map(|&byte| if byte.is_ascii() { byte } else { b'x' }).collect()
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
    fn a_byte_order_mark_is_no_word() {
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
        // Level by level this is 5,000,000,000 steps, which no test would outlast.
        assert!(ancestors(&tree, at..at + 1).len() > DEPTH);
    }

    #[test]
    fn a_parse_ends_at_its_limit() {
        let rust = Language::named("rust").unwrap();
        let text = Rope::from_str(&"fn f() { g(1, 2, 3); }\n".repeat(2000));
        assert!(parse(rust, &text, None, Duration::ZERO).is_none());
        assert!(parse(rust, &text, None, Duration::MAX).is_some());
    }

    #[test]
    fn text_is_read_across_chunks() {
        let rust = Language::named("rust").unwrap();
        let source = "/// é😀\nfn f() -> &'static str { \"é😀\" }\n".repeat(500);
        let tree = parse(rust, &Rope::from_str(&source), None, Duration::MAX).unwrap();
        let mut parser = Parser::new();
        parser.set_language(rust.grammar()).unwrap();
        assert_eq!(tree.root_node().to_sexp(), parser.parse(&source, None).unwrap().root_node().to_sexp());
        assert!(!tree.root_node().has_error());
    }
}
