//! Fingerprints the sources that determine the facts of a text. An index on disk that was written by other sources is
//! ignored (`src/repository/index/disk`), without a version number to maintain.

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

/// The sources of facts, rules and the disk format. A test compares the `use` lines of these readers with this list.
const READERS: [&str; 8] = [
    "src/documents",
    "src/facts",
    "src/files.rs",
    "src/languages",
    "src/user_dirs.rs",
    "src/repository",
    "src/secrets",
    "src/syntax.rs",
];

fn main() {
    let mut files = Vec::new();
    for reader in READERS {
        println!("cargo:rerun-if-changed={reader}");
        match Path::new(reader) {
            file if file.is_file() => files.push(file.to_owned()),
            folder => gather(folder, &mut files),
        }
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        hasher.write(file.to_string_lossy().as_bytes());
        hasher.write(&fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())));
    }
    // Grammars, with their versions and checksums; a package by itself has no lock file beside it.
    if let Ok(lock) = fs::read_to_string("../Cargo.lock") {
        println!("cargo:rerun-if-changed=../Cargo.lock");
        let is_grammar = |package: &&str| package.trim_start().starts_with("name = \"tree-sitter");
        for package in lock.split("[[package]]").filter(is_grammar) {
            hasher.write(package.as_bytes());
        }
    }
    println!("cargo:rustc-env=PHI_LS_READERS={:016x}", hasher.finish());
}

/// All sources below a folder but those of tests.
fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match path.is_dir() {
            _ if matches!(&*name, "tests" | "tests.rs") => {}
            true => gather(&path, files),
            false => files.push(path),
        }
    }
}
