//! The target of a rewrite: a whole item, or whole statements.

use std::ops::Range;

use tree_sitter::Node;

use crate::documents::Document;
use crate::facts::{Item, SymbolKind, items};
use crate::syntax::ancestors;

/// A part of a document that can be rewritten as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its bytes, without white space at either end.
    pub range: Range<usize>,
    /// Its kind.
    pub kind: TargetKind,
    /// Its name; empty for statements.
    pub name: String,
    /// The name of the item around it.
    pub container: Option<String>,
}

/// The kind of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    /// A function or method.
    Function,
    /// A class, struct, interface, `impl`, module.
    Type,
    /// A constant or macro.
    Value,
    /// One or more whole statements.
    Statements,
}

impl Target {
    /// For users: `parse`, `Shape::area`, or the lines.
    pub fn label(&self, document: &Document) -> String {
        match (&self.container, self.kind) {
            (_, TargetKind::Statements) => {
                let line = |byte| document.text.byte_to_line(byte) + 1;
                let (first, last) = (line(self.range.start), line(self.range.end));
                if first == last { format!("line {first}") } else { format!("lines {first}-{last}") }
            }
            (Some(container), _) => format!("{container}.{}", self.name),
            (None, _) => self.name.clone(),
        }
    }

    fn of(item: Item) -> Target {
        let kind = match item.kind {
            Some(SymbolKind::Function | SymbolKind::Method) => TargetKind::Function,
            Some(SymbolKind::Constant | SymbolKind::Field | SymbolKind::Macro) => TargetKind::Value,
            Some(SymbolKind::Class | SymbolKind::Interface | SymbolKind::Module) | None => TargetKind::Type,
        };
        Target { range: item.bytes, kind, name: item.name, container: item.container }
    }
}

/// All items of a document that can be rewritten, in the order of the text, the outer before the inner.
pub fn all(document: &Document) -> Vec<Target> {
    let (Some(language), Some(tree)) = (document.language, document.tree()) else { return Vec::new() };
    items(&document.text.to_string(), language, tree).into_iter().map(Target::of).collect()
}

/// The target of a selection: without extent the innermost function around it, else the innermost item; with one the
/// whole statements that it touches, or the item of which it contains the head or more than half. `None` if the
/// document has no syntax, or nothing there can be rewritten as a whole.
pub fn at(document: &Document, selection: Range<usize>) -> Option<Target> {
    let selection = trimmed(document, selection)?;
    let all = all(document);
    let covers =
        |target: &&Target| target.range.start <= selection.start && selection.end <= target.range.end;
    let inner = |function: bool| {
        let wanted = |target: &&Target| !function || target.kind == TargetKind::Function;
        all.iter().filter(covers).filter(wanted).min_by_key(|target| target.range.len()).cloned()
    };
    let item = inner(true).or_else(|| inner(false));
    if selection.is_empty() {
        return item;
    }
    let statements = statements(document, &selection);
    match (item, statements) {
        (Some(item), Some(statements)) => {
            let is_whole =
                statements.range.start <= item.range.start && item.range.end <= statements.range.end;
            Some(if is_whole { item } else { statements })
        }
        (item, statements) => statements.or(item),
    }
}

/// A selection without the white space at its ends, within the text and on character boundaries.
fn trimmed(document: &Document, selection: Range<usize>) -> Option<Range<usize>> {
    let text = &document.text;
    let clamp = |byte: usize| text.char_to_byte(text.byte_to_char(byte.min(text.len_bytes())));
    let (start, end) = (clamp(selection.start), clamp(selection.end.max(selection.start)));
    let said = text.byte_slice(start..end).to_string();
    if said.trim().is_empty() {
        // An empty line below an item selects nothing; the indentation of its first line selects it.
        let line = text.byte_to_line(start);
        let from = text.line_to_byte(line);
        let indented = text.line(line).to_string();
        let first = from + (indented.len() - indented.trim_start().len());
        let at = if indented.trim().is_empty() { start } else { start.max(first.min(from + indented.len())) };
        return Some(at..at);
    }
    let front = said.len() - said.trim_start().len();
    Some(start + front..start + front + said.trim().len())
}

/// The whole statements that a range touches: consecutive children of one block.
fn statements(document: &Document, range: &Range<usize>) -> Option<Target> {
    let language = document.language?;
    let tree = document.tree()?;
    let around = ancestors(tree, range.clone());
    let node = around.into_iter().rev().find(|&node| language.holds_statements(node, tree.root_node()))?;
    let mut cursor = node.walk();
    let touched: Vec<Node> = node
        .named_children(&mut cursor)
        .filter(|child| child.start_byte() < range.end && range.start < child.end_byte())
        .collect();
    let (first, last) = (touched.first()?, touched.last()?);
    // The terminator of a statement may be an unnamed sibling.
    let mut end = last.end_byte();
    while let Some(next) = document.text.get_byte(end).filter(|byte| matches!(byte, b';' | b',')) {
        end += usize::from(next.is_ascii());
    }
    let whole = document.text.byte_slice(first.start_byte()..end).to_string();
    let range = first.start_byte()..first.start_byte() + whole.trim_end().len();
    (!range.is_empty()).then(|| Target {
        range,
        kind: TargetKind::Statements,
        name: String::new(),
        container: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::DocumentId;

    /// The target of the selection between `$0` and `$1`, or at `$0`.
    fn check(language: &str, text: &str, expected: Option<(TargetKind, &str)>) {
        let start = text.find("$0").expect("a start");
        let without = text.replacen("$0", "", 1);
        let end = without.find("$1").unwrap_or(start);
        let document = Document::open(DocumentId("a".into()), None, language, 1, &without.replace("$1", ""));
        let target = at(&document, start..end);
        let found = target.map(|target| (target.kind, document.text.byte_slice(target.range).to_string()));
        assert_eq!(found.as_ref().map(|(kind, text)| (*kind, text.as_str())), expected);
    }

    #[test]
    fn a_cursor_selects_the_function_around_it() {
        use TargetKind::*;
        let text = "/// F.\n#[inline]\nfn f() {\n    g($0);\n}\n\nfn h() {}\n";
        check("rust", text, Some((Function, "/// F.\n#[inline]\nfn f() {\n    g();\n}")));
        check("rust", "$0fn f() {}\n", Some((Function, "fn f() {}")));
        check("rust", "struct A {\n    x: $0u8,\n}\n", Some((Type, "struct A {\n    x: u8,\n}")));
        check("rust", "impl A {\n $0   fn f() {}\n}\n", Some((Function, "fn f() {}")));
        check("rust", "fn f() {}\n$0\nfn g() {}\n", None);
        check("rust", "use a;\n$0", None);
        check("", "text $0 text", None);
        let decorated = "class A:\n    @property\n    def f(self):\n        return $01\n";
        check("python", decorated, Some((Function, "@property\n    def f(self):\n        return 1")));
        check(
            "typescript",
            "export const f = () => {\n  g($0);\n};\n",
            Some((Function, "export const f = () => {\n  g();\n};")),
        );
        check(
            "go",
            "// F.\nfunc (a *A) F() {\n\t$0g()\n}\n",
            Some((Function, "// F.\nfunc (a *A) F() {\n\tg()\n}")),
        );
    }

    #[test]
    fn a_selection_is_widened_to_whole_statements() {
        use TargetKind::*;
        let text = "fn f() {\n    let a = $01;\n    g($1a);\n    h();\n}\n";
        check("rust", text, Some((Statements, "let a = 1;\n    g(a);")));
        check("rust", "$0fn f() {\n    g();\n}\n$1", Some((Function, "fn f() {\n    g();\n}")));
        check(
            "python",
            "def f():\n    $0a = 1\n    b$1 = 2\n    c = 3\n",
            Some((Statements, "a = 1\n    b = 2")),
        );
        check("go", "func f() {\n\ta($0)$1\n\tb()\n}\n", Some((Statements, "a()")));
        check("typescript", "function f() {\n  $0a$1();\n  b();\n}\n", Some((Statements, "a();")));
        check(
            "rust",
            "fn f() {\n    if a {\n        $0b();$1\n        c();\n    }\n}\n",
            Some((Statements, "b();")),
        );
    }
}
