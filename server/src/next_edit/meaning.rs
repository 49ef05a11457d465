//! What each occurrence of a renamed definition's old name means: that definition, something else, or ambiguous.
//!
//! The index does not know types. A use is [`Meaning::Same`] only where scopes and imports allow no other reading;
//! names of modules, aliases, locals, labels, keys and members are [`Meaning::Other`]; the rest is listed for the user.

mod imported;
mod modules;
mod scopes;
mod texts;

use std::ops::Range;

use tree_sitter::Node;

use self::scopes::{Binding, Stands};
use super::NextEdits;
use super::changed::Change;
use crate::actions::SelectionContext;
use crate::documents::Document;
use crate::facts::{self, Import, SymbolKind};
use crate::languages::imports::ImportRules;
use crate::languages::locals::Locals;
use crate::languages::names::{BareMembers, Names, Spaces};
use crate::syntax::is_one_of;

/// Names of a method's receiver.
const OWN: [&str; 3] = ["self", "this", "Self"];

/// What an occurrence of the old name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The renamed definition, unambiguously.
    Same,
    /// Ambiguous, for this reason.
    Unsure(&'static str),
    /// An alias of the renamed definition: it stays valid, and the user may want to rename it, too.
    Alias,
    /// Something else with the same name.
    Other,
}

/// An occurrence of the old name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Use {
    /// Its bytes.
    pub range: Range<usize>,
    /// Its text after the rename.
    pub text: String,
    pub meaning: Meaning,
    /// A name in code, not in a string or a comment.
    pub is_code: bool,
}

impl Meaning {
    /// Why it is not renamed, for users; `None` without a reason.
    pub(super) fn left(self) -> Option<&'static str> {
        match self {
            Meaning::Unsure(why) => Some(why),
            Meaning::Alias => Some("the import gives it this name"),
            Meaning::Same | Meaning::Other => None,
        }
    }
}

/// A name and the nodes around it, the outermost first.
struct Named<'d> {
    node: Node<'d>,
    around: Vec<Node<'d>>,
}

/// A document in which a definition is used.
struct Reader<'a> {
    next_edits: &'a NextEdits,
    place: &'a SelectionContext<'a>,
    change: &'a Change,
    names: &'static Names,
    locals: &'static Locals,
    imports_by: ImportRules,
    text: String,
    /// From the current text: the index is updated only when typing pauses.
    imports: Vec<Import>,
    is_home: bool,
    /// Other bindings of the old name and of the new one.
    old: Vec<Binding>,
    new: Vec<Binding>,
    /// The document imports the definition under its new name: its import is already renamed.
    has_followed: bool,
}

/// All occurrences of the old name of `change` in a document, in the order of the text.
pub(super) fn uses(next_edits: &NextEdits, document: &Document, change: &Change) -> Vec<Use> {
    let Some(place) = SelectionContext::of(document, 0..0, &[]) else { return Vec::new() };
    let old = named(&place, &change.was.name);
    let language = place.language;
    let Some(locals) = language.locals() else { return without_scopes(&place, change, &old) };
    let is_home = document.id == change.home.id;
    let text = document.text.to_string();
    let tree = document.tree().filter(|_| text.contains(&*change.was.name));
    let imports = tree.map(|tree| facts::imported(&text, place.language, tree)).unwrap_or_default();
    let mut reader = Reader {
        next_edits,
        place: &place,
        change,
        names: &language.resolution,
        locals,
        imports_by: language.imports.rules,
        text,
        imports,
        is_home,
        old: Vec::new(),
        new: Vec::new(),
        has_followed: false,
    };
    let mut new = named(&place, &change.is.name);
    if is_home {
        // The definition itself is the first occurrence of the new name in its lines.
        let lines = &change.is.lines;
        let own = new.iter().position(|one| lines.contains(&(one.node.start_position().row as u32)));
        own.map(|own| new.remove(own));
    }
    reader.old = old.iter().filter_map(|named| reader.binding(named)).collect();
    reader.new = new.iter().filter_map(|named| reader.binding(named)).collect();
    let imported = reader.imported(&old, &change.was.name);
    let brought = reader.imported(&new, &change.is.name);
    reader.has_followed = brought == Some(Meaning::Same);
    let is_taken = matches!(brought, Some(Meaning::Unsure(_) | Meaning::Other));
    let mut uses: Vec<Use> = old.iter().map(|named| reader.of_name(named, imported, is_taken)).collect();
    reader.in_texts(imported, is_taken, &mut uses);
    uses.sort_by_key(|one| one.range.start);
    uses
}

/// The uses in a language without a locals query: certain only in the file of a function that is called, and nowhere
/// else. Any other occurrence of the old name, or of the new one, may be a local variable.
fn without_scopes(place: &SelectionContext, change: &Change, old: &[Named]) -> Vec<Use> {
    let is_callee = |named: &Named| {
        let call = named.parent().filter(|parent| is_one_of(place.language.calls, parent.kind()));
        call.is_some_and(|call| call.child(0) == Some(named.node))
    };
    let is_function = change.was.kind == SymbolKind::Function && change.was.container.is_none();
    let is_certain = is_function
        && place.document.id == change.home.id
        && old.iter().all(is_callee)
        && named(place, &change.is.name).len() == 1;
    let meaning = match is_certain {
        true => Meaning::Same,
        false => Meaning::Unsure("the scopes of this language are not known"),
    };
    let text = &change.is.name;
    let used = |named: &Named| Use {
        range: named.node.byte_range(),
        text: text.to_string(),
        meaning,
        is_code: true,
    };
    let mut uses: Vec<Use> = old.iter().map(used).collect();
    texts::without_scopes(place, change, &mut uses);
    uses.sort_by_key(|one| one.range.start);
    uses
}

/// The occurrences of a name in a document.
fn named<'d>(place: &SelectionContext<'d>, name: &str) -> Vec<Named<'d>> {
    let mut found = Vec::new();
    let Some(tree) = place.document.tree() else { return found };
    let mut around: Vec<Node> = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        let is_leaf = node.child_count() == 0;
        if is_leaf
            && node.byte_range().len() == name.len()
            && (is_one_of(place.language.names, node.kind())
                || is_one_of(place.language.resolution.defining_leaves, node.kind()))
            && place.text(node) == name
        {
            found.push(Named { node, around: around.clone() });
        }
        around.push(node);
        if cursor.goto_first_child() {
            continue;
        }
        around.pop();
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return found;
            }
            around.pop();
        }
    }
}

/// The field of a node in its parent.
fn field<'d>(parent: Node<'d>, child: Node<'d>) -> Option<&'d str> {
    let at = (0..parent.child_count()).find(|&at| parent.child(at) == Some(child))?;
    parent.field_name_for_child(at)
}

impl Named<'_> {
    fn parent(&self) -> Option<Node<'_>> {
        self.around.last().copied()
    }

    fn is_in(&self, kinds: &str) -> bool {
        self.around.iter().any(|node| is_one_of(kinds, node.kind()))
    }
}

impl Reader<'_> {
    fn is_type(&self) -> bool {
        matches!(self.change.was.kind, SymbolKind::Class | SymbolKind::Interface)
    }

    /// The import around a name, if it is part of one.
    fn import_of<'d>(&self, named: &Named<'d>) -> Option<Node<'d>> {
        named.around.iter().find(|node| self.place.language.role(**node).import).copied()
    }

    fn of_name(&self, named: &Named, imported: Option<Meaning>, is_taken: bool) -> Use {
        let is_shorthand = match named.node.kind() {
            "shorthand_property_identifier" => true,
            _ => named.parent().is_some_and(|parent| parent.kind() == "shorthand_field_initializer"),
        };
        let (was, is) = (&self.change.was.name, &self.change.is.name);
        let meaning = match self.meaning(named, imported) {
            Meaning::Same if is_taken => Meaning::Unsure("the new name means something else in this file"),
            Meaning::Same if self.is_captured(&named.node.byte_range()) => {
                Meaning::Unsure("the new name means something else there")
            }
            meaning => meaning,
        };
        let text = match named.node.kind() {
            // Only a module's name is renamed in a pattern: the local keeps its own.
            "shorthand_property_identifier_pattern" => format!("{is}: {was}"),
            _ if is_shorthand && !self.is_export_key(named) => format!("{was}: {is}"),
            _ => is.to_string(),
        };
        Use { range: named.node.byte_range(), text, meaning, is_code: true }
    }

    /// Whether the new name would resolve to another definition here.
    fn is_captured(&self, at: &Range<usize>) -> bool {
        self.new.iter().any(|binding| binding.reaches(at))
    }

    fn meaning(&self, named: &Named, imported: Option<Meaning>) -> Meaning {
        if let Some(import) = self.import_of(named) {
            return if self.names_default(named) { Meaning::Alias } else { self.in_import(named, import) };
        }
        if named.is_in("export_specifier") {
            return self.in_export(named, imported);
        }
        if let Some(meaning) = self.of_module(named) {
            return meaning;
        }
        if !self.is_of_kind(named) {
            return Meaning::Other;
        }
        if named.is_in("attribute_item inner_attribute_item") {
            return Meaning::Unsure("it is in an attribute");
        }
        if named.is_in("global_statement nonlocal_statement") {
            return Meaning::Unsure("it is assigned in other functions");
        }
        match scopes::stands(self, named) {
            Stands::Label | Stands::Binding => return Meaning::Other,
            Stands::Prototype if self.change.was.kind == SymbolKind::Method => {
                return self.of_declared_method(named);
            }
            Stands::Prototype => return self.bare(named, imported),
            Stands::Unclear => return Meaning::Unsure("it may be a key, a label or an argument's name"),
            Stands::Use => {}
        }
        if self.change.was.kind == SymbolKind::Method {
            return self.of_method(named);
        }
        // `Load::Load` of C++ is the constructor.
        let is_own = |path: &String| self.is_type() && *path == *self.change.was.name;
        if let Some(qualifier) = self.qualifier(named.node).filter(|path| !is_own(path)) {
            return self.behind(named, &qualifier);
        }
        if self.change.was.container.is_some() {
            return Meaning::Unsure("it belongs to an item that may have to be named");
        }
        self.bare(named, imported)
    }

    /// Whether a name can refer to a definition of this kind at all.
    fn is_of_kind(&self, named: &Named) -> bool {
        let (kind, parent) = (named.node.kind(), named.parent());
        let of_parent = parent.and_then(|parent| field(parent, named.node));
        let (call, tokens) = self.names.macros;
        let is_macro = parent.is_some_and(|parent| is_one_of(call, parent.kind()));
        if !call.is_empty() && (self.change.was.kind == SymbolKind::Macro) != is_macro {
            return named.is_in(tokens) && self.change.was.kind == SymbolKind::Macro;
        }
        // A value of an interface's name is something else.
        if self.change.was.kind == SymbolKind::Interface && self.names.spaces == Spaces::Interfaces {
            return kind == self.names.type_leaf;
        }
        let is_value = matches!(self.change.was.kind, SymbolKind::Function | SymbolKind::Constant);
        // A type and a value of one name are distinct.
        if is_value {
            return kind != self.names.type_leaf
                && of_parent.is_none_or(|field| field != self.names.qualifying_field);
        }
        !(self.is_type() && self.names.types_have_own_leaf) || kind == self.names.type_leaf
    }

    /// A method: only where it is called on its own type.
    fn of_method(&self, named: &Named) -> Meaning {
        let unsure = Meaning::Unsure("it may belong to another type");
        let Some(container) = self.change.was.container.as_deref() else { return unsure };
        let at = named.node.start_byte()..named.node.start_byte();
        let around = || {
            SelectionContext::of(self.place.document, at.clone(), &[])
                .and_then(|place| place.function?.container)
        };
        match self.qualifier(named.node) {
            Some(path) if OWN.contains(&path.as_str()) => match self.is_home {
                true if around().as_deref() == Some(container) => Meaning::Same,
                _ => unsure,
            },
            Some(path) if path == container && (self.is_home || self.brings(container)) => Meaning::Same,
            Some(_) => unsure,
            // Where `this` is optional.
            None if self.names.bare_members == BareMembers::All => {
                let is_own = self.is_home && around().as_deref() == Some(container);
                if is_own && !self.is_shadowed(&named.node.byte_range()) { Meaning::Same } else { unsure }
            }
            None => Meaning::Other,
        }
    }

    /// A method of C++ where it is declared in its class, or defined outside of it.
    fn of_declared_method(&self, named: &Named) -> Meaning {
        let container = self.change.was.container.as_deref();
        let class =
            named.around.iter().rev().find(|node| is_one_of("class_specifier struct_specifier", node.kind()));
        let class =
            class.and_then(|class| class.child_by_field_name("name")).map(|name| self.place.text(name));
        let declared_by = self.qualifier(named.node).or(class);
        match declared_by.is_some() && declared_by.as_deref() == container {
            true if self.is_home || self.shares() => Meaning::Same,
            true => Meaning::Unsure("it may belong to another type"),
            false => Meaning::Other,
        }
    }

    /// A name without a qualifier.
    fn bare(&self, named: &Named, imported: Option<Meaning>) -> Meaning {
        self.bare_at(&named.node.byte_range(), imported)
    }

    fn bare_at(&self, at: &Range<usize>, imported: Option<Meaning>) -> Meaning {
        if self.is_shadowed(at) {
            return Meaning::Other;
        }
        // Members need no `this` there.
        let is_member = self.names.bare_members != BareMembers::None && self.is_field();
        if is_member {
            return Meaning::Unsure("a field has the same name");
        }
        match imported {
            Some(_) if self.is_home => Meaning::Unsure("the file imports the same name"),
            Some(meaning) => meaning,
            None if self.is_home || self.has_followed || self.shares() => Meaning::Same,
            None => self.brought_by_all(),
        }
    }

    fn is_shadowed(&self, at: &Range<usize>) -> bool {
        self.old.iter().any(|binding| binding.reaches(at))
    }

    /// Whether the home has a field of the old name.
    fn is_field(&self) -> bool {
        let home = &self.change.home;
        let (Some(language), Some(tree)) = (home.language, home.tree()) else { return true };
        let symbols = facts::definitions(&home.text.to_string(), language, tree);
        symbols.iter().any(|symbol| symbol.kind == SymbolKind::Field && symbol.name == self.change.was.name)
    }

    /// Whether the home still defines something of the old name that an import does not tell apart.
    fn defines_another(&self) -> bool {
        let home = &self.change.home;
        let (Some(language), Some(tree)) = (home.language, home.tree()) else { return false };
        let symbols = facts::definitions(&home.text.to_string(), language, tree);
        symbols.iter().any(|symbol| {
            let is_free =
                symbol.container.is_none() && !matches!(symbol.kind, SymbolKind::Field | SymbolKind::Method);
            is_free && symbol.name == self.change.was.name
        })
    }

    /// The path before a name and its separator: `a.b` of `a.b.load`. Empty if it is not a plain path.
    fn qualifier(&self, node: Node) -> Option<String> {
        let before = self.text.get(..node.start_byte())?.trim_end();
        let separators = self.names.separators;
        let mut rest = separators.iter().find_map(|one| before.strip_suffix(one))?.trim_end();
        // `..` of a range or a spread is not a separator.
        if rest.ends_with('.') && before.ends_with("..") {
            return None;
        }
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let end = rest.len();
        let mut start = end;
        loop {
            let word = rest.len() - rest.trim_end_matches(is_name).len();
            if word == 0 {
                return Some(String::new());
            }
            start -= word;
            rest = &rest[..start];
            let Some(separator) = separators.iter().find(|one| rest.ends_with(**one)) else { break };
            start -= separator.len();
            rest = &rest[..start];
        }
        // The type of a call's or an index's result is unknown.
        let is_alone =
            !rest.trim_end().ends_with(['.', ':', '>', '?', ')', ']']) || rest.ends_with([' ', '\n']);
        Some(if is_alone { before[start..end].to_owned() } else { String::new() })
    }
}
