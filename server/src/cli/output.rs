//! Standard output, which a reader such as `head` may close early.

use std::borrow::Cow;
use std::fmt::Arguments;
use std::io::{ErrorKind, IsTerminal, Write};

/// As `std::println!`, but ends the program quietly if the reader has closed the pipe. Styles are left out where stdout is no terminal.
macro_rules! println {
    ($($argument:tt)*) => {
        $crate::cli::output::write(format_args!("{}\n", format_args!($($argument)*)))
    };
}
/// The same without a line break.
macro_rules! print {
    ($($argument:tt)*) => {
        $crate::cli::output::write(format_args!($($argument)*))
    };
}
pub(super) use {print, println};

pub(super) fn write(text: Arguments<'_>) {
    let mut stdout = anstream::stdout().lock();
    end_if_closed(stdout.write_fmt(text).and_then(|()| stdout.flush()));
}

/// Text of a file or of a model: byte for byte, except on a terminal, which would obey its control characters.
pub(super) fn write_text(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let shown = if stdout.is_terminal() { visible(text) } else { text.into() };
    end_if_closed(stdout.write_all(shown.as_bytes()).and_then(|()| stdout.flush()));
}

/// A text with its control characters made visible, except for line breaks and tabs.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    let is_obeyed = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    // A carriage return before a line break moves nothing.
    let text = if text.contains("\r\n") { text.replace("\r\n", "\n").into() } else { Cow::from(text) };
    if !text.contains(is_obeyed) {
        return text;
    }
    let show = |c: char| if is_obeyed(c) { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(show).collect::<String>().into()
}

fn end_if_closed(written: std::io::Result<()>) {
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            anstream::eprintln!("phi-ls: stdout: {error}");
            std::process::exit(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_made_visible() {
        assert_eq!(visible("a\tb\r\nc\n"), "a\tb\nc\n");
        assert_eq!(visible("\u{1b}[31m\u{7f}\r"), "\\u{1b}[31m\\u{7f}\\r");
    }
}
