//! From an item that follows a changed definition to ghost text on the cursor's line, as far as a client can draw it.

use super::NextEdit;
use crate::answer::Draft;
use crate::edits::{self, Constraints};

/// What a client draws of a suggestion that replaces the rest of the cursor's line.
///
/// No client draws anything before the cursor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Drawing {
    /// Text inserted into the old rest of the line: VS Code draws an inline completion only if the new text contains
    /// all that it replaces, in order.
    #[default]
    Insertions,
    /// The new rest of the line over the old one, which remains visible after it if it is longer: Neovim.
    Overlay,
}

/// The rest of the cursor's line as the item has it; `None` where the item changes more than lines that contain the
/// use's name, where this line alone is not a valid edit, or where the client cannot draw it.
pub(super) fn line(next: &NextEdit, item: &Draft, cursor: usize, drawing: Drawing) -> Option<Draft> {
    let text = &next.document.text;
    let old_item = text.byte_slice(item.range.clone()).to_string();
    let at = text.byte_to_line(cursor).checked_sub(text.byte_to_line(item.range.start))?;
    let (mut lines, new): (Vec<&str>, Vec<&str>) =
        (old_item.split('\n').collect(), item.text.split('\n').collect());
    let is_of_the_name = |(old, new): (&&str, &&str)| old == new || old.contains(&*next.change.was.name);
    let is_line_by_line = lines.len() == new.len() && lines.iter().zip(&new).all(is_of_the_name);
    if !is_line_by_line || at >= new.len() {
        return None;
    }
    // The item does not include the text around it on its first and last line.
    let start: usize = item.range.start + lines[..at].iter().map(|line| line.len() + 1).sum::<usize>();
    lines[at] = new[at];
    let alone = Draft { range: item.range.clone(), text: lines.join("\n") };
    let edit = edits::verify(&next.document, &alone, &Constraints::Item(next.ask().policy())).ok()?;
    // Ghost text shows no warning.
    if edit.deletions().is_unexpected {
        return None;
    }

    let line_start = text.line_to_byte(text.byte_to_line(cursor));
    let whole = text.line(text.byte_to_line(cursor)).to_string();
    let old_line = whole.trim_end_matches(['\n', '\r']);
    let from = start - line_start;
    let old_part = old_item.split('\n').nth(at)?;
    let new_line = format!("{}{}{}", &whole[..from], new[at], &whole[from + old_part.len()..]);
    let new_line = new_line.trim_end_matches(['\n', '\r']);
    let column = cursor - line_start;
    let rest = new_line.strip_prefix(old_line.get(..column)?)?;
    let old_rest = &old_line[column..];
    let range = cursor..line_start + old_line.len();
    is_drawn(old_rest, rest, drawing).then(|| Draft { range, text: rest.to_owned() })
}

fn is_drawn(old: &str, new: &str, drawing: Drawing) -> bool {
    let mut chars = new.chars();
    match drawing {
        Drawing::Insertions => old.chars().all(|kept| chars.any(|c| c == kept)),
        Drawing::Overlay => {
            let same = old.bytes().zip(new.bytes()).take_while(|(old, new)| old == new).count();
            // The overlay skips bytes, and draws a column for each character.
            let is_whole = old.is_char_boundary(same) && new.is_char_boundary(same);
            is_whole && !old[same..].contains('\t') && new.chars().count() >= old.chars().count()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn() {
        let drawn =
            |old, new| [Drawing::Insertions, Drawing::Overlay].map(|drawing| is_drawn(old, new, drawing));
        assert_eq!(drawn("f(1);", "f(1, 2);"), [true, true]);
        assert_eq!(drawn("f(1);", "area(1);"), [false, true], "another name, and a longer one");
        assert_eq!(drawn("area(1);", "f(1);"), [false, false], "the old end would show behind it");
        assert_eq!(drawn("f(1);", "f(2);"), [false, true]);
        assert_eq!(drawn("é(1);", "è(1);"), [true, false].map(|_| false), "half a character is the same");
        assert_eq!(drawn("f(1);\tg", "h(1);\tg"), [false, false]);
    }
}
