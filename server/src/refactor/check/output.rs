//! Limits a command's output and converts it to plain text. The output may be anything: megabytes, one line, binary
//! data, terminal escape sequences, a prompt injection.

use std::collections::VecDeque;
use std::path::Path;

use anstream::adapter::strip_str;

use crate::secrets::{SecretText, in_text};

/// The beginning and the end of the output.
#[derive(Debug)]
pub(super) struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    /// Maximum bytes of each of them.
    half: usize,
    /// Bytes dropped between them.
    lost: u64,
}

impl Capture {
    /// Keeps at most `bytes`.
    pub(super) fn new(bytes: usize) -> Capture {
        Capture { head: Vec::new(), tail: VecDeque::new(), half: bytes / 2, lost: 0 }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let (first, rest) = bytes.split_at(bytes.len().min(self.half - self.head.len()));
        self.head.extend(first);
        let kept = &rest[rest.len().saturating_sub(self.half)..];
        let over = (self.tail.len() + kept.len()).saturating_sub(self.half);
        self.tail.drain(..over);
        self.tail.extend(kept);
        self.lost += (over + rest.len() - kept.len()) as u64;
    }

    /// The kept output, and how much was dropped.
    pub(super) fn text(&self) -> String {
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        if self.lost == 0 {
            return String::from_utf8_lossy(&[&self.head[..], &tail].concat()).into_owned();
        }
        let (head, tail) = (String::from_utf8_lossy(&self.head), String::from_utf8_lossy(&tail));
        format!("{head}\n[{} bytes left out]\n{tail}", self.lost)
    }
}

/// Converts output to plain text line by line: removes escape sequences, control characters and bidirectional controls,
/// replaces the path of the copy `tree` by that of the workspace `base`, and replaces a line with a likely secret by a
/// note.
pub(super) fn plain(text: &str, tree: &Path, base: &Path) -> String {
    let (tree, base) = (tree.to_string_lossy(), base.to_string_lossy());
    let mut plain = String::with_capacity(text.len());
    let text = text.replace("\r\n", "\n");
    // A progress line that is overwritten ends in `\r`.
    for line in text.split_inclusive(['\n', '\r']) {
        // By lines: an unterminated sequence hides only its own line.
        let line: String = strip_str(line).to_string().chars().filter(|&c| is_plain(c)).collect();
        match in_text(&line) {
            Some(secret) => plain.push_str(&left_out(secret)),
            None => plain.push_str(line.trim_end()),
        }
        plain.push('\n');
    }
    if let Some(secret) = in_text(&plain) {
        // A secret of several lines.
        return left_out(secret);
    }
    plain.replace(&*tree, base.trim_end_matches(std::path::is_separator))
}

fn left_out(secret: SecretText) -> String {
    format!("[left out: what looks like a secret ({})]", secret.rule)
}

/// Whether a character is visible and does not affect the position of others.
fn is_plain(c: char) -> bool {
    let turns =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let is_tag = matches!(c, '\u{e0000}'..='\u{e0fff}');
    c == '\t' || !(c.is_control() || turns || is_tag)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_beginning_and_the_end_are_kept() {
        let mut capture = Capture::new(10);
        capture.push(b"123");
        assert_eq!(capture.text(), "123");
        capture.push(b"4567890");
        assert_eq!(capture.text(), "1234567890");
        capture.push(&b"x".repeat(100_000));
        capture.push(b"yz");
        assert_eq!(capture.text(), "12345\n[100002 bytes left out]\nxxxyz");
        assert!(capture.tail.capacity() < 100);
    }

    proptest! {
        #[test]
        fn however_it_comes_the_same_is_kept(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            cuts in prop::collection::vec(0usize..200, 0..8),
            most in 0usize..100,
        ) {
            let mut whole = Capture::new(most);
            whole.push(&bytes);
            let mut cuts: Vec<_> = cuts.into_iter().filter(|cut| *cut < bytes.len()).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();
            let mut pieces = Capture::new(most);
            cuts.windows(2).for_each(|cut| pieces.push(&bytes[cut[0]..cut[1]]));
            prop_assert_eq!(whole.text(), pieces.text());
            prop_assert!(pieces.head.len() + pieces.tail.len() <= most);
            let plain = plain(&whole.text(), Path::new("/c"), Path::new("/w"));
            prop_assert!(plain.chars().all(|c| c == '\n' || is_plain(c)));
        }
    }

    #[test]
    fn only_plain_text_is_left() {
        let hostile = concat!(
            "\x1b[31merror\x1b[0m: \u{202e}evil\u{202c} \x07\x08bell\r\n",
            "10%\r20%\r100%\n",
            "\x1b]0;a title that never ends\nthe next line\n",
            "\u{feff}zero\u{200b}width\ttab\u{85}\n",
        );
        expect![[r#"
            error: evil bell
            10%
            20%
            100%

            the next line
            zerowidth	tab
        "#]]
        .assert_eq(&plain(hostile, Path::new("/c"), Path::new("/w")));
        assert_eq!(
            plain("at /cache/tree/src/a.rs:1", Path::new("/cache/tree"), Path::new("/w")),
            "at /w/src/a.rs:1\n"
        );
        assert_eq!(plain("/cache/tree/a", Path::new("/cache/tree"), Path::new("/")), "/a\n");
        assert_eq!(plain("", Path::new("/c"), Path::new("/w")), "");
    }

    #[test]
    fn secrets_are_left_out() {
        let token = concat!("AK", "IAQ3EGTX7VZL5PWN2K");
        let text = format!("before\nkey {token}\nafter\n");
        let clean = plain(&text, Path::new("/c"), Path::new("/w"));
        assert_eq!(clean, "before\n[left out: what looks like a secret (aws-access-key)]\nafter\n");
        let coloured = text.replace("IAQ3", "\x1b[1mIAQ3");
        assert_eq!(plain(&coloured, Path::new("/c"), Path::new("/w")), clean);
        let key = concat!("-----BEGIN ", "PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG\n");
        assert_eq!(
            plain(key, Path::new("/c"), Path::new("/w")),
            "[left out: what looks like a secret (private-key)]"
        );
    }
}
