//! Metrics: compares an answer with the original text.
//!
//! Exact match, edit similarity and identifier match are those of CrossCodeEval (Ding et al. 2023, arXiv 2310.11248),
//! there for one line, here for any hole.

use serde::{Deserialize, Serialize};

use crate::languages::Language;

/// The metrics of one answer. All are 0 without an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// The same text, except trailing spaces.
    pub exact: bool,
    /// The answer is a prefix of the text: a user who accepts it has nothing to delete.
    pub prefix: bool,
    /// 1 minus the Levenshtein distance divided by the length of the longer text, in characters.
    pub edit_similarity: f64,
    /// The same identifiers in the same order.
    pub identifiers_exact: bool,
    /// F1 of the identifiers, each as often as it occurs.
    pub identifiers_f1: f64,
}

/// Compares an answer with the original text.
pub fn compare(expected: &str, answer: &str, language: Option<&Language>) -> Scores {
    let (expected, answer) = (normalised(expected), normalised(answer));
    if answer.is_empty() {
        return Scores::default();
    }
    let [of_expected, of_answer] = [&expected, &answer].map(|text| identifiers(text, language));
    Scores {
        exact: expected == answer,
        prefix: expected.starts_with(&answer),
        edit_similarity: strsim::normalized_levenshtein(&expected, &answer),
        identifiers_exact: of_expected == of_answer,
        identifiers_f1: f1(of_expected, of_answer),
    }
}

/// Without spaces at line ends, without blank lines at the end, lines ended by line feeds.
fn normalised(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// The names in a text without keywords, in its order.
pub fn identifiers<'t>(text: &'t str, language: Option<&Language>) -> Vec<&'t str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_'))
        .filter(|word| !language.is_some_and(|language| language.is_keyword(word)))
        .collect()
}

fn f1(mut expected: Vec<&str>, mut answer: Vec<&str>) -> f64 {
    let all = expected.len() + answer.len();
    if all == 0 {
        return 1.0;
    }
    expected.sort_unstable();
    answer.sort_unstable();
    let (mut common, mut at) = (0, 0);
    for word in expected {
        while at < answer.len() && answer[at] < word {
            at += 1;
        }
        if answer.get(at) == Some(&word) {
            common += 1;
            at += 1;
        }
    }
    2.0 * f64::from(common) / all as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(expected: &str, answer: &str) -> Scores {
        compare(expected, answer, Language::named("rust"))
    }

    #[test]
    fn the_same_text_is_right_in_every_way() {
        let right = Scores {
            exact: true,
            prefix: true,
            edit_similarity: 1.0,
            identifiers_exact: true,
            identifiers_f1: 1.0,
        };
        assert_eq!(of("let a = f(b);", "let a = f(b);"), right);
        assert_eq!(of("a();\r\nb();", "a();  \nb();\n\n"), right);
        assert_eq!(of("1 + 2", "1 + 2"), right);
    }

    #[test]
    fn no_answer_scores_nothing() {
        assert_eq!(of("a", ""), Scores::default());
        assert_eq!(of("a", " \n"), Scores::default());
    }

    #[test]
    fn near_answers_score_something() {
        // Levenshtein distance 1 of 8 characters; `kitten` and `sitting` as everywhere: 3 of 7.
        assert_eq!(of("foo(bar)", "foo(baz)").edit_similarity, 1.0 - 1.0 / 8.0);
        assert_eq!(of("kitten", "sitting").edit_similarity, 1.0 - 3.0 / 7.0);
        let partial = of("first(second).third()", "first(second)");
        assert!(partial.prefix && !partial.exact && !partial.identifiers_exact);
        assert_eq!(partial.identifiers_f1, 2.0 * 2.0 / 5.0);
        assert!(!of("first", "second").prefix);
        assert_eq!(of("let x = f(a, a)", "let x = f(a, b)").identifiers_f1, 2.0 * 3.0 / 8.0);
        let other_marks = of("f(a, 1)", "f[a + 2]");
        assert!(other_marks.identifiers_exact && !other_marks.exact);
    }
}
