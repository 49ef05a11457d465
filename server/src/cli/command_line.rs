//! A command given as one argument, such as `--check 'cargo check'`.

use std::str::FromStr;

/// A program and its arguments. No shell runs it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CommandLine(pub Vec<String>);

impl FromStr for CommandLine {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<CommandLine, Self::Err> {
        let words = shlex::split(text).filter(|words| !words.is_empty());
        words.map(CommandLine).ok_or("this is not a command: it is empty, or a quote is not closed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_as_a_shell_splits_it() {
        let words = |text: &str| text.parse().map(|CommandLine(words)| words);
        assert_eq!(words("env A='b c' make"), Ok(vec!["env".into(), "A=b c".into(), "make".into()]));
        for wrong in ["", "  ", "make 'x"] {
            assert!(words(wrong).is_err_and(|reason| reason.contains("not a command")), "{wrong}");
        }
    }
}
