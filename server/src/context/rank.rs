//! The score of a candidate. All weights are in this file.
//!
//! A *declaration* is ranked by signals that the next code uses it. Each signal has a strength from 0 to 1: how near, how
//! often, how certain it is that the name refers to this declaration ([`certainty`]). Several signals of one kind add up
//! like probabilities of independent events; the kinds add up with their [weights](Signal::weight):
//!
//! ```text
//! score = sum over signals of weight * strength
//! ```
//!
//! A piece of *code* is ranked by similarity: the Jaccard index of its names and the names near the cursor, times a factor
//! for its source. A call site of the function around the cursor scores [`CALL`].
//!
//! The two kinds are not compared with each other: each has a share of the budget, and uses what the other leaves. The
//! weights were fitted to the declarations that holes need in the tuning set of `tests/bench/repositories`, in Rust, Python,
//! TypeScript and Go; `phi-ls eval completion --retrieval` measures them on other repositories.

/// A signal that a declaration is relevant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The receiver of the name that you are typing (`stock.` in `stock.ta`) has this member.
    Receiver,
    /// The name is on the cursor's line.
    InLine,
    /// The name is used near the cursor: less with each line further away.
    Near,
    /// The rest of the file uses the name: less with each line further away, but slowly.
    InFile,
    /// The name was imported and is not used yet.
    UnusedImport,
    /// The name was imported.
    Imported,
    /// The type around the cursor has this member.
    Enclosing,
    /// The signatures of the best declarations so far name this type.
    InSignature,
    /// Code similar to that near the cursor uses the name.
    InSimilar,
    /// The rest of the file declares it: less with each line further away, but slowly.
    OwnFile,
    /// The counterpart of this file (its test, or the file that it tests) declares it.
    Counterpart,
    /// The name consists of words that occur near the cursor.
    Words,
    /// Many files use the name, so it is well known. Has a negative weight.
    Common,
}

/// The number of kinds of signals.
const SIGNALS: usize = 13;

impl Signal {
    /// The score of this signal at strength 1.
    ///
    /// All except `InLine` were fitted by coordinate ascent to the recall of needed declarations among the first eight.
    /// Signals whose weight became zero (members of the types named nearby, names that the folder uses, how often the file
    /// uses a name) were removed. `InLine` is set by hand: its use case, a name whose use you are writing, does not occur in
    /// holes.
    fn weight(self) -> f32 {
        match self {
            Signal::Receiver => 3.0,
            Signal::InLine => 1.5,
            Signal::Near => 0.8,
            Signal::InFile => 3.4,
            Signal::UnusedImport => 4.2,
            Signal::Imported => 0.2,
            Signal::Enclosing => 0.5,
            Signal::InSignature => 0.4,
            Signal::InSimilar => 0.5,
            Signal::OwnFile => 0.3,
            Signal::Counterpart => 0.8,
            Signal::Words => 2.0,
            Signal::Common => -0.7,
        }
    }

    /// Whether it is a signal for members of types.
    pub fn is_of_member(self) -> bool {
        matches!(self, Signal::Receiver | Signal::Enclosing)
    }
}

/// The strength of each kind of signal for one declaration.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Signals {
    strengths: [f32; SIGNALS],
    /// The weighted sum of the strengths.
    pub score: f32,
}

impl Signals {
    /// Adds a signal of this strength; returns the score of this signal alone.
    pub fn add(&mut self, signal: Signal, strength: f32) -> f32 {
        let strength = strength.clamp(0.0, 1.0);
        let known = &mut self.strengths[signal as usize];
        let more = strength * (1.0 - *known);
        *known += more;
        self.score += signal.weight() * more;
        signal.weight() * strength
    }
}

/// The distance in lines at which a name near the cursor counts half...
const HALF_LINES: f32 = 8.0;
/// ...and one elsewhere in the file.
const HALF_LINES_IN_FILE: f32 = 64.0;

/// Declarations with a lower score are noise.
pub const LEAST: f32 = 0.4;

/// The score of a call site of the function around the cursor.
pub const CALL: f32 = 0.35;
/// The factor for recently edited code.
pub const EDITED: f32 = 1.2;

/// A name that is defined in more files is ambiguous.
pub const MOST_DEFINERS: usize = 24;

/// A name is common if more than one file in `COMMON` uses it, and at least [`FEW`].
pub const COMMON: usize = 5;
/// See [`COMMON`].
pub const FEW: usize = 8;

/// The share of the budget for declarations, before code has used its share.
pub const DECLARATIONS_SHARE: f32 = 0.6;
/// The share of the budget for code: see [`DECLARATIONS_SHARE`].
pub const CODE_SHARE: f32 = 0.5;

/// A snippet stays in the prompt until another one is better by this factor, because every change of the list invalidates
/// the rest of the prompt's prefix.
pub const HYSTERESIS: f32 = 1.3;
/// The factor for a snippet that was chosen for an earlier cursor and is no candidate here.
pub const DECAY: f32 = 0.5;

/// The distance of a definition from the file that uses its name. The name more likely refers to a nearer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Distance {
    /// In the same file, or in one from which the name is imported.
    Imported,
    /// In the same folder.
    Folder,
    /// Anywhere in a language of the same family.
    Anywhere,
}

/// The probability that a name refers to this definition, of `equals` definitions at the same distance.
pub fn certainty(distance: Distance, equals: usize) -> f32 {
    let base = match distance {
        Distance::Imported => 1.0,
        Distance::Folder => 0.8,
        Distance::Anywhere => 0.5,
    };
    base / equals.max(1) as f32
}

/// The factor for an unqualified name that is not imported.
pub const NOT_IMPORTED: f32 = 0.5;

/// The popularity of a name that so many files use.
pub fn popularity(files: usize) -> f32 {
    1.0 - 1.0 / (1.0 + files as f32).sqrt()
}

/// The commonness of a name, by the share of files that use it.
pub fn commonness(using: usize, files: usize) -> f32 {
    (using as f32 / (files / COMMON).max(FEW) as f32).min(1.0)
}

/// The weight of a name near the cursor, by its distance in lines.
pub fn nearness(lines: usize) -> f32 {
    HALF_LINES / (HALF_LINES + lines as f32)
}

/// The weight of a name or declaration elsewhere in the file, by its distance in lines.
pub fn nearness_in_file(lines: usize) -> f32 {
    HALF_LINES_IN_FILE / (HALF_LINES_IN_FILE + lines as f32)
}
