//! How a language imports, and what precedes the imports of a file.

/// How a language imports. Node kinds are separated by spaces.
pub struct Imports {
    /// Node kinds that import names from other files.
    pub nodes: &'static str,
    /// How an import is resolved to files.
    pub rules: ImportRules,
    /// Clauses that a file has once, at its head: `package a`.
    pub clauses: &'static str,
    /// What else precedes the imports of a file.
    pub preamble: &'static str,
    /// Statements that precede the imports if they are only a string: a docstring, `'use strict'`.
    pub directives: &'static str,
    /// Items that have imports of their own: Rust's `mod`.
    pub modules: &'static str,
    /// What may enclose a whole file: `#ifndef` of a header.
    pub guards: &'static str,
}

/// How an import is resolved to files. A language with such imports may use any of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportRules {
    /// `use a::b`: a tree of modules that are files.
    Rust,
    /// `from a.b import c`: packages, modules, and names in them.
    Python,
    /// `import { a } from './b'`: the path of a module.
    JavaScript,
    /// `import "module/package"`: a folder.
    Go,
    /// `import a.b.C`: a class.
    Java,
    /// `#include "a.h"`: a header.
    C,
    /// `using A.B`: a namespace.
    CSharp,
    /// `use A\B`: a class by its namespace.
    Php,
    /// `require 'a/b'`: a file on the load path.
    Ruby,
    /// `require "a.b"`: the path of a file, written with dots.
    Lua,
    /// The path of a file.
    Paths,
}

impl Imports {
    /// The language has no imports by name.
    pub(super) const NONE: Imports = Imports {
        nodes: "",
        rules: ImportRules::Paths,
        clauses: "",
        preamble: "",
        directives: "",
        modules: "",
        guards: "",
    };
}
