//! Summarizes the samples of a run, in total and by kind and language.

use serde::Serialize;

use super::completion::{Answer, Sample};
use super::holes::Kind;
use super::retrieval::{Declaration, HoleResult, PLACES, Place};
use super::statistics::{self, Estimate};

/// A group of samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// `all`, `kind`, `lines` or `language`.
    pub by: &'static str,
    /// Its value.
    pub name: String,
    /// The number of samples.
    pub samples: usize,
}

/// What can be grouped.
pub trait Grouped {
    /// The kind of hole.
    fn kind(&self) -> Kind;
    /// The language's id.
    fn language(&self) -> &str;
    /// Whether the text occurs elsewhere, too; `None` if that was not checked.
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

/// All samples, then those of each kind, then those whose text occurs elsewhere and those whose text does not, then those
/// of each language if there are several.
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

/// The summary of one arm's answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quality {
    /// Share of holes with an answer.
    pub answered: Option<Estimate>,
    /// Share of holes with an exact match.
    pub exact: Option<Estimate>,
    /// The same among answers.
    pub exact_of_answered: Option<Estimate>,
    /// Share of answers that are a prefix of the text.
    pub prefix_of_answered: Option<Estimate>,
    /// Mean edit similarity, 0 without an answer.
    pub edit_similarity: Option<Estimate>,
    /// Share of holes whose identifiers match exactly.
    pub identifiers_exact: Option<Estimate>,
    /// Mean F1 of identifiers, 0 without an answer.
    pub identifiers_f1: Option<Estimate>,
    /// Median time of an answer.
    pub milliseconds_p50: f64,
    /// 95th percentile of that.
    pub milliseconds_p95: f64,
    /// Median tokens of a prompt.
    pub prompt_tokens_p50: f64,
    /// Median uncached tokens of an answer.
    pub prefilled_p50: f64,
    /// All of them.
    pub prefilled: usize,
    /// All tokens generated.
    pub generated: usize,
}

/// The difference of the first arm from the second on the same holes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// First minus second.
    pub answered: Option<Estimate>,
    /// First minus second.
    pub exact: Option<Estimate>,
    /// First minus second.
    pub edit_similarity: Option<Estimate>,
    /// First minus second.
    pub identifiers_f1: Option<Estimate>,
    /// Holes that only the first filled exactly.
    pub only_first: usize,
    /// Holes that only the second filled exactly.
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

/// The recall of what holes need.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recall {
    /// Declarations whose name is in the window.
    pub named: Hits,
    /// Declarations whose name is only in the hole.
    pub unnamed: Hits,
    /// All declarations.
    pub declarations: Hits,
    /// Lines similar to a hole's first.
    pub lines: Hits,
    /// Median time of gathering a context.
    pub milliseconds_p50: f64,
    /// 95th percentile of that.
    pub milliseconds_p95: f64,
}

/// The recall of one kind of item.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hits {
    /// The number of items to find.
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

/// Intervals are resampled by holes, because the items of one hole are not independent.
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
