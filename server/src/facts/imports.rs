//! Imports as written in the language.

use std::ops::Range;

use tree_sitter::{Node, QueryMatch};

use super::Import;
use crate::languages::tags::{Capture, Tags};

/// Deeper nested use-trees are truncated.
const DEEPEST_USE_TREE: usize = 32;

/// A part of an import. Patterns match an import part by part.
pub(super) struct Part {
    /// The start of the import, equal for all its parts.
    start: usize,
    line: u32,
    what: What,
}

enum What {
    Path(Range<usize>),
    RelativePath(Range<usize>),
    Name(Range<usize>),
    Whole { path: String, name: Option<String> },
}

/// Adds the part of an import in a match.
pub(super) fn take(parts: &mut Vec<Part>, import: Node, found: &QueryMatch, tags: &Tags, text: &str) {
    let (start, line) = (import.start_byte(), import.start_position().row as u32);
    let mut add = |what| parts.push(Part { start, line, what });
    for capture in found.captures() {
        let bytes = capture.node.byte_range();
        match tags.captures[capture.index as usize] {
            Capture::Path => add(What::Path(bytes)),
            Capture::RelativePath => add(What::RelativePath(bytes)),
            Capture::Brought => add(What::Name(bytes)),
            Capture::UseTree => flatten(capture.node, text, &mut add),
            Capture::UseModule => {
                let name = text.get(bytes).unwrap_or("").to_owned();
                add(What::Whole { path: format!("self::{name}"), name: Some(name) });
            }
            _ => {}
        }
    }
}

/// Joins the parts of each import.
pub(super) fn gather(mut parts: Vec<Part>, text: &str) -> Vec<Import> {
    parts.sort_by_key(|part| part.start);
    let mut imports = Vec::new();
    for parts in parts.chunk_by(|one, next| one.start == next.start) {
        let line = parts[0].line;
        let mut path: Option<String> = None;
        let text_of = |bytes: &Range<usize>| text.get(bytes.clone()).unwrap_or("");
        let unquoted = |bytes| text_of(bytes).trim_matches(['"', '\'', '`', '<', '>']);
        let mut names: Vec<Box<str>> = Vec::new();
        for part in parts {
            match &part.what {
                What::Path(bytes) => path = path.or_else(|| Some(unquoted(bytes).to_owned())),
                What::RelativePath(bytes) => path = Some(format!("./{}", unquoted(bytes))),
                What::Name(bytes) => names.push(text_of(bytes).into()),
                What::Whole { path, name } => imports.push(Import {
                    path: path.as_str().into(),
                    names: name.iter().map(|name| name.as_str().into()).collect(),
                    line,
                }),
            }
        }
        if let Some(path) = path {
            names.retain(|name| !matches!(&**name, "_" | "."));
            imports.push(Import { path: path.into(), names, line });
        }
    }
    imports
}

/// The leaves of a use-tree: `a::{b, c as d}` is `a::b` and `a::c`; `a::*` is `a` without names.
fn flatten(tree: Node, text: &str, add: &mut impl FnMut(What)) {
    let text_of = |node: Node| text.get(node.byte_range()).unwrap_or("");
    let mut open = vec![(tree, String::new(), 0)];
    while let Some((node, prefix, depth)) = open.pop() {
        if depth > DEEPEST_USE_TREE {
            continue;
        }
        let below =
            |path: &str| if prefix.is_empty() { path.to_owned() } else { format!("{prefix}::{path}") };
        let field = |name| node.child_by_field_name(name);
        match node.kind() {
            "use_list" | "scoped_use_list" => {
                let prefix = field("path").map_or_else(|| prefix.clone(), |path| below(text_of(path)));
                let list = field("list").unwrap_or(node);
                let mut cursor = list.walk();
                let children: Vec<_> = list.named_children(&mut cursor).collect();
                open.extend(children.into_iter().rev().map(|child| (child, prefix.clone(), depth + 1)));
            }
            "use_wildcard" => {
                let path = node.named_child(0).map_or_else(|| prefix.clone(), |path| below(text_of(path)));
                add(What::Whole { path, name: None });
            }
            "use_as_clause" => {
                let (Some(path), Some(alias)) = (field("path"), field("alias")) else { continue };
                let path = if text_of(path) == "self" { prefix.clone() } else { below(text_of(path)) };
                let name = Some(text_of(alias).to_owned()).filter(|alias| alias != "_");
                add(What::Whole { path, name });
            }
            "self" if !prefix.is_empty() => {
                let name = prefix.rsplit("::").next().map(str::to_owned);
                add(What::Whole { path: prefix, name });
            }
            "identifier" | "scoped_identifier" | "self" | "crate" | "super" => {
                let path = below(text_of(node));
                let name = path.rsplit("::").next().map(str::to_owned);
                add(What::Whole { path, name });
            }
            _ => {}
        }
    }
}
