//! A saved index is loaded unchanged; anything else is ignored.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::super::Stamp;
use super::super::tests::{PATHS, answers, facts, stamp};
use super::*;

fn roots() -> [PathBuf; 2] {
    ["/w".into(), "/v".into()]
}

fn index() -> Index {
    let mut index = Index::default();
    for (at, path) in PATHS.iter().enumerate() {
        let text: Vec<u8> = (0..40).map(|n| (n * 7 + at * 31) as u8).collect();
        index.replace(Path::new(path), stamp(&text), facts(&text));
    }
    index.remove(Path::new(PATHS[3]));
    index
}

fn saved(index: &Index) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(&folder.path().join("made"), &roots());
    save(&index.snapshot(), &roots(), &path).expect("saved");
    (folder, path)
}

/// The same with the right length and checksum.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let body = &bytes[HEADER..];
    let head = header(body.len() as u64, crc32fast::hash(body));
    bytes[MAKER_END..HEADER].copy_from_slice(&head[MAKER_END..]);
    bytes
}

#[test]
fn a_saved_index_is_loaded() {
    let index = index();
    let (_folder, path) = saved(&index);
    let loaded = load(&path, &roots()).expect("loaded");
    assert_eq!(answers(&loaded), answers(&index));
    // The order of the folders does not matter; others do.
    let [w, v] = roots();
    assert_eq!(file(Path::new("/c"), &[v.clone(), w.clone()]), file(Path::new("/c"), &roots()));
    assert!(load(&path, &[v, w.clone(), w.clone()]).is_some());
    assert!(load(&path, &[w]).is_none());
    assert!(load(&path.with_extension("none"), &roots()).is_none());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&path).expect("saved").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_loaded_index_can_be_changed() {
    let mut index = index();
    let (_folder, path) = saved(&index);
    let mut loaded = load(&path, &roots()).expect("loaded");
    for index in [&mut index, &mut loaded] {
        index.remove(Path::new(PATHS[0]));
        index.replace(Path::new(PATHS[1]), stamp(&[1]), facts(&[4, 6, 8, 200]));
    }
    assert_eq!(answers(&loaded), answers(&index));
    save(&loaded.snapshot(), &roots(), &path).expect("saved over the old one");
    assert_eq!(answers(&load(&path, &roots()).expect("loaded")), answers(&index));
}

#[test]
fn only_files_of_the_disk_below_the_roots_are_saved() {
    let mut index = Index::default();
    let on_disk = Stamp { modified: 1, bytes: 1 };
    index.replace(Path::new("/w/saved.rs"), on_disk, facts(&[1]));
    index.replace(Path::new("/w/open.rs"), Stamp::default(), facts(&[2]));
    index.replace(Path::new("/elsewhere/a.rs"), on_disk, facts(&[3]));
    index.replace(Path::new("/w/../b.rs"), on_disk, facts(&[3]));
    let (_folder, path) = saved(&index);
    let loaded = load(&path, &roots()).expect("loaded");
    let paths: Vec<_> = loaded.files().map(|file| loaded.path(file).to_owned()).collect();
    assert_eq!(paths, [Path::new("/w/saved.rs")]);
}

#[test]
fn unused_words_are_not_saved() {
    let mut index = index();
    let all = index.words.len();
    for path in &PATHS[1..] {
        index.remove(Path::new(path));
    }
    index.replace(Path::new(PATHS[0]), stamp(&[2]), facts(&[2]));
    let (_folder, path) = saved(&index);
    let loaded = load(&path, &roots()).expect("loaded");
    assert!(loaded.words.len() < 5 && all > 10, "{} of {all}", loaded.words.len());
}

#[cfg(unix)]
#[test]
fn a_pipe_does_not_block() {
    let folder = tempfile::tempdir().expect("a folder");
    let (pipe, zeros) = (folder.path().join("pipe"), folder.path().join("zeros"));
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).expect("a pipe");
    std::os::unix::fs::symlink("/dev/zero", &zeros).expect("a link");
    for path in [pipe, zeros, folder.path().to_owned()] {
        assert!(load(&path, &roots()).is_none(), "{path:?}");
    }
}

#[test]
fn a_truncated_file_is_ignored() {
    let (_folder, path) = saved(&index());
    let bytes = fs::read(&path).expect("saved");
    for length in
        (0..bytes.len()).step_by(7).chain([HEADER - 1, HEADER, HEADER + 1, HEADER + 4, bytes.len() - 1])
    {
        fs::write(&path, &bytes[..length]).expect("written");
        assert!(load(&path, &roots()).is_none(), "{length} of {}", bytes.len());
    }
    fs::write(&path, [&bytes[..], b"more"].concat()).expect("written");
    assert!(load(&path, &roots()).is_none());
}

#[test]
fn another_version_is_ignored() {
    let (_folder, path) = saved(&index());
    let bytes = fs::read(&path).expect("saved");
    for at in [0, 8] {
        let mut other = bytes.clone();
        other[at] ^= 1;
        fs::write(&path, &other).expect("written");
        assert!(load(&path, &roots()).is_none(), "{at}");
    }
}

#[test]
fn absurd_counts_allocate_no_memory() {
    let with_parts = |parts: &[&[u8]]| {
        let mut bytes = header(0, 0);
        for part in parts {
            bytes.extend((part.len() as u32).to_le_bytes());
            bytes.extend(*part);
        }
        decode(&sealed(bytes), &in_order(&roots()))
    };
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let preface = encode(&(vec!["/v", "/w"], vec!["a", "b"])).expect("encoded");
    assert!(with_parts(&[&preface]).is_ok());
    assert!(with_parts(&[&huge]).is_err(), "roots");
    assert!(
        with_parts(&[&[&encode(&vec!["/v", "/w"]).expect("encoded")[..], &huge].concat()]).is_err(),
        "words"
    );
    assert!(with_parts(&[&preface, &huge]).is_err(), "files");
    let mut length = header(0, 0);
    length.extend([0xff; 4]);
    assert!(decode(&sealed(length), &in_order(&roots())).is_err(), "a part");
    // Duplicate words, and paths that lead elsewhere.
    assert!(with_parts(&[&encode(&(vec!["/v", "/w"], vec!["a", "a"])).expect("encoded")]).is_err());
    for path in ["/etc/passwd", "../up.rs", "a/../../up.rs", ""] {
        let mut index = Index::default();
        index.replace(Path::new("/w/a.rs"), stamp(&[1]), facts(&[1]));
        let snapshot = index.snapshot();
        let numbers = Numbers::of(snapshot.entries.iter().map(|entry| &**entry), &snapshot.words);
        let texts = numbers.texts(&snapshot.words);
        let preface = encode(&(vec!["/v", "/w"], texts)).expect("encoded");
        let block = encode(&vec![Record::of((1, path), &snapshot.entries[0], &numbers)]).expect("encoded");
        assert!(with_parts(&[&preface, &block]).is_err(), "{path}");
    }
}

#[test]
fn a_failed_save_is_an_error_and_keeps_the_old_index() {
    let (folder, path) = saved(&index());
    let in_a_file = path.join("below.index");
    assert!(save(&Index::default().snapshot(), &roots(), &in_a_file).is_err());
    assert!(load(&path, &roots()).is_some());
    let left: Vec<_> = fs::read_dir(folder.path().join("made")).expect("the folder").flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn long_unused_indexes_are_removed() {
    let (_folder, path) = saved(&index());
    let beside = |name: &str, age: Duration| {
        let path = path.with_file_name(name);
        let file = fs::File::create(&path).expect("a file");
        file.set_modified(SystemTime::now() - age).expect("a time");
        path
    };
    let old = beside("old.index", KEPT + Duration::from_secs(60));
    let recent = beside("recent.index", KEPT / 2);
    let other = beside("other.txt", KEPT * 2);
    save(&index().snapshot(), &roots(), &path).expect("saved");
    assert_eq!([&old, &recent, &other].map(|path| path.exists()), [false, true, true]);
}

/// A valid file.
static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut out = io::Cursor::new(Vec::new());
    write(&mut out, &index().snapshot(), &in_order(&roots())).expect("written");
    out.into_inner()
});

proptest! {
    #[test]
    fn flipped_bytes_are_noticed(flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255u8), 1..4)) {
        let mut bytes = WHOLE.clone();
        for (at, flip) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
        }
        prop_assert_eq!(decode(&bytes, &in_order(&roots())).is_ok(), bytes == *WHOLE);
    }

    /// A checksum does not keep out every wrong file: none may cause a panic.
    #[test]
    fn a_wrong_file_with_the_right_checksum_does_no_harm(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = WHOLE.clone();
        for (at, flip) in flips {
            let at = HEADER + at.index(bytes.len() - HEADER);
            bytes[at] = flip;
        }
        let cut = bytes[..HEADER + cut.index(bytes.len() - HEADER)].to_owned();
        for bytes in [sealed(bytes), sealed(cut)] {
            if let Ok(mut index) = decode(&bytes, &in_order(&roots())) {
                answers(&index);
                for path in PATHS {
                    index.remove(Path::new(path));
                }
            }
        }
    }
}

/// The sources that `build.rs` hashes determine the saved facts; they may not use other modules.
#[test]
fn readers_use_only_modules_in_the_fingerprint() {
    fn look(folder: &Path, seen: &mut usize) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let is_test = path.file_stem().is_some_and(|name| name == "tests");
            if path.is_dir() && !is_test {
                look(&path, seen);
            }
            if is_test || path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            *seen += 1;
            let text = fs::read_to_string(&path).expect("a source");
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let paths = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            for used in paths.flat_map(|line| line.split("crate::").skip(1)) {
                let module: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                assert!(
                    [
                        "",
                        "documents",
                        "facts",
                        "files",
                        "languages",
                        "user_dirs",
                        "repository",
                        "secrets",
                        "syntax"
                    ]
                    .contains(&module.as_str()),
                    "{} uses crate::{module}, which build.rs does not hash: add it to READERS",
                    path.display()
                );
            }
        }
    }
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    for folder in
        ["facts", "languages", "secrets", "repository/imports", "repository/rules", "repository/index"]
    {
        look(&sources.join(folder), &mut seen);
    }
    assert!(seen > 30, "only {seen} sources were found");
}
