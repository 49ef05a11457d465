//! Wording of messages: counted nouns, and what a name with a typing error may mean.

/// The most names that are proposed.
const MOST: usize = 3;
/// A shorter text is part of too many names.
const SHORTEST: usize = 3;
/// Characters of a name that are compared.
const COMPARED: usize = 64;
/// What names of models end with and users leave out.
const SUFFIXES: [&str; 2] = [".gguf", ":latest"];

/// `1 file`, `2 files`.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {}", inflected(count, noun))
}

/// The singular or the plural of a noun with the singular `noun` and a regular plural.
pub fn inflected(count: usize, noun: &str) -> String {
    format!("{noun}{}", if count == 1 { "" } else { "s" })
}

/// The names that `given` may mean: one is part of the other, or few characters differ, apart from case, punctuation,
/// folder and suffix. The closest comes first.
pub fn similar<'n>(given: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let plain = |name: &str| -> String {
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default().to_lowercase();
        let stem = SUFFIXES.iter().fold(&*name, |name, suffix| name.trim_end_matches(suffix));
        stem.chars().filter(|char| char.is_alphanumeric()).take(COMPARED).collect()
    };
    let given = plain(given);
    if given.len() < SHORTEST {
        return Vec::new();
    }
    let distance = |name: &'n str| {
        let known = plain(name);
        let distance = strsim::damerau_levenshtein(&known, &given);
        let is_part = known.len() >= SHORTEST && (known.contains(&given) || given.contains(&known));
        (is_part || distance * 4 <= given.len()).then_some((distance, name))
    };
    let mut found: Vec<_> = names.into_iter().filter_map(distance).collect();
    found.sort_by_key(|(distance, _)| *distance);
    found.into_iter().map(|(_, name)| name).take(MOST).collect()
}

/// `` `a`, `b` or `c` ``.
pub fn one_of(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_singular() {
        assert_eq!([0, 1, 2].map(|count| counted(count, "file")), ["0 files", "1 file", "2 files"]);
    }

    #[test]
    fn a_name_means_those_that_are_spelt_much_the_same() {
        let names =
            ["phi-3.5-mini", "qwen2.5-coder-3b", "qwen2.5-coder-0.5b", "smollm2-135m", "me/Tiny-Q4.gguf"];
        let check = |given, expected: &[&str]| assert_eq!(similar(given, names), expected, "{given}");
        check("phi3.5", &["phi-3.5-mini"]);
        check("SmolLM2-135M-Instruct", &["smollm2-135m"]);
        check("smolm2-135m", &["smollm2-135m"]);
        check("qwen2.5-coder", &["qwen2.5-coder-3b", "qwen2.5-coder-0.5b"]);
        check("~/models/tiny-q4.gguf", &["me/Tiny-Q4.gguf"]);
        for unknown in ["phi9", "gpt", "", "x", "/"] {
            check(unknown, &[]);
        }
        assert_eq!(one_of(&["a"]), "`a`");
        assert_eq!(one_of(&["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
