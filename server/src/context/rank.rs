//! The score of a candidate: what makes a piece of the repository worth its tokens, in numbers that are all here.
//!
//! A *declaration* is shown for the evidence that what is written next uses it. Each piece of evidence adds its weight,
//! times how sure it is that this very declaration is meant ([`certainty`]):
//!
//! ```text
//! score = sum over evidence of weight * certainty
//! ```
//!
//! A piece of *code* is shown because it is about the same things. Its score is the Jaccard index of its names and
//! those near the cursor, times what its source adds; a call site of what is being written is worth [`CALL`].
//!
//! The two kinds are not weighed against each other: each has a share of the budget, and what one leaves the
//! other takes. The weights were tuned by `phi-ls eval completion --retrieval` on repositories in Rust, Python,
//! TypeScript and Go.

/// The receiver of what is being typed (`stock.` in `stock.ta`) has this member.
pub const RECEIVER: f32 = 3.0;
/// The name is used near the cursor: in its line, less with each line further away.
pub const NAMED: f32 = 1.0;
/// So many lines away a name counts half.
pub const HALF_LINES: f32 = 8.0;
/// The name was imported and is not used yet.
pub const UNUSED_IMPORT: f32 = 1.5;
/// The name was imported.
pub const IMPORTED: f32 = 0.3;
/// The type around the cursor has this member.
pub const ENCLOSING: f32 = 0.6;
/// A type that is named near the cursor, or that a variable near it has, has this member.
pub const MEMBER_OF_NAMED: f32 = 0.35;
/// A declaration that is itself near the cursor speaks of this type.
pub const IN_SIGNATURE: f32 = 0.4;
/// Code like that around the cursor uses the name, where it is as like as can be.
pub const USED_IN_SIMILAR: f32 = 0.8;
/// The rest of the file uses the name.
pub const USED_IN_FILE: f32 = 0.3;
/// Declared in the same file, or by its neighbours in the same folder, and nothing else is known.
pub const NEIGHBOUR: f32 = 0.1;

/// What a call site of the function that is being written counts.
pub const CALL: f32 = 0.35;
/// Code in a place that was edited lately counts for more.
pub const EDITED: f32 = 1.2;

/// A name that is defined in more files says nothing of which definition is meant.
pub const MOST_DEFINERS: usize = 24;

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

/// What a name counts so many lines from the cursor's.
pub fn nearness(lines: usize) -> f32 {
    HALF_LINES / (HALF_LINES + lines as f32)
}
