//! One row per language: everything that depends on the language of a text. Other modules get its facts from a
//! [`Language`]; none compares ids.
//!
//! A row names syntax by the node kinds of its tree-sitter grammar; a test checks every name with the grammar. Any
//! language that is not in [`ALL`] is plain text to phi-ls.

pub mod actions;
pub mod imports;
pub mod locals;
pub mod names;
pub(crate) mod scanner;
mod table;
pub mod tags;
pub mod text;

mod c;
mod cpp;
mod csharp;
mod css;
mod go;
mod html;
mod java;
mod javascript;
mod json;
mod lua;
mod markdown;
mod php;
mod python;
mod ruby;
mod rust;
mod shellscript;
mod toml;
mod typescript;
mod typescriptreact;
mod yaml;

use std::path::Path;
use std::sync::OnceLock;

use rustc_hash::FxHashSet;
use tree_sitter::Node;

pub use table::ALL;

use self::actions::{CodeActions, Placeholders};
use self::imports::Imports;
use self::locals::Locals;
use self::names::Names;
pub use self::tags::SymbolKind;
use self::tags::Tags;
use self::text::Text;

/// What phi-ls knows about one language. Lists of names are separated by spaces.
pub struct Language {
    /// Lower-case, as LSP's `languageId` spells it: `rust`, `typescriptreact`.
    pub id: &'static str,
    /// Other names that clients and Markdown fences use.
    pub aliases: &'static str,
    /// File extensions without the dot, lower-case.
    pub extensions: &'static str,
    /// Whole file names, where the name alone identifies the language.
    pub file_names: &'static str,
    /// Programs of a `#!` line, without their version.
    pub interpreters: &'static str,
    /// The word after a Markdown fence: `rust`, `tsx`.
    pub fence: &'static str,
    /// Languages of one family use each other's definitions: `ecmascript`, `c`. Most are a family of their own.
    pub family: &'static str,
    /// Names of files that are the module of their folder.
    pub folder_files: &'static str,
    /// What starts a comment to the end of the line; `None` if the language has none (HTML).
    pub line_comment: Option<&'static str>,
    /// Whether a block ends where its indentation ends.
    pub layout: bool,
    /// Facts about lines, for use without a parser.
    pub text: Text,
    /// How names of other files are imported.
    pub imports: Imports,
    /// Node kinds of functions: what has parameters and statements.
    pub functions: &'static str,
    /// Node kinds that hold members, entries or sections: classes, modules, tables, rules.
    pub containers: &'static str,
    /// Node kinds of the bodies of functions, containers and control flow, brackets included.
    pub blocks: &'static str,
    /// Node kinds in blocks that contain the statements, if blocks do not.
    pub statement_lists: &'static str,
    /// Node kinds besides blocks whose children are units: object literals, cases, sections.
    pub members: &'static str,
    /// Node kinds of names: leaves that may refer to a definition.
    pub names: &'static str,
    /// Node kinds of comments.
    pub comments: &'static str,
    /// Node kinds of attributes, decorators and annotations.
    pub attributes: &'static str,
    /// Node kinds of calls.
    pub calls: &'static str,
    /// Words before a name that change what it means to other code.
    pub modifiers: &'static str,
    /// The marks before and after a name that a comment links to.
    pub doc_links: &'static [(&'static str, &'static str)],
    /// The tag query.
    pub tags: &'static str,
    /// The locals query; empty if scopes are not known, so that no use of a renamed definition is certain.
    pub locals: &'static str,
    /// How names are resolved to definitions.
    pub resolution: Names,
    /// What code actions search for; `None` if only the user's actions apply.
    pub actions: Option<CodeActions>,
    /// What a model writes instead of code that it leaves out.
    pub placeholders: Placeholders,
    /// The grammar's scanner reads past its tables at non-ASCII characters.
    pub ascii_only: bool,
    grammar: fn() -> tree_sitter::Language,
    syntax: OnceLock<Syntax>,
}

/// The role of a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Role {
    /// One of [`Imports::nodes`].
    pub import: bool,
    /// One of [`Language::functions`].
    pub function: bool,
    /// One of [`Language::containers`].
    pub container: bool,
    /// One of [`Language::blocks`].
    pub block: bool,
    /// One of [`Language::members`].
    pub members: bool,
    /// One of [`Language::comments`].
    pub comment: bool,
    /// One of [`Language::attributes`].
    pub attribute: bool,
}

/// Looked up in the grammar once per process.
struct Syntax {
    grammar: tree_sitter::Language,
    /// By kind id. One name can have several ids.
    roles: Vec<Role>,
    keywords: FxHashSet<Box<str>>,
    /// Compiled when a text is first read for its symbols.
    tags: OnceLock<Tags>,
    /// Compiled when a name is first looked up.
    locals: OnceLock<Locals>,
}

impl Language {
    /// The language that a client, a fence or a user calls `id`; case does not matter.
    pub fn named(id: &str) -> Option<&'static Language> {
        let id = id.to_ascii_lowercase();
        ALL.iter().copied().find(|row| row.id == id || holds(row.aliases, &id))
    }

    /// The language with this [id](Language::id), as the index knows it.
    pub fn with_id(id: &str) -> Option<&'static Language> {
        ALL.iter().copied().find(|row| row.id == id)
    }

    /// The language of a file by its name.
    pub fn of_path(path: &Path) -> Option<&'static Language> {
        let name = path.file_name()?.to_str()?;
        let by_name = ALL.iter().copied().find(|row| holds(row.file_names, name));
        by_name.or_else(|| {
            let extension = path.extension()?.to_str()?.to_ascii_lowercase();
            ALL.iter().copied().find(|row| holds(row.extensions, &extension))
        })
    }

    /// The language of a script by its first line (`#!/usr/bin/env -S python3 -u`).
    pub fn of_shebang(first_line: &str) -> Option<&'static Language> {
        let mut words = first_line.strip_prefix("#!")?.split_whitespace();
        let mut program = base_name(words.next()?);
        if program == "env" {
            program = words.find(|word| !word.starts_with('-') && !word.contains('=')).map(base_name)?;
        }
        let program = program.trim_end_matches(|digit: char| digit.is_ascii_digit() || digit == '.');
        ALL.iter().copied().find(|row| holds(row.interpreters, program))
    }

    /// The tree-sitter grammar.
    pub fn grammar(&self) -> &tree_sitter::Language {
        &self.syntax().grammar
    }

    /// The role of a node of this language's tree.
    pub fn role(&self, node: Node) -> Role {
        self.syntax().roles.get(usize::from(node.kind_id())).copied().unwrap_or_default()
    }

    /// Whether statements are children of a node of the tree with this root: a block, a list in it, or the whole text.
    pub fn holds_statements(&self, node: Node, root: Node) -> bool {
        let is_list = |node: Node| holds(self.statement_lists, node.kind());
        is_list(node) || node == root || self.role(node).block && !node.named_child(0).is_some_and(is_list)
    }

    /// Whether a statement is only a string, and such strings have a meaning: a docstring, `'use strict'`.
    pub fn is_directive(&self, node: Node) -> bool {
        let only = node.named_child(0).filter(|_| node.named_child_count() == 1);
        holds(self.imports.directives, node.kind()) && only.is_some_and(|only| only.kind() == "string")
    }

    /// Whether a word is a keyword of the grammar rather than a name.
    pub fn is_keyword(&self, word: &str) -> bool {
        self.syntax().keywords.contains(word)
    }

    /// The compiled tag query.
    pub fn tags(&self) -> &Tags {
        let syntax = self.syntax();
        syntax.tags.get_or_init(|| Tags::new(self, &syntax.grammar))
    }

    /// The compiled locals query, if the language has one.
    pub fn locals(&self) -> Option<&Locals> {
        let syntax = self.syntax();
        let locals = || syntax.locals.get_or_init(|| Locals::new(self.locals, &syntax.grammar));
        (!self.locals.is_empty()).then(locals)
    }

    fn syntax(&self) -> &Syntax {
        self.syntax.get_or_init(|| {
            let grammar = (self.grammar)();
            let mut roles = vec![Role::default(); grammar.node_kind_count()];
            let mut keywords = FxHashSet::default();
            for (id, role) in (0u16..).zip(&mut roles) {
                let Some(kind) = grammar.node_kind_for_id(id) else { continue };
                if grammar.node_kind_is_named(id) {
                    *role = Role {
                        import: holds(self.imports.nodes, kind),
                        function: holds(self.functions, kind),
                        container: holds(self.containers, kind),
                        block: holds(self.blocks, kind),
                        members: holds(self.members, kind),
                        comment: holds(self.comments, kind),
                        attribute: holds(self.attributes, kind),
                    };
                } else if kind.bytes().all(|byte| byte.is_ascii_alphabetic()) {
                    keywords.insert(kind.into());
                }
            }
            Syntax { grammar, roles, keywords, tags: OnceLock::new(), locals: OnceLock::new() }
        })
    }
}

impl PartialEq for Language {
    fn eq(&self, other: &Language) -> bool {
        self.id == other.id
    }
}

impl Eq for Language {}

impl std::fmt::Debug for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

fn holds(names: &str, name: &str) -> bool {
    names.split_ascii_whitespace().any(|one| one == name)
}

fn base_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

#[cfg(test)]
mod tests;
