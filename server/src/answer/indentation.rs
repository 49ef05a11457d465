//! The model indents by its own habits, or as if the cursor's line began at the margin. Lines in strings and lines for a
//! preprocessor stay as they are.

use std::ops::Range;

use rustc_hash::FxHashSet;

use super::brackets;
use super::cursor_context::{CursorContext, is_continued, leading};
use crate::documents::{Change, Document};

/// Lines around the cursor that show how the document indents.
const SHOWN: usize = 400;
/// Substrings of the node kinds of multi-line strings in all languages.
pub(super) const STRINGS: [&str; 6] =
    ["string", "template_literal", "heredoc", "nowdoc", "block_scalar", "fenced_code_block"];

/// The text with each line's indentation in the document's unit and relative to the cursor's line.
pub(super) fn fit<'t>(text: &'t str, place: &CursorContext) -> String {
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default();
    let rest: Vec<&str> = lines.collect();
    if rest.is_empty() && !place.left.is_empty() {
        let first = if place.left.trim().is_empty() { first.trim_start() } else { first };
        return first.to_owned();
    }
    let layout = place.document.language.is_some_and(|language| language.layout);
    let opener = if first.trim().is_empty() { &place.left } else { first };
    let is_text = place.string.is_some() || is_comment(&format!("{}{first}", place.left), place);
    let has_opened = !is_text && opens(opener, place);
    let documents = document_unit(place);
    let mut fixed = if layout { FxHashSet::default() } else { lines_in_own_strings(text, place) };
    if place.language().is_some_and(|language| language.text.has_directives) {
        fixed.extend(
            text.split('\n').enumerate().filter(|(_, line)| line.starts_with('#')).map(|(number, _)| number),
        );
    }
    let is_code = |(number, line): (usize, &&'t str)| (!fixed.contains(&(number + 1))).then_some(*line);
    let code: Vec<&str> = rest.iter().enumerate().filter_map(is_code).collect();
    let shown = step_of(&code, place, has_opened, documents);
    let unit = documents.or(indent_unit(place)).or(shown).unwrap_or(Unit::Spaces(4));
    let shown = if unit == Unit::Tab && shown.is_none() { narrow(&code) } else { shown };
    // White space in a string is text; indentation-based languages have docstrings.
    let is_text = place.string.is_some() && !layout;
    if is_text || !place.left.is_empty() && agrees(place, first, &code, unit, shown, has_opened) {
        let is_indented = !place.left.is_empty() && place.left.trim().is_empty();
        return with_lines(if is_indented { first.trim_start() } else { first }.to_owned(), &rest);
    }

    let own = leading(first);
    let mut fitted = String::new();
    if !place.left.trim().is_empty() {
        fitted.push_str(first);
    } else {
        if place.left.is_empty() && place.right.trim().is_empty() {
            // The editor has not indented the line. A new block requires it; otherwise the model may know.
            let block = place.line_above().filter(|line| opens(line, place));
            let outside = block.map(|line| unit.columns(leading(line)));
            let own = unit.columns(own);
            // If the document shows no step, the model's is used.
            let wanted = match outside {
                // The block's closing bracket aligns with it.
                Some(outside) if first.trim_start().starts_with(['}', ')', ']']) => outside,
                Some(outside) if own <= outside || documents.is_some() => outside + unit.width(),
                _ => 0,
            };
            unit.write(wanted.max(own), &mut fitted);
        }
        let is_at_margin = place.left.is_empty() && !place.right.trim().is_empty();
        fitted.push_str(if is_at_margin { first } else { first.trim_start() });
    }
    let mut here =
        unit.columns(place.indent()) + if place.left.is_empty() { unit.columns(leading(&fitted)) } else { 0 };

    let Some(next) = next_line(&code, place) else {
        return if fixed.is_empty() { fitted } else { with_lines(fitted, &rest) };
    };
    let (base, step) = if place.left.trim().is_empty() && !own.is_empty() {
        let step = shown.unwrap_or(unit);
        // One space before an answer is not indentation.
        let base = if own == " " { step.columns(leading(next)).min(1) } else { step.columns(own) };
        (base, step)
    } else if has_opened {
        if !place.left.is_empty() {
            here = unit.columns(statement_indent(place, first));
        }
        // Whatever the model's base is, the line in a new block is one step deeper.
        let below = shown.unwrap_or(unit).columns(leading(next));
        let deeper = if below > here { below - here } else { below };
        let step = shown.unwrap_or(if (2..=8).contains(&deeper) { Unit::Spaces(deeper) } else { unit });
        (below.saturating_sub(step.width()), step)
    } else {
        // Without a bracket no line ends more blocks than it names, so one at the margin counts from there.
        let below = shown.unwrap_or(unit).columns(leading(next));
        let closes = next.trim_start().starts_with([')', ']', '}']) || next.trim_start().starts_with("end");
        (if below < here && !closes && !layout { below } else { here }, shown.unwrap_or(unit))
    };
    let mut in_comment = is_open_comment(first);
    for (number, line) in rest.into_iter().enumerate() {
        fitted.push('\n');
        // Text in a comment may be aligned with the text above.
        let is_aligned = in_comment || line.trim_start().starts_with('*');
        in_comment =
            if line.contains("*/") || line.contains("/*") { is_open_comment(line) } else { in_comment };
        if fixed.contains(&(number + 1)) {
            fitted.push_str(line);
            continue;
        }
        if line.trim().is_empty() {
            continue;
        }
        let relative = step.columns(leading(line)) as isize - base as isize;
        // Whole steps in the model's unit become steps in the document's.
        let (model, document) = (step.width() as isize, unit.width() as isize);
        let relative = relative.div_euclid(model) * document + relative.rem_euclid(model);
        let columns = (here as isize + relative).max(0) as usize;
        // A tab is the narrowest unit, except in a comment.
        unit.write(
            if unit == Unit::Tab && !is_aligned { columns.div_ceil(4) * 4 } else { columns },
            &mut fitted,
        );
        fitted.push_str(line.trim_start());
    }
    fitted
}

/// Whether a block comment that this line begins goes on below it.
fn is_open_comment(line: &str) -> bool {
    line.rfind("/*").is_some_and(|begin| !line[begin..].contains("*/"))
}

fn with_lines(mut text: String, lines: &[&str]) -> String {
    for line in lines {
        text.push('\n');
        text.push_str(line);
    }
    text
}

/// The lines of the text that begin inside a string of its own: white space there is text.
fn lines_in_own_strings(text: &str, place: &CursorContext) -> FxHashSet<usize> {
    let has_marks =
        ["`", "\"\"\"", "#\"", "r\"", "R\"", "@\"", "[[", "[=", "<<"].iter().any(|mark| text.contains(mark));
    if !has_marks || place.document.tree().is_none() {
        return FxHashSet::default();
    }
    let line = place.document.text.byte_to_line(place.cursor);
    let change = Change::Splice { range: place.cursor..place.cursor, text: text.to_owned() };
    let after = place.document.apply(place.document.version, &[change]);
    let lines = lines_in(&after, place.cursor..place.cursor + text.len(), &is_string);
    lines.into_iter().filter_map(|number| number.checked_sub(line)).collect()
}

/// One step deeper than this white space.
pub(super) fn deeper(indent: &str, place: &CursorContext) -> String {
    let unit = document_unit(place).or(indent_unit(place)).unwrap_or(Unit::Spaces(4));
    let mut deeper = String::new();
    unit.write(unit.columns(indent) + unit.width(), &mut deeper);
    deeper
}

/// Whether the text already has the document's indentation: that of the cursor's line, with the document's step.
fn agrees(
    place: &CursorContext,
    first: &str,
    rest: &[&str],
    unit: Unit,
    shown: Option<Unit>,
    opens: bool,
) -> bool {
    let opens_block = |line: &str| self::opens(line, place);
    let Some(next) = next_line(rest, place) else { return true };
    let own = leading(first);
    let here = unit.columns(place.indent());
    let below = unit.columns(leading(next));
    let closes = next.trim_start().starts_with([')', ']', '}']);
    // A continued line may be deeper than the first line of its statement.
    let is_deeper =
        place.line_above().is_some_and(|above| unit.columns(leading(above)) < here && !opens_block(above));
    let is_behind = !place.left.trim().is_empty()
        || is_deeper
        || first.trim_start().starts_with(|c| "&|.?+:=)]}".contains(c));
    let continues = !opens && below > 0 && is_behind;
    let statement = unit.columns(statement_indent(place, first));
    let from_here = if opens && !closes {
        below > statement
    } else {
        below >= here || continues || opens_body_of_header(place, next, below, here, unit)
    };
    let own_fits = !place.left.trim().is_empty() || own.is_empty() || unit.columns(own) == here;
    let kind = |line: &&str| match unit {
        // Less than a tab's width after tabs aligns with something.
        Unit::Tab => {
            let spaces = leading(line).trim_start_matches('\t');
            let is_aligned = line.starts_with('\t') && spaces.len() < unit.width() && !spaces.contains('\t');
            spaces.is_empty() || is_aligned || line.trim_start().starts_with('*')
        }
        Unit::Spaces(_) => !leading(line).contains('\t'),
    };
    // Both are string content.
    let starts = |with: &str| rest.iter().any(|line| line.starts_with(with) && !line.trim().is_empty());
    let is_mixed = starts("\t") && starts("  ");
    is_mixed || from_here && own_fits && rest.iter().all(kind) && shown.is_none_or(|shown| shown == unit)
}

/// Whether a line opens the body of a header that begins above the cursor's line, such as a function with a `where` clause.
fn opens_body_of_header(place: &CursorContext, next: &str, below: usize, here: usize, unit: Unit) -> bool {
    let mut above = place.above.iter().rev().filter(|line| !line.trim().is_empty());
    let header = above.find(|line| unit.columns(leading(line)) < here);
    next.trim_start().starts_with('{')
        && header.is_some_and(|header| {
            unit.columns(leading(header)) == below && !header.trim_end().ends_with(['{', '}', ';'])
        })
}

/// The step that the cursor's own line shows, where nothing else does.
fn indent_unit(place: &CursorContext) -> Option<Unit> {
    let above = place.line_above().map_or("", leading);
    match place.indent().len().checked_sub(above.len()) {
        Some(step @ 2..=8) if !place.indent().contains('\t') => Some(Unit::Spaces(step)),
        _ => None,
    }
}

/// One space per level, if the model counts so.
fn narrow(rest: &[&str]) -> Option<Unit> {
    let mut lines = rest.iter().filter(|line| !line.trim().is_empty());
    // The marks of a comment that is drawn as a box are aligned, not indented.
    let is_level = |line: &&str| leading(line) == " " && !line.trim_start().starts_with('*');
    let is_narrow = lines.clone().any(is_level) && lines.all(|line| !leading(line).contains('\t'));
    is_narrow.then_some(Unit::Spaces(1))
}

/// The first line that shows the depth of the code. Comments count if there is nothing else.
fn next_line<'t>(lines: &[&'t str], place: &CursorContext) -> Option<&'t str> {
    let mut solid = lines.iter().copied().filter(|line| !line.trim().is_empty());
    solid.clone().find(|line| !is_comment(line, place)).or_else(|| solid.next())
}

fn is_comment(line: &str, place: &CursorContext) -> bool {
    let mark = place.document.language.and_then(|language| language.line_comment);
    mark.is_some_and(|mark| line.trim_start().starts_with(mark))
}

/// The white space before the statement that the cursor's line continues, if that line closes the brackets that were
/// opened above: what follows is indented relative to it.
fn statement_indent<'p>(place: &'p CursorContext, first: &str) -> &'p str {
    let (mut closed, _) = brackets::unpaired(&format!("{}{first}", place.left), place);
    let mut indent = place.indent();
    for line in place.above.iter().rev() {
        if closed == 0 && !is_continued(line) {
            return indent;
        }
        let (closes, opens) = brackets::unpaired(line, place);
        closed = closed.saturating_sub(opens) + closes;
        indent = leading(line);
    }
    if closed == 0 { indent } else { place.indent() }
}

/// Whether a block begins at the end of the line.
fn opens(line: &str, place: &CursorContext) -> bool {
    let layout = place.document.language.is_some_and(|language| language.layout);
    if is_comment(line, place) {
        return false;
    }
    let line = line.trim_end();
    line.ends_with(['{', '(', '[']) || line.ends_with("=>") || layout && line.ends_with(':')
}

/// One step of indentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Tab,
    Spaces(usize),
}

impl Unit {
    /// Columns of one step. A tab counts as four, so that alignment after it is recognised.
    pub(super) fn width(self) -> usize {
        match self {
            Unit::Tab => 4,
            Unit::Spaces(width) => width,
        }
    }

    pub(super) fn columns(self, white_space: &str) -> usize {
        white_space.bytes().map(|byte| if byte == b'\t' { self.width() } else { 1 }).sum()
    }

    pub(super) fn write(self, columns: usize, out: &mut String) {
        let tabs = if self == Unit::Tab { columns / 4 } else { 0 };
        out.extend(std::iter::repeat_n('\t', tabs));
        out.extend(std::iter::repeat_n(' ', columns - tabs * 4));
    }
}

/// The indentation unit of the lines around the cursor, if they show one. Text in strings and comments is aligned, not
/// indented.
fn document_unit(place: &CursorContext) -> Option<Unit> {
    if place.indent().starts_with('\t') {
        return Some(Unit::Tab);
    }
    let text = &place.document.text;
    let line = text.byte_to_line(place.cursor);
    let (start, end) = (line.saturating_sub(SHOWN), text.len_lines().min(line + SHOWN));
    let within = text.line_to_byte(start)..text.line_to_byte(end);
    let mut in_text = lines_in(place.document, within, &|kind| is_string(kind) || kind.contains("comment"));
    // Such a line has the depth of the text around it.
    if in_text.contains(&line) {
        in_text.clear();
    }
    let lines = text.lines_at(start).take(end - start).enumerate();
    let indents = lines.filter(|(number, _)| !in_text.contains(&(start + number))).filter_map(|(_, line)| {
        let indent: String = line.chars().take(80).take_while(|c| matches!(c, ' ' | '\t')).collect();
        // Tabs among spaces are string content.
        let is_foreign = place.indent().starts_with(' ') && indent.starts_with('\t');
        let is_blank = line.chars().skip(indent.len()).all(char::is_whitespace);
        (!is_blank && !is_foreign).then_some(indent)
    });
    unit_of(indents)
}

fn is_string(kind: &str) -> bool {
    STRINGS.iter().any(|string| kind.contains(string))
}

/// The lines within a range of bytes that begin inside nodes of these kinds.
fn lines_in(document: &Document, within: Range<usize>, is_meant: &dyn Fn(&str) -> bool) -> FxHashSet<usize> {
    let mut lines = FxHashSet::default();
    let Some(tree) = document.tree() else { return lines };
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        if node.start_byte() >= within.end {
            return lines;
        }
        let rows = node.start_position().row + 1..node.end_position().row + 1;
        if !rows.is_empty() && node.end_byte() > within.start {
            if is_meant(node.kind()) {
                lines.extend(rows);
            } else if cursor.goto_first_child_for_byte(within.start).is_some() {
                continue;
            }
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return lines;
            }
        }
    }
}

/// The unit by which lines with these indentations, none of them blank, are most often deeper than the previous line.
pub(super) fn unit_of(indents: impl IntoIterator<Item = impl AsRef<str>>) -> Option<Unit> {
    let mut votes = [0usize; 9];
    let mut before = 0;
    for indent in indents {
        let indent = indent.as_ref();
        if indent.starts_with('\t') {
            votes[0] += 1;
        } else if let Some(step @ 2..=8) = indent.len().checked_sub(before) {
            votes[step] += 1;
        }
        before = indent.len();
    }
    let (step, &count) = votes.iter().enumerate().max_by_key(|&(_, &count)| count)?;
    match (step, count) {
        (_, 0) => None,
        (0, _) => Some(Unit::Tab),
        (step, _) => Some(Unit::Spaces(step)),
    }
}

/// The unit that the model uses, if its text opens a block and shows it. Below the first line, whose own indentation
/// may be missing, two lines show it; otherwise a line that the first one has opened, `has_opened`, with a bracket's
/// line or the cursor's. In indentation-based languages, what follows a bracket is often aligned with something.
fn step_of(rest: &[&str], place: &CursorContext, has_opened: bool, documents: Option<Unit>) -> Option<Unit> {
    if rest.iter().any(|line| leading(line).contains('\t')) {
        return Some(Unit::Tab);
    }
    let lines: Vec<&str> = rest.iter().copied().filter(|line| !line.trim().is_empty()).collect();
    let step = |deeper: usize| (2..=8).contains(&deeper).then_some(Unit::Spaces(deeper));
    let between = |opens: &dyn Fn(&str) -> bool| {
        lines.windows(2).find_map(|pair| {
            let deeper = leading(pair[1]).len().checked_sub(leading(pair[0]).len())?;
            step(deeper).filter(|_| opens(pair[0]))
        })
    };
    let layout = place.document.language.is_some_and(|language| language.layout);
    let is_block = |line: &str| opens(line, place) && !(layout && line.trim_end().ends_with(['(', '[', '{']));
    let below_first = || {
        let first = leading(lines.first().filter(|_| has_opened)?).len();
        let closed = lines.iter().find(|line| line.trim_start().starts_with(['}', ')', ']']));
        first.checked_sub(closed.map_or(place.indent().len(), |line| leading(line).len())).and_then(step)
    };
    // A file may mix units.
    let below_first = below_first();
    let is_known = below_first.filter(|_| below_first == documents);
    is_known.or_else(|| between(&is_block)).or(below_first).or_else(|| between(&|line| opens(line, place)))
}
