//! Counts and examples of excluded files, by rule.

use std::path::{Path, PathBuf};

use super::Excluded;

/// Examples kept for each rule.
const EXAMPLES: usize = 3;

/// The excluded files and folders, by rule. A folder counts once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exclusions {
    rules: Vec<Exclusion>,
}

/// The files and folders that one rule excluded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// The rule's name, for display: `ignored`.
    pub rule: &'static str,
    /// Files and folders.
    pub count: usize,
    /// The first of them by path, each with the exact reason.
    pub examples: Vec<(PathBuf, String)>,
}

impl Excluded {
    /// The rule's name, for display.
    pub fn rule(&self) -> &'static str {
        match self {
            Excluded::Secret(_) => "secret by name",
            Excluded::SecretText(_) => "secret by content",
            Excluded::Ignored { .. } => "ignored",
            Excluded::Hidden => "hidden",
            Excluded::Vendored(_) => "vendored",
            Excluded::OtherRepository => "other repositories",
            Excluded::Generated(_) => "generated",
            Excluded::Minified => "minified",
            Excluded::TooLarge => "too large",
            Excluded::Binary => "binary",
            Excluded::NotUtf8 => "not UTF-8",
            Excluded::Empty => "empty",
            Excluded::Special => "links and devices",
            Excluded::Unreadable(_) => "unreadable",
            Excluded::NoFile => "no file",
            Excluded::Unresponsive => "unresponsive file systems",
            Excluded::OverBounds(_) => "over the limits",
        }
    }
}

impl Exclusions {
    /// Adds an excluded file or folder.
    pub fn add(&mut self, path: &Path, reason: &Excluded) {
        let rule = reason.rule();
        let at = self.rules.iter().position(|known| known.rule == rule).unwrap_or_else(|| {
            self.rules.push(Exclusion { rule, count: 0, examples: Vec::new() });
            self.rules.len() - 1
        });
        self.rules[at].count += 1;
        let examples = &mut self.rules[at].examples;
        let place = examples.partition_point(|(known, _)| known.as_path() < path);
        if place < EXAMPLES {
            examples.insert(place, (path.to_owned(), reason.to_string()));
            examples.truncate(EXAMPLES);
        }
    }

    /// Adds the exclusions of another walk.
    pub fn extend(&mut self, other: Exclusions) {
        for Exclusion { rule, count, examples } in other.rules {
            let Some(known) = self.rules.iter_mut().find(|known| known.rule == rule) else {
                self.rules.push(Exclusion { rule, count, examples });
                continue;
            };
            known.count += count;
            known.examples.extend(examples);
            known.examples.sort();
            known.examples.truncate(EXAMPLES);
        }
    }

    /// By rule, the one that excluded the most first.
    pub fn by_rule(&self) -> Vec<&Exclusion> {
        let mut rules: Vec<_> = self.rules.iter().collect();
        rules.sort_by_key(|known| (std::cmp::Reverse(known.count), known.rule));
        rules
    }

    /// The number of files and folders that a rule excluded.
    pub fn count(&self, rule: &str) -> usize {
        self.rules.iter().find(|known| known.rule == rule).map_or(0, |known| known.count)
    }
}
