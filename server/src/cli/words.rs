//! A command that a user gives as one argument, such as `--check 'cargo check'`.

use std::str::FromStr;

/// Program and arguments, at least the first. No shell reads them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Words(pub Vec<String>);

impl FromStr for Words {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Words, Self::Err> {
        let words = shlex::split(text).filter(|words| !words.is_empty());
        words.map(Words).ok_or("it is no command: a quote has no end, or nothing is there")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_words_together() {
        let words = |text: &str| text.parse().map(|Words(words)| words);
        assert_eq!(words("env A='b c' make"), Ok(vec!["env".into(), "A=b c".into(), "make".into()]));
        for wrong in ["", "  ", "make 'x"] {
            assert!(words(wrong).is_err_and(|reason| reason.contains("no command")), "{wrong}");
        }
    }
}
