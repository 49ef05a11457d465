//! Where the built-in actions apply: a function for each row of [`super::table`], and the tree queries that they share.

use std::ops::Range;

use tree_sitter::Node;

use super::Problem;
use super::selection_context::SelectionContext;
use crate::prompt::Material;
use crate::rewrite::target::{Target, TargetKind};
use crate::syntax::is_one_of;

/// The number of problems at a selection for which fixes are offered.
const MOST_PROBLEMS: usize = 4;
/// The number of functions that are documented at once.
const MOST_DOCUMENTED: usize = 20;
/// The marker of a comment that announces code, split so that a search for open tasks does not find it here.
const MARKS: [&str; 2] = ["TODO", concat!("FIX", "ME")];
/// Titles show this many characters of a message.
const SHOWN: usize = 60;
/// A stub has no more bytes than this.
const LONGEST_STUB: usize = 160;
/// Uninformative names, besides those of one or two letters. A trailing digit does not make them better.
const UNCLEAR: &str = "tmp temp foo bar baz qux val res ret arr obj str aux thing stuff data1 xx yy zz";
/// Short names that are commonly understood.
const CLEAR: &str = "i j k n x y z id ok io db fs e _ fd ip os ms up";

/// Where an action applies.
#[derive(Default)]
pub(super) struct Found {
    pub(super) target: Option<Target>,
    pub(super) more: Vec<Target>,
    pub(super) subject: String,
    pub(super) detail: String,
    pub(super) must_touch: Option<Range<usize>>,
    pub(super) material: Option<Material>,
    pub(super) problem: Option<usize>,
}

pub(super) fn problems(place: &SelectionContext) -> Vec<Found> {
    let found = |(at, problem): (usize, &Problem)| {
        let around = SelectionContext::of(place.document, problem.range.start..problem.range.start, &[])?;
        // Of a type, whose members may be many, only the faulty lines.
        let whole = around.function.or_else(|| {
            let selected = problem.range.start..problem.range.end.max(problem.range.start.saturating_add(2));
            SelectionContext::of(place.document, selected, &[])?.target
        });
        let lines = place.lines(&problem.range);
        let code = place.document.text.get_line(lines.start).map(|line| line.to_string()).unwrap_or_default();
        let said = format!("{}\n\nThe problem is in this line:\n{}", problem.message.trim(), code.trim());
        Some(Found {
            target: Some(whole.or(around.target)?),
            subject: short(&problem.message),
            material: Some(Material::Problem(said)),
            must_touch: Some(lines),
            problem: Some(at),
            ..Found::default()
        })
    };
    place.problems.iter().enumerate().take(MOST_PROBLEMS).filter_map(found).collect()
}

/// The first line of a message, for a title.
fn short(message: &str) -> String {
    let line = message.trim().lines().next().unwrap_or_default();
    let mut shown: String = line.chars().take(SHOWN).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    shown
}

pub(super) fn unfinished(place: &SelectionContext) -> Vec<Found> {
    let target = place.function.clone().or_else(|| place.target.clone());
    let (Some(target), Some(known)) = (target, &place.language.actions) else { return Vec::new() };
    let nodes = place.nodes(&target.range);
    let (kinds, texts) = known.stubs;
    let is_stub = |node: &&Node| {
        let says_so = || {
            let text = place.text(**node).to_lowercase();
            texts.iter().any(|stub| text.contains(stub))
        };
        is_one_of(kinds, node.kind())
            && node.byte_range().len() <= LONGEST_STUB
            && says_so()
            && (!is_one_of(place.language.placeholders.statements.0, node.kind()) || is_alone(place, **node))
    };
    if target.kind == TargetKind::Function
        && let Some(stub) = nodes.iter().find(is_stub)
    {
        return vec![Found {
            subject: target.label(place.document),
            detail: "Replace the placeholder with the body of this function, as its name, its parameters and its comments \
                describe it."
                .to_owned(),
            must_touch: Some(place.lines(&stub.byte_range())),
            target: Some(target),
            ..Found::default()
        }];
    }
    let is_open = |node: &&Node| {
        let words = place.text(**node);
        let mut words = words.split(|c: char| !c.is_alphanumeric());
        is_one_of(place.language.comments, node.kind())
            && place.is_near(**node)
            && words.any(|word| MARKS.contains(&word))
    };
    let comment = nodes.iter().find(is_open);
    let found = comment.map(|comment| Found {
        subject: format!("the TODO in line {}", place.lines(&comment.byte_range()).start + 1),
        detail: "Write the code that the comment with TODO describes, and remove the comment. Change nothing else."
            .to_owned(),
        must_touch: Some(place.lines(&comment.byte_range())),
        target: Some(target),
        ..Found::default()
    });
    found.into_iter().collect()
}

/// Whether a statement is the only one in a function's body besides comments and its docstring.
fn is_alone(place: &SelectionContext, node: Node) -> bool {
    let statement = node.parent().filter(|parent| parent.kind() == "expression_statement").unwrap_or(node);
    let Some(body) = statement.parent() else { return false };
    let says_something = |other: &Node| {
        let is_docstring = other.named_child(0).is_some_and(|child| child.kind() == "string");
        *other != statement && !is_docstring && !other.is_extra()
    };
    let mut cursor = body.walk();
    place.language.role(body).block
        && body.parent().is_some_and(|parent| place.language.role(parent).function)
        && !body.named_children(&mut cursor).any(|other| says_something(&other))
}

pub(super) fn undocumented(place: &SelectionContext) -> Vec<Found> {
    let target = place.target.clone();
    let item = target.filter(|target| matches!(target.kind, TargetKind::Function | TargetKind::Type));
    let (Some(target), Some(known)) = (item, &place.language.actions) else { return Vec::new() };
    // An `impl` has no documentation of its own.
    if is_documented(place, &target) || target.name.is_empty() || is_implementation(place, &target) {
        return Vec::new();
    }
    vec![Found {
        subject: target.label(place.document),
        detail: known.documentation.to_owned(),
        target: Some(target),
        ..Found::default()
    }]
}

/// Functions that are in no other function: each is an item that can be rewritten separately.
pub(super) fn all_undocumented(place: &SelectionContext) -> Vec<Found> {
    let Some(known) = &place.language.actions else { return Vec::new() };
    let mut end = 0;
    let mut functions = Vec::new();
    for item in place.items.iter().filter(|item| item.kind == TargetKind::Function) {
        if item.range.start >= end && !is_documented(place, item) {
            functions.push(item.clone());
        }
        end = end.max(item.range.end);
    }
    functions.truncate(MOST_DOCUMENTED);
    if functions.len() < 2 {
        return Vec::new();
    }
    let subject = functions.len().to_string();
    let first = functions.remove(0);
    let detail = known.documentation.to_owned();
    vec![Found { subject, detail, target: Some(first), more: functions, ..Found::default() }]
}

/// Whether a comment precedes an item, or a string begins its body.
fn is_documented(place: &SelectionContext, item: &Target) -> bool {
    let nodes = place.nodes(&item.range);
    let is_comment = |node: &Node| {
        node.start_byte() == item.range.start && is_one_of(place.language.comments, node.kind())
    };
    let begins_with_string = |body: Node| {
        let first = body.named_child(0);
        first.is_some_and(|first| place.language.is_directive(first))
    };
    let body = nodes.iter().find_map(|node| node.child_by_field_name("body"));
    nodes.iter().any(is_comment) || (place.language.layout && body.is_some_and(begins_with_string))
}

fn is_implementation(place: &SelectionContext, item: &Target) -> bool {
    let kinds = place.language.actions.as_ref().map_or("", |known| known.undocumented);
    let is_whole = |node: &Node| is_one_of(kinds, node.kind()) && node.end_byte() == item.range.end;
    place.nodes(&item.range).iter().any(is_whole)
}

/// The number of statements in a target; an item does not count as its own statement.
fn statements(place: &SelectionContext, target: &Target) -> usize {
    let is_item = target.kind != TargetKind::Statements;
    let Some(root) = place.document.tree().map(|tree| tree.root_node()) else { return 0 };
    let in_block = |(node, parent): &&(Node, Option<Node>)| {
        node.is_named()
            && !node.is_extra()
            && parent.is_some_and(|parent| {
                place.language.holds_statements(parent, root)
                    && (!is_item || parent.start_byte() > target.range.start)
            })
    };
    place.nodes_and_parents(&target.range).iter().filter(in_block).count()
}

pub(super) fn simplifiable(place: &SelectionContext) -> Vec<Found> {
    let code = place.code().filter(|target| statements(place, target) >= 2);
    let found = |target: Target| Found {
        subject: target.label(place.document),
        target: Some(target),
        ..Found::default()
    };
    code.map(found).into_iter().collect()
}

/// An item that the instruction mentions and does not rewrite.
fn shown(place: &SelectionContext, target: &Target) -> Material {
    Material::Excerpt(place.document.text.byte_slice(target.range.clone()).to_string())
}

pub(super) fn extractable(place: &SelectionContext) -> Vec<Found> {
    let selected = place.target.clone().filter(|target| target.kind == TargetKind::Statements);
    let (Some(selected), Some(function)) = (selected, place.function.clone()) else { return Vec::new() };
    vec![Found {
        subject: selected.label(place.document),
        material: Some(shown(place, &selected)),
        must_touch: Some(place.lines(&selected.range)),
        target: Some(function),
        ..Found::default()
    }]
}

/// The names of the local variables that a function declares.
fn locals<'d>(place: &SelectionContext<'d>, function: &Target) -> Vec<(String, Node<'d>)> {
    let Some((kinds, field)) = place.language.actions.as_ref().map(|known| known.locals) else {
        return Vec::new();
    };
    let declared = |node: Node<'d>| {
        let mut name = is_one_of(kinds, node.kind()).then(|| node.child_by_field_name(field))??;
        // One name may be alone in a list, after `mut` or a pointer's star.
        while name.named_child_count() == 1 {
            name = name.named_child(0)?;
        }
        let is_name = name.child_count() == 0 && is_one_of(place.language.names, name.kind());
        is_name.then(|| (place.text(name), name))
    };
    let mut locals: Vec<(String, Node)> = Vec::new();
    for (name, node) in place.nodes(&function.range).into_iter().filter_map(declared) {
        if !locals.iter().any(|(known, _)| *known == name) {
            locals.push((name, node));
        }
    }
    locals
}

/// Other nodes of a function with this name.
fn uses<'d>(place: &SelectionContext<'d>, function: &Target, name: &str) -> Vec<Node<'d>> {
    let mut nodes = place.nodes(&function.range);
    nodes.retain(|node| {
        node.child_count() == 0 && is_one_of(place.language.names, node.kind()) && place.text(*node) == name
    });
    nodes
}

pub(super) fn inlinable_variable(place: &SelectionContext) -> Vec<Found> {
    let (Some(function), Some(name)) = (place.function.clone(), place.name()) else { return Vec::new() };
    let name = place.text(name);
    let declared = locals(place, &function).into_iter().any(|(local, _)| local == name);
    if !place.selection.is_empty() || !declared || uses(place, &function, &name).len() < 2 {
        return Vec::new();
    }
    vec![Found { subject: name.clone(), detail: name, target: Some(function), ..Found::default() }]
}

pub(super) fn inlinable_call(place: &SelectionContext) -> Vec<Found> {
    let (Some(function), Some(node)) = (place.function.clone(), place.name()) else { return Vec::new() };
    let name = place.text(node);
    let is_called = node.parent().is_some_and(|parent| is_one_of(place.language.calls, parent.kind()));
    let mut called = place.items.iter().filter(|item| item.kind == TargetKind::Function && item.name == name);
    // If two functions have one name, the tree does not show which is called; a function cannot be inlined into itself.
    let (Some(callee), None) = (called.next(), called.next()) else { return Vec::new() };
    if !is_called || callee.range == function.range || !place.selection.is_empty() {
        return Vec::new();
    }
    vec![Found {
        subject: name.clone(),
        detail: name,
        material: Some(shown(place, callee)),
        must_touch: Some(place.lines(&node.byte_range())),
        target: Some(function),
        ..Found::default()
    }]
}

pub(super) fn badly_named(place: &SelectionContext) -> Vec<Found> {
    let Some(function) = place.function.clone().filter(|_| place.selection.is_empty()) else {
        return Vec::new();
    };
    let is_unclear = |name: &str| {
        let word = name.trim_end_matches(|c: char| c.is_ascii_digit()).to_lowercase();
        is_one_of(UNCLEAR, &word) || is_one_of(UNCLEAR, name) || name.len() <= 2 && !is_one_of(CLEAR, name)
    };
    let names: Vec<String> = locals(place, &function)
        .into_iter()
        .filter(|(name, _)| !name.starts_with('_') && is_unclear(name))
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    if names.is_empty() {
        return Vec::new();
    }
    let names = names.join(", ");
    vec![Found { subject: short(&names), detail: names, target: Some(function), ..Found::default() }]
}

pub(super) fn without_error_handling(place: &SelectionContext) -> Vec<Found> {
    let (Some(target), Some(known)) = (place.code(), &place.language.actions) else { return Vec::new() };
    let nodes = place.nodes(&target.range);
    let may_fail = |node: &Node| {
        let is_call = is_one_of(place.language.calls, node.kind());
        let called = || place.text(*node).split('(').next().unwrap_or_default().to_owned();
        // In `a.b().unwrap()` the name follows the last dot.
        let name =
            |field: Node| place.text(field).rsplit(['.', ':', '>']).next().unwrap_or_default().to_owned();
        let callee = node.child_by_field_name("function").map_or_else(called, name);
        is_call && (known.failing.is_empty() || is_one_of(known.failing, callee.trim()))
    };
    let is_handled = nodes.iter().any(|node| is_one_of(known.handled, node.kind()));
    if is_handled || !nodes.iter().any(may_fail) {
        return Vec::new();
    }
    vec![Found {
        subject: target.label(place.document),
        detail: known.errors.to_owned(),
        target: Some(target),
        ..Found::default()
    }]
}

pub(super) fn untyped(place: &SelectionContext) -> Vec<Found> {
    let function = place.target.clone().filter(|target| target.kind == TargetKind::Function);
    let (Some(target), Some(known)) = (function, &place.language.actions) else { return Vec::new() };
    let parameters =
        place.nodes(&target.range).iter().find_map(|node| node.child_by_field_name("parameters"));
    let Some(parameters) = parameters else { return Vec::new() };
    let mut cursor = parameters.walk();
    let has_none = |node: Node| {
        let mut kinds = known.untyped.iter();
        let kind = kinds.find(|(kind, _)| *kind == node.kind());
        let is_receiver = matches!(place.text(node).as_str(), "self" | "cls" | "this");
        !is_receiver
            && kind.is_some_and(|(_, field)| field.is_empty() || node.child_by_field_name(field).is_none())
    };
    if !parameters.named_children(&mut cursor).any(has_none) {
        return Vec::new();
    }
    vec![Found {
        subject: target.label(place.document),
        detail: known.types.to_owned(),
        target: Some(target),
        ..Found::default()
    }]
}
