//! Imports that an item needs at the head of its file: a second edit, which only adds whole lines.

use std::ops::Range;
use std::path::Path;

use tree_sitter::Node;

use super::nodes::{self, is_comment, is_one_of};
use super::{Deletions, Edit, Rejection};
use crate::answer::errors;
use crate::documents::{Change, Document};
use crate::facts::{self, Import};
use crate::syntax::ancestors;

/// An item does not need more imports than this.
const MOST: usize = 8;
/// Nor longer ones.
const LONGEST: usize = 300;

/// The edit that adds the imports that the file of an item lacks; `None` if it lacks none.
///
/// # Errors There is no position for them, or they would change something else.
pub fn imports(
    document: &Document,
    item: &Range<usize>,
    imports: &[String],
) -> Result<Option<Edit>, Rejection> {
    let path = document.path.as_deref().unwrap_or(Path::new(""));
    let said = |text: &str| facts::read(path, text, document.language, None).imports;
    let has = said(&document.text.to_string());
    let is_known = |one: &Import| {
        has.iter().any(|other| {
            let names = one.names.iter().all(|name| other.names.contains(name));
            other.path == one.path && names && one.names.is_empty() == other.names.is_empty()
        })
    };
    let mut lacking: Vec<&String> = Vec::new();
    for import in imports {
        let parts = said(import);
        if import.len() > LONGEST || parts.is_empty() || lacking.len() == MOST {
            return Err(Rejection::Outside);
        }
        if !parts.iter().all(is_known) && !lacking.contains(&import) {
            lacking.push(import);
        }
    }
    if lacking.is_empty() {
        return Ok(None);
    }
    let place = place(document, item).ok_or(Rejection::Outside)?;
    let line_break = if document.text.line(0).to_string().ends_with("\r\n") { "\r\n" } else { "\n" };
    let lines = lacking.iter().flat_map(|import| import.lines());
    let mut new: String =
        lines.map(|line| format!("{}{}{line_break}", place.indent, line.trim_end())).collect();
    if place.opens_file && document.text.len_bytes() > place.at {
        new += line_break;
    }
    let before = place.at.checked_sub(1).and_then(|at| document.text.get_byte(at));
    if before.is_some_and(|byte| byte != b'\n') {
        new = format!("{line_break}{}", new.trim_end());
    }
    verified(document, place.at, new, lacking.len()).map(Some)
}

/// Verifies that the text is only this many imports, and that they leave everything else unchanged.
fn verified(document: &Document, at: usize, new: String, count: usize) -> Result<Edit, Rejection> {
    let range = at..at;
    let change = Change::Splice { range: range.clone(), text: new.clone() };
    let after = document.apply(document.version, &[change]);
    let added = at..at + new.len();
    let all_errors = |document: &Document| document.tree().map_or(0, errors);
    if all_errors(&after) > all_errors(document)
        || around(document, at, new.len()) != around_text(&after, &added)
    {
        return Err(Rejection::Outside);
    }
    let is_import = |node: Node| document.language.is_some_and(|language| language.role(node).import);
    let (mut found, mut covered) = (0, 0);
    nodes::walk(&after, |node| {
        let is_inside = added.start <= node.start_byte() && node.end_byte() <= added.end;
        if is_inside && is_import(node) {
            found += 1;
            covered += nodes::text(&after, node).split_whitespace().map(str::len).sum::<usize>();
        }
        !(is_inside && is_import(node))
    });
    let all: usize = new.split_whitespace().map(str::len).sum();
    // The terminator of an import may be its sibling.
    let marks = new.matches(';').count();
    if found != count || covered + marks < all {
        return Err(Rejection::Outside);
    }
    Ok(Edit {
        document: document.id.clone(),
        version: document.version,
        range,
        old: String::new(),
        new,
        deletions: Deletions::default(),
    })
}

/// A node by its kind and bytes.
type Known<'d> = (&'d str, usize, usize);

/// The nodes of a document below its root, with their bytes after so many bytes are inserted at an offset.
fn around(document: &Document, at: usize, length: usize) -> Vec<Known<'_>> {
    let mut known = known(document);
    for (_, start, end) in &mut known {
        *start += if *start >= at { length } else { 0 };
        *end += if *end > at { length } else { 0 };
    }
    known
}

/// The nodes of a document below its root that are not in a range.
fn around_text<'d>(document: &'d Document, range: &Range<usize>) -> Vec<Known<'d>> {
    let mut known = known(document);
    known.retain(|(_, start, end)| *start < range.start || range.end < *end);
    known
}

fn known(document: &Document) -> Vec<Known<'_>> {
    let mut known = Vec::new();
    let root = document.tree().map(|tree| tree.root_node().id());
    nodes::walk(document, |node| {
        if node.is_named() && Some(node.id()) != root && !node.byte_range().is_empty() {
            known.push((node.kind(), node.start_byte(), node.end_byte()));
        }
        true
    });
    known
}

/// The position for an import.
struct Place {
    /// The start of a line.
    at: usize,
    indent: String,
    /// There are no imports yet, and code follows.
    opens_file: bool,
}

/// Below the imports at the head of the file, or of the module around the item if it has its own.
fn place(document: &Document, item: &Range<usize>) -> Option<Place> {
    let (language, tree) = (document.language?, document.tree()?);
    let mut head = tree.root_node();
    let around = ancestors(tree, item.clone());
    for at in (1..around.len()).rev() {
        let (parent, node) = (around[at - 1], around[at]);
        let is_module = is_one_of(language.imports.modules, parent.kind()) && language.role(node).block;
        // The whole header may be between `#ifndef` and `#endif`.
        let is_guard = is_one_of(language.imports.guards, parent.kind()) && at == 2;
        if is_module || is_guard && head.named_child_count() <= 2 {
            head = if is_module { node } else { parent };
            break;
        }
    }
    let mut cursor = head.walk();
    let children: Vec<Node> =
        head.named_children(&mut cursor).filter(|node| !node.byte_range().is_empty()).collect();
    let is_import = |node: &Node| language.role(*node).import;
    let line_of = |byte: usize| document.text.byte_to_line(byte);
    let last = children
        .iter()
        .take_while(|node| node.start_byte() < item.start)
        .filter(|node| is_import(node))
        .last();
    let indent_of = |node: &Node| {
        let start = document.text.line_to_byte(line_of(node.start_byte()));
        let before = document.text.byte_slice(start..node.start_byte()).to_string();
        before.trim().is_empty().then_some(before)
    };
    if let Some(last) = last {
        // The line break may belong to it.
        let text = nodes::text(document, *last);
        let end = last.start_byte() + text.trim_end().len();
        let rest = document.text.line(line_of(end)).to_string();
        let behind = rest.get(end - document.text.line_to_byte(line_of(end))..)?.trim();
        if !behind.is_empty()
            && behind != ";"
            && language.line_comment.is_none_or(|mark| !behind.starts_with(mark))
        {
            return None;
        }
        let at = document.text.line_to_byte(line_of(end) + 1);
        return Some(Place { at, indent: indent_of(last)?, opens_file: false });
    }
    let is_preamble = |node: &Node| {
        let imports = &language.imports;
        is_one_of(imports.clauses, node.kind())
            || is_one_of(imports.preamble, node.kind())
            || language.is_directive(*node)
    };
    // A comment belongs to what follows it directly.
    let mut above = 0;
    for (at, node) in children.iter().enumerate() {
        let next = children.get(at + 1);
        // A comment's line break may belong to it.
        let end = node.start_byte() + nodes::text(document, *node).trim_end().len();
        let is_apart = || next.is_none_or(|next| line_of(next.start_byte()) > line_of(end) + 1);
        match is_comment(document, *node) {
            true if !is_apart() => continue,
            false if !is_preamble(node) => break,
            _ => above = at + 1,
        }
    }
    let first = children.get(above)?;
    let at = document.text.line_to_byte(line_of(first.start_byte()));
    Some(Place { at, indent: indent_of(first)?, opens_file: true })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::DocumentId;

    /// The text with imports added for the item at `$0`.
    fn added(language: &str, text: &str, lines: &[&str]) -> Result<String, Rejection> {
        let at = text.find("$0").expect("the item is marked");
        let text = text.replacen("$0", "", 1);
        let document = Document::open(DocumentId("file:///a".into()), None, language, 1, &text);
        let lines: Vec<String> = lines.iter().map(|line| line.to_string()).collect();
        let edit = imports(&document, &(at..at + 1), &lines)?;
        Ok(edit.map_or(text, |edit| document.apply(2, &[edit.change()]).text.to_string()))
    }

    #[test]
    fn imports_are_inserted_below_existing_ones() {
        let cases = [
            (
                "python",
                "import os\n\n\n$0def f():\n    pass\n",
                "import re",
                "import os\nimport re\n\n\ndef f():\n    pass\n",
            ),
            (
                "python",
                "#!/usr/bin/python\n\"\"\"Doc.\"\"\"\n\n$0def f():\n    pass\n",
                "import re",
                "#!/usr/bin/python\n\"\"\"Doc.\"\"\"\n\nimport re\n\ndef f():\n    pass\n",
            ),
            (
                "rust",
                "//! Doc.\n\n/// F.\n$0fn f() {}\n",
                "use a::b;",
                "//! Doc.\n\nuse a::b;\n\n/// F.\nfn f() {}\n",
            ),
            (
                "rust",
                "use a::c; // c\n\nmod m {\n    use super::*;\n    $0fn f() {}\n}\n",
                "use a::b;",
                "use a::c; // c\n\nmod m {\n    use super::*;\n    use a::b;\n    fn f() {}\n}\n",
            ),
            (
                "go",
                "package a\n\n$0func f() {}\n",
                "import \"fmt\"",
                "package a\n\nimport \"fmt\"\n\nfunc f() {}\n",
            ),
            (
                "c",
                "#include <a.h>\r\n\r\n$0int f(void) { return 1; }\r\n",
                "#include <b.h>",
                "#include <a.h>\r\n#include <b.h>\r\n\r\nint f(void) { return 1; }\r\n",
            ),
            (
                "c",
                "#ifndef A\n#define A\n#include <a.h>\nint $0f(void);\n#endif\n",
                "#include <b.h>",
                "#ifndef A\n#define A\n#include <a.h>\n#include <b.h>\nint f(void);\n#endif\n",
            ),
            (
                "typescript",
                "'use strict';\nimport { a } from 'a';\n\n$0a();\n",
                "import { b } from 'b';",
                "'use strict';\nimport { a } from 'a';\nimport { b } from 'b';\n\na();\n",
            ),
            (
                "java",
                "package a;\n\n$0class A {}\n",
                "import b.C;",
                "package a;\n\nimport b.C;\n\nclass A {}\n",
            ),
            // An existing import is not added again.
            ("python", "from a import b, c\n\n$0f(b)\n", "from a import c", "from a import b, c\n\nf(b)\n"),
            ("rust", "use a::{b, c};\n\n$0fn f() {}\n", "use a::b;", "use a::{b, c};\n\nfn f() {}\n"),
        ];
        for (language, text, import, expected) in cases {
            assert_eq!(added(language, text, &[import]).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn text_other_than_one_import_is_refused() {
        for (language, text, import) in [
            ("python", "$0def f():\n    pass\n", "import os; os.system('x')"),
            ("python", "$0def f():\n    pass\n", "x = 1"),
            ("rust", "$0fn f() {}\n", "use a::b; fn g() {}"),
            ("rust", "$0fn f() {}\n", "use a::{b"),
            ("javascript", "$0f();\n", "import 'a'; steal()"),
        ] {
            assert!(added(language, text, &[import]).is_err(), "{import}");
        }
        let many: Vec<String> = (0..20).map(|at| format!("import m{at}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(added("python", "$0f()\n", &many).is_err());
    }
}
