//! Evaluations of small repositories: holes by language, samples by seed, and that no answer leaks.

mod holes;
mod leaks;
mod needed;
mod sample;

use std::path::Path;

use super::corpus::{Corpus, Hole};
use super::holes::Kind;
use crate::repository::rules::Rules;
use crate::repository::walk::Bounds;

/// A repository on disk, and its corpus.
fn repository(files: &[(&str, &str)]) -> (tempfile::TempDir, Corpus) {
    let folder = tempfile::tempdir().expect("a folder");
    // A temporary folder with a hidden name would be excluded as a whole.
    let root = folder.path().join("repository");
    for (path, text) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    let bounds = Bounds { files: 1000, bytes: 1 << 24 };
    let corpus = Corpus::read(&root, &Rules::new(std::slice::from_ref(&root), &[]), bounds);
    assert_eq!(corpus.files.len(), files.len());
    (folder, corpus)
}

/// The hole at the first occurrence of `what` in a file.
fn hole(corpus: &Corpus, path: &str, what: &str) -> Hole {
    let file = corpus.place(&corpus.root.join(path)).expect("the file was read");
    let start = corpus.files[file].text.find(what).expect("the file holds it");
    Hole { file, kind: Kind::Line, range: start..start + what.len() }
}

/// A text that is long enough for holes.
fn long(text: &str) -> String {
    let filler: String = (0..10).map(|number| format!("fn filler_{number}() {{}}\n")).collect();
    format!("{text}{filler}")
}

/// Whether a file is unchanged.
fn is_untouched(corpus: &Corpus, path: &str) -> bool {
    let path = corpus.root.join(path);
    let file = &corpus.files[corpus.place(Path::new(&path)).expect("the file was read")];
    std::fs::read_to_string(&path).is_ok_and(|text| *text == *file.text)
}
