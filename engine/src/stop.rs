//! Applies stop rules to an answer while it grows.
//!
//! Each rule is a small automaton that reads the answer character by character, so the result does not depend on how
//! the text arrives in pieces, and the time is linear in its length. `push` returns where the rule cuts if it matches
//! now; `held_from` returns from where on it may still cut later. Text before the least `held_from` is final and can
//! be streamed.

mod dedent;
mod lines;
mod repetition;
mod text;

use crate::generation::StopRule;
use dedent::Dedent;
use lines::{BlankLines, Line, Lines};
use repetition::Repetition;
use text::Text;

/// The rules of one generation and the text that they hold back.
pub(crate) struct StopRules {
    rules: Vec<Rule>,
    /// Text that may still be cut.
    held: String,
    /// Byte offset in the answer at which `held` begins.
    released: usize,
    /// Whether the answer was cut; later text is ignored.
    stopped: bool,
}

/// One rule with its state. Offsets are bytes from the start of the answer.
enum Rule {
    Text(Text),
    Line(Line),
    Lines(Lines),
    BlankLines(BlankLines),
    Dedent(Dedent),
    Repetition(Box<Repetition>),
}

/// A whole text as stop rules leave it.
pub fn apply_stop_rules(rules: &[StopRule], text: &str) -> String {
    let (mut rules, mut out) = (StopRules::new(rules), String::new());
    rules.push(text, &mut out);
    rules.finish(&mut out);
    out
}

impl StopRules {
    pub(crate) fn new(rules: &[StopRule]) -> StopRules {
        let rules = rules.iter().filter_map(|rule| match rule {
            StopRule::Text(text) => Text::new(text).map(Rule::Text),
            StopRule::Line(line) => Line::new(line).map(Rule::Line),
            StopRule::Lines(count) => Some(Rule::Lines(Lines::new(*count))),
            StopRule::BlankLines => Some(Rule::BlankLines(BlankLines::default())),
            StopRule::Dedent { columns, words } => Some(Rule::Dedent(Dedent::new(*columns, words))),
            StopRule::Repetition => Some(Rule::Repetition(Box::default())),
        });
        StopRules { rules: rules.collect(), held: String::new(), released: 0, stopped: false }
    }

    /// Reads more text and appends to `out` what is final. True if a rule matches: the answer is complete then, and
    /// later text is ignored.
    pub(crate) fn push(&mut self, text: &str, out: &mut String) -> bool {
        for c in text.chars() {
            if self.stopped {
                return true;
            }
            let at = self.released + self.held.len();
            self.held.push(c);
            if let Some(cut) = self.rules.iter_mut().filter_map(|rule| rule.push(at, c)).min() {
                self.stop(cut, out);
            }
        }
        if !self.stopped {
            let end = self.released + self.held.len();
            let final_until = self.rules.iter().map(Rule::held_from).min().unwrap_or(end).min(end);
            self.release(final_until, out);
        }
        self.stopped
    }

    /// Ends the answer and appends the text held back. True if a rule matches because of the end, such as on a last
    /// line without a newline.
    pub(crate) fn finish(&mut self, out: &mut String) -> bool {
        if self.stopped {
            return false;
        }
        let cut = self.rules.iter().filter_map(Rule::finish).min();
        self.stop(cut.unwrap_or(self.released + self.held.len()), out);
        cut.is_some()
    }

    fn stop(&mut self, cut: usize, out: &mut String) {
        self.release(cut, out);
        self.held.clear();
        self.stopped = true;
    }

    fn release(&mut self, until: usize, out: &mut String) {
        debug_assert!(until >= self.released, "a rule cuts at {until}, but {} was released", self.released);
        let until = until.max(self.released);
        out.push_str(&self.held[..until - self.released]);
        self.held.drain(..until - self.released);
        self.released = until;
    }
}

impl Rule {
    /// Reads the character at offset `at`. `Some(cut)` if the rule matches: the answer ends before `cut`.
    fn push(&mut self, at: usize, c: char) -> Option<usize> {
        match self {
            Rule::Text(rule) => rule.push(at, c),
            Rule::Line(rule) => rule.push(at, c),
            Rule::Lines(rule) => rule.push(at, c),
            Rule::BlankLines(rule) => rule.push(at, c),
            Rule::Dedent(rule) => rule.push(at, c),
            Rule::Repetition(rule) => rule.push(at, c),
        }
    }

    /// The least offset at which the rule may still cut; `usize::MAX` if all text is final.
    fn held_from(&self) -> usize {
        match self {
            Rule::Text(rule) => rule.held_from(),
            Rule::Line(rule) => rule.held_from(),
            Rule::BlankLines(rule) => rule.held_from(),
            Rule::Dedent(rule) => rule.held_from(),
            Rule::Repetition(rule) => rule.held_from(),
            Rule::Lines(_) => usize::MAX,
        }
    }

    /// The offset at which the rule cuts if the answer ends here.
    fn finish(&self) -> Option<usize> {
        match self {
            Rule::Line(rule) => rule.finish(),
            Rule::Dedent(rule) => rule.finish(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
