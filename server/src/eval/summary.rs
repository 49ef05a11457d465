//! What the samples of a run say together, and by kind and language.

use serde::Serialize;

use super::completion::{Answer, Sample};
use super::holes::Kind;
use super::retrieval::{Declaration, HoleResult, PLACES, Place};
use super::statistics::{self, Estimate};

/// The samples of which something is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// `all`, `kind`, `lines` or `language`.
    pub by: &'static str,
    /// Which one.
    pub name: String,
    /// Samples.
    pub samples: usize,
}

/// What can be grouped.
pub trait Grouped {
    /// What was taken out.
    fn kind(&self) -> Kind;
    /// The language's id.
    fn language(&self) -> &str;
    /// Whether what was taken out stands elsewhere, too; `None` where nobody has looked.
    fn is_duplicate(&self) -> Option<bool>;
}

impl Grouped for Sample {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn language(&self) -> &str {
        &self.language
    }

    fn is_duplicate(&self) -> Option<bool> {
        Some(self.duplicate)
    }
}

impl Grouped for HoleResult {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn language(&self) -> &str {
        &self.language
    }

    fn is_duplicate(&self) -> Option<bool> {
        None
    }
}

/// All samples, then those of each kind, then those that stand elsewhere and those that do not, then those of each
/// language where there are several.
pub fn groups<T: Grouped>(samples: &[T]) -> Vec<(Group, Vec<&T>)> {
    let mut languages: Vec<&str> = samples.iter().map(Grouped::language).collect();
    languages.sort_unstable();
    languages.dedup();
    let group = |by, name: &str, wanted: &dyn Fn(&T) -> bool| {
        let samples: Vec<&T> = samples.iter().filter(|sample| wanted(sample)).collect();
        (Group { by, name: name.to_owned(), samples: samples.len() }, samples)
    };
    let mut groups = vec![group("all", "all", &|_| true)];
    groups.extend(Kind::ALL.iter().map(|kind| group("kind", kind.name(), &|sample| sample.kind() == *kind)));
    groups.push(group("lines", "repeated", &|sample| sample.is_duplicate() == Some(true)));
    groups.push(group("lines", "unique", &|sample| sample.is_duplicate() == Some(false)));
    if languages.len() > 1 {
        groups.extend(
            languages.iter().map(|name| group("language", name, &|sample| sample.language() == *name)),
        );
    }
    groups.retain(|(group, _)| group.samples > 0);
    groups
}

/// What the answers of one arm come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quality {
    /// Share of holes for which something was offered.
    pub answered: Option<Estimate>,
    /// Share of holes whose text came back exactly.
    pub exact: Option<Estimate>,
    /// The same among answers.
    pub exact_of_answered: Option<Estimate>,
    /// Share of answers with which the text begins.
    pub prefix_of_answered: Option<Estimate>,
    /// Mean edit similarity, 0 where there is no answer.
    pub edit_similarity: Option<Estimate>,
    /// Share of holes whose identifiers came back exactly.
    pub identifiers_exact: Option<Estimate>,
    /// Mean F1 of identifiers, 0 where there is no answer.
    pub identifiers_f1: Option<Estimate>,
    /// Median time of an answer.
    pub milliseconds_p50: f64,
    /// 95th percentile of that.
    pub milliseconds_p95: f64,
    /// Median tokens of a prompt.
    pub prompt_tokens_p50: f64,
    /// Median tokens that were run for an answer.
    pub prefilled_p50: f64,
    /// All of them.
    pub prefilled: usize,
    /// All tokens generated.
    pub generated: usize,
}

/// How the first arm differs from the second on the same holes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// First less second.
    pub answered: Option<Estimate>,
    /// First less second.
    pub exact: Option<Estimate>,
    /// First less second.
    pub edit_similarity: Option<Estimate>,
    /// First less second.
    pub identifiers_f1: Option<Estimate>,
    /// Holes that the first alone filled exactly.
    pub only_first: usize,
    /// Holes that the second alone filled exactly.
    pub only_second: usize,
    /// McNemar's exact test of these two.
    pub p: f64,
}

/// The quality of one arm, by its place.
pub fn quality(samples: &[&Sample], arm: usize) -> Quality {
    let answers: Vec<&Answer> = samples.iter().map(|sample| &sample.answers[arm]).collect();
    let mean = |of: &dyn Fn(&Answer) -> f64| {
        statistics::mean(&answers.iter().map(|answer| of(answer)).collect::<Vec<_>>())
    };
    let of_answered = |of: &dyn Fn(&Answer) -> bool| {
        let pair =
            |answer: &&Answer| (share(answer.text.is_some() && of(answer)), share(answer.text.is_some()));
        statistics::ratio(&answers.iter().map(pair).collect::<Vec<_>>())
    };
    let percentile = |of: &dyn Fn(&Answer) -> f64, at| {
        let mut values: Vec<f64> = answers.iter().map(|answer| of(answer)).collect();
        values.sort_by(f64::total_cmp);
        statistics::percentile(&values, at)
    };
    Quality {
        answered: mean(&|answer| share(answer.text.is_some())),
        exact: mean(&|answer| share(answer.scores.exact)),
        exact_of_answered: of_answered(&|answer| answer.scores.exact),
        prefix_of_answered: of_answered(&|answer| answer.scores.prefix),
        edit_similarity: mean(&|answer| answer.scores.edit_similarity),
        identifiers_exact: mean(&|answer| share(answer.scores.identifiers_exact)),
        identifiers_f1: mean(&|answer| answer.scores.identifiers_f1),
        milliseconds_p50: percentile(&|answer| answer.milliseconds, 0.5),
        milliseconds_p95: percentile(&|answer| answer.milliseconds, 0.95),
        prompt_tokens_p50: percentile(&|answer| answer.prompt as f64, 0.5),
        prefilled_p50: percentile(&|answer| answer.prefilled as f64, 0.5),
        prefilled: answers.iter().map(|answer| answer.prefilled).sum(),
        generated: answers.iter().map(|answer| answer.generated).sum(),
    }
}

/// The first arm against the second.
pub fn difference(samples: &[&Sample]) -> Difference {
    let mean = |of: &dyn Fn(&Answer) -> f64| {
        let differences = samples.iter().map(|sample| of(&sample.answers[0]) - of(&sample.answers[1]));
        statistics::mean(&differences.collect::<Vec<_>>())
    };
    let only = |one: usize, other: usize| {
        let alone =
            |sample: &&&Sample| sample.answers[one].scores.exact && !sample.answers[other].scores.exact;
        samples.iter().filter(alone).count()
    };
    let (only_first, only_second) = (only(0, 1), only(1, 0));
    Difference {
        answered: mean(&|answer| share(answer.text.is_some())),
        exact: mean(&|answer| share(answer.scores.exact)),
        edit_similarity: mean(&|answer| answer.scores.edit_similarity),
        identifiers_f1: mean(&|answer| answer.scores.identifiers_f1),
        only_first,
        only_second,
        p: statistics::mcnemar(only_first, only_second),
    }
}

/// What was found of what the holes need.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recall {
    /// Declarations whose name the window holds.
    pub named: Hits,
    /// Declarations whose name stands in the hole alone.
    pub unnamed: Hits,
    /// All declarations.
    pub declarations: Hits,
    /// Lines like a hole's first.
    pub lines: Hits,
    /// Median time of gathering a context.
    pub milliseconds_p50: f64,
    /// 95th percentile of that.
    pub milliseconds_p95: f64,
}

/// How many things of one sort were found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hits {
    /// How many there are to find.
    pub wanted: usize,
    /// Share of these among the first of the ranking, by [`PLACES`].
    pub at: [Option<Estimate>; PLACES.len()],
    /// Share of these in the prompt.
    pub shown: Option<Estimate>,
}

/// The recall over some holes.
pub fn recall(found: &[&HoleResult]) -> Recall {
    let declarations = |wanted: &dyn Fn(&Declaration) -> bool| {
        hits(found, &|found| {
            found.declarations.iter().filter(|one| wanted(one)).map(|one| one.place).collect()
        })
    };
    let mut times: Vec<f64> = found.iter().map(|found| found.milliseconds).collect();
    times.sort_by(f64::total_cmp);
    Recall {
        named: declarations(&|declaration| declaration.named),
        unnamed: declarations(&|declaration| !declaration.named),
        declarations: declarations(&|_| true),
        lines: hits(found, &|found| found.similar.into_iter().collect()),
        milliseconds_p50: statistics::percentile(&times, 0.5),
        milliseconds_p95: statistics::percentile(&times, 0.95),
    }
}

/// Drawn by holes for the intervals: what one hole needs stands and falls together.
fn hits(found: &[&HoleResult], places: &dyn Fn(&HoleResult) -> Vec<Place>) -> Hits {
    let by_hole: Vec<Vec<Place>> = found.iter().map(|found| places(found)).collect();
    let share = |hit: &dyn Fn(&Place) -> bool| {
        let pair = |places: &Vec<Place>| {
            (places.iter().filter(|place| hit(place)).count() as f64, places.len() as f64)
        };
        statistics::ratio(&by_hole.iter().map(pair).collect::<Vec<_>>())
    };
    Hits {
        wanted: by_hole.iter().map(Vec::len).sum(),
        at: PLACES.map(|most| share(&|place| place.rank.is_some_and(|rank| rank <= most))),
        shown: share(&|place| place.shown),
    }
}

fn share(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}
