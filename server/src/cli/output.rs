//! Standard output, which a reader such as `head` may close early, and standard error.

use std::borrow::Cow;
use std::fmt::Arguments;
use std::io::{ErrorKind, IsTerminal, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::ExitCode;

/// As `std::println!`, but ends the subcommand, quietly if the reader has closed the pipe. Styles are left out where stdout is no terminal.
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
/// As `std::eprintln!`, but goes on if it fails: there is nobody to tell.
macro_rules! eprintln {
    ($($argument:tt)*) => {
        $crate::cli::output::write_error(format_args!("{}\n", format_args!($($argument)*)))
    };
}
pub(super) use {eprintln, print, println};

/// The exit code of a program whose stdout cannot be written.
struct Ended(ExitCode);

/// Runs a subcommand. It ends where stdout cannot be written, and removes its temporary files.
pub(super) fn run<T>(command: impl FnOnce() -> T) -> Result<T, ExitCode> {
    catch_unwind(AssertUnwindSafe(command)).map_err(|panic| match panic.downcast::<Ended>() {
        Ok(ended) => ended.0,
        Err(panic) => resume_unwind(panic),
    })
}

pub(super) fn write_error(text: Arguments<'_>) {
    let _ = anstream::stderr().lock().write_fmt(text);
}

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
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            resume_unwind(Box::new(Ended(ExitCode::SUCCESS)))
        }
        Err(error) => {
            eprintln!("phi-ls: stdout: {error}");
            resume_unwind(Box::new(Ended(ExitCode::FAILURE)))
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
