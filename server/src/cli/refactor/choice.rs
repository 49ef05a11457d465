//! A choice from a numbered list: `1-5 7`, `all`, `none`.

use std::io::{BufRead, Write};

use crate::cli::output::{self, eprintln};

/// The chosen indices, from 0, sorted and without duplicates.
///
/// # Errors
/// The text is not a choice, or a number is greater than `count`.
pub fn parse(text: &str, count: usize) -> Result<Vec<usize>, String> {
    let mut picked = Vec::new();
    for word in text.split([' ', ',', '\t']).filter(|word| !word.is_empty()) {
        let (first, last) = match word {
            "all" => (1, count),
            "none" => continue,
            _ => {
                let (first, last) = word.split_once('-').unwrap_or((word, word));
                let number = |text: &str| text.parse::<usize>().ok().filter(|n| (1..=count).contains(n));
                let form = || {
                    format!(
                        "`{word}` is not valid: enter numbers from 1 to {count}, ranges such as 2-5, `all` or `none`"
                    )
                };
                (number(first).ok_or_else(form)?, number(last).ok_or_else(form)?)
            }
        };
        picked.extend(first - 1..last);
    }
    picked.sort_unstable();
    picked.dedup();
    Ok(picked)
}

/// Asks on the terminal until the answer is valid. An empty answer, or the end of the input, means `default`.
///
/// # Errors
/// The terminal cannot be read.
pub fn ask(question: &str, count: usize, default: &str) -> std::io::Result<Vec<usize>> {
    let mut input = std::io::stdin().lock();
    loop {
        output::write_error(format_args!("{question} [{default}] "));
        std::io::stderr().flush()?;
        let mut line = String::new();
        input.read_line(&mut line)?;
        let said = if line.trim().is_empty() { default } else { line.trim() };
        match parse(said, count) {
            Ok(picked) => return Ok(picked),
            Err(problem) => eprintln!("{problem}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ranges_and_words() {
        let picked = |text: &str| parse(text, 7).ok();
        assert_eq!(picked("1-3 7"), Some(vec![0, 1, 2, 6]));
        assert_eq!(picked("7,2-3, 3"), Some(vec![1, 2, 6]));
        assert_eq!(picked("all"), Some((0..7).collect()));
        assert_eq!(picked("none"), Some(vec![]));
        assert_eq!(picked("5-2"), Some(vec![]));
        for wrong in ["0", "8", "1-8", "x", "1--2", "-"] {
            assert!(parse(wrong, 7).is_err_and(|problem| problem.contains("1 to 7")), "{wrong}");
        }
    }
}
