//! Conversions: the same said in another form of the language. A row each, offered where the tree shows such a node around
//! the cursor or beginning in its line.

use tree_sitter::Node;

use super::place::Place;
use super::{Action, ActionKind};
use crate::edits::Drops;
use crate::prompt::Material;
use crate::syntax::is_one_of;

/// A conversion.
pub(super) struct Conversion {
    /// Languages, by [id](crate::languages::Language::id), separated by spaces.
    pub(super) languages: &'static str,
    /// Node kinds, separated by spaces.
    pub(super) nodes: &'static str,
    /// The text of the node holds one of these, where there is one.
    holds: &'static [&'static str],
    /// What it becomes, behind "Convert to".
    to: &'static str,
    /// What the model is asked to do.
    instruction: &'static str,
}

const SCRIPTS: &str = "javascript typescript typescriptreact";

/// All rows.
pub(super) const CONVERSIONS: [Conversion; 20] = [
    row("rust", "for_expression", &[], "an iterator chain", "Convert the loop to an iterator chain."),
    row(
        "rust",
        "while_expression loop_expression",
        &[],
        "a `for` loop",
        "Convert the loop to a `for` loop over a range or iterator.",
    ),
    row(
        "rust",
        "match_expression",
        &["_ =>", "None =>"],
        "`if let` or `let else`",
        "Convert the `match` to `if let` or `let ... else`.",
    ),
    row(
        "python",
        "for_statement",
        &[".append(", ".add(", "+="],
        "a comprehension",
        "Convert the loop to a comprehension.",
    ),
    row(
        "python",
        "binary_operator call",
        &["\" %", "' %", ".format("],
        "an f-string",
        "Convert the string formatting to f-strings.",
    ),
    row(
        "python",
        "call",
        &["open("],
        "a `with` block",
        "Convert `open` to a `with` block that closes the file.",
    ),
    row(
        SCRIPTS,
        "call_expression",
        &[".then(", ".catch("],
        "`async` and `await`",
        "Convert the promise chain to `async` and `await`.",
    ),
    row(
        SCRIPTS,
        "call_expression",
        &["(err, ", "(error, ", "function(err", "function (err"],
        "`async` and `await`",
        "Convert the callback to `async` and `await`.",
    ),
    row(
        SCRIPTS,
        "for_statement for_in_statement",
        &[],
        "an array method",
        "Convert the loop to `map`, `filter`, `reduce` or `for ... of`, whichever says it best.",
    ),
    row(
        SCRIPTS,
        "function_expression",
        &[],
        "an arrow function",
        "Convert the function expression to an arrow function.",
    ),
    row(
        SCRIPTS,
        "variable_declaration",
        &["var "],
        "`const` or `let`",
        "Convert `var` to `const`, or to `let` where the variable is assigned again.",
    ),
    row(
        SCRIPTS,
        "binary_expression",
        &["\" +", "' +", "+ \"", "+ '"],
        "a template literal",
        "Convert the string concatenation to a template literal.",
    ),
    row("go", "for_statement", &[":= 0;"], "a `range` loop", "Convert the loop to a `for ... range` loop."),
    row("java", "for_statement enhanced_for_statement", &[], "a stream", "Convert the loop to a stream."),
    row(
        "java",
        "object_creation_expression",
        &["@Override"],
        "a lambda",
        "Convert the anonymous class to a lambda.",
    ),
    row(
        "csharp",
        "foreach_statement for_statement",
        &[],
        "a LINQ query",
        "Convert the loop to a LINQ query.",
    ),
    row(
        "cpp",
        "for_statement",
        &[],
        "a range-based `for` loop",
        "Convert the loop to a range-based `for` loop.",
    ),
    row(
        "ruby",
        "for while",
        &[],
        "`each`",
        "Convert the loop to `each`, `map` or `select`, whichever says it best.",
    ),
    row("php", "switch_statement", &[], "`match`", "Convert the `switch` to a `match` expression."),
    row("shellscript", "command_substitution", &["`"], "`$( )`", "Convert backticks to `$( )`."),
];

const fn row(
    languages: &'static str,
    nodes: &'static str,
    holds: &'static [&'static str],
    to: &'static str,
    instruction: &'static str,
) -> Conversion {
    Conversion { languages, nodes, holds, to, instruction }
}

/// The conversions at a place, each once.
pub(super) fn actions(place: &Place) -> Vec<Action> {
    let target = place.function.clone().or_else(|| place.code());
    let Some(target) = target else { return Vec::new() };
    let nodes = place.nodes(&target.range);
    let innermost = |conversion: &&Conversion| -> Option<Node> {
        let fits = |node: &&Node| {
            let around = node.start_byte() <= place.selection.start && place.selection.end <= node.end_byte();
            let begins_here = place.lines(&(node.start_byte()..node.start_byte()))
                == place.lines(&(place.selection.start..place.selection.start));
            let holds = || {
                let text = place.text(**node);
                conversion.holds.is_empty() || conversion.holds.iter().any(|part| text.contains(part))
            };
            is_one_of(conversion.nodes, node.kind()) && (around || begins_here) && holds()
        };
        is_one_of(conversion.languages, place.language.id).then(|| nodes.iter().rfind(fits).copied())?
    };
    let mut actions: Vec<Action> = Vec::new();
    for (at, conversion) in CONVERSIONS.iter().enumerate() {
        let title = format!("Convert to {}", conversion.to);
        let Some(node) =
            innermost(&conversion).filter(|_| actions.iter().all(|action| action.title != title))
        else {
            continue;
        };
        let lines = place.lines(&node.byte_range());
        let instruction = format!(
            "{} It begins with the line in the excerpt. Change nothing else.",
            conversion.instruction
        );
        let first_line = place.document.text.line(lines.start).to_string().trim().to_owned();
        actions.push(Action {
            id: format!("convert/{at}"),
            title,
            kind: ActionKind::Rewrite,
            target: target.clone(),
            more: Vec::new(),
            instruction,
            drops: Drops::Much,
            may_add_items: false,
            must_touch: Some(lines),
            material: Some(Material::Excerpt(first_line)),
            problem: None,
        });
    }
    actions
}
