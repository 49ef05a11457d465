//! What follows the places found, put to the vote lexeme by lexeme.

use super::index::{Index, Place};
use super::lexemes::{Indent, Kind, Lexeme, Lexer, Style, leading};
use super::{Continuation, line_of};

// The four constants were chosen with `benches/lookup.rs` on 18 MB of Rust and 11 MB of Python: less confidence or a
// smaller escape answers more often and is right less often, about three points against three.

/// An answer goes on as long as the estimated probability of all of it is at least this.
const CONFIDENCE: f32 = 0.6;
/// The weight against an answer, for all that no place has seen: `ESCAPE / strength²` of one vote.
const ESCAPE: f32 = 8.0;
/// A place whose context agrees over one lexeme less than the best counts this much of it.
const SHORTER: f32 = 0.5;
/// An answer goes on behind the end of a line only where two places agree and their context had this strength:
/// about three lines. Without this rule one answer in three is right instead of three in four.
const SEVERAL_LINES: f32 = 16.0;
/// Places that vote.
const VOTES: usize = 64;
/// An indentation is looked for at most so many bytes before a place.
const LINE_BYTES: usize = 1024;

/// Where the tail ends.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    pub half: Half<'a>,
    /// The line that the last whole lexeme of the tail stands on: indentation is relative to it.
    pub line: &'a str,
    /// How the tail indents, if it shows.
    pub style: Option<Style>,
}

/// What the tail has already of the lexeme to come.
#[derive(Debug, Clone, Copy)]
pub(super) enum Half<'a> {
    Nothing,
    Space,
    Word(&'a str),
    /// A line break with so much indentation.
    Line {
        blank: bool,
        indentation: &'a str,
    },
}

/// A place, read on.
struct Follower<'a> {
    /// Behind `next`.
    ahead: Lexer<'a>,
    style: Style,
    /// Indentation of the line that the place stands on.
    base: Indent,
    weight: f32,
    strength: f32,
    /// What it says next, and the white space in front of it.
    next: Option<Next<'a>>,
    gap: &'a str,
}

/// What a follower may say next.
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

/// How much the agreement of one lexeme says.
pub(super) fn strength(kind: Kind) -> f32 {
    match kind {
        Kind::Word => 1.0,
        Kind::Mark => 0.5,
        Kind::Newline => 0.25,
    }
}

impl Half<'_> {
    /// The byte that the lexeme to come begins with, as far as the tail decides it.
    pub fn first(&self) -> Option<u8> {
        match self {
            Half::Nothing | Half::Space => None,
            Half::Word(word) => Some(word.as_bytes()[0]),
            Half::Line { .. } => Some(b'\n'),
        }
    }
}

pub(super) fn vote(
    index: &Index,
    places: &[Place],
    strengths: &[f32],
    cursor: &Cursor<'_>,
    max_tokens: usize,
) -> Option<Continuation> {
    let longest = places.first()?.agreeing;
    let mut followers: Vec<Follower<'_>> = places
        .iter()
        .filter_map(|place| {
            let source = index.source(place.slot);
            let ahead = source.lexemes(place.position);
            let at = ahead.at;
            let back = source.text.ceil_char_boundary(at.saturating_sub(LINE_BYTES));
            let base = source.style.measure(leading(line_of(&source.text[back..], at - back)));
            let weight = SHORTER.powi((longest - place.agreeing) as i32);
            let strength = strengths[place.agreeing];
            let mut follower =
                Follower { ahead, style: source.style, base, weight, strength, next: None, gap: "" };
            follower.advance();
            follower.begins_with(cursor).then_some(follower)
        })
        .take(VOTES)
        .collect();

    let style = cursor.style.or(followers.first().map(|follower| follower.style))?;
    let base = style.measure(leading(cursor.line));
    let mut said = Continuation { text: String::new(), confidence: 1.0, tokens: 0 };
    let mut half = cursor.half;
    let mut gained = 0.0;
    while said.tokens < max_tokens {
        let Some((next, share, strength)) = elect(&followers) else { break };
        let confidence = said.confidence * share;
        if confidence < CONFIDENCE {
            break;
        }
        // Half a line break is there already: only its indentation is asked for.
        if let (Next::Break { indent, .. }, Half::Nothing | Half::Space) = (next, half) {
            let unanimous = followers.iter().all(|follower| follower.next == Some(next));
            let certain = unanimous && followers.len() > 1 && strength - gained >= SEVERAL_LINES;
            if !certain || style.width(indent) < 0 {
                break;
            }
        }
        followers.retain(|follower| follower.next == Some(next));
        match (next, half) {
            (Next::Text(text, _), Half::Word(word)) => said.text.push_str(&text[word.len()..]),
            (Next::Text(text, _), Half::Space) => said.text.push_str(text),
            (Next::Text(text, _), _) => {
                said.text.push_str(followers[0].gap);
                said.text.push_str(text);
            }
            (Next::Break { indent, .. }, Half::Line { indentation, .. }) => {
                style.write(base + indent - style.measure(indentation), &mut said.text);
            }
            (Next::Break { blank, indent }, _) => {
                said.text.push_str(if blank { "\n\n" } else { "\n" });
                style.write(base + indent, &mut said.text);
            }
        }
        gained += next.strength();
        said.confidence = confidence;
        said.tokens += 1;
        half = Half::Nothing;
        followers.iter_mut().for_each(Follower::advance);
    }
    said.text.truncate(said.text.trim_end().len());
    // A lone bracket is typed sooner than it is read.
    (said.text.trim_start().len() > 1).then_some(said)
}

/// What most of the votes are for, the estimated probability of it and the strength behind it.
fn elect<'a>(followers: &[Follower<'a>]) -> Option<(Next<'a>, f32, f32)> {
    let total: f32 = followers.iter().map(|follower| follower.weight).sum();
    let mut tally: Vec<(Next<'a>, f32, f32)> = Vec::new();
    for follower in followers {
        let Some(next) = follower.next else { continue };
        match tally.iter_mut().find(|(other, ..)| *other == next) {
            Some((_, votes, strength)) => {
                *votes += follower.weight;
                *strength = strength.max(follower.strength);
            }
            None => tally.push((next, follower.weight, follower.strength)),
        }
    }
    let (next, votes, strength) = tally.into_iter().max_by(|(_, a, _), (_, b, _)| a.total_cmp(b))?;
    Some((next, votes / (total + ESCAPE / (strength * strength)), strength))
}

impl<'a> Follower<'a> {
    /// Reads one lexeme on.
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

    /// Whether what it says next agrees with what the tail has of it already.
    fn begins_with(&self, cursor: &Cursor<'_>) -> bool {
        match (cursor.half, self.next) {
            (Half::Word(word), Some(Next::Text(text, _))) => text.starts_with(word),
            (Half::Line { blank, indentation }, Some(Next::Break { blank: also, indent })) => {
                let style = cursor.style.unwrap_or(self.style);
                let there = style.measure(leading(cursor.line)) + indent;
                blank == also && style.width(there) >= style.width(style.measure(indentation))
            }
            (Half::Nothing | Half::Space, Some(_)) => true,
            _ => false,
        }
    }
}
