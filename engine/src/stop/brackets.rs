//! [`StopRule::UnmatchedBracket`](crate::StopRule::UnmatchedBracket).

/// The brackets that are open.
///
/// A closing bracket's partner is the innermost open bracket of its kind; brackets left open inside that pair, as
/// in the string `"("`, are forgotten. Text in strings and comments is not told apart, since the rule knows no
/// language.
#[derive(Default)]
pub(super) struct Brackets {
    open: Vec<char>,
}

impl Brackets {
    pub(super) fn push(&mut self, at: usize, c: char) -> Option<usize> {
        let partner = match c {
            '(' | '[' | '{' => {
                self.open.push(c);
                return None;
            }
            ')' => '(',
            ']' => '[',
            '}' => '{',
            _ => return None,
        };
        match self.open.iter().rposition(|&open| open == partner) {
            Some(depth) => {
                self.open.truncate(depth);
                None
            }
            None => Some(at),
        }
    }
}
