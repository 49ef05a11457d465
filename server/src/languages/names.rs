//! How the names of a language are resolved to definitions.

use super::SymbolKind;

/// How a name is resolved to a definition. Node kinds are separated by spaces.
pub struct Names {
    /// How a file gets to use a definition of another file.
    pub sharing: Sharing,
    /// Which definitions can have one name, because a use tells them apart.
    pub spaces: Spaces,
    /// What separates the names of a path.
    pub separators: &'static [&'static str],
    /// Members that are used without a qualifier, inside of their type.
    pub bare_members: BareMembers,
    /// Leaves of this kind name types, and never functions or constants; may be empty.
    pub type_leaf: &'static str,
    /// Only leaves of that kind name types.
    pub types_have_own_leaf: bool,
    /// Leaves besides the language's names that define one and are never a use.
    pub defining_leaves: &'static str,
    /// A name in this field qualifies another name and is not a value.
    pub qualifying_field: &'static str,
    /// Nodes around the name of a called macro, and around its argument tokens. Macros have a namespace of their own if
    /// this is not empty.
    pub macros: (&'static str, &'static str),
    /// A function can be declared separately from its definition.
    pub has_prototypes: bool,
    /// Strings that name definitions.
    pub strings: Strings,
}

/// How a file gets to use a definition of another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// It imports the name, or all names of a module. It can re-export what it imports.
    Imports,
    /// Automatically in the same folder; other folders are imported and qualify the name.
    Folder,
    /// Automatically in the same package or namespace; others are imported.
    Namespace,
    /// It includes the file, or one that declares the name.
    Includes,
    /// No rule is known: any file may use it.
    Unknown,
}

/// Which definitions can have one name, because a use tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spaces {
    /// None.
    One,
    /// A type and anything else.
    Types,
    /// A type, a macro, and anything else.
    TypesAndMacros,
    /// An interface and anything else.
    Interfaces,
}

/// Members that are used without a qualifier, inside of their type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BareMembers {
    /// None.
    None,
    /// Fields; unknown for methods.
    Fields,
    /// Fields and methods.
    All,
}

/// Strings that name definitions.
pub struct Strings {
    /// The variable whose strings are the names that a module exports.
    pub exports: Option<&'static str>,
    /// A node in which a string is read as code: an annotation with a forward reference.
    pub annotation: &'static str,
    /// The macros that format `{name}`, separated by spaces.
    pub formats: &'static str,
}

impl Names {
    /// No rule is known.
    pub(super) const UNKNOWN: Names = Names {
        sharing: Sharing::Unknown,
        spaces: Spaces::One,
        separators: &["::", "->", "?.", "."],
        bare_members: BareMembers::None,
        type_leaf: "",
        types_have_own_leaf: false,
        defining_leaves: "",
        qualifying_field: "",
        macros: ("", ""),
        has_prototypes: false,
        strings: Strings::NONE,
    };
}

impl Strings {
    /// None.
    pub(super) const NONE: Strings = Strings { exports: None, annotation: "", formats: "" };
}

impl Spaces {
    /// Whether a use tells definitions of these kinds apart.
    pub fn are_apart(self, one: SymbolKind, other: SymbolKind) -> bool {
        let is_type = |kind| matches!(kind, SymbolKind::Class | SymbolKind::Interface | SymbolKind::Module);
        let is_macro = |kind| kind == SymbolKind::Macro;
        let is_interface = |kind| kind == SymbolKind::Interface;
        match self {
            Spaces::One => false,
            Spaces::Types => is_type(one) != is_type(other),
            Spaces::TypesAndMacros => is_type(one) != is_type(other) || is_macro(one) != is_macro(other),
            Spaces::Interfaces => is_interface(one) != is_interface(other),
        }
    }
}
