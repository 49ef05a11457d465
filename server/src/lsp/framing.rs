//! Bytes to message bodies: the base protocol's `Content-Length` framing, for input that may be broken.
//!
//! The codec of tower-lsp-server gives up for good at the first frame it cannot read, waits for ever behind a wrong
//! length, and buffers whatever length it is told. Here a broken frame is reported and skipped, and what is kept
//! in memory is bounded. Finding the next frame rests on one fact: a header line ends in a raw line break,
//! which no JSON string may contain, so a `Content-Length` line is never part of a well-formed body.

use std::fmt;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest body that is read. An editor that opens a larger file gets an error and goes on without us.
pub const MAX_BODY: usize = 128 << 20;
/// The longest block of header lines.
const MAX_HEADER: usize = 4 << 10;
/// What is looked at of a message that is too long: it says which document it is about.
const BEGINNING: usize = 4 << 10;
/// The longest header line that can be recognised across two reads, and so what is kept of skipped bytes.
const MAX_LINE: usize = 64;
const LENGTH: &[u8] = b"content-length";

/// What was found in the input.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    /// The body of one message; not looked at yet.
    Body(BytesMut),
    /// Bytes that are no message. Reported once, however many they are.
    Broken(Broken),
    /// The beginning of a message that is longer than [`MAX_BODY`], and its length.
    TooLong(BytesMut, usize),
}

impl Frame {
    /// Bytes that it takes.
    pub fn len(&self) -> usize {
        match self {
            Frame::Body(body) => body.len(),
            Frame::Broken(_) => size_of::<Frame>(),
            Frame::TooLong(beginning, _) => beginning.len(),
        }
    }
}

/// Why bytes are no message.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Broken {
    /// Header lines without a `Content-Length`.
    NoLength,
    /// A `Content-Length` that is no number.
    BadLength,
    /// Bytes between two messages, or a header that does not end.
    Garbage,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::NoLength => {
                write!(f, "a header without Content-Length; the message behind it is skipped")
            }
            Broken::BadLength => {
                write!(f, "Content-Length is not a number; the message behind it is skipped")
            }
            Broken::Garbage => write!(f, "bytes that belong to no message are skipped"),
        }
    }
}

/// Cuts a stream of bytes into frames.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: BytesMut,
    state: State,
    /// Leading bytes of `buffer` that are known to hold no header line.
    scanned: usize,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Header,
    /// The bytes of the body.
    Body(usize),
    /// The same, where they are too many.
    TooLong(usize),
    /// Something was broken: everything up to the next header line is dropped.
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
                    let Some(end) = self.header_end() else {
                        if self.buffer.len() <= MAX_HEADER {
                            return None;
                        }
                        return Some(self.broken(Broken::Garbage, 0));
                    };
                    match length(&self.buffer[..end]) {
                        // The header may stand behind the rest of a message whose length was too short.
                        Ok((start, _)) if start > 0 && !starts_line(&self.buffer, start) => {
                            self.drop_front(start);
                            return Some(Frame::Broken(Broken::Garbage));
                        }
                        Ok((_, length)) if length > MAX_BODY => {
                            self.drop_front(end);
                            self.state = State::TooLong(length);
                        }
                        Ok((_, length)) => {
                            self.drop_front(end);
                            self.state = State::Body(length);
                        }
                        Err(reason) => return Some(self.broken(reason, end)),
                    }
                }
                State::Body(length) => {
                    // A header line inside the body: the length was too long, and the next message is in it.
                    let searched = self.buffer.len().min(length + MAX_LINE);
                    let from = self.scanned.saturating_sub(MAX_LINE);
                    if let Some(at) = find_header_line(&self.buffer[from..searched]).map(|at| at + from)
                        && at < length
                    {
                        self.state = State::Header;
                        self.scanned = 0;
                        return Some(Frame::Body(self.buffer.split_to(at)));
                    }
                    self.scanned = searched;
                    if self.buffer.len() < length {
                        return None;
                    }
                    self.state = State::Header;
                    self.scanned = 0;
                    let end = length - begun_header(&self.buffer[..length]);
                    return Some(Frame::Body(self.buffer.split_to(end)));
                }
                State::TooLong(length) => {
                    // A length may be wrong, and the next message in what it counts.
                    let header = find_header_line(&self.buffer);
                    if header.is_none() && self.buffer.len() < BEGINNING + MAX_LINE {
                        return None;
                    }
                    let beginning = header.unwrap_or(BEGINNING).min(BEGINNING);
                    self.state = State::Skip;
                    self.scanned = 0;
                    return Some(Frame::TooLong(self.buffer.split_to(beginning), length));
                }
                State::Skip => match find_header_line(&self.buffer) {
                    Some(at) => {
                        self.drop_front(at);
                        self.state = State::Header;
                    }
                    None => {
                        let dropped = self.buffer.len().saturating_sub(MAX_LINE);
                        self.drop_front(dropped);
                        return None;
                    }
                },
            }
        }
    }

    /// The end of the header lines, the empty line included.
    fn header_end(&mut self) -> Option<usize> {
        let from = self.scanned.saturating_sub(3);
        self.scanned = self.buffer.len();
        self.buffer[from..].windows(2).enumerate().find_map(|(at, pair)| {
            let before = &self.buffer[..from + at + 2];
            (pair == b"\n\n" || before.ends_with(b"\r\n\r\n")).then_some(before.len())
        })
    }

    fn broken(&mut self, reason: Broken, dropped: usize) -> Frame {
        self.drop_front(dropped);
        self.state = State::Skip;
        Frame::Broken(reason)
    }

    fn drop_front(&mut self, bytes: usize) {
        self.buffer.advance(bytes);
        self.scanned = 0;
    }
}

/// Where the last `Content-Length` of some header lines starts, and its value.
fn length(header: &[u8]) -> Result<(usize, usize), Broken> {
    let (start, value) = names(header).last().ok_or(Broken::NoLength)?;
    let value = value.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default().trim_ascii();
    let digits = value.iter().all(u8::is_ascii_digit) && !value.is_empty();
    match std::str::from_utf8(value).ok().filter(|_| digits) {
        // Digits that do not fit are a length all the same: an absurd one.
        Some(value) => Ok((start, value.parse().unwrap_or(usize::MAX))),
        None => Err(Broken::BadLength),
    }
}

/// Where a whole line `Content-Length: DIGITS` starts.
fn find_header_line(bytes: &[u8]) -> Option<usize> {
    names(bytes).find_map(|(start, rest)| {
        let rest = rest.trim_ascii_start();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (digits > 0 && matches!(rest.get(digits), Some(b'\r' | b'\n'))).then_some(start)
    })
}

/// Bytes at the end of a body that begin a header line, in a body that cannot be whole: its length was too long by them,
/// and the rest of the line has not arrived.
fn begun_header(body: &[u8]) -> usize {
    if body.trim_ascii_end().ends_with(b"}") {
        return 0;
    }
    let begins = |line: &[u8]| {
        let (name, rest) = line.split_at(line.len().min(LENGTH.len()));
        name.eq_ignore_ascii_case(&LENGTH[..name.len()])
            && rest.strip_prefix(b":").unwrap_or(rest).iter().all(|byte| b" 0123456789\r".contains(byte))
    };
    (1..=body.len().min(MAX_LINE)).rev().find(|&bytes| begins(&body[body.len() - bytes..])).unwrap_or(0)
}

/// Every `Content-Length:` in any case: where it starts and what follows it.
fn names(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    bytes.iter().enumerate().filter(|(_, byte)| **byte == b':').filter_map(|(colon, _)| {
        let start = colon.checked_sub(LENGTH.len())?;
        bytes[start..colon].eq_ignore_ascii_case(LENGTH).then(|| (start, &bytes[colon + 1..]))
    })
}

fn starts_line(bytes: &[u8], at: usize) -> bool {
    at == 0 || bytes[at - 1] == b'\n'
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
    fn goes_on_behind_broken_headers() {
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
    fn the_beginning_of_what_is_too_long_is_kept_and_no_header_is_cut() {
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
    fn what_is_kept_is_bounded() {
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
            // The noise ends in what no header line has in it, or its last line would be the message's first.
            let input = noise.concat() + "}" + &framed("{\"a\":1}");
            prop_assert_eq!(frames(input.as_bytes(), chunk).pop(), Some(Ok("{\"a\":1}".into())));
        }
    }
}
