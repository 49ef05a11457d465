//! The index does not depend on the order of events; an open document overrides its file; bounds hold.

use std::fs;
use std::sync::Mutex;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::documents::{Change, DocumentId};
use crate::repository::rules::Rules;

/// A workspace, its documents, and an indexer that gets their events.
struct World {
    folder: TempDir,
    documents: Arc<Documents>,
    repository: Repository,
    indexer: Indexer,
    sent: Arc<Mutex<BTreeMap<PathBuf, String>>>,
}

impl World {
    fn new(files: &[(&str, &str)]) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let documents = Arc::<Documents>::default();
        World::with(folder, documents, files, usize::MAX)
    }

    fn with(folder: TempDir, documents: Arc<Documents>, files: &[(&str, &str)], max_files: usize) -> World {
        let (repository, indexer, sent) = indexer(folder.path(), &documents, max_files);
        let world = World { folder, documents, repository, indexer, sent };
        for (path, text) in files {
            world.write(path, text);
        }
        world
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

    fn hear(&mut self, event: Event) {
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
    let mut world = World::new(&[("a.rs", "fn one() {}\n"), ("src/b.rs", "fn two() {}\n")]);
    world.indexer.settle();
    assert_eq!(world.names(), ["a.rs one", "src/b.rs two"]);
    world.write("a.rs", "fn uno() {}\n");
    world.write("src/new/c.rs", "fn three() {}\n");
    world.hear(world.disk(&["a.rs", "src/new"]));
    assert_eq!(
        world.names(),
        ["a.rs uno", "src/b.rs two", "src/new/c.rs three"],
        "an event of a folder covers its files"
    );
    fs::rename(world.path("src"), world.path("lib")).expect("renamed");
    world.hear(world.disk(&["src", "lib"]));
    assert_eq!(world.names(), ["a.rs uno", "lib/b.rs two", "lib/new/c.rs three"]);
    assert_eq!((world.sent("src/b.rs"), world.sent("lib/b.rs").as_deref()), (None, Some("fn two() {}\n")));
    fs::remove_dir_all(world.folder.path()).expect("removed");
    world.hear(Event::Rescan);
    assert_eq!(world.names(), [""; 0]);
    assert!(world.sent.lock().expect("no holder panics").is_empty());
    assert_eq!(world.indexer.exclusions().count("unreadable"), 1, "the workspace itself");
}

#[test]
fn an_open_document_overrides_its_file() {
    let mut world = World::new(&[("a.rs", "fn file() {}\n")]);
    world.indexer.settle();
    world.hear(world.open("a.rs", "fn buffer() {}\n"));
    assert_eq!(world.names(), ["a.rs buffer"]);
    assert_eq!(world.repository.text(&world.path("a.rs")).as_deref(), Some("fn buffer() {}\n"));
    world.write("a.rs", "fn other() {}\n");
    world.hear(world.disk(&["a.rs"]));
    assert_eq!(world.names(), ["a.rs buffer"]);
    world.sent.lock().expect("no holder panics").clear();
    world.hear(world.close("a.rs"));
    assert_eq!(world.names(), ["a.rs other"]);
    assert_eq!(world.sent("a.rs").as_deref(), Some("fn other() {}\n"), "sent again after closing");
    world.hear(world.open("unsaved.rs", "fn unsaved() {}\n"));
    assert_eq!(world.names(), ["a.rs other", "unsaved.rs unsaved"]);
    world.hear(world.close("unsaved.rs"));
    assert_eq!(world.names(), ["a.rs other"]);
}

#[test]
fn excluded_files_are_not_indexed_even_when_open() {
    let secret = concat!("const T: &str = \"gh", "p_16C7e42F292c6912E7710c838347Ae178B4a\";\n");
    let mut world = World::new(&[(".gitignore", "build/\n"), ("a.rs", "fn a() {}\n"), ("key.rs", secret)]);
    world.indexer.settle();
    assert_eq!(world.names(), ["a.rs a"]);
    assert_eq!(world.indexer.exclusions().count("secret by content"), 1);
    for (name, text) in [("build/b.rs", "fn b() {}\n"), (".env", "A=1\n"), ("c.rs", secret), ("a.rs", secret)]
    {
        world.hear(world.open(name, text));
    }
    assert_eq!(world.names(), [""; 0]);
    world.hear(world.open(".hidden/d.rs", "fn d() {}\n"));
    assert_eq!(world.names(), [".hidden/d.rs d"], "hidden from the walk, not from its user");
    world.hear(world.close("a.rs"));
    world.write(".gitignore", "*.rs\n");
    world.hear(world.disk(&[".gitignore"]));
    assert_eq!(world.names(), [""; 0]);
    assert_eq!(world.sent("a.rs"), None);
    world.write(".gitignore", "");
    world.hear(world.disk(&[".gitignore"]));
    assert_eq!(world.names(), [".hidden/d.rs d", "a.rs a", "build/b.rs b"]);
}

#[test]
fn new_rules_and_folders_apply_at_once() {
    let mut world = World::new(&[("one/a.rs", "fn a() {}\n"), ("two/b.rs", "fn b() {}\n")]);
    world.indexer.settle();
    world.repository.set_rules(Rules::new(&[world.path("two")], &[]));
    world.hear(Event::Rules);
    assert_eq!(world.names(), ["two/b.rs b"]);
    world.repository.set_rules(Rules::new(&[world.path("one"), world.path("two")], &["b.*".to_owned()]));
    world.hear(Event::Rules);
    assert_eq!(world.names(), ["one/a.rs a"]);
    world.repository.set_rules(Rules::new(&[], &[]));
    world.hear(Event::Rules);
    assert_eq!(world.names(), [""; 0]);
}

#[test]
fn no_more_files_than_the_bound_are_indexed_and_open_ones_always() {
    let files = [("a/b/deep.rs", "fn deep() {}\n"), ("x.rs", "fn x() {}\n"), ("y.rs", "fn y() {}\n")];
    let mut world = World::with(tempfile::tempdir().expect("a folder"), Arc::default(), &files, 2);
    world.indexer.settle();
    assert_eq!(world.names(), ["x.rs x", "y.rs y"]);
    assert!(world.indexer.exclusions().count("over the limits") > 0);
    world.write("z.rs", "fn z() {}\n");
    world.hear(world.disk(&["z.rs"]));
    assert_eq!(world.names(), ["x.rs x", "y.rs y"]);
    world.hear(world.open("z.rs", "fn z() {}\n"));
    assert_eq!(world.names(), ["x.rs x", "y.rs y", "z.rs z"]);

    let mut world = World::with(tempfile::tempdir().expect("a folder"), Arc::default(), &files, 0);
    world.hear(world.open("z.rs", "fn z() {}\n"));
    assert_eq!(world.names(), ["z.rs z"]);
}

#[test]
fn two_thousand_changes_at_once_are_one_update() {
    let mut world = World::new(&[]);
    for number in 0..2000 {
        world.write(&format!("m{}/f{number}.rs", number % 20), &format!("fn before{number}() {{}}\n"));
    }
    world.indexer.settle();
    let paths: Vec<_> = (0..2000).map(|number| format!("m{}/f{number}.rs", number % 20)).collect();
    for (number, path) in paths.iter().enumerate() {
        world.write(path, &format!("fn after{number}() {{}}\n"));
        world.indexer.handle(world.disk(&[path]));
    }
    world.indexer.settle();
    let index = world.repository.index();
    assert_eq!(index.definitions("before7").count(), 0);
    assert!((0..2000).all(|number| index.definitions(&format!("after{number}")).count() == 1));
}

#[test]
fn a_file_removed_between_walk_and_read_is_not_indexed() {
    let mut world = World::new(&[("a.rs", "fn a() {}\n")]);
    let stamp = walk::look(&world.path("a.rs")).expect("a file");
    fs::remove_dir_all(world.folder.path()).expect("removed");
    world
        .indexer
        .read(vec![DirtyPath::found(world.path("a.rs"), stamp), DirtyPath::event(world.path("b.rs"))]);
    assert_eq!((world.names(), world.indexer.known.len()), (Vec::new(), 0));
}

#[test]
fn a_file_that_grows_beyond_the_bound_leaves_the_index() {
    let mut world = World::new(&[("a.rs", "fn a() {}\n")]);
    world.indexer.settle();
    world.write("a.rs", &"fn a() {}\n".repeat(crate::repository::rules::FILE_BYTES as usize / 10 + 1));
    world.hear(world.disk(&["a.rs"]));
    assert_eq!(world.names(), [""; 0]);
    assert_eq!(world.indexer.exclusions().count("too large"), 1);
    world.write("a.rs", "fn b() {}\n");
    world.hear(world.disk(&["a.rs"]));
    assert_eq!(world.names(), ["a.rs b"]);
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
    let mut world = World::with(folder, documents.clone(), &files, usize::MAX);
    for (name, _) in files {
        set_time(world.path(name));
    }
    world.indexer = world.indexer.kept_in(Some(indexes.path().to_owned()));
    world.indexer.start();

    // One that changes without an event, one that changes, one that is removed.
    world.write("a.rs", "fn x() {}\n");
    set_time(world.path("a.rs"));
    world.write("b.rs", "fn y() {}\n");
    fs::remove_file(world.path("c.rs")).expect("removed");
    let (repository, indexer, sent) = indexer(world.folder.path(), &documents, usize::MAX);
    let mut indexer = indexer.kept_in(Some(indexes.path().to_owned()));
    indexer.start();
    world.repository = repository;
    assert_eq!(world.names(), ["a.rs a", "b.rs y"]);
    let sent: Vec<_> = sent.lock().expect("no holder panics").values().cloned().collect();
    assert_eq!(sent, ["fn x() {}\n", "fn y() {}\n"], "texts are sent, read or not");
}

/// Events. Names and texts are drawn from a few, so that they collide.
#[derive(Debug, Clone)]
enum Happening {
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

fn happening() -> impl Strategy<Value = Happening> {
    let file = || proptest::sample::select(&FILES[..]);
    let text = || proptest::sample::select(&TEXTS[..]);
    let place = || proptest::sample::select(&["a.rs", "b.py", "d", "d2", "d/e", "build", "d/c.rs"][..]);
    prop_oneof![
        5 => (file(), text()).prop_map(|(file, text)| Happening::Write(file, text)),
        1 => (Just(".gitignore"), proptest::sample::select(&["build/\n", "*.py\n", "d\n", ""][..]))
            .prop_map(|(file, text)| Happening::Write(file, text)),
        2 => place().prop_map(Happening::Delete),
        2 => (place(), place()).prop_map(|(from, to)| Happening::Rename(from, to)),
        3 => (file(), text()).prop_map(|(file, text)| Happening::Open(file, text)),
        3 => (file(), text()).prop_map(|(file, text)| Happening::Change(file, text)),
        2 => file().prop_map(Happening::Close),
        2 => (0..6usize).prop_map(Happening::Deliver),
        1 => Just(Happening::Settle),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_does_not_depend_on_the_order_of_events(
        happenings in proptest::collection::vec(happening(), 1..40),
        seed in any::<u64>(),
    ) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut world = World::new(&[]);
        let mut unheard: Vec<Event> = Vec::new();
        let deliver = |world: &mut World, unheard: &mut Vec<Event>, random: &mut fastrand::Rng, most: usize| {
            random.shuffle(unheard);
            for event in unheard.drain(..most.min(unheard.len())) {
                world.indexer.handle(event);
            }
        };
        for happening in happenings {
            match happening {
                Happening::Write(name, text) => {
                    // There may be a file where a folder should be.
                    let parent = world.path(name).parent().expect("below the root").to_owned();
                    if fs::create_dir_all(&parent).is_ok() && fs::write(world.path(name), text).is_ok() {
                        unheard.push(world.disk(&[name]));
                    }
                }
                Happening::Delete(name) => {
                    let path = world.path(name);
                    let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
                    unheard.push(world.disk(&[name]));
                }
                Happening::Rename(from, to) => {
                    if fs::rename(world.path(from), world.path(to)).is_ok() {
                        unheard.push(world.disk(&[from]));
                        unheard.push(world.disk(&[to]));
                    }
                }
                Happening::Open(name, text) => unheard.push(world.open(name, text)),
                Happening::Change(name, text) => {
                    let change = [Change::Replace(text.to_owned())];
                    if world.documents.change(&DocumentId(name.into()), 2, &change).is_some() {
                        unheard.push(Event::Document(world.path(name)));
                    }
                }
                Happening::Close(name) => unheard.push(world.close(name)),
                Happening::Deliver(most) => deliver(&mut world, &mut unheard, &mut random, most),
                Happening::Settle => world.indexer.settle(),
            }
        }
        deliver(&mut world, &mut unheard, &mut random, usize::MAX);
        world.indexer.settle();

        let (repository, mut fresh, sent) = indexer(world.folder.path(), &world.documents, usize::MAX);
        fresh.settle();
        prop_assert_eq!(state(&world.repository), state(&repository));
        let closed = |sent: &Sent| -> BTreeMap<PathBuf, String> {
            let sent = sent.lock().expect("no holder panics").clone();
            sent.into_iter().filter(|(path, _)| !world.documents.is_open(path)).collect()
        };
        prop_assert_eq!(closed(&world.sent), closed(&sent));
    }
}
