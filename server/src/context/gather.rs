//! Gathers a context from the workspace. Files are read while the index is not locked.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Budget, Context, ContextScope, Contexts, Snippet, Sources};
use crate::documents::Document;
use crate::repository::index::FileId;
use crate::repository::{Background, CachedText, Repository};
use crate::workspace::Workspace;

/// The most passes for one context: each reads the texts that the pass before found missing.
const MOST_PASSES: usize = 3;

/// The context at a cursor of a document, within `scope` and the workspace's own scope. `contexts` is the cache that makes
/// the next context cheap and stable; `count` counts tokens. Reads files.
pub fn gather(
    workspace: &Workspace,
    contexts: &Contexts,
    document: &Document,
    cursor: usize,
    scope: ContextScope,
    budget: Budget,
    count: &dyn Fn(&str) -> usize,
) -> Context {
    let (open, background) = (workspace.shown(), workspace.repository.background());
    let scope = scope.min(workspace.scope);
    let gathered =
        Gathered { repository: &workspace.repository, background: &background, open: &open, scope };
    let mut context = gathered.context(contexts, document, cursor, budget, count);
    // The index, and the cache, may not know yet what has changed on disk.
    let mut shown: FxHashMap<Arc<Path>, bool> = FxHashMap::default();
    let mut is_shown = |snippet: &Snippet| {
        let Some(file) = &snippet.file else { return true };
        *shown.entry(file.clone()).or_insert_with(|| workspace.is_still_shown(file))
    };
    context.snippets.retain(&mut is_shown);
    context.guidance = context.guidance.filter(is_shown);
    context
}

/// The sources of a context.
#[derive(Debug, Clone, Copy)]
pub struct Gathered<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// Its background.
    pub background: &'a Background,
    /// The open documents that may be shown, the most recent first.
    pub open: &'a [Arc<Document>],
    /// The sources that may be used.
    pub scope: ContextScope,
}

impl Gathered<'_> {
    /// The context at a cursor. No file is read while the index is locked: the first pass collects the texts that are needed,
    /// then they are read, then the context is built. It may need other texts by then, because the index has changed; after
    /// [`MOST_PASSES`], missing texts are left out.
    pub fn context(
        &self,
        contexts: &Contexts,
        document: &Document,
        cursor: usize,
        budget: Budget,
        count: &dyn Fn(&str) -> usize,
    ) -> Context {
        let read: RefCell<FxHashMap<PathBuf, Option<Arc<str>>>> = RefCell::default();
        let unread: RefCell<BTreeSet<PathBuf>> = RefCell::default();
        let mut pass = 0;
        loop {
            for path in unread.take() {
                let text = self.repository.text(&path);
                read.borrow_mut().insert(path, text);
            }
            let index = self.repository.index();
            let text = |file: FileId| match self.repository.cached_text(&index, file) {
                CachedText::Text(text) => Some(text),
                CachedText::Unavailable => None,
                CachedText::Unread => read.borrow().get(index.path(file)).cloned().unwrap_or_else(|| {
                    unread.borrow_mut().insert(index.path(file).to_owned());
                    None
                }),
            };
            let sources = Sources {
                scope: self.scope,
                open: self.open,
                index: &index,
                background: self.background,
                text: &text,
            };
            let has_texts = || pass == MOST_PASSES || unread.borrow().is_empty();
            if let Some(context) = contexts.gather_if(document, cursor, &sources, budget, count, &has_texts) {
                return context;
            }
            pass += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::documents::{DocumentId, Documents};
    use crate::repository::indexer::{IndexListener, Indexer};
    use crate::repository::rules::Rules;

    const OWN: &str = "fn show(order: &Order) {\n    let total = total_price_of_order(order);\n    order.lines.iter().map(|line| line.price)";
    const PRICE: &str = "pub fn total_price_of_order(order: &Order) -> u64 {\n    order.lines.iter().map(|line| line.price).sum()\n}\n";
    const BUDGET: Budget = Budget { above: 400, edit_region: 400, after: 200, guidance: 0, snippets: 800 };

    #[test]
    fn the_index_can_be_changed_while_the_texts_of_a_context_are_read() {
        let root = tempfile::tempdir().expect("a folder");
        std::fs::write(root.path().join("price.rs"), PRICE).expect("written");
        let (repository, documents) = (Repository::default(), Arc::<Documents>::default());
        repository.set_rules(Rules::new(&[root.path().to_owned()], &[]));
        Indexer::new(repository.clone(), &documents, 100, IndexListener::none()).settle();

        let id = DocumentId("file:///w/a.rs".into());
        let document = Document::open(id, Some(root.path().join("a.rs")), "rust", 1, OWN);
        let background = repository.background();
        let gathered = Gathered {
            repository: &repository,
            background: &background,
            open: &[],
            scope: ContextScope::Repository,
        };
        // The reader waits until another thread has changed the index. With a lock on the index it would deadlock.
        let (reads, is_read) = mpsc::channel();
        let (changed, is_changed) = mpsc::channel::<()>();
        crate::files::before_reading(move |path| {
            if path.ends_with("price.rs") {
                let _ = reads.send(());
                let _ = is_changed.recv();
            }
        });
        std::thread::scope(|threads| {
            let other = repository.clone();
            threads.spawn(move || {
                is_read.recv().expect("the text is read");
                other.index_mut().remove(std::path::Path::new("/w/none.rs"));
                drop(changed);
            });
            let count = |text: &str| text.len() / 4 + 1;
            let context = gathered.context(&Contexts::default(), &document, OWN.len(), BUDGET, &count);
            assert!(
                context.snippets.iter().any(|snippet| snippet.text.contains("total_price_of_order")),
                "{context:?}"
            );
        });
    }
    /// No event tells the index of the change, and an unchanged file has the same context.
    #[test]
    fn what_is_excluded_or_changed_on_disk_is_in_no_prompt_from_then_on() {
        let changes: [(&str, &str); 4] = [
            (".gitignore", "price.rs\n"),
            (".phi-ignore", "*.rs\n"),
            ("price.rs", concat!("const KEY: &str = \"gh", "p_16C7e42F292c6912E7710c838347Ae178B4a\";\n")),
            ("other.rs", "fn other() {}\n"),
        ];
        for (name, written) in changes {
            let root = tempfile::tempdir().expect("a folder");
            std::fs::write(root.path().join("price.rs"), PRICE).expect("written");
            let workspace = Workspace::new(crate::settings::Settings::default());
            workspace.set_folders(&[root.path().to_owned()]);
            Indexer::new(workspace.repository.clone(), &workspace.documents, 100, IndexListener::none())
                .settle();
            let id = DocumentId("file:///w/a.rs".into());
            let document = Document::open(id, Some(root.path().join("a.rs")), "rust", 1, OWN);
            let contexts = Contexts::default();
            let is_shown = || {
                let count = |text: &str| text.len() / 4 + 1;
                let scope = ContextScope::Repository;
                let context = gather(&workspace, &contexts, &document, OWN.len(), scope, BUDGET, &count);
                context.snippets.iter().any(|snippet| snippet.text.contains("total_price_of_order"))
            };
            assert!(is_shown(), "{name}");
            std::fs::write(root.path().join(name), written).expect("written");
            assert_eq!(is_shown(), name == "other.rs", "{name}");
        }
    }
}
