//! What can be read of a journal after a crash, damage or a version change, and who can read it.

use super::*;

fn header(id: &str) -> Header {
    let roots = vec![PathBuf::from("/w/project")];
    Header { id: id.to_owned(), roots, plan: Plan::default() }
}

fn refused(site: usize) -> Entry {
    Entry::Refused { site, reason: "it is\nas it was".to_owned() }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A closed journal with two entries.
fn written(folder: &Path) -> PathBuf {
    let mut journal = Journal::create(folder, &header("run-1")).expect("a journal");
    journal.append(&refused(0)).expect("written");
    journal.append(&refused(1)).expect("written");
    journal.path().to_owned()
}

fn set_age(path: &Path, age: Duration) {
    let file = fs::File::options().write(true).open(path).expect("there");
    file.set_modified(SystemTime::now() - age).expect("set");
}

#[test]
fn a_journal_says_what_was_written() {
    let folder = folder();
    let path = written(&folder.path().join("deep/er"));
    let (mut journal, found, entries) = Journal::open(&path).expect("whole");
    assert_eq!((found, entries), (header("run-1"), vec![refused(0), refused(1)]));
    let all = [
        Entry::Rewritten { site: 2, before: fingerprint("a"), item_old: "o".into(), item_new: "n".into() },
        Entry::Checked { round: 1, passed: false, problems: 3 },
        Entry::Writing {
            files: vec![Change { path: "/a".into(), before: "\r\n".into(), after: "é".into() }],
        },
        Entry::Written { path: "/a".into() },
        Entry::Skipped { path: "/b".into(), reason: "changed".into() },
    ];
    all.iter().for_each(|entry| journal.append(entry).expect("written"));
    drop(journal);
    let (_, _, entries) = Journal::open(&path).expect("whole");
    assert_eq!(entries[2..], all);
}

#[test]
fn wherever_a_crash_cuts_it_the_whole_lines_count_and_more_can_follow() {
    let folder = folder();
    let path = written(folder.path());
    let whole = fs::read(&path).expect("readable");
    let ends: Vec<usize> = (0..whole.len()).filter(|&at| whole[at] == b'\n').collect();
    for length in ends[1] + 1..whole.len() {
        fs::write(&path, &whole[..length]).expect("written");
        let (mut journal, _, entries) = Journal::open(&path).expect("tolerated");
        let kept = usize::from(length > ends[2]);
        assert_eq!(entries.len(), kept, "cut at {length}");
        journal.append(&refused(9)).expect("written");
        drop(journal);
        let (_, _, entries) = Journal::open(&path).expect("whole again");
        assert_eq!(entries.last(), Some(&refused(9)));
        assert_eq!(entries.len(), kept + 1);
    }
    // After a power failure a file can end in zeros.
    fs::write(&path, [&whole[..], b"\0\0\0\n"].concat()).expect("written");
    assert_eq!(Journal::open(&path).expect("tolerated").2.len(), 2);
}

#[test]
fn damage_and_other_versions_are_said() {
    let folder = folder();
    let path = written(folder.path());
    let whole = fs::read_to_string(&path).expect("readable");
    let error = |text: &str| {
        fs::write(&path, text).expect("written");
        Journal::open(&path).expect_err("not to be gone on with").to_string()
    };
    let other = error(&whole.replace("\"phiLsJournal\":2", "\"phiLsJournal\":7"));
    assert!(
        other.contains("format 7, this one reads 2") && other.contains("resume with that version"),
        "{other}"
    );
    for nothing in ["", "x", "{}\n", "{\"phiLsJournal\":2}\n", "{\"phiLsJournal\":2}\n{\"id\":\"a"] {
        assert!(error(nothing).contains("is damaged"), "{nothing:?}");
    }
    let elsewhere = error(&whole.replacen("run-1", "../../x", 1));
    assert!(elsewhere.contains("line 2 is damaged"), "{elsewhere}");
}

#[test]
fn a_flipped_bit_costs_an_entry_and_alters_none() {
    let folder = folder();
    let path = written(folder.path());
    let all = [
        Entry::Rewritten {
            site: 0,
            before: fingerprint("a"),
            item_old: "old é".into(),
            item_new: "new".into(),
        },
        Entry::Writing { files: vec![Change { path: "/a".into(), before: "b".into(), after: "c\n".into() }] },
    ];
    let (mut journal, found, _) = Journal::open(&path).expect("whole");
    all.iter().for_each(|entry| journal.append(entry).expect("written"));
    drop(journal);
    let whole = fs::read(&path).expect("readable");
    let (_, _, entries) = Journal::open(&path).expect("whole");
    let mut left_out = 0;
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << bit;
            fs::write(&path, &flipped).expect("written");
            // A journal with a damaged header yields no entries.
            let Ok((journal, header, read)) = Journal::open(&path) else { continue };
            assert_eq!(header, found, "bit {bit} of byte {at}");
            assert!(read.iter().all(|entry| entries.contains(entry)), "bit {bit} of byte {at}: {read:?}");
            let lost = entries.len() - read.len();
            assert!(lost <= 2, "bit {bit} of byte {at}: {read:?}");
            // A crash can leave the last entry without its line end.
            let is_said = journal.note().is_some_and(|note| note.contains("is done again"));
            assert!(is_said || lost == 0 || at + 1 == whole.len(), "bit {bit} of byte {at}");
            left_out += lost;
        }
    }
    assert!(left_out > 1000, "{left_out} entries were left out");
}

#[test]
fn a_journal_whose_first_lines_are_damaged_is_found_and_named() {
    let folder = folder();
    let path = written(folder.path());
    let roots = header("").roots;
    let whole = fs::read(&path).expect("readable");
    let ends: Vec<usize> = (0..whole.len()).filter(|&at| whole[at] == b'\n').collect();
    for at in 0..ends[1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(&path, &flipped).expect("written");
        assert_eq!(Journal::latest(folder.path(), &roots), Some(path.clone()), "byte {at}");
        let error = Journal::open(&path).expect_err("not to be gone on with").to_string();
        let is_said = error.contains(&path.display().to_string()) && error.contains("delete the file");
        assert!(is_said, "byte {at}: {error}");
    }
    for cut in [0, 5, ends[0], ends[0] + 1, ends[1] - 1] {
        fs::write(&path, &whole[..cut]).expect("written");
        assert_eq!(Journal::latest(folder.path(), &roots), Some(path.clone()), "cut at {cut}");
    }
    // A damaged journal of unknown workspace does not hide a complete one, and one of this workspace is not skipped.
    let whole_one = Journal::create(folder.path(), &header("run-0")).expect("a journal");
    set_age(whole_one.path(), Duration::from_secs(60));
    let other = whole_one.path().to_owned();
    drop(whole_one);
    fs::write(&path, "no journal").expect("written");
    assert_eq!(Journal::latest(folder.path(), &roots), Some(other));
    let mut flipped = whole.clone();
    flipped[ends[1] - 2] ^= 1;
    fs::write(&path, &flipped).expect("written");
    assert_eq!(Journal::latest(folder.path(), &roots), Some(path));
}

#[test]
fn one_process_at_a_time_has_it() {
    let folder = folder();
    let journal = Journal::create(folder.path(), &header("run-1")).expect("a journal");
    let path = journal.path().to_owned();
    assert!(matches!(Journal::open(&path), Err(JournalError::InUse(_))));
    assert_eq!(Journal::latest(folder.path(), &header("").roots), None, "in hand elsewhere");
    drop(journal);
    assert!(Journal::open(&path).is_ok());
}

#[test]
fn an_id_is_used_once_and_names_no_other_place() {
    let folder = folder();
    written(folder.path());
    for id in ["run-1", "", "../a", "a/b", ".", "a b", &"x".repeat(65)] {
        assert!(Journal::create(folder.path(), &header(id)).is_err(), "{id:?}");
    }
}

#[test]
fn the_latest_of_a_workspace_is_found_and_old_ones_go() {
    let folder = folder();
    let roots = header("").roots;
    let make = |id: &str, header: &Header, age: u64| {
        let journal = Journal::create(folder.path(), &Header { id: id.to_owned(), ..header.clone() });
        let journal = journal.expect("a journal");
        set_age(journal.path(), Duration::from_secs(age));
        journal.path().to_owned()
    };
    let other = Header { roots: vec!["/w/other".into()], ..header("") };
    let day = 24 * 60 * 60;
    let newest = make("b", &header(""), day);
    let old = make("a", &header(""), 2 * day);
    make("c", &other, 0);
    fs::write(folder.path().join("d.jsonl"), "no journal").expect("written");
    assert_eq!(Journal::latest(folder.path(), &roots), Some(newest.clone()));
    fs::remove_file(&newest).expect("removed");
    assert_eq!(Journal::latest(folder.path(), &roots), Some(old.clone()));
    let forgotten = make("e", &header(""), KEPT.as_secs() + day);
    let foreign = folder.path().join("note.txt");
    fs::write(&foreign, "").expect("written");
    make("f", &other, 0);
    assert!(!forgotten.exists() && old.exists() && foreign.exists());
}

#[cfg(unix)]
#[test]
fn a_result_that_was_not_written_goes_when_the_next_run_begins() {
    let folder = folder();
    let create = |id: &str, roots: &[&str], last: Option<Entry>| {
        let header = Header { roots: roots.iter().map(PathBuf::from).collect(), ..header(id) };
        let mut journal = Journal::create(folder.path(), &header).expect("a journal");
        last.iter().for_each(|last| journal.append(last).expect("appended"));
        journal.path().to_owned()
    };
    let made = || Some(Entry::Made { files: Vec::new(), passed: None });
    let superseded = create("a", &["/w"], made());
    let kept = [
        create("b", &["/other"], made()),
        create("c", &["/w"], Some(refused(0))),
        create("d", &["/w"], None),
    ];
    assert!(!superseded.exists());
    let last = create("e", &["/other"], None);
    assert!(!kept[0].exists() && kept[1].exists() && kept[2].exists() && last.exists());
}

#[test]
fn nobody_else_reads_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let below = folder.path().join("refactorings");
    let path = written(&below);
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&below), mode(&path)), (0o700, 0o600));
    let (journal, ..) = Journal::open(&path).expect("whole");
    journal.remove().expect("removed");
    assert!(!path.exists());
}
