//! The facts of small texts, in each language.

mod bad_input;
mod c;
mod data;
mod go;
mod jvm;
mod python;
mod rust;
mod scripts;
mod typescript;

use std::fmt::Write;
use std::path::Path;

use expect_test::Expect;

use super::*;

/// Extracts the facts of `text` and compares everything except the chunks.
#[track_caller]
fn check(path: &str, text: &str, expected: Expect) {
    let path = Path::new(path);
    let facts = read(path, text, Language::of_path(path), None);
    tiled(&facts);
    expected.assert_eq(&shown(&facts));
}

/// The chunks cover all lines in order, none is too long, and all word numbers are valid.
fn tiled(facts: &Facts) {
    let mut line = 0;
    for chunk in &facts.chunks {
        assert_eq!(chunk.lines.start, line);
        assert!((1..=40).contains(&chunk.lines.len()), "{:?}", chunk.lines);
        line = chunk.lines.end;
    }
    assert_eq!(line, facts.lines);
    let words = facts.words.len() as u32;
    assert!(
        facts.chunks.iter().flat_map(|chunk| &chunk.terms).all(|&(word, count)| word < words && count > 0)
    );
    assert!(facts.references.iter().all(|reference| reference.word < words && reference.line < facts.lines));
    assert!(facts.symbols.iter().all(|symbol| symbol.lines.end <= facts.lines));
}

fn shown(facts: &Facts) -> String {
    let mut shown = String::new();
    for Symbol { name, kind, container, lines, signature, doc } in &facts.symbols {
        let container = container.as_ref().map_or(String::new(), |container| format!("{container}."));
        let kind = format!("{kind:?}").to_lowercase();
        writeln!(shown, "{}-{} {kind} {container}{name}", lines.start + 1, lines.end).unwrap();
        for (mark, text) in [("  | ", signature), ("  \" ", doc)] {
            text.lines().for_each(|line| writeln!(shown, "{}", format!("{mark}{line}").trim_end()).unwrap());
        }
    }
    for Import { path, names, line } in &facts.imports {
        writeln!(shown, "{} import {path} -> {}", line + 1, names.join(" ")).unwrap();
    }
    for line in facts.references.chunk_by(|one, next| one.line == next.line) {
        let names: Vec<_> = line.iter().map(|reference| &*facts.words[reference.word as usize]).collect();
        writeln!(shown, "{} uses {}", line[0].line + 1, names.join(" ")).unwrap();
    }
    shown
}
