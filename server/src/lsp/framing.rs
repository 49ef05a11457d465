//! Bytes to message bodies: the base protocol's `Content-Length` framing, for input that may be broken.
//!
//! The codec of tower-lsp-server stops at the first frame it cannot read, waits forever after a wrong length, and
//! buffers whatever length it is given. Here a broken frame is reported and skipped, and memory is bounded. Finding the
//! next frame relies on one fact: a header line ends in a raw line break, which no JSON string may contain, so a
//! `Content-Length` line is never part of a well-formed body.

use std::sync::LazyLock;

use bytes::{Buf, BytesMut};
use regex::bytes::Regex;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest body that is read. An editor that opens a larger file gets an error and continues without us.
pub const MAX_BODY: usize = 128 << 20;
/// The longest block of header lines.
const MAX_HEADER: usize = 4 << 10;
/// Bytes kept of a message that is too long: they show which document it is about.
const BEGINNING: usize = 4 << 10;
/// The longest header line that is recognised across two reads, and so the length kept of skipped bytes.
const MAX_LINE: usize = 64;

/// A whole header line with a length.
static HEADER_LINE: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i-u)content-length:\s*[0-9]+[\r\n]"));
/// The name of the length header.
static NAME: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i-u)content-length:"));
/// The end of the header lines.
static EMPTY_LINE: LazyLock<Regex> = LazyLock::new(|| regex(r"\r\n\r\n|\n\n"));
/// A possible beginning of a header line, at the end of the bytes.
static BEGUN_LINE: LazyLock<Regex> = LazyLock::new(|| {
    let name = "content-length:";
    let parts: Vec<&str> = (1..name.len()).rev().map(|end| &name[..end]).collect();
    regex(&format!(r"(?i-u)(?:{name}[ 0-9\r]*|{})\z", parts.join("|")))
});

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is one")
}

/// What was found in the input.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    /// The body of one message, not parsed yet.
    Body(BytesMut),
    /// Bytes that are not a message. Reported once, however many they are.
    Broken(Broken),
    /// The beginning of a message that is longer than [`MAX_BODY`], and its length.
    TooLong(BytesMut, usize),
}

impl Frame {
    /// Its length in bytes.
    pub fn len(&self) -> usize {
        match self {
            Frame::Body(bytes) | Frame::TooLong(bytes, _) => bytes.len(),
            Frame::Broken(_) => size_of::<Frame>(),
        }
    }
}

/// Why bytes are not a message.
#[derive(Debug, PartialEq, Eq, Clone, Copy, thiserror::Error)]
pub enum Broken {
    /// Header lines without a `Content-Length`.
    #[error("a header without Content-Length; the message behind it is skipped")]
    NoLength,
    /// A `Content-Length` that is not a number.
    #[error("Content-Length is not a number; the message behind it is skipped")]
    BadLength,
    /// Bytes between two messages, or a header that does not end.
    #[error("bytes that belong to no message are skipped")]
    Garbage,
}

/// Splits a stream of bytes into frames.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: BytesMut,
    state: State,
    /// Leading bytes of a body that are known to contain no header line.
    scanned: usize,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Header,
    /// A body of this length.
    Body(usize),
    /// The input was broken: everything up to the next header line is dropped.
    Skip,
}

impl Frames {
    /// The next frame, or `None` at the end of the input. Nothing is lost when the future is dropped.
    pub async fn next(&mut self, input: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.decode() {
                return Ok(Some(frame));
            }
            self.buffer.reserve(8 << 10);
            if input.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    fn decode(&mut self) -> Option<Frame> {
        loop {
            match self.state {
                State::Header => {
                    if let Some(broken) = self.header()? {
                        return Some(Frame::Broken(broken));
                    }
                }
                State::Body(length) if length > MAX_BODY => {
                    // The length may be wrong, and the next message within it.
                    let next = header_line(&self.buffer);
                    if next.is_none() && self.buffer.len() < BEGINNING + MAX_LINE {
                        return None;
                    }
                    self.state = State::Skip;
                    let beginning = self.buffer.split_to(next.unwrap_or(BEGINNING).min(BEGINNING));
                    return Some(Frame::TooLong(beginning, length));
                }
                State::Body(length) => return self.body(length).map(Frame::Body),
                State::Skip => {
                    let next = header_line(&self.buffer);
                    self.buffer.advance(next.unwrap_or(self.buffer.len().saturating_sub(MAX_LINE)));
                    next?;
                    self.state = State::Header;
                }
            }
        }
    }

    /// Reads the header lines; `None` if they are incomplete.
    fn header(&mut self) -> Option<Option<Broken>> {
        let Some(end) = EMPTY_LINE.find(&self.buffer).map(|line| line.end()) else {
            if self.buffer.len() <= MAX_HEADER {
                return None;
            }
            self.state = State::Skip;
            return Some(Some(Broken::Garbage));
        };
        match length(&self.buffer[..end]) {
            // The header follows the rest of a message whose length was too short.
            Ok((start, _)) if start > 0 && self.buffer[start - 1] != b'\n' => {
                self.buffer.advance(start);
                Some(Some(Broken::Garbage))
            }
            Ok((_, length)) => {
                self.buffer.advance(end);
                (self.state, self.scanned) = (State::Body(length), 0);
                Some(None)
            }
            Err(broken) => {
                self.buffer.advance(end);
                self.state = State::Skip;
                Some(Some(broken))
            }
        }
    }

    /// A body of this length; `None` if it is incomplete.
    fn body(&mut self, length: usize) -> Option<BytesMut> {
        // A header line inside the body: the length was too long, and the next message is in it.
        let end = self.buffer.len().min(length + MAX_LINE);
        let from = self.scanned.saturating_sub(MAX_LINE);
        let next = header_line(&self.buffer[from..end]).map(|at| at + from).filter(|&at| at < length);
        self.scanned = end;
        if next.is_none() && self.buffer.len() < length {
            return None;
        }
        let end = next.unwrap_or_else(|| length - begun_line(&self.buffer[..length]));
        self.state = State::Header;
        Some(self.buffer.split_to(end))
    }
}

/// Where the last `Content-Length` of some header lines starts, and its value.
fn length(header: &[u8]) -> Result<(usize, usize), Broken> {
    let name = NAME.find_iter(header).last().ok_or(Broken::NoLength)?;
    let line = header[name.end()..].split(|byte| matches!(byte, b'\r' | b'\n')).next();
    let value = line.unwrap_or_default().trim_ascii();
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Broken::BadLength);
    }
    // Digits that overflow are still a length: one that is too long.
    let value = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
    Ok((name.start(), value.unwrap_or(usize::MAX)))
}

/// Where a whole line `Content-Length: DIGITS` starts.
fn header_line(bytes: &[u8]) -> Option<usize> {
    HEADER_LINE.find(bytes).map(|line| line.start())
}

/// Bytes at the end of a body that begin a header line, in a body that cannot be whole: its length was too long by this
/// many, and the rest of the line has not arrived.
fn begun_line(body: &[u8]) -> usize {
    let end = &body[body.len().saturating_sub(MAX_LINE)..];
    if body.trim_ascii_end().ends_with(b"}") {
        return 0;
    }
    BEGUN_LINE.find(end).map_or(0, |line| line.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames(input: &[u8], chunk: usize) -> Vec<Result<String, String>> {
        let mut frames = Frames::default();
        let mut found = Vec::new();
        for piece in input.chunks(chunk) {
            frames.buffer.extend_from_slice(piece);
            while let Some(frame) = frames.decode() {
                found.push(match frame {
                    Frame::Body(body) => Ok(String::from_utf8_lossy(&body).into_owned()),
                    Frame::Broken(reason) => Err(reason.to_string()),
                    Frame::TooLong(beginning, length) => {
                        Err(format!("{length}: {}", String::from_utf8_lossy(&beginning)))
                    }
                });
            }
        }
        found
    }

    fn framed(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn reads_frames_whatever_the_case_and_the_other_headers() {
        let input = "content-length: 2\r\nContent-Type: application/vscode-jsonrpc; charset=utf-8\r\nX: y\r\n\r\n{}\
                     Content-Length:2\n\n[]Content-Length: 0\r\n\r\n";
        assert_eq!(frames(input.as_bytes(), 7), [Ok("{}".into()), Ok("[]".into()), Ok(String::new())]);
    }

    #[test]
    fn continues_after_broken_headers() {
        let next = framed("{}");
        for (broken, reason) in [
            ("X: y\r\n\r\n{\"a\":1}", Broken::NoLength.to_string()),
            ("Content-Length: -5\r\n\r\n{\"a\":1}", Broken::BadLength.to_string()),
            ("Content-Length: \r\n\r\n{\"a\":1}", Broken::BadLength.to_string()),
            (
                "Content-Length: 99999999999999999999999\r\n\r\n{\"a\":1}",
                format!("{}: {{\"a\":1}}", usize::MAX),
            ),
            ("Content-Length: 134217729\r\n\r\n{\"a\":1}", format!("{}: {{\"a\":1}}", MAX_BODY + 1)),
            ("noise", Broken::Garbage.to_string()),
        ] {
            let input = format!("{broken}{next}{next}");
            for chunk in [1, 5, 4096] {
                assert_eq!(
                    frames(input.as_bytes(), chunk),
                    [Err(reason.clone()), Ok("{}".into()), Ok("{}".into())],
                    "{broken:?} in pieces of {chunk}"
                );
            }
        }
    }

    #[test]
    fn the_beginning_of_a_message_that_is_too_long_is_kept() {
        let next = framed("{}");
        for length in [0, 10, BEGINNING - 10, BEGINNING - 1, BEGINNING, BEGINNING + 10, 3 * BEGINNING] {
            let input = format!("Content-Length: {}\r\n\r\n{}{next}{next}", MAX_BODY + 1, "x".repeat(length));
            let beginning = format!("{}: {}", MAX_BODY + 1, "x".repeat(length.min(BEGINNING)));
            for chunk in [7, 5000] {
                let expected = [Err(beginning.clone()), Ok("{}".into()), Ok("{}".into())];
                assert_eq!(frames(input.as_bytes(), chunk), expected, "{length} in pieces of {chunk}");
            }
        }
    }

    #[test]
    fn a_wrong_length_costs_one_message_at_most() {
        let next = framed("{\"b\":2}");
        let short = format!("Content-Length: 3\r\n\r\n{{\"a\":1}}{next}");
        assert_eq!(
            frames(short.as_bytes(), 4096),
            [Ok("{\"a".into()), Err(Broken::Garbage.to_string()), Ok("{\"b\":2}".into())]
        );
        for too_long in [20, 1000] {
            let long = format!("Content-Length: {too_long}\r\n\r\n{{\"a\":1}}{next}");
            assert_eq!(frames(long.as_bytes(), 4096), [Ok("{\"a\":1}".into()), Ok("{\"b\":2}".into())]);
        }
    }

    #[test]
    fn a_header_quoted_in_a_document_is_text() {
        let body = r#"{"text":"Content-Length: 5\r\n\r\nhello"}"#;
        assert_eq!(frames(framed(body).as_bytes(), 3), [Ok(body.to_owned())]);
    }

    #[test]
    fn the_kept_bytes_are_bounded() {
        let mut frames = Frames::default();
        let mut broken = 0;
        for _ in 0..1000 {
            frames.buffer.extend_from_slice(&[b'x'; 1000]);
            while frames.decode().is_some() {
                broken += 1;
            }
            assert!(frames.buffer.len() <= MAX_HEADER + 1000);
        }
        assert_eq!(broken, 1, "reported once");
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(bodies in prop::collection::vec("[{}a:é\n]{0,40}", 0..6), chunk in 1usize..50) {
            let input: String = bodies.iter().map(|body| framed(body)).collect();
            let expected: Vec<_> = bodies.into_iter().map(Ok).collect();
            prop_assert_eq!(frames(input.as_bytes(), chunk), expected);
        }

        #[test]
        fn a_message_behind_any_noise_is_read(
            noise in prop::collection::vec(prop::sample::select(vec!["Content-Length: 12", "Cont", "ent-Length:", "\r\n", "\r", "\n\n", "{}", "x", ":", "7"]), 0..40),
            chunk in 1usize..60,
        ) {
            // The noise ends in a byte that no header line has; otherwise its last line would be the message's first.
            let input = noise.concat() + "}" + &framed("{\"a\":1}");
            prop_assert_eq!(frames(input.as_bytes(), chunk).pop(), Some(Ok("{\"a\":1}".into())));
        }
    }
}
