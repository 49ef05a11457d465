//! How long to wait for the next key before a generation starts.

use std::time::Duration;

use tokio::time::Instant;

use crate::documents::Document;

/// The assumed gap between two keys until one is measured, and the limits of what counts as typing.
const USUAL_GAP: Duration = Duration::from_millis(200);
const LEAST_GAP: Duration = Duration::from_millis(100);
const LONGEST_GAP: Duration = Duration::from_millis(400);
/// Changes further apart than this are separate stretches of typing.
const PAUSE: Duration = Duration::from_secs(2);
/// The weight of the newest measurement in the mean.
const NEWEST: f64 = 0.2;

/// How fast a user types in one document and how fast it is answered.
#[derive(Debug)]
pub(super) struct TypingCadence {
    changed: Option<Instant>,
    gap: Duration,
    latency: Duration,
}

impl Default for TypingCadence {
    fn default() -> Self {
        TypingCadence { changed: None, gap: USUAL_GAP, latency: Duration::ZERO }
    }
}

impl TypingCadence {
    /// Records a change now.
    pub(super) fn key(&mut self) {
        let now = Instant::now();
        if let Some(gap) = self.changed.map(|before| now - before).filter(|&gap| gap < PAUSE) {
            self.gap = mean(self.gap, gap.clamp(LEAST_GAP, LONGEST_GAP));
        }
        self.changed = Some(now);
    }

    /// Records the duration of a generation.
    pub(super) fn answered(&mut self, after: Duration) {
        self.latency = mean(self.latency, after);
    }

    /// When the debounce of the document ends and generation may start at `cursor`, waiting `longest` at most: a fast
    /// typist overtakes an answer, and a slow generation should start early. The formula is Tabby's (its client's
    /// completion debounce); the wait counts from the latest change, so that an editor's own delay is not added to
    /// ours. At the start of a line it is over at once.
    pub(super) fn debounce(&self, document: &Document, cursor: usize, longest: Duration) -> Instant {
        let since = self.changed.unwrap_or_else(Instant::now);
        let text = &document.text;
        let line = text.byte_to_line(cursor);
        let left = text.byte_slice(text.line_to_byte(line)..cursor);
        if left.chars().all(char::is_whitespace) {
            return since;
        }
        let right = text.byte_slice(cursor..);
        let after_mark = left.chars_at(left.len_chars()).prev().is_some_and(|c| !super::trigger::is_word(c));
        let at_line_end = right.chars().next().is_none_or(|c| matches!(c, '\n' | '\r'));
        let at_end = right.chars().all(char::is_whitespace);
        let wanted = 0.5 * f64::from(after_mark)
            + 0.4 * f64::from(u8::from(at_line_end))
            + 0.1 * f64::from(u8::from(at_end));
        let wait = self.gap.mul_f64(3.0 - 1.5 * wanted).saturating_sub(self.latency);
        since + wait.min(longest)
    }
}

fn mean(old: Duration, new: Duration) -> Duration {
    old.mul_f64(1.0 - NEWEST) + new.mul_f64(NEWEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::DocumentId;

    fn wait(cadence: &TypingCadence, text: &str, longest: u64) -> u128 {
        let cursor = text.find("$0").expect("the text has a cursor");
        let id = DocumentId("file:///a".into());
        let document = Document::open(id, None, "rust", 1, &text.replacen("$0", "", 1));
        let debounce = cadence.debounce(&document, cursor, Duration::from_millis(longest));
        (debounce - cadence.changed.expect("a key was pressed")).as_millis()
    }

    #[tokio::test(start_paused = true)]
    async fn waits_longer_where_less_is_wanted_and_for_a_slower_hand() {
        let mut cadence = TypingCadence::default();
        cadence.key();
        assert_eq!(wait(&cadence, "    $0\n", 1000), 0, "a line's start fires at once");
        assert_eq!(wait(&cadence, "foo.$0\nx", 1000), 330, "200 ms x (3 - 1.5 x 0.9)");
        assert_eq!(wait(&cadence, "fo$0 x", 1000), 600);
        assert_eq!(wait(&cadence, "fo$0 x", 150), 150, "never longer than the setting");
        for _ in 0..50 {
            tokio::time::advance(Duration::from_millis(100)).await;
            cadence.key();
        }
        assert_eq!(wait(&cadence, "fo$0 x", 1000), 300);
        tokio::time::advance(Duration::from_secs(60)).await;
        cadence.key();
        assert_eq!(wait(&cadence, "fo$0 x", 1000), 300, "a pause is no gap between keys");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_engine_starts_early() {
        let mut cadence = TypingCadence::default();
        cadence.key();
        for _ in 0..50 {
            cadence.answered(Duration::from_millis(500));
        }
        assert!(wait(&cadence, "fo$0 x", 1000) <= 101);
    }
}
