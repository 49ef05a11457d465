//! The occurrences of a context vote on its continuation, lexeme by lexeme.

use super::index::{Index, Occurrence};
use super::lexemes::{Indent, Kind, Lexeme, Lexer, Style, leading, line_of};

// The four constants were chosen with `benches/ngram.rs` on 18 MB of Rust and 11 MB of Python: a lower confidence or
// a smaller escape answers more often and is right less often, by about three points each.

/// A continuation grows as long as the estimated probability of all of it is at least this.
const CONFIDENCE: f32 = 0.6;
/// The weight of the escape, a continuation that no occurrence has: `ESCAPE / strength²` of one vote.
const ESCAPE: f32 = 8.0;
/// The weight of an occurrence is multiplied by this for each lexeme that its agreement is shorter than the longest.
const SHORTER: f32 = 0.5;
/// A continuation grows past the end of a line only if two occurrences agree and their context had this strength:
/// about three lines. Without this rule one answer in three is right instead of three in four.
const SEVERAL_LINES: f32 = 16.0;
/// The most occurrences that vote.
const MAX_VOTERS: usize = 64;
/// The start of an occurrence's line is searched for within this many bytes.
const LINE_BYTES: usize = 1024;

/// The most probable continuation.
#[derive(Debug, Clone, PartialEq)]
pub struct Continuation {
    /// Never empty; line breaks are `\n`, indentation follows the cursor's line.
    pub text: String,
    /// The estimated probability that exactly this follows, 0 to 1.
    pub confidence: f32,
    /// Lexemes of the text: the model's tokens, as [`count`](super::count) counts them.
    pub tokens: usize,
}

/// The end of the text before the cursor.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    pub partial: Partial<'a>,
    /// The line of the last whole lexeme: indentation is relative to it.
    pub line: &'a str,
    /// The indentation style of the tail, if it shows one.
    pub style: Option<Style>,
}

/// The part of the next lexeme that precedes the cursor.
#[derive(Debug, Clone, Copy)]
pub(super) enum Partial<'a> {
    Nothing,
    Space,
    Word(&'a str),
    /// A line break with this indentation.
    Line {
        blank: bool,
        indentation: &'a str,
    },
}

/// An occurrence whose text is read forward.
struct Voter<'a> {
    /// The lexemes after `next`.
    ahead: Lexer<'a>,
    style: Style,
    /// Indentation of the occurrence's line.
    base: Indent,
    weight: f32,
    strength: f32,
    /// The lexeme that it votes for, and the white space before it.
    next: Option<Next<'a>>,
    gap: &'a str,
}

/// The next lexeme of an occurrence.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Next<'a> {
    Text(&'a str, Kind),
    /// The indentation is relative to the base.
    Break {
        blank: bool,
        indent: Indent,
    },
}

impl Next<'_> {
    fn strength(&self) -> f32 {
        strength(match *self {
            Next::Text(_, kind) => kind,
            Next::Break { .. } => Kind::Newline,
        })
    }
}

/// The strength of the agreement of one lexeme.
pub(super) fn strength(kind: Kind) -> f32 {
    match kind {
        Kind::Word => 1.0,
        Kind::Mark => 0.5,
        Kind::Newline => 0.25,
    }
}

impl Partial<'_> {
    /// The first byte of the next lexeme, if the tail decides it.
    pub fn first(&self) -> Option<u8> {
        match self {
            Partial::Nothing | Partial::Space => None,
            Partial::Word(word) => Some(word.as_bytes()[0]),
            Partial::Line { .. } => Some(b'\n'),
        }
    }
}

pub(super) fn vote(
    index: &Index,
    occurrences: &[Occurrence],
    strengths: &[f32],
    cursor: &Cursor<'_>,
    max_tokens: usize,
) -> Option<Continuation> {
    let longest = occurrences.first()?.agreeing;
    let mut voters: Vec<Voter<'_>> = occurrences
        .iter()
        .filter_map(|occurrence| {
            let source = index.source(occurrence.slot);
            let ahead = source.lexemes(occurrence.position);
            let at = ahead.at;
            let back = source.text.ceil_char_boundary(at.saturating_sub(LINE_BYTES));
            let base = source.style.measure(leading(line_of(&source.text[back..], at - back)));
            let weight = SHORTER.powi((longest - occurrence.agreeing) as i32);
            let strength = strengths[occurrence.agreeing];
            let mut voter = Voter { ahead, style: source.style, base, weight, strength, next: None, gap: "" };
            voter.advance();
            voter.begins_with(cursor).then_some(voter)
        })
        .take(MAX_VOTERS)
        .collect();

    let style = cursor.style.or(voters.first().map(|voter| voter.style))?;
    let base = style.measure(leading(cursor.line));
    let mut continuation = Continuation { text: String::new(), confidence: 1.0, tokens: 0 };
    let mut partial = cursor.partial;
    let mut gained = 0.0;
    while continuation.tokens < max_tokens {
        let Some((next, share, strength)) = elect(&voters) else { break };
        let confidence = continuation.confidence * share;
        if confidence < CONFIDENCE {
            break;
        }
        // A line break before the cursor needs only its indentation.
        if let (Next::Break { indent, .. }, Partial::Nothing | Partial::Space) = (next, partial) {
            let unanimous = voters.iter().all(|voter| voter.next == Some(next));
            let certain = unanimous && voters.len() > 1 && strength - gained >= SEVERAL_LINES;
            if !certain || style.width(indent) < 0 {
                break;
            }
        }
        voters.retain(|voter| voter.next == Some(next));
        match (next, partial) {
            (Next::Text(text, _), Partial::Word(word)) => continuation.text.push_str(&text[word.len()..]),
            (Next::Text(text, _), Partial::Space) => continuation.text.push_str(text),
            (Next::Text(text, _), _) => {
                continuation.text.push_str(voters[0].gap);
                continuation.text.push_str(text);
            }
            (Next::Break { indent, .. }, Partial::Line { indentation, .. }) => {
                style.write(base + indent - style.measure(indentation), &mut continuation.text);
            }
            (Next::Break { blank, indent }, _) => {
                continuation.text.push_str(if blank { "\n\n" } else { "\n" });
                style.write(base + indent, &mut continuation.text);
            }
        }
        gained += next.strength();
        continuation.confidence = confidence;
        continuation.tokens += 1;
        partial = Partial::Nothing;
        voters.iter_mut().for_each(Voter::advance);
    }
    continuation.text.truncate(continuation.text.trim_end().len());
    // The user types a single bracket faster than they read it.
    (continuation.text.trim_start().len() > 1).then_some(continuation)
}

/// The lexeme with the most votes, its estimated probability, and the strength of its voters.
fn elect<'a>(voters: &[Voter<'a>]) -> Option<(Next<'a>, f32, f32)> {
    let total: f32 = voters.iter().map(|voter| voter.weight).sum();
    let mut tally: Vec<(Next<'a>, f32, f32)> = Vec::new();
    for voter in voters {
        let Some(next) = voter.next else { continue };
        match tally.iter_mut().find(|(other, ..)| *other == next) {
            Some((_, votes, strength)) => {
                *votes += voter.weight;
                *strength = strength.max(voter.strength);
            }
            None => tally.push((next, voter.weight, voter.strength)),
        }
    }
    let (next, votes, strength) = tally.into_iter().max_by(|(_, a, _), (_, b, _)| a.total_cmp(b))?;
    Some((next, votes / (total + ESCAPE / (strength * strength)), strength))
}

impl<'a> Voter<'a> {
    /// Moves on by one lexeme.
    fn advance(&mut self) {
        if let Some(next) = self.next {
            self.strength += next.strength();
        }
        let text = self.ahead.text;
        let at = self.ahead.at;
        self.next = self.ahead.next().map(|lexeme: Lexeme| {
            self.gap = &text[at..lexeme.start];
            match lexeme.kind {
                Kind::Newline => Next::Break {
                    blank: lexeme.blank(text),
                    indent: self.style.measure(lexeme.indentation(text)) - self.base,
                },
                kind => Next::Text(lexeme.text(text), kind),
            }
        });
    }

    /// Whether the next lexeme begins with the part of it that precedes the cursor.
    fn begins_with(&self, cursor: &Cursor<'_>) -> bool {
        match (cursor.partial, self.next) {
            (Partial::Word(word), Some(Next::Text(text, _))) => text.starts_with(word),
            (Partial::Line { blank, indentation }, Some(Next::Break { blank: also, indent })) => {
                let style = cursor.style.unwrap_or(self.style);
                let there = style.measure(leading(cursor.line)) + indent;
                blank == also && style.width(there) >= style.width(style.measure(indentation))
            }
            (Partial::Nothing | Partial::Space, Some(_)) => true,
            _ => false,
        }
    }
}
