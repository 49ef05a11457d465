//! The results of a run as text tables and as JSON.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::table::aligned;
use crate::context::ContextScope;
use crate::eval::completion::Sample;
use crate::eval::needed::{ALIKE, COMMON, MOST_DEFINITIONS};
use crate::eval::retrieval::{HoleResult, PLACES};
use crate::eval::statistics::Estimate;
use crate::eval::summary::{self, Difference, Group, Hits, Quality, Recall};
use crate::messages::counted;

/// The columns and rows of the tables; those of a comparison if there are two contexts.
pub fn legend(is_compared: bool) -> String {
    format!("{COLUMNS}{}{ROWS}", if is_compared { COMPARED } else { "" })
}

const COLUMNS: &str = "\
Columns (shares have a 95 % bootstrap interval):
answered    a completion was offered
exact       equal to the removed text, except for spaces at line ends
right       exact, of the answered ones
prefix      the removed text begins with the answer, of the answered ones
similarity  1 - Levenshtein distance / length
ids         F1 of the identifiers
ms p50      milliseconds per answer, median; p95: 95th percentile
prefilled   prefilled tokens per answer, median; all: total; the n-gram model
            prefills none
generated   generated tokens, total
";
const COMPARED: &str = "\
only there  holes that are exact in the first only : in the second only
McNemar p   p value of the difference in `exact`
";
const ROWS: &str = "\
Rows: repeated: holes in lines that the repository also contains elsewhere;
unique: the other holes.
";

/// The tables of retrieval and their columns.
fn retrieval_legend() -> String {
    format!(
        "\
Columns (shares have a 95 % bootstrap interval):
wanted         number of relevant results
{places:13}  recall at this rank
in the prompt  recall of the prompt
Tables:
declarations   of names in the holes that the repository defines 1 to {MOST_DEFINITIONS} times,
               outside the visible text, and that at most one file in {COMMON} uses
named          those of them whose name is in the window
unnamed        those of them whose name is only in the hole
similar lines  lines with an edit similarity of at least {ALIKE} to a hole's first line
",
        places = PLACES.map(|most| format!("@{most}")).join(" ")
    )
}

/// A description of the run.
#[derive(Debug, Clone, Serialize)]
pub struct Heading {
    /// The repository's folder.
    pub repository: PathBuf,
    /// Files read.
    pub files: usize,
    /// The seed of the choice of holes.
    pub seed: u64,
    /// The total number of holes, finished or not.
    pub holes: usize,
    /// The model's name; `None` if no model was used.
    pub model: Option<String>,
    /// The scopes of the context and of the one it is compared with.
    pub contexts: Vec<String>,
}

/// The name on the command line.
pub fn name(breadth: ContextScope) -> &'static str {
    match breadth {
        ContextScope::None => "none",
        ContextScope::File => "file",
        ContextScope::Open => "open",
        ContextScope::Repository => "repository",
    }
}

/// The results of filled holes.
pub fn completion(heading: &Heading, samples: &[Sample], as_json: bool) -> String {
    let groups = summary::groups(samples);
    let paired = heading.contexts.len() > 1;
    let duplicates = samples.iter().filter(|sample| sample.duplicate).count();
    if as_json {
        let groups: Vec<Value> = groups
            .iter()
            .map(|(group, samples)| {
                let arms: Vec<Quality> =
                    (0..heading.contexts.len()).map(|arm| summary::quality(samples, arm)).collect();
                let difference = paired.then(|| summary::difference(samples));
                json!({ "group": group, "contexts": arms, "difference": difference })
            })
            .collect();
        return pretty(&json!({
            "heading": heading,
            "done": samples.len(),
            "duplicates": duplicates,
            "groups": groups,
        }));
    }
    let mut text = format!(
        "{}: {} (seed {}) in {}; {} in repeated lines; model {}\n",
        heading.repository.display(),
        counted(samples.len(), "hole"),
        heading.seed,
        counted(heading.files, "file"),
        percent(duplicates as f64 / samples.len().max(1) as f64),
        heading.model.as_deref().unwrap_or("none"),
    );
    for (arm, context) in heading.contexts.iter().enumerate() {
        let groups: Vec<_> =
            groups.iter().map(|(group, samples)| (group, summary::quality(samples, arm))).collect();
        text += &format!("\ncontext {context}\n{}\n{}", answers(&groups), costs(&groups));
    }
    if paired {
        let groups: Vec<_> =
            groups.iter().map(|(group, samples)| (group, summary::difference(samples))).collect();
        let [first, second] = [0, 1].map(|arm| &heading.contexts[arm]);
        text += &format!("\n{first} minus {second}\n{}", differences(&groups));
    }
    text.push('\n');
    text.push_str(&legend(paired));
    text
}

/// A table with these columns and a row for each group.
fn table<T, const N: usize>(
    heads: [&str; N],
    groups: &[(&Group, T)],
    row: impl Fn(&T, &Group) -> [String; N],
) -> String {
    let rows = groups.iter().map(|(group, figures)| row(figures, group));
    aligned(&[heads.map(str::to_owned)].into_iter().chain(rows).collect::<Vec<_>>())
}

/// Which holes are answered, and how many answers are right.
fn answers(groups: &[(&Group, Quality)]) -> String {
    table(["", "holes", "answered", "exact", "right", "prefix"], groups, |quality, group| {
        [
            group.name.clone(),
            group.samples.to_string(),
            estimate(quality.answered),
            estimate(quality.exact),
            estimate(quality.exact_of_answered),
            estimate(quality.prefix_of_answered),
        ]
    })
}

/// How similar the answers are, and what they cost.
fn costs(groups: &[(&Group, Quality)]) -> String {
    let heads = ["", "similarity", "ids", "ms p50", "p95", "prefilled p50", "all", "generated"];
    table(heads, groups, |quality, group| {
        [
            group.name.clone(),
            estimate(quality.edit_similarity),
            estimate(quality.identifiers_f1),
            format!("{:.1}", quality.milliseconds_p50),
            format!("{:.1}", quality.milliseconds_p95),
            format!("{:.0}", quality.prefilled_p50),
            quality.prefilled.to_string(),
            quality.generated.to_string(),
        ]
    })
}

fn differences(groups: &[(&Group, Difference)]) -> String {
    let exact = ["", "holes", "answered", "exact", "only there", "McNemar p"];
    let exact = table(exact, groups, |difference, group| {
        [
            group.name.clone(),
            group.samples.to_string(),
            signed(difference.answered),
            signed(difference.exact),
            format!("{} : {}", difference.only_first, difference.only_second),
            if difference.p < 0.0001 { "< 0.0001".to_owned() } else { format!("{:.4}", difference.p) },
        ]
    });
    let similar = table(["", "similarity", "ids"], groups, |difference, group| {
        [group.name.clone(), signed(difference.edit_similarity), signed(difference.identifiers_f1)]
    });
    format!("{exact}\n{similar}")
}

/// The results of retrieval.
pub fn retrieval(heading: &Heading, found: &[HoleResult], as_json: bool) -> String {
    let groups = summary::groups(found);
    if as_json {
        let groups: Vec<Value> = groups
            .iter()
            .map(|(group, found)| json!({ "group": group, "recall": summary::recall(found) }))
            .collect();
        return pretty(
            &json!({ "heading": heading, "done": found.len(), "places": PLACES, "groups": groups }),
        );
    }
    let recalls: Vec<(&Group, Recall)> =
        groups.iter().map(|(group, found)| (group, summary::recall(found))).collect();
    let places = |what: &str, hits: &dyn Fn(&Recall) -> &Hits| {
        let [one, four, eight, sixteen] = PLACES.map(|most| format!("@{most}"));
        let mut rows = vec![[
            what.to_owned(),
            "wanted".to_owned(),
            one,
            four,
            eight,
            sixteen,
            "in the prompt".to_owned(),
        ]];
        rows.extend(recalls.iter().map(|(group, recall)| {
            let hits = hits(recall);
            let [one, four, eight, sixteen] = hits.at.map(estimate);
            let wanted = hits.wanted.to_string();
            [group.name.clone(), wanted, one, four, eight, sixteen, estimate(hits.shown)]
        }));
        aligned(&rows)
    };
    let all = &recalls[0].1;
    format!(
        "{}: {} (seed {}) in {}; {:.1} ms per context, p95 {:.1} ms\n\n{}\n{}\n{}\n{}\n{}",
        heading.repository.display(),
        counted(found.len(), "hole"),
        heading.seed,
        counted(heading.files, "file"),
        all.milliseconds_p50,
        all.milliseconds_p95,
        places("declarations", &|recall| &recall.declarations),
        places("named", &|recall| &recall.named),
        places("unnamed", &|recall| &recall.unnamed),
        places("similar lines", &|recall| &recall.lines),
        retrieval_legend(),
    )
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// `23.5 [19.0, 28.1]`, in percent; at most 17 characters, so that a row fits a terminal.
pub(super) fn estimate(estimate: Option<Estimate>) -> String {
    let percent = |share: f64| match format!("{:.1}", share * 100.0) {
        all if all == "100.0" => "100".to_owned(),
        part => part,
    };
    estimate.map_or("-".to_owned(), |Estimate { value, low, high }| {
        format!("{} [{}, {}]", percent(value), percent(low), percent(high))
    })
}

/// The same with signs, in percentage points.
fn signed(estimate: Option<Estimate>) -> String {
    let points = |share: f64| share * 100.0;
    estimate.map_or("-".to_owned(), |Estimate { value, low, high }| {
        format!("{:+.1} [{:+.1}, {:+.1}]", points(value), points(low), points(high))
    })
}
