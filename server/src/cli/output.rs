//! Standard output, which a reader such as `head` may close early.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

/// As `std::println!`, but ends the program quietly if nobody reads on. Styles are left out where stdout is no terminal.
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
    match stdout.write_fmt(text).and_then(|()| stdout.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            anstream::eprintln!("phi-ls: stdout: {error}");
            std::process::exit(1);
        }
    }
}
