//! The occurrences of a context vote on its continuation, lexeme by lexeme.

use super::index::{Index, Occurrence, Source};
use super::lexemes::{Indent, Kind, Lexeme, Lexer, Style, leading, line_of};

/// The probability that a lexeme follows is `1 / (1 + exp(-x))`, at most its share of the votes, where `x` is the sum of these terms. They are the
/// coefficients of a logistic regression over 68,000 predicted lexemes in twelve repositories (RESULTS.md, Calibration of
/// the n-gram model). No term needs the language.
mod term {
    pub(super) const CONSTANT: f32 = -0.51;
    /// Times the logarithm of the share of the votes.
    pub(super) const SHARE: f32 = 1.87;
    /// Times the logarithm of the strength of the agreeing context.
    pub(super) const STRENGTH: f32 = 1.10;
    /// Times the logarithm of the number of occurrences that agree.
    pub(super) const AGREEING: f32 = 0.47;
    /// For a word: there are more words than marks.
    pub(super) const WORD: f32 = -0.74;
    /// For a word that the document does not contain.
    pub(super) const NEW_WORD: f32 = -1.60;
    /// For the end of the line.
    pub(super) const BREAK: f32 = -1.03;
    /// For a word whose beginning is before the cursor.
    pub(super) const PARTIAL_WORD: f32 = 3.3;
    /// For a line break before the cursor.
    pub(super) const PARTIAL_LINE: f32 = 8.3;
    /// Times the logarithm of 1 + the strength of the agreement of the next lines with those below the cursor.
    pub(super) const BELOW: f32 = 0.49;
    /// The same for the occurrences that do not agree.
    pub(super) const BELOW_OTHERS: f32 = -0.78;
}

/// A continuation grows as long as the probability of all of it is at least this. At the end of a line this is the
/// probability that the line ends there.
const CONFIDENCE: f32 = 0.65;
/// The same where the continuation ends inside a line: such an answer is rarely what the user wants in the end.
const CONFIDENCE_INSIDE: f32 = 0.93;
/// The weight of an occurrence is multiplied by this for each lexeme that its agreement is shorter than the longest.
const SHORTER: f32 = 0.5;
/// A continuation grows past the end of a line only if two occurrences agree and their context had this strength:
/// about three lines.
const SEVERAL_LINES: f32 = 16.0;
/// Lexemes of the lines below that are compared.
const BELOW: usize = 40;
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
    /// The cursor's own document, if it is a source, and the offset of the cursor in it.
    pub own: Option<(&'a Source, usize)>,
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
    /// The strength of the agreement of the lines below with those below the cursor.
    below: f32,
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
            let style = source.style;
            let mut voter = Voter { ahead, style, base, weight, strength, below: 0.0, next: None, gap: "" };
            voter.advance();
            // With a line break before the cursor, the line of the continuation is the next one.
            let is_line = matches!(cursor.partial, Partial::Line { .. });
            voter.below = below(&source.text[if is_line { voter.ahead.at } else { at }..], cursor);
            voter.begins_with(cursor).then_some(voter)
        })
        .take(MAX_VOTERS)
        .collect();

    let style = cursor.style.or(voters.first().map(|voter| voter.style))?;
    let base = style.measure(leading(cursor.line));
    let mut continuation = Continuation { text: String::new(), confidence: 1.0, tokens: 0 };
    let mut partial = cursor.partial;
    // The longest continuation so far that may be offered.
    let mut offered: Option<Continuation> = None;
    let mut gained = 0.0;
    while continuation.tokens < max_tokens {
        let Some(Election { next, strength, probability }) = elect(&voters, cursor, partial) else { break };
        let confidence = continuation.confidence * probability;
        if confidence < CONFIDENCE {
            break;
        }
        // A line break before the cursor needs only its indentation.
        if let (Next::Break { indent, .. }, Partial::Nothing | Partial::Space) = (next, partial) {
            offered = Some(Continuation { confidence, ..continuation.clone() });
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
        let is_bounded = continuation.tokens == max_tokens;
        if confidence >= CONFIDENCE_INSIDE || is_bounded || voters.iter().all(|voter| voter.next.is_none()) {
            offered = Some(continuation.clone());
        }
    }
    let mut continuation = offered?;
    continuation.text.truncate(continuation.text.trim_end().len());
    // The user types a single bracket faster than they read it.
    (continuation.text.trim_start().len() > 1).then_some(continuation)
}

/// The lexeme with the most votes.
struct Election<'a> {
    next: Next<'a>,
    /// The strength of the context of its voters.
    strength: f32,
    /// The estimated probability that it follows.
    probability: f32,
}

fn elect<'a>(voters: &[Voter<'a>], cursor: &Cursor<'_>, partial: Partial<'_>) -> Option<Election<'a>> {
    let total: f32 = voters.iter().map(|voter| voter.weight).sum();
    let mut tally: Vec<(Next<'a>, f32)> = Vec::new();
    for voter in voters {
        let Some(next) = voter.next else { continue };
        match tally.iter_mut().find(|(other, _)| *other == next) {
            Some((_, votes)) => *votes += voter.weight,
            None => tally.push((next, voter.weight)),
        }
    }
    let (next, votes) = tally.into_iter().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let (agreeing, others): (Vec<_>, Vec<_>) = voters.iter().partition(|voter| voter.next == Some(next));
    let strength = agreeing.iter().map(|voter| voter.strength).fold(0.0, f32::max);
    let below = |voters: &[&Voter<'_>]| voters.iter().map(|voter| voter.below).fold(0.0, f32::max);
    let mut x = term::CONSTANT
        + term::SHARE * (votes / total).ln()
        + term::STRENGTH * (strength + 0.25).ln()
        + term::AGREEING * (agreeing.len() as f32).ln()
        + term::BELOW * below(&agreeing).ln_1p()
        + term::BELOW_OTHERS * below(&others).ln_1p();
    x += match next {
        Next::Text(text, Kind::Word) => {
            let is_new = cursor.own.is_some_and(|(own, _)| !own.contains(text));
            term::WORD + if is_new { term::NEW_WORD } else { 0.0 }
        }
        Next::Text(..) => 0.0,
        Next::Break { .. } => term::BREAK,
    };
    x += match partial {
        Partial::Word(_) => term::PARTIAL_WORD,
        Partial::Line { .. } => term::PARTIAL_LINE,
        Partial::Nothing | Partial::Space => 0.0,
    };
    // However long the context is, half of the votes is no more than one half.
    let probability = (1.0 / (1.0 + (-x).exp())).min(votes / total);
    Some(Election { next, strength, probability })
}

/// The strength of the agreement of the lines below an occurrence with those below the cursor.
fn below(text: &str, cursor: &Cursor<'_>) -> f32 {
    let Some((own, offset)) = cursor.own else { return 0.0 };
    let next_line = |text: &'_ str| text.find('\n').map_or(text.len(), |end| end + 1);
    let (text, own) = (&text[next_line(text)..], &own.text[offset.min(own.text.len())..]);
    let own = &own[next_line(own)..];
    let lexemes = |text| Lexer::new(text).take(BELOW).filter(|lexeme| lexeme.kind != Kind::Newline);
    let pairs = lexemes(text).zip(lexemes(own));
    pairs.take_while(|(a, b)| a.text(text) == b.text(own)).map(|(a, _)| strength(a.kind)).sum()
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
