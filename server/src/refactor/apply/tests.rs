//! Which files are written or skipped, and that nothing else changes. The crash test runs a real process:
//! `tests/tests/crash.rs`.

use super::*;

#[test]
fn a_byte_order_mark_is_no_text_and_stays() {
    let world = World::new();
    let path = world.file("w/a.py", "\u{feff}def area():\r\n    pass\r\n");
    let (before, after) = ("def area():\r\n    pass\r\n", "def surface():\r\n    pass\r\n");
    let change = world.change("w/a.py", before, after);
    let applied = world.apply(std::slice::from_ref(&change));
    assert_eq!((applied.written, applied.skipped), (vec![path], vec![]));
    assert_eq!(world.text("w/a.py"), format!("\u{feff}{after}"));
    assert_eq!(world.apply(&[change]).skipped, [], "it is written already");
    assert_eq!(world.text("w/a.py"), format!("\u{feff}{after}"));
    world.file("w/a.py", &format!("\u{feff}\u{feff}{before}"));
    assert_eq!(world.apply(&[world.change("w/a.py", before, after)]).skipped.len(), 1, "another text");
}
use crate::refactor::Plan;
use crate::refactor::journal::Header;

/// A workspace folder `w`, and `outside` next to it.
struct World {
    folder: tempfile::TempDir,
    rules: Rules,
    runs: std::cell::Cell<u32>,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("w/src")).expect("a folder");
        fs::create_dir_all(folder.path().join("outside")).expect("a folder");
        let rules = Rules::new(&[folder.path().join("w")], &[]);
        World { folder, rules, runs: std::cell::Cell::default() }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn file(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).expect("a text")
    }

    fn change(&self, path: &str, before: &str, after: &str) -> FileChange {
        FileChange { path: self.path(path), before: before.into(), after: after.into() }
    }

    fn journal(&self) -> Journal {
        self.runs.set(self.runs.get() + 1);
        let header = Header { id: format!("run-{}", self.runs.get()), roots: vec![], plan: Plan::default() };
        Journal::create(&self.path("journals"), &header).expect("a journal")
    }

    fn apply(&self, changes: &[FileChange]) -> Applied {
        apply(&self.rules, changes, &mut self.journal()).expect("the journal is written")
    }

    /// Why a change of this file is skipped; asserts that nothing is left behind.
    fn skipped(&self, path: &str, before: &str) -> Skipped {
        let all = |folder: &Path| {
            let mut all: Vec<_> = walked(folder)
                .into_iter()
                .map(|path| fs::read(&path).map(|text| (path, text)).ok())
                .collect();
            all.sort();
            all
        };
        let was = [all(&self.path("w")), all(&self.path("outside"))];
        let applied = self.apply(&[self.change(path, before, "after\n")]);
        assert_eq!([all(&self.path("w")), all(&self.path("outside"))], was, "something has changed");
        assert_eq!(applied.written, Vec::<PathBuf>::new());
        let [(skipped, reason)] = &applied.skipped[..] else { panic!("{applied:?}") };
        assert_eq!(*skipped, self.path(path));
        reason.clone()
    }
}

fn walked(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        match entry.file_type().expect("known").is_dir() {
            true => found.extend(walked(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}

#[test]
fn files_get_exactly_their_new_text() {
    let world = World::new();
    world.file("w/a.rs", "\u{feff}one\r\ntwo");
    world.file("w/src/b.rs", "b\n");
    let changes = [
        world.change("w/a.rs", "\u{feff}one\r\ntwo", "\u{feff}one\r\n2"),
        world.change("w/src/b.rs", "b\n", ""),
    ];
    let applied = world.apply(&changes);
    assert_eq!(applied.written, [world.path("w/a.rs"), world.path("w/src/b.rs")]);
    assert_eq!(applied.skipped, []);
    assert_eq!((world.text("w/a.rs").as_str(), world.text("w/src/b.rs").as_str()), ("\u{feff}one\r\n2", ""));
    assert_eq!(walked(&world.path("w")).len(), 2, "nothing is left beside them");
}

#[test]
fn one_withheld_file_withholds_no_other() {
    let world = World::new();
    for name in ["a", "b", "c"] {
        world.file(&format!("w/{name}"), "before\n");
    }
    world.file("w/b", "mine\n");
    let applied =
        world.apply(&["a", "b", "c"].map(|name| world.change(&format!("w/{name}"), "before\n", "after\n")));
    assert_eq!(applied.written, [world.path("w/a"), world.path("w/c")]);
    assert_eq!(applied.skipped, [(world.path("w/b"), Skipped::Changed)]);
    assert_eq!(world.text("w/b"), "mine\n");
}

#[test]
fn what_changed_meanwhile_is_withheld() {
    let world = World::new();
    for text in ["", "before", "before\n\n", "before\r\n", "BEFORE\n"] {
        world.file("w/a.rs", text);
        assert_eq!(world.skipped("w/a.rs", "before\n"), Skipped::Changed, "{text:?}");
    }
    fs::write(world.path("w/a.rs"), b"before\xff\n").expect("written");
    assert_eq!(world.skipped("w/a.rs", "before\n"), Skipped::Changed);
    fs::remove_file(world.path("w/a.rs")).expect("removed");
    assert!(matches!(world.skipped("w/a.rs", "before\n"), Skipped::Failed(_)));
    assert!(matches!(world.skipped("w/none/a.rs", "before\n"), Skipped::Failed(_)));
}

#[test]
fn nothing_outside_of_the_workspace_is_written() {
    let world = World::new();
    world.file("outside/a.rs", "before\n");
    world.file("w/src/a.rs", "before\n");
    for path in ["outside/a.rs", "w/../outside/a.rs", "w/src/../src/a.rs", "w/src/.."] {
        assert_eq!(world.skipped(path, "before\n"), Skipped::Outside, "{path}");
    }
    let relative = FileChange { path: "src/a.rs".into(), ..world.change("", "before\n", "after\n") };
    assert_eq!(world.apply(&[relative]).skipped[0].1, Skipped::Outside);
    // A name with the workspace's name as a prefix is another folder.
    world.file("w-two/a.rs", "before\n");
    assert_eq!(world.skipped("w-two/a.rs", "before\n"), Skipped::Outside);
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_out() {
    use std::os::unix::fs::symlink;
    let world = World::new();
    world.file("outside/a.rs", "before\n");
    world.file("w/src/in.rs", "before\n");
    symlink(world.path("outside/a.rs"), world.path("w/file.rs")).expect("a link");
    symlink(world.path("outside"), world.path("w/folder")).expect("a link");
    symlink(world.path("w/folder"), world.path("w/twice")).expect("a link");
    symlink("../outside/a.rs", world.path("w/relative.rs")).expect("a link");
    symlink(world.path("w/src/in.rs"), world.path("w/inside.rs")).expect("a link");
    symlink("nowhere", world.path("w/dangling.rs")).expect("a link");
    assert_eq!(world.skipped("w/file.rs", "before\n"), Skipped::NoFile);
    assert_eq!(world.skipped("w/relative.rs", "before\n"), Skipped::NoFile);
    assert_eq!(world.skipped("w/inside.rs", "before\n"), Skipped::NoFile);
    assert_eq!(world.skipped("w/dangling.rs", "before\n"), Skipped::NoFile);
    assert_eq!(world.skipped("w/folder/a.rs", "before\n"), Skipped::Outside);
    assert_eq!(world.skipped("w/twice/a.rs", "before\n"), Skipped::Outside);
    assert_eq!(world.skipped("w/src", "before\n"), Skipped::NoFile);
}

#[cfg(unix)]
#[test]
fn a_link_to_a_folder_within_is_followed_but_not_to_what_is_excluded() {
    use std::os::unix::fs::symlink;
    let world = World::new();
    world.file("w/.gitignore", "built/\n");
    world.file("w/built/a.rs", "before\n");
    world.file("w/src/a.rs", "before\n");
    world.file("w/.git/hooks/pre-commit", "before\n");
    symlink("src", world.path("w/linked")).expect("a link");
    symlink("built", world.path("w/shown")).expect("a link");
    symlink(".git/hooks", world.path("w/hooks")).expect("a link");
    assert!(matches!(world.skipped("w/shown/a.rs", "before\n"), Skipped::Excluded(Excluded::Ignored { .. })));
    assert_eq!(world.skipped("w/hooks/pre-commit", "before\n"), Skipped::VersionControl);
    let applied = world.apply(&[world.change("w/linked/a.rs", "before\n", "after\n")]);
    assert_eq!(applied.written, [world.path("w/linked/a.rs")]);
    assert_eq!(world.text("w/src/a.rs"), "after\n");
    assert!(world.path("w/linked").is_symlink());
}

#[cfg(unix)]
#[test]
fn a_workspace_folder_that_is_a_link_is_the_workspace() {
    let world = World::new();
    std::os::unix::fs::symlink(world.path("w"), world.path("opened")).expect("a link");
    world.file("w/.gitignore", "built\n");
    world.file("w/built", "before\n");
    world.file("w/a.rs", "before\n");
    let rules = Rules::new(&[world.path("opened")], &[]);
    let changes = ["opened/a.rs", "w/a.rs", "opened/built", "w/built"];
    let changes = changes.map(|path| world.change(path, "before\n", "after\n"));
    let applied = apply(&rules, &changes, &mut world.journal()).expect("the journal is written");
    assert_eq!(applied.written, [world.path("opened/a.rs"), world.path("w/a.rs")]);
    let excluded =
        |(_, reason): &(PathBuf, Skipped)| matches!(reason, Skipped::Excluded(Excluded::Ignored { .. }));
    assert!(applied.skipped.len() == 2 && applied.skipped.iter().all(excluded), "{applied:?}");
}

#[test]
fn excluded_and_secret_files_are_never_written() {
    let world = World::new();
    world.file("w/.gitignore", "built/\n*.log\n");
    for path in ["w/.env", "w/.ssh/config", "w/built/a.rs", "w/a.log", "w/tls/server.pem"] {
        world.file(path, "before\n");
        assert!(matches!(world.skipped(path, "before\n"), Skipped::Excluded(_)), "{path}");
    }
    for path in ["w/.git/config", "w/sub/.git/hooks/pre-commit", "w/.GIT/config", "w/.hg/hgrc"] {
        world.file(path, "before\n");
        assert_eq!(world.skipped(path, "before\n"), Skipped::VersionControl, "{path}");
    }
    let secret = concat!("key = \"AK", "IAQ3EGTX7VZL5PWN2K\"\n");
    world.file("w/a.rs", secret);
    assert!(matches!(world.skipped("w/a.rs", secret), Skipped::Excluded(Excluded::SecretText(_))));
}

#[test]
fn read_only_files_stay() {
    let world = World::new();
    let path = world.file("w/a.rs", "before\n");
    let mut permissions = fs::metadata(&path).expect("there").permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).expect("set");
    assert_eq!(world.skipped("w/a.rs", "before\n"), Skipped::ReadOnly);
}

#[cfg(unix)]
#[test]
fn several_names_of_one_file_are_not_torn_apart() {
    let world = World::new();
    let path = world.file("w/a.rs", "before\n");
    fs::hard_link(&path, world.path("outside/a.rs")).expect("a link");
    assert_eq!(world.skipped("w/a.rs", "before\n"), Skipped::HardLinked);
}

#[cfg(unix)]
#[test]
fn permissions_are_kept() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    for mode in [0o755, 0o640, 0o600, 0o4711] {
        let path = world.file("w/a.sh", "before\n");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
        world.apply(&[world.change("w/a.sh", "before\n", "after\n")]);
        assert_eq!(world.text("w/a.sh"), "after\n");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o7777, mode);
    }
}

#[test]
fn a_name_as_long_as_a_name_can_be_is_written() {
    let world = World::new();
    let path = format!("w/{}", "n".repeat(255));
    world.file(&path, "before\n");
    world.apply(&[world.change(&path, "before\n", "after\n")]);
    assert_eq!(world.text(&path), "after\n");
}

#[test]
fn a_resumed_run_finishes_and_leaves_alone_what_changed_since() {
    let world = World::new();
    let names = ["w/done", "w/edited", "w/renamed", "w/other", "w/pending"];
    let changes = names.map(|name| world.change(name, "before\n", "after\n"));
    // As a crash left them: one written and then edited by the user, one written but not in the journal, one edited by
    // the user, and one with a partial temporary file.
    for (name, text) in names.iter().zip(["after\n", "mine\n", "after\n", "mine\n", "before\n"]) {
        world.file(name, text);
    }
    let mut journal = world.journal();
    journal.append(&Entry::Writing { files: changes.iter().map(Change::from).collect() }).expect("written");
    journal.append(&Entry::Written { path: world.path("w/done") }).expect("written");
    journal.append(&Entry::Written { path: world.path("w/edited") }).expect("written");
    let half = world.path("w").join(replacement_name(journal.id(), b"pending"));
    fs::write(&half, "aft").expect("written");
    let path = journal.path().to_owned();
    drop(journal);

    let (mut journal, _, entries) = Journal::open(&path).expect("whole");
    let applied = resume(&world.rules, &entries, &mut journal).expect("written").expect("begun");
    let written = ["w/done", "w/edited", "w/renamed", "w/pending"].map(|name| world.path(name));
    assert_eq!(applied.written, written);
    assert_eq!(applied.skipped, [(world.path("w/other"), Skipped::Changed)]);
    assert_eq!(names.map(|name| world.text(name)), ["after\n", "mine\n", "after\n", "mine\n", "after\n"]);
    assert_eq!(walked(&world.path("w")).len(), names.len(), "half a file stays");
}

#[test]
fn a_run_that_never_began_to_write_has_nothing_to_resume() {
    let world = World::new();
    let mut journal = world.journal();
    let entries = [Entry::Refused { site: 0, reason: String::new() }];
    assert_eq!(resume(&world.rules, &entries, &mut journal).expect("nothing is written"), None);
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_the_replacement_is_not_followed() {
    let world = World::new();
    world.file("w/a.rs", "before\n");
    world.file("outside/a.rs", "before\n");
    let mut journal = world.journal();
    let replacement = world.path("w").join(replacement_name(journal.id(), b"a.rs"));
    std::os::unix::fs::symlink(world.path("outside/a.rs"), &replacement).expect("a link");
    let changes = [world.change("w/a.rs", "before\n", "after\n")];
    let applied = apply(&world.rules, &changes, &mut journal).expect("the journal is written");
    assert_eq!(applied.written.len(), 1);
    assert_eq!((world.text("w/a.rs").as_str(), world.text("outside/a.rs").as_str()), ("after\n", "before\n"));
    assert!(!world.path("w/a.rs").is_symlink());
}

#[test]
fn a_file_whose_folder_cannot_be_synced_is_written_with_a_note() {
    let world = World::new();
    world.file("w/src/a.rs", "fn a() {}\n");
    let change = world.change("w/src/a.rs", "fn a() {}\n", "fn b() {}\n");
    let failing = |_: &Path| Err(io::Error::other("no space left"));
    for _ in 0..2 {
        // The second time it already has its text.
        let notes = write(&world.rules, &change, "run", &failing).expect("it is written");
        assert!(matches!(notes.as_slice(), [note] if note.contains("no space left")), "{notes:?}");
        assert_eq!(world.text("w/src/a.rs"), "fn b() {}\n");
    }
    assert_eq!(walked(&world.path("w")).len(), 1, "nothing else is left");
}

#[cfg(unix)]
#[test]
fn what_of_an_owner_cannot_be_kept_is_said() {
    let all = |_: Option<u32>, _: Option<u32>| Ok(());
    let none = |_: Option<u32>, _: Option<u32>| Err(io::ErrorKind::PermissionDenied.into());
    let group_only = |user: Option<u32>, _| match user {
        Some(_) => Err(io::ErrorKind::PermissionDenied.into()),
        None => Ok(()),
    };
    assert_eq!(owned(0o100_664, (1, 2), (1, 2), &none), (0o664, None), "nothing is to be done");
    assert_eq!(owned(0o106_775, (1, 2), (3, 4), &all), (0o6775, None));
    let (mode, note) = owned(0o102_664, (1, 2), (1, 4), &none);
    assert_eq!(mode, 0o644, "another group gets no rights that not everybody has");
    assert_eq!(note.as_deref(), Some("its group could not be kept: it was 2, and is 4"));
    let (mode, note) = owned(0o106_775, (1, 2), (3, 4), &group_only);
    assert_eq!(mode, 0o2775);
    assert_eq!(note.as_deref(), Some("its owner could not be kept: it was 1, and is 3"));
}

#[test]
fn what_a_journal_holds_is_looked_at_again_before_it_is_written() {
    let world = World::new();
    world.file("w/src/a.rs", "fn a() {}\n");
    world.file("w/src/b.rs", "fn b() {}\n");
    let of = |path: &str, before: &str, after: &str| Change::from(&world.change(path, before, after));
    let files =
        vec![of("w/src/a.rs", "fn a() {}\n", "fn a() {\n"), of("w/src/b.rs", "fn b() {}\n", "fn c() {}\n")];
    let applied = resume(&world.rules, &[Entry::Writing { files }], &mut world.journal());
    let applied = applied.expect("the journal is written").expect("something was begun");
    assert_eq!(applied.skipped, [(world.path("w/src/a.rs"), Skipped::Damaged)]);
    assert_eq!(applied.written, [world.path("w/src/b.rs")]);
    assert_eq!(world.text("w/src/a.rs"), "fn a() {}\n");
}
