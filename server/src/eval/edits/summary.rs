//! Summarizes the edits of a run, in total and by language.

use serde::Serialize;

use super::run::Edited;
use crate::eval::statistics::{self, Estimate};

/// The figures of some edits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// `all`, or the language's id.
    pub group: String,
    /// The number of triples.
    pub triples: usize,
    /// Share of triples with an edit.
    pub accepted: Option<Estimate>,
    /// Share of these for which the model was asked twice.
    pub repaired: Option<Estimate>,
    /// Share with an exact match.
    pub exact: Option<Estimate>,
    /// Share whose last answer was valid and complete code that fits the item.
    pub parses: Option<Estimate>,
    /// Share of edits with which the check passes, where it passes with the actual change.
    pub check_passes: Option<Estimate>,
    /// Share of unnecessary lines among all changed lines.
    pub needless: Option<Estimate>,
    /// Mean edit similarity of the new text to the actual change.
    pub similarity: Option<Estimate>,
    /// The same for the unchanged items.
    pub similarity_before: Option<Estimate>,
    /// Median time.
    pub milliseconds_p50: f64,
    /// 95th percentile of that.
    pub milliseconds_p95: f64,
    /// Tokens of all prompts.
    pub prompt: usize,
    /// All tokens generated.
    pub generated: usize,
}

/// The figures of all edits, and those of each language if there are several.
pub fn figures(edits: &[Edited]) -> Vec<Figures> {
    let mut languages: Vec<&str> = edits.iter().map(|edit| &*edit.language).collect();
    languages.sort_unstable();
    languages.dedup();
    let mut figures = vec![of("all", &edits.iter().collect::<Vec<_>>())];
    if languages.len() > 1 {
        figures.extend(languages.into_iter().map(|language| {
            of(language, &edits.iter().filter(|edit| edit.language == language).collect::<Vec<_>>())
        }));
    }
    figures
}

/// The number of rejections by reason, the most frequent first.
pub fn refusals(edits: &[Edited]) -> Vec<(String, usize)> {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for (kind, _) in edits.iter().filter_map(|edit| edit.refused.as_ref()) {
        match counts.iter_mut().find(|(other, _)| other == kind) {
            Some((_, count)) => *count += 1,
            None => counts.push((kind.clone(), 1)),
        }
    }
    counts.sort_by(|(a, first), (b, second)| second.cmp(first).then(a.cmp(b)));
    counts
}

fn of(group: &str, edits: &[&Edited]) -> Figures {
    let mean = |of: &dyn Fn(&Edited) -> f64| {
        statistics::mean(&edits.iter().map(|edit| of(edit)).collect::<Vec<_>>())
    };
    let ratio = |of: &dyn Fn(&Edited) -> (f64, f64)| {
        statistics::ratio(&edits.iter().map(|edit| of(edit)).collect::<Vec<_>>())
    };
    let share = |holds: bool| f64::from(u8::from(holds));
    let mut times: Vec<f64> = edits.iter().map(|edit| edit.milliseconds).collect();
    times.sort_by(f64::total_cmp);
    Figures {
        group: group.to_owned(),
        triples: edits.len(),
        accepted: mean(&|edit| share(edit.text.is_some())),
        repaired: ratio(&|edit| (share(edit.repaired), share(edit.text.is_some()))),
        exact: mean(&|edit| share(edit.exact)),
        parses: mean(&|edit| share(edit.parses)),
        check_passes: ratio(&|edit| (share(edit.check == Some(true)), share(edit.check.is_some()))),
        needless: ratio(&|edit| (edit.needless as f64, edit.changed as f64)),
        similarity: mean(&|edit| edit.similarity),
        similarity_before: mean(&|edit| edit.similarity_before),
        milliseconds_p50: statistics::percentile(&times, 0.5),
        milliseconds_p95: statistics::percentile(&times, 0.95),
        prompt: edits.iter().map(|edit| edit.prompt).sum(),
        generated: edits.iter().map(|edit| edit.generated).sum(),
    }
}
