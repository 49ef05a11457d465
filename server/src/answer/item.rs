//! From the model's text to a whole item that replaces the old one: fences and chatter removed, with the old item's
//! indentation and ending. [`crate::edits`] judges what the text means.

use std::ops::Range;
use std::time::Duration;

use tree_sitter::Node;

use super::cursor_context::leading;
use super::indentation::{STRINGS, Unit, unit_of};
use super::{Draft, fences, readable};
use crate::documents::Document;
use crate::syntax::{ancestors, parse_str};

/// Longer answers are ignored.
const MOST_BYTES: usize = 256 * 1024;
/// Time limit of a parse, which only finds strings.
const PARSING: Duration = Duration::from_secs(1);

/// The draft that replaces the item at `range` with the model's text; `None` if it contains no code.
pub fn item(document: &Document, range: &Range<usize>, text: &str) -> Option<Draft> {
    fitted(document, range, &code(document, range, text)?)
}

/// The same for an answer that may begin with imports for the head of the file: these, and the draft of the rest, if
/// any.
pub fn item_with_imports(
    document: &Document,
    range: &Range<usize>,
    text: &str,
) -> Option<(Vec<String>, Option<Draft>)> {
    let code = code(document, range, text)?;
    let (imports, rest) = leading_imports(document, range, &code);
    let draft = fitted(document, range, rest);
    (!imports.is_empty() || draft.is_some()).then_some((imports, draft))
}

/// The imports at the start of code, verbatim, and what follows them. An item that is an import has none.
fn leading_imports<'c>(document: &Document, range: &Range<usize>, code: &'c str) -> (Vec<String>, &'c str) {
    let none = (Vec::new(), code);
    let Some(language) = document.language else { return none };
    let is_import = |node: Node| language.role(node).import;
    let first = range.start..(range.start + 1).min(range.end);
    if document.tree().is_some_and(|tree| ancestors(tree, first).into_iter().any(is_import)) {
        return none;
    }
    let Some(tree) = parse_str(language, code, PARSING) else { return none };
    let (mut imports, mut end) = (Vec::new(), 0);
    let mut cursor = tree.root_node().walk();
    for node in tree.root_node().children(&mut cursor) {
        let text = code.get(node.byte_range()).unwrap_or("").trim();
        match text {
            // A line break or a separator after an import.
            "" | ";" => {}
            _ if is_import(node) => imports.push(text.to_owned()),
            _ => break,
        }
        end = node.end_byte();
    }
    match imports.is_empty() {
        true => none,
        false => (imports, &code[end..]),
    }
}

/// The code in the model's text.
fn code(document: &Document, range: &Range<usize>, text: &str) -> Option<String> {
    let old = document.text.byte_slice(range.clone()).to_string();
    let text = readable(text, true, MOST_BYTES, &old)?.0;
    let is_prose = document.language.is_some_and(|language| language.text.is_prose);
    let holds_fences = is_prose || old.lines().any(|line| line.trim_start().starts_with("```"));
    Some(fences::whole(&text, holds_fences)?.to_string())
}

/// The draft of code with the indentation and ending of the item at `range`.
fn fitted(document: &Document, range: &Range<usize>, code: &str) -> Option<Draft> {
    let source = &document.text;
    let old = source.byte_slice(range.clone()).to_string();
    let is_prose = document.language.is_some_and(|language| language.text.is_prose);
    let lines: Vec<&str> = code.trim_end().split('\n').skip_while(|line| line.trim().is_empty()).collect();
    let first = lines.first()?;
    let stays = lines_in_strings(document, &lines);
    let line = source.byte_to_line(range.start);
    let indent = source.byte_slice(source.line_to_byte(line)..range.start).to_string();
    // An item after other code on its line is not indented by it.
    let indent = leading(&indent).to_owned();
    let old_lines: Vec<&str> = old.lines().collect();
    let old_stays = lines_in_strings(document, &old_lines);
    let unit = unit_within(&old_lines, &old_stays, &indent);
    let movable = lines.iter().enumerate().skip(1).filter(|(number, _)| !stays.contains(number));
    let rest: Vec<&str> = movable.map(|(_, line)| *line).filter(|line| !line.trim().is_empty()).collect();
    // Indented as in the prompt, except for the white space before the first line.
    let is_deep = !indent.is_empty()
        && leading(first).is_empty()
        && is_as_deep(&rest, &indent, unit.unwrap_or(Unit::Spaces(4)), first);
    let model_indent = if is_deep { indent.as_str() } else { leading(first) };
    let model = unit_within(&lines, &stays, model_indent).or(unit);
    let unit = unit.or(model).unwrap_or(Unit::Spaces(4));
    // In prose a further indentation by three is intended.
    let model = model.filter(|_| !is_prose).unwrap_or(unit);
    let (margin, base) = (unit.columns(&indent), model.columns(model_indent));
    let columns = |line: &str| model.columns(leading(line));

    let line_break = if source.line(line).to_string().ends_with("\r\n") { "\r\n" } else { "\n" };
    let mut fitted = first.trim().to_owned();
    for (number, line) in lines.iter().enumerate().skip(1) {
        fitted.push_str(line_break);
        if stays.contains(&number) {
            fitted.push_str(line);
        } else if !line.trim().is_empty() {
            let columns = columns(line).saturating_sub(base);
            // Whole steps in the model's unit become steps in the document's.
            let columns = columns / model.width() * unit.width() + columns % model.width();
            // The margin is kept verbatim: it may mix tabs and spaces.
            match margin == 0 || unit == Unit::Tab && !indent.starts_with('\t') {
                true => unit.write(margin + columns, &mut fitted),
                false => {
                    fitted.push_str(&indent);
                    unit.write(columns, &mut fitted);
                }
            }
            fitted.push_str(line.trim());
        }
    }
    // What separates the item from the next one on its last line is part of the line, not of what a model takes for the
    // item.
    if let Some(end @ (',' | ';')) = old.chars().last()
        // Another bracket ends something else: fields in parentheses became fields in braces.
        && let Some(bracket @ ('}' | ')' | ']')) = fitted.chars().last()
        && old[..old.len() - 1].ends_with(bracket)
    {
        fitted.push(end);
    }
    Some(Draft { range: range.clone(), text: fitted })
}

/// Whether the lines below the first are already placed as in a document whose item is `indent` deep: the last one
/// closes at that depth, the first one opens a block one unit deeper, or they follow each other at that depth.
fn is_as_deep(rest: &[&str], indent: &str, unit: Unit, first: &str) -> bool {
    let Some(last) = rest.last() else { return false };
    let margin = unit.columns(indent);
    let columns = |line: &str| unit.columns(leading(line));
    let closes = last.trim_start().starts_with(['}', ')', ']']) || last.trim_start().starts_with("end");
    let least = rest.iter().map(|line| columns(line)).min().unwrap_or(0);
    match closes {
        true => columns(last) == margin && least == margin,
        false if first.trim_end().ends_with([':', '{', '(', '[']) => least >= margin + unit.width(),
        false => least >= margin,
    }
}

/// The unit of lines that are `margin` deep; those that begin in strings do not count.
fn unit_within(lines: &[&str], in_strings: &[usize], margin: &str) -> Option<Unit> {
    let lines = lines.iter().enumerate().filter(|(number, _)| !in_strings.contains(number));
    let lines = lines.map(|(_, line)| line.strip_prefix(margin).unwrap_or(line));
    unit_of(lines.filter(|line| !line.trim().is_empty()).map(leading))
}

/// Lines that begin inside a string whose white space is significant; a Python docstring's is not.
fn lines_in_strings(document: &Document, lines: &[&str]) -> Vec<usize> {
    let Some(language) = document.language else { return Vec::new() };
    // Before its opening tag PHP is text.
    let mark = if document.text.chars().take(2).eq("<?".chars()) { "<?php\n" } else { "" };
    let first = mark.lines().count();
    let text = format!("{mark}{}", lines.join("\n"));
    let Some(tree) = parse_str(language, &text, PARSING) else { return Vec::new() };
    let mut inside = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        let rows = node.start_position().row + 1..node.end_position().row + 1;
        let is_string = STRINGS.iter().any(|kind| node.kind().contains(kind));
        let stands_alone = node.parent().is_some_and(|parent| parent.kind() == "expression_statement");
        match (rows.is_empty(), is_string, stands_alone) {
            (false, true, false) => inside.extend(rows.start - first..rows.end - first),
            (false, false, _) if cursor.goto_first_child() => continue,
            _ => {}
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return inside;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::DocumentId;

    /// Checks the item between two `|` of `text` after `answer`.
    fn check(language: &str, text: &str, answer: &str, expected: Option<&str>) {
        let start = text.find('|').expect("a start");
        let plain = text.replace('|', "");
        let end = text.rfind('|').expect("an end") - 1;
        let document = Document::open(DocumentId("a".into()), None, language, 1, &plain);
        let draft = item(&document, &(start..end), answer);
        assert_eq!(draft.map(|draft| draft.text).as_deref(), expected);
    }

    #[test]
    fn indentation_is_that_of_the_old_item() {
        let text = "impl A {\n    |fn f() {\n        g();\n    }|\n}\n";
        let wanted = Some("fn f() {\n        h();\n    }");
        check("rust", text, "    fn f() {\n        h();\n    }\n", wanted);
        check("rust", text, "fn f() {\n    h();\n}\n", wanted);
        check("rust", text, "fn f() {\n  h();\n}\n", wanted);
        check("rust", text, "fn f() {\n\th();\n}\n", wanted);
        check("go", "|func f() {\n\tg()\n}|\n", "func f() {\n    h()\n}\n", Some("func f() {\n\th()\n}"));
        let crlf = "class A:\r\n  |def f(self):\r\n    pass|\r\n";
        check("python", crlf, "def f(self):\n    return 1\n", Some("def f(self):\r\n    return 1"));
    }

    #[test]
    fn text_in_strings_stays_where_it_is() {
        let text = "class A {\n  |f() {\n    return `a\nb`;\n  }|\n}\n";
        check("typescript", text, "f() {\n  return `a\nc`;\n}\n", Some("f() {\n    return `a\nc`;\n  }"));
        let text = "class A:\n    |def f(self):\n        pass|\n";
        let answer = "def f(self):\n    \"\"\"A.\n\n    B.\n    \"\"\"\n    pass\n";
        let wanted = "def f(self):\n        \"\"\"A.\n\n        B.\n        \"\"\"\n        pass";
        check("python", text, answer, Some(wanted));
    }

    #[test]
    fn what_ends_the_line_is_kept() {
        let text = "[\n    |{ a: 1 }|,\n]\n".replace("|,", ",|");
        check("javascript", &text, "{ a: 2 }", Some("{ a: 2 },"));
        check("rust", "|struct A(u8);|\n", "struct A(u16)", Some("struct A(u16);"));
        check("rust", "|struct A(u8);|\n", "struct A {\n    b: u8,\n}", Some("struct A {\n    b: u8,\n}"));
    }

    #[test]
    fn chatter_is_no_code() {
        let text = "|fn f() {}|\n";
        let wanted = Some("fn f() { g() }");
        check("rust", text, "fn f() { g() }", wanted);
        check(
            "rust",
            text,
            "Sure! Here is the code:\n\n```rust\nfn f() { g() }\n```\n\nIt calls `g`.\n",
            wanted,
        );
        check("rust", text, "```\nfn f() { g() }\n", wanted);
        check("rust", text, "\n\n", None);
        check("rust", text, "```\n```\n", None);
        check("rust", text, "fn f() {\u{202e} g() }", None);
        check("rust", text, "fn f() {\u{fffd} g() }", None);
    }
}
