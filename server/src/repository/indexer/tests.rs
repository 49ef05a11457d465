//! The index does not depend on the order of events; an open document overrides its file; bounds hold.

use std::fs;
use std::sync::Mutex;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::documents::{Change, DocumentId};
use crate::repository::rules::Rules;

/// A workspace, its documents, and an indexer that gets their events.
struct Fixture {
    folder: TempDir,
    documents: Arc<Documents>,
    repository: Repository,
    indexer: Indexer,
    sent: Arc<Mutex<BTreeMap<PathBuf, String>>>,
}

impl Fixture {
    fn new(files: &[(&str, &str)]) -> Fixture {
        let folder = tempfile::tempdir().expect("a folder");
        let documents = Arc::<Documents>::default();
        Fixture::with(folder, documents, files, usize::MAX)
    }

    fn with(folder: TempDir, documents: Arc<Documents>, files: &[(&str, &str)], max_files: usize) -> Fixture {
        let (repository, indexer, sent) = indexer(folder.path(), &documents, max_files);
        let fixture = Fixture { folder, documents, repository, indexer, sent };
        for (path, text) in files {
            fixture.write(path, text);
        }
        fixture
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
        fs::write(path, text).expect("written");
    }

    fn open(&self, name: &str, text: &str) -> Event {
        let (id, path) = (DocumentId(name.into()), self.path(name));
        self.documents.open(Document::open(id, Some(path.clone()), "", 1, text));
        Event::Document(path)
    }

    fn close(&self, name: &str) -> Event {
        self.documents.close(&DocumentId(name.into()));
        Event::Document(self.path(name))
    }

    fn disk(&self, names: &[&str]) -> Event {
        Event::Disk(names.iter().map(|name| self.path(name)).collect())
    }

    fn process(&mut self, event: Event) {
        self.indexer.handle(event);
        self.indexer.settle();
    }

    /// The files of the index, by path, each with the names that it defines.
    fn names(&self) -> Vec<String> {
        let index = self.repository.index();
        let line = |file| {
            let path = index.path(file).strip_prefix(self.folder.path()).expect("below the root");
            let names: Vec<_> = index.symbols(file).iter().map(|symbol| &*symbol.name).collect();
            format!("{} {}", path.display(), names.join(" "))
        };
        index.files().map(line).collect()
    }

    fn sent(&self, name: &str) -> Option<String> {
        self.sent.lock().expect("no holder panics").get(&self.path(name)).cloned()
    }
}

type Sent = Arc<Mutex<BTreeMap<PathBuf, String>>>;

fn indexer(root: &Path, documents: &Arc<Documents>, max_files: usize) -> (Repository, Indexer, Sent) {
    let repository = Repository::default();
    repository.set_rules(Rules::new(&[root.to_owned()], &[]));
    let sent = Sent::default();
    let texts = sent.clone();
    let listener = IndexListener {
        text: Box::new(move |path, text| {
            let mut texts = texts.lock().expect("no holder panics");
            match text {
                Some(text) => texts.insert(path.to_owned(), text.to_string()),
                None => texts.remove(path),
            };
            true
        }),
        ..IndexListener::none()
    };
    let indexer = Indexer::new(repository.clone(), documents, max_files, listener);
    (repository, indexer, sent)
}

/// All facts of an index about its files.
fn state(repository: &Repository) -> Vec<String> {
    let index = repository.index();
    let file = |file| {
        let mut uses: Vec<_> = index.uses(file).collect();
        uses.sort_unstable();
        let (symbols, imports) = (index.symbols(file), index.imports(file));
        let (path, stamp, language) = (index.path(file), index.stamp(file), index.language(file));
        format!("{} {stamp:?} {language} {symbols:?} {imports:?} {uses:?}", path.display())
    };
    index.files().map(file).collect()
}

#[test]
fn files_are_added_changed_and_removed() {
    let mut fixture = Fixture::new(&[("a.rs", "fn one() {}\n"), ("src/b.rs", "fn two() {}\n")]);
    fixture.indexer.settle();
    assert_eq!(fixture.names(), ["a.rs one", "src/b.rs two"]);
    fixture.write("a.rs", "fn uno() {}\n");
    fixture.write("src/new/c.rs", "fn three() {}\n");
    fixture.process(fixture.disk(&["a.rs", "src/new"]));
    assert_eq!(
        fixture.names(),
        ["a.rs uno", "src/b.rs two", "src/new/c.rs three"],
        "an event of a folder covers its files"
    );
    fs::rename(fixture.path("src"), fixture.path("lib")).expect("renamed");
    fixture.process(fixture.disk(&["src", "lib"]));
    assert_eq!(fixture.names(), ["a.rs uno", "lib/b.rs two", "lib/new/c.rs three"]);
    assert_eq!(
        (fixture.sent("src/b.rs"), fixture.sent("lib/b.rs").as_deref()),
        (None, Some("fn two() {}\n"))
    );
    fs::remove_dir_all(fixture.folder.path()).expect("removed");
    fixture.process(Event::Rescan);
    assert_eq!(fixture.names(), [""; 0]);
    assert!(fixture.sent.lock().expect("no holder panics").is_empty());
    assert_eq!(fixture.indexer.exclusions().count("unreadable"), 1, "the workspace itself");
}

#[cfg(unix)]
#[test]
fn a_folder_that_becomes_a_link_or_another_repository_is_left() {
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("a.rs"), "fn outside() {}\n").expect("written");
    const HEAD: &str = "ref: refs/heads/main\n";
    let files = [(".git/HEAD", HEAD), ("a/a.rs", "fn a() {}\n"), ("b/b.rs", "fn b() {}\n")];
    let mut fixture = Fixture::new(&files);
    fixture.indexer.settle();
    fs::remove_dir_all(fixture.path("a")).expect("removed");
    std::os::unix::fs::symlink(outside.path(), fixture.path("a")).expect("a link");
    fixture.process(fixture.disk(&["a", "a/a.rs"]));
    assert_eq!(fixture.names(), ["b/b.rs b"]);
    fixture.write("b/.git/HEAD", HEAD);
    fixture.process(fixture.disk(&["b/.git"]));
    assert_eq!(fixture.names(), [""; 0]);
}

#[test]
fn an_open_document_overrides_its_file() {
    let mut fixture = Fixture::new(&[("a.rs", "fn file() {}\n")]);
    fixture.indexer.settle();
    fixture.process(fixture.open("a.rs", "fn buffer() {}\n"));
    assert_eq!(fixture.names(), ["a.rs buffer"]);
    assert_eq!(fixture.repository.text(&fixture.path("a.rs")).as_deref(), Some("fn buffer() {}\n"));
    fixture.write("a.rs", "fn other() {}\n");
    fixture.process(fixture.disk(&["a.rs"]));
    assert_eq!(fixture.names(), ["a.rs buffer"]);
    fixture.sent.lock().expect("no holder panics").clear();
    fixture.process(fixture.close("a.rs"));
    assert_eq!(fixture.names(), ["a.rs other"]);
    assert_eq!(fixture.sent("a.rs").as_deref(), Some("fn other() {}\n"), "sent again after closing");
    fixture.process(fixture.open("unsaved.rs", "fn unsaved() {}\n"));
    assert_eq!(fixture.names(), ["a.rs other", "unsaved.rs unsaved"]);
    fixture.process(fixture.close("unsaved.rs"));
    assert_eq!(fixture.names(), ["a.rs other"]);
}

#[test]
fn excluded_files_are_not_indexed_even_when_open() {
    let secret = concat!("const T: &str = \"gh", "p_16C7e42F292c6912E7710c838347Ae178B4a\";\n");
    let mut fixture =
        Fixture::new(&[(".gitignore", "build/\n"), ("a.rs", "fn a() {}\n"), ("key.rs", secret)]);
    fixture.indexer.settle();
    assert_eq!(fixture.names(), ["a.rs a"]);
    assert_eq!(fixture.indexer.exclusions().count("secret by content"), 1);
    for (name, text) in [("build/b.rs", "fn b() {}\n"), (".env", "A=1\n"), ("c.rs", secret), ("a.rs", secret)]
    {
        fixture.process(fixture.open(name, text));
    }
    assert_eq!(fixture.names(), [""; 0]);
    fixture.process(fixture.open(".hidden/d.rs", "fn d() {}\n"));
    assert_eq!(fixture.names(), [".hidden/d.rs d"], "hidden from the walk, not from its user");
    fixture.process(fixture.close("a.rs"));
    fixture.write(".gitignore", "*.rs\n");
    fixture.process(fixture.disk(&[".gitignore"]));
    assert_eq!(fixture.names(), [""; 0]);
    assert_eq!(fixture.sent("a.rs"), None);
    fixture.write(".gitignore", "");
    fixture.process(fixture.disk(&[".gitignore"]));
    assert_eq!(fixture.names(), [".hidden/d.rs d", "a.rs a", "build/b.rs b"]);
}

#[test]
fn new_rules_and_folders_apply_at_once() {
    let mut fixture = Fixture::new(&[("one/a.rs", "fn a() {}\n"), ("two/b.rs", "fn b() {}\n")]);
    fixture.indexer.settle();
    fixture.repository.set_rules(Rules::new(&[fixture.path("two")], &[]));
    fixture.process(Event::Rules);
    assert_eq!(fixture.names(), ["two/b.rs b"]);
    fixture
        .repository
        .set_rules(Rules::new(&[fixture.path("one"), fixture.path("two")], &["b.*".to_owned()]));
    fixture.process(Event::Rules);
    assert_eq!(fixture.names(), ["one/a.rs a"]);
    fixture.repository.set_rules(Rules::new(&[], &[]));
    fixture.process(Event::Rules);
    assert_eq!(fixture.names(), [""; 0]);
}

#[test]
fn no_more_files_than_the_bound_are_indexed_and_open_ones_always() {
    let files = [("a/b/deep.rs", "fn deep() {}\n"), ("x.rs", "fn x() {}\n"), ("y.rs", "fn y() {}\n")];
    let mut fixture = Fixture::with(tempfile::tempdir().expect("a folder"), Arc::default(), &files, 2);
    fixture.indexer.settle();
    assert_eq!(fixture.names(), ["x.rs x", "y.rs y"]);
    assert!(fixture.indexer.exclusions().count("over the limits") > 0);
    fixture.write("z.rs", "fn z() {}\n");
    fixture.process(fixture.disk(&["z.rs"]));
    assert_eq!(fixture.names(), ["x.rs x", "y.rs y"]);
    fixture.process(fixture.open("z.rs", "fn z() {}\n"));
    assert_eq!(fixture.names(), ["x.rs x", "y.rs y", "z.rs z"]);

    let mut fixture = Fixture::with(tempfile::tempdir().expect("a folder"), Arc::default(), &files, 0);
    fixture.process(fixture.open("z.rs", "fn z() {}\n"));
    assert_eq!(fixture.names(), ["z.rs z"]);
}

#[test]
fn two_thousand_changes_at_once_are_one_update() {
    let mut fixture = Fixture::new(&[]);
    for number in 0..2000 {
        fixture.write(&format!("m{}/f{number}.rs", number % 20), &format!("fn before{number}() {{}}\n"));
    }
    fixture.indexer.settle();
    let paths: Vec<_> = (0..2000).map(|number| format!("m{}/f{number}.rs", number % 20)).collect();
    for (number, path) in paths.iter().enumerate() {
        fixture.write(path, &format!("fn after{number}() {{}}\n"));
        fixture.indexer.handle(fixture.disk(&[path]));
    }
    fixture.indexer.settle();
    let index = fixture.repository.index();
    assert_eq!(index.definitions("before7").count(), 0);
    assert!((0..2000).all(|number| index.definitions(&format!("after{number}")).count() == 1));
}

#[test]
fn a_file_removed_between_walk_and_read_is_not_indexed() {
    let mut fixture = Fixture::new(&[("a.rs", "fn a() {}\n")]);
    let stamp = walk::look(&fixture.path("a.rs")).expect("a file");
    fs::remove_dir_all(fixture.folder.path()).expect("removed");
    fixture
        .indexer
        .read(vec![DirtyPath::found(fixture.path("a.rs"), stamp), DirtyPath::event(fixture.path("b.rs"))]);
    assert_eq!((fixture.names(), fixture.indexer.known.len()), (Vec::new(), 0));
}

#[test]
fn a_file_that_grows_beyond_the_bound_leaves_the_index() {
    let mut fixture = Fixture::new(&[("a.rs", "fn a() {}\n")]);
    fixture.indexer.settle();
    fixture.write("a.rs", &"fn a() {}\n".repeat(crate::repository::rules::FILE_BYTES as usize / 10 + 1));
    fixture.process(fixture.disk(&["a.rs"]));
    assert_eq!(fixture.names(), [""; 0]);
    assert_eq!(fixture.indexer.exclusions().count("too large"), 1);
    fixture.write("a.rs", "fn b() {}\n");
    fixture.process(fixture.disk(&["a.rs"]));
    assert_eq!(fixture.names(), ["a.rs b"]);
}

#[test]
fn saved_files_are_not_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let indexes = tempfile::tempdir().expect("a folder");
    let documents = Arc::<Documents>::default();
    let files = [("a.rs", "fn a() {}\n"), ("b.rs", "fn b() {}\n"), ("c.rs", "fn c() {}\n")];
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let set_time = |path: PathBuf| {
        let file = fs::File::options().write(true).open(path).expect("a file");
        file.set_modified(long_ago).expect("set");
    };
    let mut fixture = Fixture::with(folder, documents.clone(), &files, usize::MAX);
    for (name, _) in files {
        set_time(fixture.path(name));
    }
    fixture.indexer = fixture.indexer.kept_in(Some(indexes.path().to_owned()));
    fixture.indexer.start();

    // One that changes without an event, one that changes, one that is removed.
    fixture.write("a.rs", "fn x() {}\n");
    set_time(fixture.path("a.rs"));
    fixture.write("b.rs", "fn y() {}\n");
    fs::remove_file(fixture.path("c.rs")).expect("removed");
    let (repository, indexer, sent) = indexer(fixture.folder.path(), &documents, usize::MAX);
    let mut indexer = indexer.kept_in(Some(indexes.path().to_owned()));
    indexer.start();
    fixture.repository = repository;
    assert_eq!(fixture.names(), ["a.rs a", "b.rs y"]);
    let sent: Vec<_> = sent.lock().expect("no holder panics").values().cloned().collect();
    assert_eq!(sent, ["fn x() {}\n", "fn y() {}\n"], "texts are sent, read or not");
}

/// Events. Names and texts are drawn from a few, so that they collide.
#[derive(Debug, Clone)]
enum Step {
    Write(&'static str, &'static str),
    Delete(&'static str),
    Rename(&'static str, &'static str),
    Open(&'static str, &'static str),
    Change(&'static str, &'static str),
    Close(&'static str),
    /// This many of the pending events arrive.
    Deliver(usize),
    Settle,
}

const FILES: [&str; 8] =
    ["a.rs", "b.py", "d/c.rs", "d/e/f.rs", "build/g.rs", ".hidden/h.rs", ".env", "d/.gitignore"];
const TEXTS: [&str; 6] = [
    "fn one() { two() }\n",
    "fn two() { one() }\n",
    "def three():\n    return one()\n",
    "*.rs\n",
    "",
    concat!("T = \"gh", "p_16C7e42F292c6912E7710c838347Ae178B4a\"\n"),
];

fn step() -> impl Strategy<Value = Step> {
    let file = || proptest::sample::select(&FILES[..]);
    let text = || proptest::sample::select(&TEXTS[..]);
    let place = || proptest::sample::select(&["a.rs", "b.py", "d", "d2", "d/e", "build", "d/c.rs"][..]);
    prop_oneof![
        5 => (file(), text()).prop_map(|(file, text)| Step::Write(file, text)),
        1 => (Just(".gitignore"), proptest::sample::select(&["build/\n", "*.py\n", "d\n", ""][..]))
            .prop_map(|(file, text)| Step::Write(file, text)),
        2 => place().prop_map(Step::Delete),
        2 => (place(), place()).prop_map(|(from, to)| Step::Rename(from, to)),
        3 => (file(), text()).prop_map(|(file, text)| Step::Open(file, text)),
        3 => (file(), text()).prop_map(|(file, text)| Step::Change(file, text)),
        2 => file().prop_map(Step::Close),
        2 => (0..6usize).prop_map(Step::Deliver),
        1 => Just(Step::Settle),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_does_not_depend_on_the_order_of_events(
        steps in proptest::collection::vec(step(), 1..40),
        seed in any::<u64>(),
    ) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut fixture = Fixture::new(&[]);
        let mut pending: Vec<Event> = Vec::new();
        let deliver = |fixture: &mut Fixture, pending: &mut Vec<Event>, random: &mut fastrand::Rng, most: usize| {
            random.shuffle(pending);
            for event in pending.drain(..most.min(pending.len())) {
                fixture.indexer.handle(event);
            }
        };
        for step in steps {
            match step {
                Step::Write(name, text) => {
                    // There may be a file where a folder should be.
                    let parent = fixture.path(name).parent().expect("below the root").to_owned();
                    if fs::create_dir_all(&parent).is_ok() && fs::write(fixture.path(name), text).is_ok() {
                        pending.push(fixture.disk(&[name]));
                    }
                }
                Step::Delete(name) => {
                    let path = fixture.path(name);
                    let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
                    pending.push(fixture.disk(&[name]));
                }
                Step::Rename(from, to) => {
                    if fs::rename(fixture.path(from), fixture.path(to)).is_ok() {
                        pending.push(fixture.disk(&[from]));
                        pending.push(fixture.disk(&[to]));
                    }
                }
                Step::Open(name, text) => pending.push(fixture.open(name, text)),
                Step::Change(name, text) => {
                    let change = [Change::Replace(text.to_owned())];
                    if fixture.documents.change(&DocumentId(name.into()), 2, &change).is_some() {
                        pending.push(Event::Document(fixture.path(name)));
                    }
                }
                Step::Close(name) => pending.push(fixture.close(name)),
                Step::Deliver(most) => deliver(&mut fixture, &mut pending, &mut random, most),
                Step::Settle => fixture.indexer.settle(),
            }
        }
        deliver(&mut fixture, &mut pending, &mut random, usize::MAX);
        fixture.indexer.settle();

        let (repository, mut fresh, sent) = indexer(fixture.folder.path(), &fixture.documents, usize::MAX);
        fresh.settle();
        prop_assert_eq!(state(&fixture.repository), state(&repository));
        let closed = |sent: &Sent| -> BTreeMap<PathBuf, String> {
            let sent = sent.lock().expect("no holder panics").clone();
            sent.into_iter().filter(|(path, _)| !fixture.documents.is_open(path)).collect()
        };
        prop_assert_eq!(closed(&fixture.sent), closed(&sent));
    }
}
