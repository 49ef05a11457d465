//! A use of a renamed definition follows by taking the new name: no model writes that better.
//!
//! Only where it is certain what the name means. The index knows no types, so a member of some value is not certain, nor a
//! name that the file binds itself; such a use is left to the model. What is made here is held to the same demands as
//! what a model writes.

use std::ops::Range;

use tree_sitter::Node;

use super::Next;
use super::changed::Change;
use super::uses::{is_import, named, waiting};
use crate::actions::Place;
use crate::answer::Draft;
use crate::assistant::Assistant;
use crate::documents::Document;
use crate::documents::syntax::path_to;
use crate::repository::facts::{self, Import, SymbolKind};
use crate::repository::imports;
use crate::repository::index::{FileId, Index};

/// Languages whose scopes the rules below know.
const KNOWN: [&str; 10] =
    ["rust", "python", "javascript", "typescript", "typescriptreact", "go", "java", "csharp", "c", "cpp"];
/// Languages in which the files of a folder, or all that is included, share their names without saying so.
const SHARING: [&str; 5] = ["go", "java", "csharp", "c", "cpp"];
/// Names of where one is, in front of `::`.
const HERE: [&str; 3] = ["crate", "super", "self"];
/// So many characters in front of a name are looked at for what it belongs to.
const QUALIFIER: usize = 200;
/// Names of what a method is called on.
const OWN: [&str; 3] = ["self", "this", "Self"];

/// The place's item with the new name in it, at each use that is certain; `None` where this one is not, or nothing was
/// renamed.
pub(super) fn draft(assistant: &Assistant, next: &Next) -> Option<Draft> {
    let (document, change) = (&*next.document, &next.change);
    if !change.is_rename() || !is_only_renamed(change) {
        return None;
    }
    let place = Place::of(document, next.range.clone(), &[])?;
    if !KNOWN.contains(&place.language.id) {
        return None;
    }
    let everything = 0..document.text.len_bytes();
    let old = named(&place, &everything, &change.was.name);
    let is_home = document.id == change.home.id;
    let new = named(&place, &everything, &change.is.name);
    let own = |node: &Node| is_home && change.is.lines.contains(&(node.start_position().row as u32));
    let is_bound = old.iter().chain(new.iter().filter(|node| !own(node))).any(|node| binds(&place, *node));
    if is_bound || is_field(&change.home, &change.was.name) {
        return None;
    }
    let waiting = waiting(&next.document, change);
    let index = assistant.repository.index();
    let certain = |node: &&Node| {
        waiting.contains(&node.byte_range()) && is_certain(&index, &place, **node, change, is_home)
    };
    let target = &next.action.target.range;
    let inside = |node: &&Node| target.start <= node.start_byte() && node.end_byte() <= target.end;
    let ranges: Vec<Range<usize>> =
        old.iter().filter(inside).filter(certain).map(|node| node.byte_range()).collect();
    if !ranges.contains(&next.range) {
        return None;
    }
    let mut text = document.text.byte_slice(target.clone()).to_string();
    for range in ranges.iter().rev() {
        text.replace_range(range.start - target.start..range.end - target.start, &change.is.name);
    }
    Some(Draft { range: target.clone(), text })
}

/// Whether nothing of the declaration has changed but the name.
fn is_only_renamed(change: &Change) -> bool {
    let said = |text: &str| text.split_whitespace().collect::<String>();
    let (was, is) = (&change.was, &change.is);
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let renamed = |piece: &str| match piece.trim_end_matches(|c| !is_name(c)) == &*was.name {
        true => piece.replacen(&*was.name, &is.name, 1),
        false => piece.to_owned(),
    };
    let pieces = was.signature.split_inclusive(|c| !is_name(c));
    said(&pieces.map(renamed).collect::<String>()) == said(&is.signature)
}

/// Whether a name means the definition that was renamed, and nothing else can be meant.
fn is_certain(index: &Index, place: &Place, node: Node, change: &Change, is_home: bool) -> bool {
    let is_type = matches!(change.was.kind, SymbolKind::Class | SymbolKind::Interface);
    match behind(place, node) {
        // Of a key, a label or an argument's name it cannot be told whose it is.
        [Some(':'), next] if next != Some(':') => return false,
        // A module of the same name has members, a function has none.
        [Some('.' | ':'), _] if !is_type => return false,
        _ => {}
    }
    let qualifier = qualifier(place, node);
    let home = change.home.path.as_deref().and_then(|path| index.file(path));
    let own = place.document.path.as_deref().and_then(|path| index.file(path));
    let is_import = is_import(place, node);
    let brings = |word: &str| match (own, home) {
        (Some(own), Some(home)) => brings(index, own, home, word, is_import),
        _ => false,
    };
    if change.was.kind == SymbolKind::Method {
        let Some(container) = change.was.container.as_deref() else { return false };
        let at = node.start_byte()..node.start_byte();
        let around = Place::of(place.document, at, &[]).and_then(|place| place.function?.container);
        return match qualifier.as_ref().map(|qualifier| &*qualifier.name) {
            Some(one) if OWN.contains(&one) => is_home && around.as_deref() == Some(container),
            Some(one) => one == container && (is_home || brings(container)),
            None => false,
        };
    }
    if change.was.container.is_some() {
        return false;
    }
    if is_import {
        let is_here = qualifier.is_some_and(|one| one.is_path && HERE.contains(&&*one.name));
        return !names_a_module(place, node) && (brings(&change.was.name) || is_home && is_here);
    }
    let Some(qualifier) = qualifier else {
        return is_home || brings(&change.was.name) || shares(index, place, own, home);
    };
    // With a point a member is named, but for where modules are values.
    let names_modules = qualifier.is_path || !["rust", "cpp"].contains(&place.language.id);
    let is_here = qualifier.is_path && HERE.contains(&&*qualifier.name);
    let everything = 0..place.document.text.len_bytes();
    let is_free = || !named(place, &everything, &qualifier.name).iter().any(|node| binds(place, *node));
    names_modules
        && if is_here { is_home || brings(&change.was.name) } else { brings(&qualifier.name) && is_free() }
}

/// Whether an import of the file `own` brings in `word`, a name or a module, from the file `home`; `renames` where it may
/// go by another name there.
fn brings(index: &Index, own: FileId, home: FileId, word: &str, renames: bool) -> bool {
    let last = |path: &str| path.rsplit(['/', '.', ':']).next().is_some_and(|last| last == word);
    let is_of_word = |import: &&Import| {
        import.names.iter().any(|name| **name == *word)
            || (import.names.is_empty() || renames) && last(&import.path)
    };
    let mut of_word = index.imports(own).iter().filter(is_of_word);
    of_word.any(|import| imports::resolve(index, own, import).contains(&home))
}

/// Whether two files share their names without naming them.
fn shares(index: &Index, place: &Place, own: Option<FileId>, home: Option<FileId>) -> bool {
    let (Some(own), Some(home)) = (own, home) else { return false };
    let folder = |file| index.path(file).parent();
    let is_beside = folder(own) == folder(home) && index.language(own) == index.language(home);
    SHARING.contains(&place.language.id) && (is_beside || imports::related(index, own).contains(&home))
}

/// The first characters behind a name that are no white space.
fn behind(place: &Place, node: Node) -> [Option<char>; 2] {
    let text = &place.document.text;
    let mut behind = text.chars_at(text.byte_to_char(node.end_byte())).skip_while(|c| c.is_whitespace());
    [behind.next(), behind.next()]
}

/// Whether a name in an import says where something is from.
fn names_a_module(place: &Place, node: Node) -> bool {
    let is_module = |(parent, child): (Node, Node)| {
        matches!(field(parent, child), Some("path" | "module_name" | "module" | "source"))
    };
    around(place, node).into_iter().any(is_module)
}

/// The node and each node around it with its parent, the innermost first.
fn around<'d>(place: &Place<'d>, node: Node<'d>) -> Vec<(Node<'d>, Node<'d>)> {
    let Some(tree) = place.document.tree() else { return Vec::new() };
    let path = path_to(tree.root_node(), node);
    path.windows(2).rev().map(|pair| (pair[0], pair[1])).collect()
}

/// What a node is to its parent.
fn field<'d>(parent: Node<'d>, child: Node<'d>) -> Option<&'d str> {
    let mut cursor = parent.walk();
    let mut is_one = cursor.goto_first_child_for_byte(child.start_byte()).is_some();
    while is_one && cursor.node() != child {
        is_one = cursor.node().start_byte() <= child.start_byte() && cursor.goto_next_sibling();
    }
    cursor.field_name().filter(|_| is_one)
}

/// What stands in front of a name.
struct Qualifier {
    /// The name before the separator; empty where it is no name, or the last of several.
    name: String,
    /// It is separated by `::`.
    is_path: bool,
}

fn qualifier(place: &Place, node: Node) -> Option<Qualifier> {
    let text = &place.document.text;
    let from = text.char_to_byte(text.byte_to_char(node.start_byte()).saturating_sub(QUALIFIER));
    let before = text.byte_slice(from..node.start_byte()).to_string();
    let separators = ["::", "->", "?.", "."];
    let before = before.trim_end();
    let (rest, is_path) =
        separators.iter().find_map(|one| Some((before.strip_suffix(one)?.trim_end(), *one == "::")))?;
    let of = rest.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
    // Of `a.b.f` nobody knows what it leads to.
    let is_alone = !of.trim_end().ends_with(['.', ':', '>', '?']);
    let name = if is_alone { rest[of.len()..].to_owned() } else { String::new() };
    Some(Qualifier { name, is_path })
}

/// Whether the document has a field of this name.
fn is_field(document: &Document, name: &str) -> bool {
    let (Some(language), Some(tree)) = (document.language, document.tree()) else { return true };
    let symbols = facts::definitions(&document.text.to_string(), language, tree);
    symbols.iter().any(|symbol| symbol.kind == SymbolKind::Field && *symbol.name == *name)
}

/// Whether a name stands where a name is made: a parameter, a variable, a pattern, a key. Where it cannot be told, it
/// counts as made.
fn binds(place: &Place, node: Node) -> bool {
    if is_import(place, node) {
        return false;
    }
    let Some(root) = place.document.tree().map(|tree| tree.root_node()) else { return false };
    for (parent, child) in around(place, node) {
        let kind = parent.kind();
        match field(parent, child) {
            Some(
                "type" | "return_type" | "value" | "body" | "right" | "function" | "arguments" | "condition"
                | "bounds" | "trait" | "superclass",
            ) => return false,
            Some(
                "pattern" | "left" | "alias" | "key" | "label" | "declarator" | "parameter" | "parameters",
            ) => {
                return true;
            }
            Some("name") if child == node => {
                let is_use =
                    ["scoped", "qualified", "invocation", "call", "struct_expression", "jsx", "generic"];
                if !is_use.iter().any(|one| kind.contains(one)) {
                    return true;
                }
            }
            _ => {}
        }
        let makes = ["parameter", "pattern", "shorthand", "declarator", "lambda", "global_statement"];
        if makes.iter().any(|one| kind.contains(one)) || child.kind().contains("shorthand") {
            return true;
        }
        if place.language.holds_statements(parent, root) {
            return false;
        }
    }
    false
}
