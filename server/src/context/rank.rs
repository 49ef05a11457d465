//! The score of a candidate: what makes a piece of the repository worth its tokens, in numbers that are all here.
//!
//! A *declaration* is shown for the signs that what is written next uses it. Each sign has a strength from 0 to 1: how near,
//! how often, how sure it is that this very declaration is meant ([`certainty`]). Several of one kind add up like
//! probabilities of independent events; the kinds add up with their [weights](Sign::weight):
//!
//! ```text
//! score = sum over signs of weight * strength
//! ```
//!
//! A piece of *code* is shown because it is about the same things. Its score is the Jaccard index of its names and
//! those near the cursor, times what its source adds; a call site of what is being written is worth [`CALL`].
//!
//! The two kinds are not weighed against each other: each has a share of the budget, and what one leaves the
//! other takes. The weights were fitted to what holes need in the repositories that `tests/bench/repositories` marks as
//! for tuning, in Rust, Python, TypeScript and Go; `phi-ls eval completion --retrieval` measures them on others.

/// What speaks for a declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// The receiver of what is being typed (`stock.` in `stock.ta`) has this member.
    Receiver,
    /// The name stands in the cursor's line.
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
    /// The best declarations so far speak of this type.
    InSignature,
    /// Code like that around the cursor uses the name.
    InSimilar,
    /// The rest of the file declares it: less with each line further away, but slowly.
    OwnFile,
    /// The file that this one is the test of declares it, or the other way round.
    Counterpart,
    /// The name is made of words that stand near the cursor.
    Words,
    /// Many files use the name: whoever reads this code knows it. Speaks against showing it.
    Common,
}

/// So many kinds of signs there are.
const SIGNS: usize = 13;

impl Sign {
    /// What it counts where it is as strong as can be.
    ///
    /// All but that of the cursor's line were fitted by coordinate ascent to how many of the declarations needed stand
    /// among the first eight; signs whose weight came out as nothing (members of the types that are named nearby, names
    /// that the folder uses, how often the file uses a name) were taken out. A name in the cursor's line is mostly one
    /// whose use is being written, and no hole can show that.
    fn weight(self) -> f32 {
        match self {
            Sign::Receiver => 3.0,
            Sign::InLine => 1.5,
            Sign::Near => 0.8,
            Sign::InFile => 3.4,
            Sign::UnusedImport => 4.2,
            Sign::Imported => 0.2,
            Sign::Enclosing => 0.5,
            Sign::InSignature => 0.4,
            Sign::InSimilar => 0.5,
            Sign::OwnFile => 0.3,
            Sign::Counterpart => 0.8,
            Sign::Words => 2.0,
            Sign::Common => -0.7,
        }
    }

    /// Whether it speaks for members of types.
    pub fn is_of_member(self) -> bool {
        matches!(self, Sign::Receiver | Sign::Enclosing)
    }
}

/// How strong each kind of sign is for one declaration.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Signs {
    strengths: [f32; SIGNS],
    /// What the strengths are worth together.
    pub score: f32,
}

impl Signs {
    /// Adds a sign of this strength; returns what it is worth by itself.
    pub fn add(&mut self, sign: Sign, strength: f32) -> f32 {
        let strength = strength.clamp(0.0, 1.0);
        let known = &mut self.strengths[sign as usize];
        let more = strength * (1.0 - *known);
        *known += more;
        self.score += sign.weight() * more;
        sign.weight() * strength
    }
}

/// So many lines away a name near the cursor counts half...
const HALF_LINES: f32 = 8.0;
/// ...and one elsewhere in the file.
const HALF_LINES_IN_FILE: f32 = 64.0;

/// Declarations with a lower score are there by chance.
pub const LEAST: f32 = 0.4;

/// What a call site of the function that is being written counts.
pub const CALL: f32 = 0.35;
/// Code in a place that was edited lately counts for more.
pub const EDITED: f32 = 1.2;

/// A name that is defined in more files says nothing of which definition is meant.
pub const MOST_DEFINERS: usize = 24;

/// A name that one file in so many uses is common, but for so few files.
pub const COMMON: usize = 5;
/// See [`COMMON`].
pub const FEW: usize = 8;

/// How much of the budget each kind may take before the other has had its turn.
pub const DECLARATIONS_SHARE: f32 = 0.6;
/// What is left to code: see [`DECLARATIONS_SHARE`].
pub const CODE_SHARE: f32 = 0.5;

/// A piece in the prompt stays until another one is better by this factor: every change of the list runs the prompt
/// anew from there.
pub const STAYS: f32 = 1.3;
/// What was chosen for another place and is not wanted here counts for so much of what it did there.
pub const FADES: f32 = 0.5;

/// Where a definition stands, seen from the file that uses its name: the nearer, the likelier that it is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Distance {
    /// In the same file, or in one from which the name is imported.
    Imported,
    /// In the same folder.
    Folder,
    /// Anywhere in a language of the same family.
    Anywhere,
}

/// How sure it is that a definition is meant, of `equals` definitions at the same distance.
pub fn certainty(distance: Distance, equals: usize) -> f32 {
    let base = match distance {
        Distance::Imported => 1.0,
        Distance::Folder => 0.8,
        Distance::Anywhere => 0.5,
    };
    base / equals.max(1) as f32
}

/// A name that stands by itself and was not imported counts for so much of what it would if it was.
pub const NOT_IMPORTED: f32 = 0.5;

/// What it says of a name that so many files use it.
pub fn popularity(files: usize) -> f32 {
    1.0 - 1.0 / (1.0 + files as f32).sqrt()
}

/// What it says of a name that so many of all files use it.
pub fn commonness(using: usize, files: usize) -> f32 {
    (using as f32 / (files / COMMON).max(FEW) as f32).min(1.0)
}

/// What a name near the cursor counts, so many lines from the cursor's.
pub fn nearness(lines: usize) -> f32 {
    HALF_LINES / (HALF_LINES + lines as f32)
}

/// What a name or declaration elsewhere in the file counts, so many lines from the cursor's.
pub fn nearness_in_file(lines: usize) -> f32 {
    HALF_LINES_IN_FILE / (HALF_LINES_IN_FILE + lines as f32)
}
