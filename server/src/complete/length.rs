//! How much a completion may say: one line, or several where a block has just been opened and is empty.

use phi_engine::StopRule;
use ropey::RopeSlice;

use super::trigger::{is_closing, is_word};
use crate::documents::Document;

/// Words that open a block at the end of a line, in languages that close it with a word.
const OPENING_WORDS: [&str; 9] = ["do", "then", "else", "begin", "loop", "try", "ensure", "rescue", "repeat"];

/// Words that open a block at the start of a line, in Ruby and Lua.
const HEADING_WORDS: [&str; 10] =
    ["def", "class", "module", "if", "unless", "elsif", "while", "until", "case", "function"];

/// A line of the text below the cursor must be this long to end an answer that repeats it: `}`, `end` and `else`
/// may well occur in the answer itself.
const TELLING_LINE: usize = 6;

/// The rules that end a completion's generation at `cursor`. `fence` is the one that the prompt has opened.
pub(super) fn stop_rules(
    document: &Document,
    cursor: usize,
    fence: String,
    most_lines: usize,
) -> Vec<StopRule> {
    let mut rules = vec![StopRule::Text(fence), StopRule::UnmatchedBracket, StopRule::Repetition];
    if most_lines > 1 && at_empty_block(document, cursor) {
        rules.extend([StopRule::BlankLines, StopRule::Lines(most_lines)]);
        rules.extend(telling_line_below(document, cursor).map(StopRule::Line));
    } else {
        rules.push(StopRule::Lines(1));
    }
    rules
}

/// Whether the text before the cursor has opened a block in which nothing stands yet. In the arguments of a call,
/// in a comment or in a string nothing is a block.
pub(super) fn at_empty_block(document: &Document, cursor: usize) -> bool {
    let text = &document.text;
    let line = text.byte_to_line(cursor);
    let column = cursor - text.line_to_byte(line);
    let current = text.line(line).to_string();
    let (left, right) = current.split_at(column);
    if !right.trim().chars().all(is_closing) {
        return false;
    }
    let opener = if left.trim().is_empty() { nearest_line(document, (0..line).rev()) } else { Some(line) };
    let Some(opener) = opener else { return false };
    let opening = if opener == line { left.to_owned() } else { text.line(opener).to_string() };
    if !opens_block(document, opening.trim_end()) {
        return false;
    }
    // What follows deeper than the opening line is the block's content.
    let below = nearest_line(document, line + 1..text.len_lines());
    if below.is_some_and(|below| indentation(text.line(below)) > indentation(text.line(opener))) {
        return false;
    }
    in_code(document, text.line_to_byte(opener) + opening.trim_end().len())
}

fn opens_block(document: &Document, line: &str) -> bool {
    let Some(language) = document.language else { return line.ends_with('{') };
    if line.ends_with('{') || language.layout && line.ends_with(':') {
        return true;
    }
    let line = line.trim_start();
    let mut words =
        line.strip_prefix("local ").unwrap_or(line).split(|c| !is_word(c)).filter(|word| !word.is_empty());
    match language.id {
        "rust" => line.ends_with("=>"),
        "ruby" | "lua" | "shellscript" => {
            let (first, last) = (words.next().unwrap_or_default(), words.next_back());
            OPENING_WORDS.contains(&last.unwrap_or(first))
                || language.id != "shellscript" && HEADING_WORDS.contains(&first) && last != Some("end")
        }
        _ => false,
    }
}

/// Whether the line that opens a block and ends at `end` does so in code: not in a comment or a string, nor with
/// a mark that means something else among arguments.
fn in_code(document: &Document, end: usize) -> bool {
    let (Some(tree), Some(language)) = (document.tree(), document.language) else { return true };
    let at = end.saturating_sub(1);
    let is_mark = matches!(document.text.byte(at), b'{' | b':');
    let mut node = tree.root_node().descendant_for_byte_range(at, end);
    while let Some(inner) = node {
        let is = |words: &[&str]| words.iter().any(|word| inner.kind().contains(word));
        if is(&["comment", "string"]) {
            return false;
        }
        // A closure among the arguments of a call is code again.
        if language.role(inner).block {
            return true;
        }
        if is_mark && inner.start_byte() < at && is(&["argument", "parameter", "dictionary", "subscript"]) {
            return false;
        }
        node = inner.parent();
    }
    true
}

fn telling_line_below(document: &Document, cursor: usize) -> Option<String> {
    let line = document.text.byte_to_line(cursor);
    let below = nearest_line(document, line + 1..document.text.len_lines())?;
    let below = document.text.line(below).to_string().trim().to_owned();
    (below.len() >= TELLING_LINE && below.contains(char::is_alphanumeric)).then_some(below)
}

/// The first of these lines that is not blank. Looks at no more than a screenful.
fn nearest_line(document: &Document, lines: impl Iterator<Item = usize>) -> Option<usize> {
    lines.take(50).find(|&line| document.text.line(line).chars().any(|c| !c.is_whitespace()))
}

fn indentation(line: RopeSlice) -> usize {
    line.chars().take_while(|c| matches!(c, ' ' | '\t')).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::DocumentId;

    #[track_caller]
    fn check(language: &str, text: &str, expected: bool) {
        let cursor = text.find("$0").expect("the text has a cursor");
        let id = DocumentId("file:///a".into());
        let document = Document::open(id, None, language, 1, &text.replacen("$0", "", 1));
        assert_eq!(at_empty_block(&document, cursor), expected, "{language}: {text}");
    }

    #[test]
    fn several_lines_where_an_empty_block_begins() {
        check("rust", "fn f() {\n    $0\n}\n", true);
        check("rust", "fn f() {$0}\n", true);
        check("rust", "fn f() {$0\n}\n", true);
        check("rust", "fn f() {\n    if x {\n        $0\n    }\n    y();\n}\n", true);
        check("python", "def f():\n    $0\n\ndef g():\n    pass\n", true);
        check("python", "class A:$0", true);
        check("lua", "function f(a)\n  $0\nend\n", true);
        check("lua", "if a then$0\nend\n", true);
        check("ruby", "def f(a)\n  $0\nend\n", true);
        check("typescript", "function f(): number {\n  $0\n}\n", true);
        check("go", "func f() {\n\t$0\n}\n", true);
        check("rust", "xs.map(|x| {\n    $0\n});\n", true);
    }

    #[test]
    fn one_line_elsewhere() {
        check("rust", "fn f() {\n    let x = $0\n}\n", false);
        check("rust", "fn f() {\n    $0\n    g();\n}\n", false);
        check("rust", "fn f() {\n    g();\n    $0\n}\n", false);
        check("rust", "// as follows:$0\nfn f() {}\n", false);
        check("python", "f(a, {\n    \"k\":$0\n})\n", false);
        check("python", "def f(a:$0):\n    pass\n", false);
        check("ruby", "x = 1\n$0\n", false);
    }

    #[test]
    fn a_short_line_below_ends_no_answer() {
        let rules = |text: &str| {
            let cursor = text.find("$0").expect("the text has a cursor");
            let document =
                Document::open(DocumentId("file:///a".into()), None, "rust", 1, &text.replacen("$0", "", 1));
            stop_rules(&document, cursor, "```".into(), 12)
        };
        assert!(!rules("fn f() {\n    $0\n}\n").iter().any(|rule| matches!(rule, StopRule::Line(_))));
        assert!(
            rules("fn f() {\n    $0\n}\n").contains(&StopRule::Lines(12))
                && rules("mod a {$0\nfn next_one() {}\n")
                    .contains(&StopRule::Line("fn next_one() {}".into()))
        );
        assert!(rules("let x = $0").contains(&StopRule::Lines(1)));
    }
}
