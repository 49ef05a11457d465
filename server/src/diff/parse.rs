//! Parses git's unified diffs without context: the new lines of each file.

use std::ops::Range;

/// The paths of the new side, with the changed lines, counted from 0. Deleted and binary files are left out.
pub fn new_lines(diff: &[u8]) -> Vec<(String, Vec<Range<u32>>)> {
    let mut files: Vec<(String, Vec<Range<u32>>)> = Vec::new();
    // Whether the hunks belong to an existing file.
    let mut open = false;
    // Remaining lines of a hunk's body. They may look like a header: `+++ b/x`.
    let mut body = 0u64;
    for line in diff.split_inclusive(|byte| *byte == b'\n') {
        if body > 0 && matches!(line.first(), Some(b'-' | b'+')) {
            body -= 1;
        } else if line.starts_with(b"diff --git ") {
            (open, body) = (false, 0);
        } else if let Some(path) = line.strip_prefix(b"+++ ") {
            let path = path_of(path);
            open = path.is_some();
            files.extend(path.map(|path| (path, Vec::new())));
        } else if let Some((old, new)) = line.strip_prefix(b"@@ -").and_then(hunk) {
            body = u64::from(old) + u64::from(new.end - new.start);
            if let Some((_, lines)) = files.last_mut().filter(|_| open) {
                lines.push(new);
            }
        }
    }
    files.retain(|(_, lines)| !lines.is_empty());
    files
}

/// Parses `10,2 +9,3 @@ fn x`: the number of old lines, and the range of the new ones.
fn hunk(line: &[u8]) -> Option<(u32, Range<u32>)> {
    let line = str::from_utf8(line.split(|byte| *byte == b'@').next()?).ok()?;
    let (old, new) = line.trim_end().split_once(" +")?;
    let numbers = |side: &str| -> Option<(u32, u32)> {
        let (start, length) = side.split_once(',').unwrap_or((side, "1"));
        Some((start.parse().ok()?, length.parse().ok()?))
    };
    let (_, old) = numbers(old)?;
    let (start, length) = numbers(new)?;
    // For an empty range git names the line before it; counted from 1, that is the line after it counted from 0.
    let start = if length == 0 { start } else { start.checked_sub(1)? };
    Some((old, start..start.checked_add(length)?))
}

/// `b/src/main.rs`, or `"b/a\tb"`; `None` for `/dev/null` and what is not UTF-8.
fn path_of(line: &[u8]) -> Option<String> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    // A name with spaces is followed by a tab.
    let line = line.strip_suffix(b"\t").unwrap_or(line);
    let name = match line.strip_prefix(b"\"") {
        Some(quoted) => unquote(quoted)?,
        None => line.to_vec(),
    };
    String::from_utf8(name).ok()?.strip_prefix("b/").map(str::to_owned)
}

/// The text before the closing quote, with C escapes resolved.
fn unquote(quoted: &[u8]) -> Option<Vec<u8>> {
    let mut name = Vec::new();
    let mut bytes = quoted.iter().copied();
    loop {
        name.push(match bytes.next()? {
            b'"' => return Some(name),
            b'\\' => match bytes.next()? {
                b'a' => 7,
                b'b' => 8,
                b't' => b'\t',
                b'n' => b'\n',
                b'v' => 11,
                b'f' => 12,
                b'r' => b'\r',
                digit @ b'0'..=b'3' => {
                    let octal = [digit, bytes.next()?, bytes.next()?];
                    u8::from_str_radix(str::from_utf8(&octal).ok()?, 8).ok()?
                }
                plain => plain,
            },
            plain => plain,
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIFF: &str = "\
diff --git a/src/a.rs b/src/a.rs
index 1..2 100644
--- a/src/a.rs
+++ b/src/a.rs
@@ -3 +3,2 @@ fn a() {
-+++ b/fake
+++ b/fake
+@@ -1 +1 @@
@@ -9,2 +9,0 @@ fn b() {
-one
-two
\\ No newline at end of file
@@ -0,0 +12 @@
+last
diff --git a/old name b/new name
similarity index 90%
rename from old name
rename to new name
--- a/old name\t
+++ b/new name\t
@@ -1 +1 @@
-x
+y
diff --git \"a/\\303\\244\\t.rs\" \"b/\\303\\244\\t.rs\"
--- \"a/\\303\\244\\t.rs\"
+++ \"b/\\303\\244\\t.rs\"
@@ -0,0 +1,3 @@
+1
+2
+3
diff --git a/gone b/gone
deleted file mode 100644
--- a/gone
+++ /dev/null
@@ -1 +0,0 @@
-x
diff --git a/picture.png b/picture.png
Binary files a/picture.png and b/picture.png differ
diff --git a/mode b/mode
old mode 100644
new mode 100755
";

    #[test]
    fn lines_of_the_new_side_are_found() {
        let found = new_lines(DIFF.as_bytes());
        let found: Vec<_> = found.into_iter().map(|(path, lines)| format!("{path}: {lines:?}")).collect();
        assert_eq!(found, ["src/a.rs: [2..4, 9..9, 11..12]", "new name: [0..1]", "ä\t.rs: [0..3]"]);
    }

    #[test]
    fn a_truncated_diff_is_parsed_up_to_the_cut() {
        for end in 0..DIFF.len() {
            assert!(new_lines(&DIFF.as_bytes()[..end]).len() <= 3);
        }
    }

    proptest! {
        #[test]
        fn anything_is_read_without_a_panic(
            lines in prop::collection::vec("(@@ -|\\+\\+\\+ |diff --git |[+-]|\"b/|)[0-9,+ @\"\\\\a]{0,24}", 0..20),
        ) {
            new_lines(lines.join("\n").as_bytes());
        }
    }
}
