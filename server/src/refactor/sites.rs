//! Finds the items that a request matches: by symbol, by explicit files, or by search.
//!
//! ```text
//! symbol           its definitions and references in the index; an error if a definition may not be read
//! paths            the items of these files with the instruction's identifiers; all items if it names none
//! neither of them  the identifiers that the workspace defines, like symbols; otherwise a search for the words
//! ```
//! With both, paths restrict the symbol.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::hidden::{self, Hidden};
use super::sequence::{self, Placed};
use super::targets::{self, Claimed, Claims, Why};
use super::{LeftOut, Plan, RefactorRequest, apply, names};
use crate::documents::{Buffer, Document, DocumentId};
use crate::facts::terms;
use crate::languages::Language;
use crate::messages::counted;
use crate::repository::index::{Definition, Index};
use crate::repository::walk;
use crate::workspace::Workspace;

/// A larger plan is too long for a user to review.
const MOST_SITES: usize = 500;
/// Maximum search hits...
const MOST_HITS: usize = 40;
/// ...and the minimum score relative to the best hit.
const WORST_HIT: f32 = 0.35;
/// Maximum identifiers of an instruction whose definitions are searched for in files outside of the index.
const MOST_SEARCHED: usize = 4;
/// The weight of an identifier relative to another word.
const IDENTIFIER: f32 = 4.0;

/// Words of instructions that do not help a search.
const COMMON_WORDS: &str = "a add all also an and any are as at be by can change do does each every everything for from \
give has have if in instead into is it its make more must no not of on one only or other please replace rewrite same \
should so something such take that the their them then there these they this to use uses want we when where which \
with without you";

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPlan {
    /// The instruction is empty.
    #[error("the instruction is empty: say what is to be done with each place")]
    NoInstruction,
    /// A pattern is invalid.
    #[error("`{pattern}` is no pattern: {problem}")]
    BadPattern {
        /// The pattern as given.
        pattern: String,
        /// The parse error.
        problem: String,
    },
    /// No file matches.
    #[error(
        "no file that may be read fits {0}; patterns are those of .gitignore, relative to the workspace folder"
    )]
    NoFile(String),
    /// It has no definitions or uses.
    #[error("nothing is called `{0}` in the files that may be read")]
    NoSymbol(String),
    /// A definition would stay unchanged while its users are rewritten.
    #[error(
        "a definition of `{symbol}`, in {path}, may not be read, so that only what uses it would be rewritten: {reason}",
        path = .path.display()
    )]
    HiddenDefinition {
        /// The symbol as given.
        symbol: String,
        /// The definition's file.
        path: PathBuf,
        /// Why it may not be read.
        reason: String,
    },
    /// It is used, but its definition is unknown.
    #[error(
        "no definition of `{0}` is found in the files that may be read, so that only what uses it would be rewritten; \
         if it is a library's, name the files with --paths instead of the symbol"
    )]
    NoDefinition(String),
    /// There are matches, but none can be rewritten.
    #[error("nothing here can be rewritten: {0}")]
    NothingHolds(String),
    /// Neither names nor search find a match.
    #[error("no place was found for this instruction; name a symbol (--symbol) or files (--paths)")]
    NothingFound,
}

/// The matches of a request, by file.
type ByFile = BTreeMap<PathBuf, Claims>;

/// Finds the items to rewrite, in the sequence of their rewrites, and the check to run.
///
/// # Errors
/// There is nothing to rewrite.
pub fn plan(workspace: &Workspace, order: &RefactorRequest) -> Result<Plan, NoPlan> {
    if order.instruction.trim().is_empty() {
        return Err(NoPlan::NoInstruction);
    }
    let settings = workspace.settings();
    let patterns = Patterns::new(workspace.repository.rules().roots(), &order.paths)?;
    let identifiers = names::identifiers(&order.instruction);
    let mut whole = Vec::new();
    let (claims, left_out) = match &order.symbol {
        Some(symbol) => {
            all_definitions_are_known(workspace, symbol, &patterns)?;
            of_symbol(&workspace.repository.index(), symbol, &patterns)?
        }
        None if order.paths.is_empty() => {
            let mut left_out = hidden_definitions(workspace, &identifiers, &patterns);
            match (of_instruction(workspace, &order.instruction, &identifiers), left_out.first()) {
                (Err(NoPlan::NothingFound), Some(hidden)) => return Err(nothing_holds(hidden)),
                (found, _) => {
                    let (claims, others) = found?;
                    left_out.extend(others);
                    (claims, left_out)
                }
            }
        }
        None => {
            let files = patterns.files(&workspace.repository.index(), &order.paths)?;
            let mut left_out = hidden_definitions(workspace, &identifiers, &patterns);
            let (claims, unread) = says(workspace, &files, &identifiers);
            left_out.extend(unread);
            if claims.is_empty() {
                whole = files;
            }
            (claims, left_out)
        }
    };

    let check = order.check.as_ref().unwrap_or(&settings.refactor.check);
    let check = Some(check.clone()).filter(|command| !command.is_empty());
    let mut plan = Plan { order: RefactorRequest { check, ..order.clone() }, left_out, ..Plan::default() };
    let mut placed = Vec::new();
    let whole = whole.into_iter().map(|path| (path, None));
    for (path, claims) in claims.into_iter().map(|(path, claims)| (path, Some(claims))).chain(whole) {
        let document = match open(workspace, &path) {
            Ok(document) => document,
            Err(reason) => {
                let is_defined = |claims: &Claims| claims.keys().any(|why| matches!(why, Why::Defines(_)));
                if let Some(symbol) = order.symbol.clone().filter(|_| claims.as_ref().is_some_and(is_defined))
                {
                    return Err(NoPlan::HiddenDefinition { symbol, path, reason });
                }
                plan.left_out.push(LeftOut { path, reason });
                continue;
            }
        };
        let (claimed, left) = match &claims {
            Some(claims) => targets::holding(&document, claims),
            None => (targets::whole(&document), Claims::new()),
        };
        if !left.is_empty() {
            let reason =
                format!("{}, where no item or statement can be taken as a whole", targets::reason(&left));
            plan.left_out.push(LeftOut { path: path.clone(), reason });
        }
        let room = MOST_SITES.saturating_sub(placed.len());
        if claimed.len() > room {
            let reason = format!("{} beyond the first {MOST_SITES}", counted(claimed.len() - room, "item"));
            plan.left_out.push(LeftOut { path, reason });
        }
        placed.extend(claimed.iter().take(room).map(|claimed| place(&document, claimed)));
    }
    plan.sites = sequence::ordered(placed);
    if let ([], Some(first)) = (plan.sites.as_slice(), plan.left_out.first()) {
        return Err(nothing_holds(first));
    }
    if plan.sites.is_empty() {
        return Err(NoPlan::NothingFound);
    }
    Ok(plan)
}

fn nothing_holds(left: &LeftOut) -> NoPlan {
    NoPlan::NothingHolds(format!("{}: {}", left.path.display(), left.reason))
}

/// Why a file is left out if the editor's text differs from the known one.
const STALE: &str = "its text in the editor is not known; close and reopen it there";

/// A file as a refactoring reads it: the editor's text if it is open, otherwise the text on disk.
///
/// # Errors
/// Why it may not be read, as a message.
pub(super) fn open(workspace: &Workspace, path: &Path) -> Result<Arc<Document>, String> {
    // A file that may not be written need not be read.
    apply::admitted(&workspace.repository.rules(), path).map_err(|skipped| skipped.to_string())?;
    let document = match workspace.documents.buffer(path) {
        Buffer::Current(open) => open,
        Buffer::Stale => return Err(STALE.to_owned()),
        Buffer::Closed => {
            workspace.repository.rules().check_unopened(path).map_err(|excluded| excluded.to_string())?;
            let (_, text) = walk::read(path).map_err(|excluded| excluded.to_string())?;
            let id = DocumentId(path.to_string_lossy().into());
            Arc::new(Document::open(id, Some(path.to_owned()), "", 0, &text))
        }
    };
    workspace.may_be_shown(&document)?;
    Ok(document)
}

fn place(document: &Document, claimed: &Claimed) -> Placed {
    let text = document.text.byte_slice(claimed.target.range.clone()).to_string();
    Placed { site: claimed.site(document), text, is_asked: claimed.defines() }
}

/// Rejects a symbol whose users would be rewritten without one of its definitions.
fn all_definitions_are_known(workspace: &Workspace, symbol: &str, patterns: &Patterns) -> Result<(), NoPlan> {
    let known = Known::of(workspace, symbol);
    match known.hidden(workspace, patterns) {
        Some(Hidden { path, reason }) => {
            Err(NoPlan::HiddenDefinition { symbol: symbol.to_owned(), path, reason })
        }
        None if known.is_used && !known.is_defined => Err(NoPlan::NoDefinition(symbol.to_owned())),
        None => Ok(()),
    }
}

/// The definitions of these names that may not be read. The instruction may refer to them or to their users, so they
/// are reported, and the request is not rejected.
fn hidden_definitions(workspace: &Workspace, names: &[&str], patterns: &Patterns) -> Vec<LeftOut> {
    let of = |name: &&str| {
        let known = Known::of(workspace, name);
        // A word that is no name in the index is not searched for in other files.
        let Hidden { path, reason } =
            (known.is_used || known.is_defined).then(|| known.hidden(workspace, patterns))??;
        Some(LeftOut { path, reason: format!("defines {name}, and may not be read: {reason}") })
    };
    names.iter().take(MOST_SEARCHED).filter_map(of).collect()
}

/// The index's entries for a symbol.
struct Known<'s> {
    name: &'s str,
    container: Option<&'s str>,
    is_defined: bool,
    is_used: bool,
    /// The languages in which it is defined or used.
    languages: BTreeSet<String>,
}

impl Known<'_> {
    fn of<'s>(workspace: &Workspace, symbol: &'s str) -> Known<'s> {
        let (name, container) = (names::last_name(symbol), names::container(symbol));
        let index = workspace.repository.index();
        let is_meant = |one: &Definition| {
            container.is_none_or(|container| one.symbol.container.as_deref() == Some(container))
        };
        let defining: Vec<_> = index.definitions(name).filter(is_meant).map(|one| one.file).collect();
        let using: Vec<_> = index.references(name).map(|(file, _)| file).collect();
        let languages = defining.iter().chain(&using).map(|&file| index.language(file).to_owned());
        let languages = languages.collect();
        Known { name, container, is_defined: !defining.is_empty(), is_used: !using.is_empty(), languages }
    }

    /// A definition that is not in the index. If the index has a definition too, this one must not be ignored, must be
    /// in a matching file, and in a language that uses the name.
    fn hidden(&self, workspace: &Workspace, patterns: &Patterns) -> Option<Hidden> {
        let fits = |path: &Path, language: &'static Language| {
            !self.is_defined || patterns.fit(path) && self.languages.contains(language.id)
        };
        let (name, container) = (self.name, self.container);
        let search = hidden::Search { name, container, ignored: !self.is_defined, fits: &fits };
        hidden::definition(workspace, search)
    }
}

/// The definitions and users of a symbol. `Shape::area` is the `area` of `Shape`; users are found by the last name
/// only. A user in a language that cannot refer to the definitions is left out, unless a pattern matches its file.
fn of_symbol(index: &Index, symbol: &str, patterns: &Patterns) -> Result<(ByFile, Vec<LeftOut>), NoPlan> {
    let (name, container) = (names::last_name(symbol), names::container(symbol));
    let (mut files, mut others) = (ByFile::new(), ByFile::new());
    let mut families = BTreeSet::new();
    let family = |file| index.language_of(file).map(|language| language.family);
    let mut claim = |path: &Path, why: Why, line: u32| {
        if patterns.fit(path) {
            files.entry(path.to_owned()).or_default().entry(why).or_default().push(line);
        }
    };
    for definition in index.definitions(name) {
        let symbol = definition.symbol;
        if container.is_none_or(|container| symbol.container.as_deref() == Some(container)) {
            claim(index.path(definition.file), Why::Defines(name.to_owned()), symbol.lines.start);
            families.insert(family(definition.file));
        }
    }
    for (file, line) in index.references(name) {
        if !patterns.are_given() && !families.is_empty() && !families.contains(&family(file)) {
            let claims = others.entry(index.path(file).to_owned()).or_default();
            claims.entry(Why::Uses(name.to_owned())).or_default().push(line);
        } else {
            claim(index.path(file), Why::Uses(name.to_owned()), line);
        }
    }
    if files.is_empty() {
        return Err(NoPlan::NoSymbol(symbol.to_owned()));
    }
    let left_out = |(path, claims): (PathBuf, Claims)| {
        let uses = targets::reason(&claims);
        LeftOut {
            path,
            reason: format!(
                "{uses}, in another language than its definitions; to include it, name it as a path"
            ),
        }
    };
    Ok((files, others.into_iter().map(left_out).collect()))
}

/// The matches of an instruction without a symbol or paths: its identifiers that the workspace defines, or the hits of
/// a search for its words.
fn of_instruction(
    workspace: &Workspace,
    instruction: &str,
    identifiers: &[&str],
) -> Result<(ByFile, Vec<LeftOut>), NoPlan> {
    let (mut files, mut left_out) = (ByFile::new(), Vec::new());
    for name in identifiers {
        let index = workspace.repository.index();
        if index.definitions(name).next().is_some() {
            let (claims, others) = of_symbol(&index, name, &Patterns::default())?;
            left_out.extend(others);
            for (path, claims) in claims {
                files.entry(path).or_default().extend(claims);
            }
        }
    }
    if !files.is_empty() {
        return Ok((files, left_out));
    }
    let mut weights: BTreeMap<String, f32> = BTreeMap::new();
    let mut weigh = |text: &str, weight| {
        terms(text, |term| {
            if !COMMON_WORDS.split_ascii_whitespace().any(|common| common == term) {
                weights.insert(term.to_owned(), weight);
            }
        });
    };
    weigh(instruction, 1.0);
    identifiers.iter().for_each(|name| weigh(name, IDENTIFIER));
    let weights: Vec<(String, f32)> = weights.into_iter().collect();
    let hits: Vec<_> = {
        let index = workspace.repository.index();
        let hits = index.search(&weights, MOST_HITS, &|file, _| !index.symbols(file).is_empty());
        let worst = hits.first().map_or(0.0, |hit| hit.score * WORST_HIT);
        let hits = hits.into_iter().filter(|hit| hit.score >= worst);
        hits.map(|hit| (index.path(hit.file).to_owned(), hit.lines)).collect()
    };
    for (path, lines) in hits {
        let Some(text) = workspace.repository.text(&path) else { continue };
        for (number, line) in (0..).zip(text.lines()).filter(|(number, _)| lines.contains(number)) {
            terms(line, |term| {
                if weights.iter().any(|(wanted, _)| wanted == term) {
                    let claims = files.entry(path.clone()).or_default();
                    claims.entry(Why::Found(term.to_owned())).or_default().push(number);
                }
            });
        }
    }
    if files.is_empty() { Err(NoPlan::NothingFound) } else { Ok((files, left_out)) }
}

/// The lines of these files that contain one of the identifiers, and the files that could not be searched.
fn says(workspace: &Workspace, files: &[PathBuf], identifiers: &[&str]) -> (ByFile, Vec<LeftOut>) {
    let (mut found, mut unread) = (ByFile::new(), Vec::new());
    if identifiers.is_empty() {
        return (found, unread);
    }
    for path in files {
        let document = match open(workspace, path) {
            Ok(document) => document,
            Err(reason) => {
                unread.push(LeftOut { path: path.clone(), reason });
                continue;
            }
        };
        for (number, line) in (0..).zip(document.text.lines()) {
            let line = line.to_string();
            for name in identifiers.iter().filter(|name| names::speaks_of(&line, name)) {
                let claims = found.entry(path.clone()).or_default();
                claims.entry(Why::Says(name.to_string())).or_default().push(number);
            }
        }
    }
    // Otherwise the files are requested as a whole, and opened again.
    if found.is_empty() {
        unread.clear();
    }
    (found, unread)
}

/// The files of a request: those that match a pattern relative to their workspace folder.
#[derive(Debug, Default)]
struct Patterns {
    by_root: Vec<(PathBuf, Gitignore)>,
}

impl Patterns {
    fn new(roots: &[PathBuf], patterns: &[String]) -> Result<Patterns, NoPlan> {
        if patterns.is_empty() {
            return Ok(Patterns::default());
        }
        let mut by_root = Vec::new();
        for root in roots {
            let bad = |pattern: &str, problem: ignore::Error| NoPlan::BadPattern {
                pattern: pattern.to_owned(),
                problem: problem.to_string(),
            };
            let mut builder = GitignoreBuilder::new(root);
            for pattern in patterns {
                builder.add_line(None, pattern).map_err(|problem| bad(pattern, problem))?;
            }
            by_root
                .push((root.clone(), builder.build().map_err(|problem| bad(&patterns.join(" "), problem))?));
        }
        Ok(Patterns { by_root })
    }

    /// Whether a file matches; all do if there are no patterns.
    fn fit(&self, path: &Path) -> bool {
        let fits = |(root, patterns): &(PathBuf, Gitignore)| {
            path.starts_with(root) && patterns.matched_path_or_any_parents(path, false).is_ignore()
        };
        self.by_root.is_empty() || self.by_root.iter().any(fits)
    }

    fn are_given(&self) -> bool {
        !self.by_root.is_empty()
    }

    fn files(&self, index: &Index, patterns: &[String]) -> Result<Vec<PathBuf>, NoPlan> {
        let files = index.files().map(|file| index.path(file)).filter(|path| self.fit(path));
        let files: Vec<PathBuf> = files.map(Path::to_owned).collect();
        if files.is_empty() { Err(NoPlan::NoFile(patterns.join(" "))) } else { Ok(files) }
    }
}
