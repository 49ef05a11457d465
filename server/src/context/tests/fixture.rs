//! Workspace fixtures: `//- /path` begins a file, `$0` marks the cursor.

use super::*;
use crate::facts;
use crate::repository::changes::Changes;
use crate::repository::guidance::Guidance;
use crate::repository::index::Stamp;

/// A workspace without a disk.
pub struct Workspace {
    files: Vec<(PathBuf, Arc<str>)>,
    pub index: Index,
    pub background: Background,
    pub document: Document,
    pub cursor: usize,
    pub open: Vec<Arc<Document>>,
    pub contexts: Contexts,
    pub budget: Budget,
    pub has_texts: bool,
}

/// A budget that is enough for any fixture.
pub const AMPLE: Budget = Budget { above: 120, edit_region: 200, after: 60, guidance: 40, snippets: 900 };

impl Workspace {
    pub fn new(fixture: &str) -> Workspace {
        let mut files = Vec::new();
        let mut cursor = None;
        for file in fixture.split("//- ").skip(1) {
            let (path, text) = file.split_once('\n').expect("a path is on its own line");
            let path = PathBuf::from(format!("/w{}", path.trim()));
            if let Some(at) = text.find("$0") {
                cursor = Some((files.len(), at));
            }
            files.push((path, Arc::from(text.replacen("$0", "", 1))));
        }
        let (at, cursor) = cursor.expect("the fixture marks the cursor");
        let (path, text) = &files[at];
        let id = DocumentId(path.to_string_lossy().into());
        let document = Document::open(id, Some(path.clone()), "", 1, text);
        let mut workspace = Workspace {
            files: Vec::new(),
            index: Index::default(),
            background: Background::default(),
            document,
            cursor,
            open: Vec::new(),
            contexts: Contexts::default(),
            budget: AMPLE,
            has_texts: true,
        };
        for (path, text) in files {
            workspace.write(&path, &text);
        }
        workspace
    }

    pub fn write(&mut self, path: &Path, text: &str) {
        let facts = facts::read(path, text, Language::of_path(path), None);
        let modified = 1 + self.files.len() as u64;
        self.index.replace(path, Stamp { modified, bytes: text.len() as u64 }, facts);
        self.files.retain(|(known, _)| known != path);
        self.files.push((path.to_owned(), text.into()));
    }

    pub fn changed(mut self, path: &str, lines: Range<u32>) -> Workspace {
        let files = [(PathBuf::from(path), vec![lines])].into_iter().collect();
        self.background.changes = Changes { files };
        self
    }

    pub fn guided(mut self, text: &str) -> Workspace {
        let guidance = Guidance { path: "AGENTS.md", text: text.into() };
        self.background.guidance = vec![("/w".into(), guidance)];
        self
    }

    /// Opens a file of the workspace with another text.
    pub fn opened(mut self, path: &str, text: &str) -> Workspace {
        self.open.push(Arc::new(Document::open(DocumentId(path.into()), Some(path.into()), "", 1, text)));
        self
    }

    pub fn gather(&self) -> Context {
        self.gather_with(ContextScope::Repository)
    }

    pub fn gather_with(&self, scope: ContextScope) -> Context {
        let text = |file: FileId| {
            let path = self.index.path(file);
            let known = self.files.iter().find(|(known, _)| known == path && self.has_texts);
            known.map(|(_, text)| text.clone())
        };
        let sources = Sources {
            scope,
            open: &self.open,
            index: &self.index,
            background: &self.background,
            text: &text,
        };
        self.contexts.gather(&self.document, self.cursor, &sources, self.budget, &count)
    }

    pub fn key(&mut self, typed: &str) {
        self.document = type_in(&self.document, self.cursor, typed);
        self.cursor += typed.len();
    }
}

/// Each snippet with its source, place and reason.
pub fn draw_snippets(context: &Context) -> String {
    let mut drawn = String::new();
    for snippet in context.guidance.iter().chain(&context.snippets) {
        let Snippet { source, path, lines, reason, text, .. } = snippet;
        drawn += &format!("--- {} {path}:{}: {reason}\n{text}", source.name(), lines.start + 1);
    }
    drawn
}

/// Snippets by place: `b.rs:3`.
pub fn places(context: &Context) -> Vec<String> {
    context.snippets.iter().map(|snippet| format!("{}:{}", snippet.path, snippet.lines.start + 1)).collect()
}
