//! The length of a completion: the unit that the cursor is in, or the content of an empty block.

use phi_engine::StopRule;
use ropey::RopeSlice;

use super::trigger::{is_closing, is_word};
use crate::answer::{LongString, in_words, is_continued};
use crate::documents::Document;
use crate::syntax::{ancestors, is_one_of};

/// Columns of a tab, as the engine counts them.
const TAB: usize = 4;

/// The rules that end a completion's generation at `cursor`. `fence` is the one that the prompt has opened, if it has.
///
/// They let the model write the unit that the cursor is in and stop it where another one begins, as far as indentation
/// shows; the parser cuts the rest ([`crate::answer`]). They keep what the model repeats of the text after the cursor,
/// which shows how the two join.
pub(crate) fn stop_rules(
    document: &Document,
    cursor: usize,
    fence: Option<String>,
    most_lines: usize,
) -> Vec<StopRule> {
    let mut rules: Vec<_> = fence.map(StopRule::Text).into_iter().chain([StopRule::Repetition]).collect();
    let string = LongString::at(document, cursor);
    if most_lines <= 1 || one_line(document, cursor, string.as_ref()) {
        rules.push(StopRule::Lines(1));
        return rules;
    }
    rules.extend([StopRule::BlankLines, StopRule::Lines(most_lines)]);
    if let Some(columns) = columns_outside(document, cursor, string.as_ref()) {
        let words = document.language.map_or("", |language| language.text.continuing_words);
        let words = words.split_ascii_whitespace().map(String::from).collect();
        rules.push(StopRule::Dedent { columns, words });
    }
    rules
}

/// Whether only the rest of a line is wanted: in prose, in a comment or a single-line string, and before other words.
fn one_line(document: &Document, cursor: usize, string: Option<&LongString>) -> bool {
    let text = &document.text;
    let is_closed = |c: char| c.is_whitespace() || is_closing(c) || c == '{';
    let right = text.chars_at(text.byte_to_char(cursor)).take_while(|c| !matches!(c, '\n' | '\r'));
    let right: String = right.collect();
    let right = string.and_then(|string| right.strip_prefix(&*string.closing)).unwrap_or(&right);
    let is_prose = match document.language {
        Some(language) => language.text.is_prose,
        None => {
            let line = text.line_to_byte(text.byte_to_line(cursor));
            !is_continued(&text.byte_slice(line..cursor).to_string())
        }
    };
    is_prose || !right.chars().all(is_closed) || string.is_none() && in_words(document, cursor)
}

/// The widest indentation of a line that is outside of the unit; `None` if every line may be in it.
fn columns_outside(document: &Document, cursor: usize, string: Option<&LongString>) -> Option<usize> {
    let text = &document.text;
    let line = text.byte_to_line(cursor);
    let left = text.byte_slice(text.line_to_byte(line)..cursor).to_string();
    let columns = left.chars().map_while(|c| match c {
        ' ' => Some(1),
        '\t' => Some(TAB),
        _ => None,
    });
    let columns = columns.sum::<usize>();
    if string.is_some() {
        // The lines of a docstring are as deep as its first one; those of another string have any depth.
        let has_docstrings = document.language.is_some_and(|language| language.layout);
        return columns.checked_sub(1).filter(|_| has_docstrings);
    }
    let fills =
        document.language.is_some_and(|language| language.text.is_data) || at_empty_block(document, cursor);
    // After a comma the other members follow, and after a backslash the other lines, all of the same depth.
    let is_continuation = line > 0 && is_continued(&text.line(line - 1).to_string());
    let goes_on = left.trim_end().ends_with(',') || is_continuation;
    match left.trim().is_empty() && fills || goes_on {
        true => columns.checked_sub(1),
        false => Some(columns),
    }
}

/// Whether the text before the cursor has opened a block that is still empty. In the arguments of a call, in a comment
/// or in a string nothing is a block.
pub(crate) fn at_empty_block(document: &Document, cursor: usize) -> bool {
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
    let (first, last) = (words.next().unwrap_or_default(), words.next_back());
    language.text.opening_marks.iter().any(|mark| line.ends_with(mark))
        || is_one_of(language.text.opening_words, last.unwrap_or(first))
        || is_one_of(language.text.heading_words, first) && last != Some("end")
}

/// Whether the line that opens a block and ends at `end` does so in code: not in a comment or a string, nor with a mark
/// that means something else among arguments.
fn in_code(document: &Document, end: usize) -> bool {
    let (Some(tree), Some(language)) = (document.tree(), document.language) else { return true };
    let at = end.saturating_sub(1);
    let is_mark = matches!(document.text.byte(at), b'{' | b':');
    for inner in ancestors(tree, at..end).into_iter().rev() {
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
    }
    true
}

/// The first of these lines that is not blank, within a screenful.
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

    #[track_caller]
    fn check_rules(language: &str, text: &str, expected: Option<Option<usize>>) {
        let cursor = text.find("$0").expect("the text has a cursor");
        let id = DocumentId("file:///a".into());
        let document = Document::open(id, None, language, 1, &text.replacen("$0", "", 1));
        let rules = stop_rules(&document, cursor, Some("```".into()), 12);
        let columns = rules.iter().find_map(|rule| match rule {
            StopRule::Dedent { columns, .. } => Some(*columns),
            _ => None,
        });
        let lines = rules.contains(&StopRule::Lines(12));
        assert_eq!(lines.then_some(columns), expected, "{language}: {text}");
        assert_eq!(lines, !rules.contains(&StopRule::Lines(1)), "{language}: {text}");
    }

    #[test]
    fn the_unit_ends_where_a_line_is_no_deeper() {
        check_rules("rust", "fn f() {\n    let x = $0\n}\n", Some(Some(4)));
        check_rules("rust", "fn f() {\n    $0\n    g();\n}\n", Some(Some(4)));
        check_rules("rust", "fn f($0)\n", Some(Some(0)));
        check_rules("rust", "fn f() {$0}\n", Some(Some(0)));
        check_rules("typescript", "class A {\n\tget$0\n}\n", Some(Some(4)));
    }

    #[test]
    fn an_empty_block_ends_where_a_line_is_less_deep() {
        check_rules("rust", "fn f() {\n    $0\n}\n", Some(Some(3)));
        check_rules("python", "def f():\n    $0\n", Some(Some(3)));
        check_rules("json", "{\n  \"a\": 1,\n  $0\n}\n", Some(Some(1)));
        check_rules("json", "$0\n", Some(None));
        check_rules("json", "{\n  \"a\": 1,$0\n}\n", Some(Some(1)));
        check_rules("rust", "struct A {\n    a: u8,$0\n}\n", Some(Some(3)));
    }

    #[test]
    fn before_other_words_and_in_prose_one_line_is_wanted() {
        check_rules("rust", "let $0x = 1;\n", None);
        check_rules("rust", "// as $0\n", None);
        check_rules("rust", "let s = \"$0\";\n", None);
        check_rules("markdown", "As $0\n", None);
        check_rules("", "As $0\n", None);
    }
}
