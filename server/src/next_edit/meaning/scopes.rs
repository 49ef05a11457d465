//! Which names make a name, and how far what they make reaches.

use std::ops::Range;

use tree_sitter::Node;

use super::{Named, Reader, field};
use crate::facts::SymbolKind;
use crate::languages::names::FunctionWide;
use crate::syntax::is_one_of;

/// Nodes besides functions and blocks in which names live.
const SCOPES: &str = "lambda lambda_expression closure_expression list_comprehension set_comprehension \
dictionary_comprehension generator_expression for_expression for_statement for_in_statement for_range_loop \
foreach_statement enhanced_for_statement catch_clause match_arm if_expression while_expression if_statement \
switch_expression_arm class_definition class_body";
/// Of these, and functions, those in which names live that are known in the whole function.
const LARGE: &str = "lambda list_comprehension set_comprehension dictionary_comprehension generator_expression \
class_definition";
/// Where a name says which member, argument or place is meant.
const LABELS: &str = "keyword_argument pair field_initializer name_colon labeled_statement break_statement \
continue_statement enumerator enum_variant enum_constant enum_assignment element_value_pair property_signature \
public_field_definition field_declaration mod_item package_clause namespace_definition enum_member_declaration \
jsx_attribute field_designator method_signature label lifetime";
/// Where a name is used, whatever stands around.
const USED: &str = "scoped qualified invocation call struct_expression jsx generic";

/// How a name stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    /// It uses what it names.
    Use,
    /// It makes a name.
    Binding,
    /// It declares what is defined elsewhere.
    Prototype,
    /// It is a key, a label, a member, an argument's name.
    Label,
    /// One of these.
    Unclear,
}

/// Something else that has a name, and where it is meant.
#[derive(Debug)]
pub(super) struct Binding {
    /// The bytes in which it is meant...
    scope: Range<usize>,
    /// ...but for those in front of this one, in languages that read from above to below...
    from: usize,
    /// ...and for the value that it is given.
    value: Range<usize>,
}

impl Binding {
    /// Whether the name at `at` means it.
    pub(super) fn reaches(&self, at: &Range<usize>) -> bool {
        let is_in = |range: &Range<usize>| range.start <= at.start && at.end <= range.end;
        is_in(&self.scope) && self.from <= at.start && !is_in(&self.value)
    }
}

impl Reader<'_> {
    /// What a name binds, where it binds something.
    pub(super) fn binding(&self, named: &Named) -> Option<Binding> {
        if !self.is_of_kind(named) {
            return None;
        }
        if self.import_of(named).is_some()
            || named.is_in("export_specifier")
            || stands(self, named) != Stands::Binding
        {
            return None;
        }
        let is_hoisting = self.scopes.hoisted;
        let is_function_wide = match self.scopes.function_wide {
            FunctionWide::None => false,
            FunctionWide::Of(kinds) => named.is_in(kinds),
            FunctionWide::All => true,
        };
        let language = self.place.language;
        let root = *named.around.first()?;
        let is_scope = |node: Node| match is_function_wide {
            true => language.role(node).function || is_one_of(LARGE, node.kind()) || node == root,
            false => {
                language.role(node).function
                    || is_one_of(SCOPES, node.kind())
                    || language.holds_statements(node, root)
            }
        };
        let (mut child, mut value, mut is_definition) = (named.node, 0..0, false);
        let mut scope = None;
        for (at, &parent) in named.around.iter().rev().enumerate() {
            let role = language.role(parent);
            let names_it = at == 0 && field(parent, child) == Some("name");
            let is_inner = (role.function || role.container) && names_it;
            is_definition |= is_inner;
            let of_value = ["value", "right"].iter().find_map(|name| parent.child_by_field_name(name));
            if let Some(of_value) = of_value.filter(|of_value| *of_value != child && value.is_empty()) {
                value = of_value.byte_range();
            }
            // A function's own name is known around it.
            if is_scope(parent) && !is_inner {
                scope = Some(parent);
                break;
            }
            child = parent;
        }
        let scope = scope?;
        // A method, or what stands in a class, is known only with the class in front of it.
        let is_member = is_one_of("class_definition class_body declaration_list", scope.kind())
            || scope.parent().is_some_and(|parent| is_one_of("class_definition", parent.kind()));
        if is_member && self.scopes.members_are_qualified {
            return None;
        }
        let from = if is_hoisting || is_definition { 0 } else { named.node.start_byte() };
        Some(Binding { scope: scope.byte_range(), from, value: if is_hoisting { 0..0 } else { value } })
    }
}

/// How a name stands in the text; where it cannot be told, it makes one.
pub(super) fn stands(reader: &Reader, named: &Named) -> Stands {
    let node = named.node;
    if let Some(stands) = of_leaf(reader, named) {
        return stands;
    }
    let mut child = node;
    for &parent in named.around.iter().rev() {
        let kind = parent.kind();
        let of_parent = field(parent, child);
        if child == node && is_one_of(LABELS, kind) && !matches!(of_parent, Some("value" | "type" | "right"))
        {
            return Stands::Label;
        }
        if is_one_of("keyed_element literal_element", kind) && child == node {
            return Stands::Unclear;
        }
        match of_parent {
            Some(
                "type" | "return_type" | "value" | "body" | "right" | "function" | "arguments" | "condition"
                | "bounds" | "trait" | "superclass" | "superclasses" | "object" | "operand" | "index"
                | "subscript" | "interfaces" | "default_value" | "argument",
            ) => return Stands::Use,
            Some("declarator") if is_prototype(reader, named) => return Stands::Prototype,
            Some(
                "pattern" | "left" | "alias" | "key" | "label" | "declarator" | "parameter" | "parameters",
            ) => {
                return if is_constant_pattern(reader, named) { Stands::Use } else { Stands::Binding };
            }
            Some("name") if child == node && !USED.split(' ').any(|one| kind.contains(one)) => {
                return Stands::Binding;
            }
            _ => {}
        }
        let makes = ["parameter", "pattern", "declarator", "lambda"];
        let shorthand = kind.contains("shorthand") && kind != "shorthand_field_initializer";
        if shorthand || makes.iter().any(|one| kind.contains(one)) {
            return if is_constant_pattern(reader, named) { Stands::Use } else { Stands::Binding };
        }
        if reader.place.language.holds_statements(parent, named.around[0]) {
            return Stands::Use;
        }
        child = parent;
    }
    Stands::Use
}

/// What the kind of the leaf alone says, and what stands beside a name in the text of a macro.
fn of_leaf(reader: &Reader, named: &Named) -> Option<Stands> {
    let (node, parent) = (named.node, named.parent()?);
    let is_method = reader.change.was.kind == SymbolKind::Method;
    match node.kind() {
        "shorthand_property_identifier" => return Some(Stands::Use),
        "shorthand_property_identifier_pattern" | "shorthand_field_identifier" => {
            return Some(Stands::Binding);
        }
        "field_identifier" if is_method && is_prototype(reader, named) => return Some(Stands::Prototype),
        "property_identifier" | "private_property_identifier" | "field_identifier" => {
            let is_access =
                is_one_of("member_expression field_expression selector_expression", parent.kind());
            // Of a value's member a name alone does not say whose it is; in many languages no function is one.
            let may_be = is_method || reader.scopes.functions_are_members;
            return Some(if is_access && may_be { Stands::Use } else { Stands::Label });
        }
        _ => {}
    }
    // A constructor has the name of its type.
    let is_type = matches!(reader.change.was.kind, SymbolKind::Class | SymbolKind::Interface);
    let is_constructor = is_one_of(reader.scopes.constructors, parent.kind());
    if is_type && is_constructor {
        return Some(Stands::Use);
    }
    if is_one_of(reader.names.macros.1, parent.kind()) {
        let before = reader.text[..node.start_byte()].trim_end();
        let after = reader.text[node.end_byte()..].trim_start();
        let words = ["let", "mut", "ref", "fn", "struct", "enum", "mod", "const", "static", "type", "trait"];
        let last = before.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
        if words.contains(&last) || before.ends_with(['$', '|']) {
            return Some(Stands::Unclear);
        }
        if after.starts_with(':') && !after.starts_with("::")
            || after.starts_with('=') && !after.starts_with("==")
        {
            return Some(Stands::Label);
        }
        let is_member = before.ends_with('.') && !before.ends_with("..");
        let is_path = after.starts_with("::") && reader.change.was.kind != SymbolKind::Class;
        return Some(match is_member && !is_method || is_path {
            true => Stands::Label,
            false => Stands::Use,
        });
    }
    None
}

/// Whether a constant or a type in a pattern is not bound but compared.
fn is_constant_pattern(reader: &Reader, named: &Named) -> bool {
    let is_constant = matches!(reader.change.was.kind, SymbolKind::Constant | SymbolKind::Class);
    reader.scopes.has_constant_patterns
        && is_constant
        && reader.change.was.name.starts_with(char::is_uppercase)
        && !named.is_in("type_parameter type_parameters")
}

/// Whether a function is declared here, outside of other functions: its prototype, or its definition.
fn is_prototype(reader: &Reader, named: &Named) -> bool {
    let kind = reader.change.was.kind;
    let Some(at) = named.around.iter().rposition(|node| node.kind() == "function_declarator") else {
        return false;
    };
    let declarator = named.around[at].child_by_field_name("declarator");
    let is_name = declarator.is_some_and(|declarator| {
        let is_qualified = declarator.kind() == "qualified_identifier";
        declarator == named.node || is_qualified && declarator.end_byte() == named.node.end_byte()
    });
    let kinds = || named.around[..at].iter().map(Node::kind);
    let outside = !kinds().any(|kind| is_one_of("compound_statement parameter_list", kind));
    let is_member = kinds().any(|kind| kind == "field_declaration_list");
    let declares = kinds().any(|kind| is_one_of("declaration function_definition field_declaration", kind));
    let is_right = match kind {
        SymbolKind::Method => true,
        SymbolKind::Function | SymbolKind::Constant => !is_member,
        _ => false,
    };
    reader.scopes.has_prototypes && is_right && is_name && outside && declares
}
