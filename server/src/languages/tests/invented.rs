//! A language that does not exist: one row, and the features that work with this row and not another line.

use std::path::Path;
use std::sync::OnceLock;

use phi_engine::StopRule;

use crate::actions::{Action, offered};
use crate::answer;
use crate::complete::length::{at_empty_block, stop_rules};
use crate::documents::{Document, DocumentId};
use crate::edits::{self, Constraints, DeletionAllowance, Edit, Policy, Rejection};
use crate::facts;
use crate::languages::actions::{CodeActions, Conversion, Placeholders};
use crate::languages::imports::{ImportRules, Imports};
use crate::languages::names::{Names, Sharing};
use crate::languages::scanner::{any, guarded};
use crate::languages::text::Text;
use crate::languages::{Language, SymbolKind};
use crate::repository::imports::resolve;
use crate::repository::index::{Index, Stamp};
use crate::secrets;

/// Its grammar is Lua's.
pub(in crate::languages) static LANGUAGE: Language = Language {
    id: "invented",
    aliases: "inv",
    extensions: "invented",
    file_names: "Inventfile",
    interpreters: "invent",
    fence: "invented-code",
    family: "invented",
    folder_files: "all.invented",
    line_comment: Some("--"),
    layout: false,
    text: Text {
        block_comment: Some(("--[[", "]]")),
        has_backtick_strings: true,
        opening_marks: &["~>"],
        opening_words: "thereupon",
        heading_words: "suppose",
        continuing_words: "otherwise",
        ..Text::CODE
    },
    imports: Imports { rules: ImportRules::Paths, ..Imports::NONE },
    functions: "function_declaration",
    containers: "",
    blocks: "block",
    statement_lists: "",
    members: "",
    names: "identifier",
    comments: "comment",
    attributes: "",
    calls: "function_call",
    modifiers: "local",
    doc_links: &[],
    tags: r#"
        (function_declaration name: (identifier) @name) @definition.function
        (function_call
          name: (identifier) @_bring
          arguments: (arguments . (string content: (_) @import.path))
          (#eq? @_bring "bring")) @import
    "#,
    locals: r#"
        (chunk) @local.scope.module
        (function_declaration) @local.scope.function
        (function_declaration name: (identifier) @local.definition.outer)
        (parameters (identifier) @local.definition.hoisted)
        (identifier) @local.reference
    "#,
    resolution: Names { sharing: Sharing::Imports, ..Names::UNKNOWN },
    actions: Some(CodeActions {
        documentation: "a remark",
        locals: ("variable_declaration", "name"),
        errors: "Report it.",
        failing: "risk",
        stubs: ("function_call", &["invent_later("]),
        conversions: &[Conversion {
            nodes: "while_statement",
            holds: &[],
            to: "a recurrence",
            instruction: "Convert the loop to a recurrence.",
        }],
        ..CodeActions::NONE
    }),
    placeholders: Placeholders { code: &["invent_later("], ..Placeholders::NONE },
    ascii_only: false,
    grammar: guarded!(tree_sitter_lua::LANGUAGE, any),
    syntax: OnceLock::new(),
};

/// A document, and the cursor at `$0`.
fn open(text: &str) -> (Document, usize) {
    let cursor = text.find("$0").unwrap_or(0);
    let text = text.replacen("$0", "", 1);
    (Document::open(DocumentId("file:///a".into()), None, "inv", 1, &text), cursor)
}

#[test]
fn it_is_found() {
    let is_it = |found: Option<&'static Language>| assert_eq!(found, Some(&LANGUAGE));
    is_it(Language::named("Inv"));
    is_it(Language::with_id("invented"));
    is_it(Language::of_path(Path::new("/a/b.invented")));
    is_it(Language::of_path(Path::new("Inventfile")));
    is_it(Language::of_shebang("#!/usr/bin/env invent2"));
    is_it(open("").0.language);
}

#[test]
fn its_definitions_and_imports_are_indexed() {
    let mut index = Index::default();
    let mut add = |path: &str, text: &str| {
        let path = Path::new(path);
        index.replace(path, Stamp::default(), facts::read(path, text, Language::of_path(path), None))
    };
    let a = add(
        "/w/a.invented",
        "bring(\"b.invented\")\n\n-- Greets.\nfunction hello(name)\n    hail(name)\nend\n",
    );
    let b = add("/w/b.invented", "function hail(name)\nend\n");
    let [symbol] = index.symbols(a) else { panic!("one definition") };
    assert_eq!((&*symbol.name, symbol.kind, &*symbol.doc), ("hello", SymbolKind::Function, "-- Greets."));
    assert_eq!(index.language_of(a), Some(&LANGUAGE));
    assert!(index.references("hail").any(|(file, _)| file == a));
    assert_eq!(resolve(&index, a, &index.imports(a)[0]), [b]);
}

#[test]
fn its_words_open_blocks_and_continue_statements() {
    let opens = |text: &str| {
        let (document, cursor) = open(text);
        at_empty_block(&document, cursor)
    };
    assert!(opens("x = f(1) thereupon\n  $0\n"));
    assert!(opens("x = f(1) ~>$0\n"));
    assert!(opens("suppose x\n  $0\n"));
    assert!(!opens("x = f(1) do\n  $0\n"), "a word of other languages");
    let (document, cursor) = open("suppose x\n  $0\n");
    let rules = stop_rules(&document, cursor, Some("```".into()), 12);
    let words = rules.iter().find_map(|rule| match rule {
        StopRule::Dedent { words, .. } => Some(words.as_slice()),
        _ => None,
    });
    assert_eq!(words, Some(&["otherwise".to_owned()][..]));
}

#[test]
fn its_delimiters_separate_code_from_comments_and_strings() {
    let kept = |answer: &str| {
        let (document, cursor) = open("x = $0\n");
        answer::completion(&document, cursor, answer, true).map(|draft| draft.text)
    };
    // A bracket that nothing opened ends an answer, but not in a comment or a string.
    assert_eq!(kept("f(1))").as_deref(), Some("f(1)"));
    assert_eq!(kept("f(1) -- :)").as_deref(), Some("f(1) -- :)"));
    assert_eq!(kept("f(1 --[[ ) ]])").as_deref(), Some("f(1 --[[ ) ]])"));
    assert_eq!(kept("f(`)`)").as_deref(), Some("f(`)`)"));
}

#[test]
fn its_actions_come_from_the_row() {
    let at = |text: &str| -> Vec<Action> {
        let (document, cursor) = open(text);
        offered(&document, cursor..cursor, &[], &[], |_| true)
    };
    let actions = at("function f(x)\n  $0while x do\n    x = risk(x)\n  end\n  return x\nend\n");
    let instruction = |id: &str| {
        let action = actions.iter().find(|action| action.id == id);
        action.map_or("", |action| action.instruction.as_str())
    };
    assert!(instruction("document").contains("a remark"), "{actions:#?}");
    assert!(instruction("errors").contains("Report it."), "{actions:#?}");
    assert!(instruction("convert/0").contains("a recurrence"), "{actions:#?}");
    let actions = at("function f(x)\n  $0invent_later(x)\nend\n");
    assert!(actions.iter().any(|action| action.id == "complete"), "{actions:#?}");
}

#[test]
fn the_deletions_of_a_rewrite_are_counted_by_its_words() {
    let rewritten = |old: &str, new: &str| -> Result<Edit, Rejection> {
        let (document, _) = open(old);
        let draft = answer::Draft { range: 0..old.trim_end().len(), text: new.to_owned() };
        let terms = Policy {
            instruction: "",
            may_delete: DeletionAllowance::Much,
            may_add_items: false,
            must_touch: None,
        };
        edits::verify(&document, &draft, &Constraints::Item(terms))
    };
    let old = "local function f(x)\n  a(x)\n  b(x)\nend\n";
    let edit = rewritten(old, "function f(x)\n  a(x)\n  b(x, 1)\nend").expect("an edit");
    assert_eq!(edit.deletions().heading, ["local"]);
    let refused = rewritten(old, "local function f(x)\n  a(x)\n  invent_later(x)\nend");
    assert!(matches!(refused, Err(Rejection::Abbreviated(_))), "{refused:?}");
}

#[test]
fn its_files_are_code_by_their_names() {
    assert_eq!(secrets::names::of_file("secrets.invented"), None);
}
