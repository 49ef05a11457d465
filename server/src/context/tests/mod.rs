//! Contexts of fixtures in which `$0` marks the cursor.

mod candidates;
mod fixture;
mod selection;
mod snippets;
mod stability;
mod window;

use std::path::PathBuf;

use super::*;
use crate::documents::Change;
use proptest::prelude::*;

/// A simple tokenizer: words, and each other character that is not a space.
fn count(text: &str) -> usize {
    let words =
        text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).count();
    words + text.chars().filter(|c| !c.is_alphanumeric() && *c != '_' && *c != ' ').count()
}

const BUDGET: Budget = Budget { above: 120, edit_region: 120, after: 60, guidance: 0, snippets: 200 };

fn open(name: &str, text: &str) -> Document {
    Document::open(DocumentId(name.into()), Some(format!("/w/{name}").into()), "", 1, text)
}

/// A document and the cursor that `$0` marks in its text.
fn marked(name: &str, text: &str) -> (Document, usize) {
    let cursor = text.find("$0").expect("the fixture marks the cursor");
    (open(name, &text.replacen("$0", "", 1)), cursor)
}

fn type_in(document: &Document, cursor: usize, text: &str) -> Document {
    let change = Change::Splice { range: cursor..cursor, text: text.to_owned() };
    document.apply(document.version + 1, &[change])
}

fn part(document: &Document, range: &Range<usize>) -> String {
    document.text.byte_slice(range.clone()).to_string()
}

fn draw(document: &Document, window: &Window) -> String {
    let mut drawn = String::new();
    let mut section = |name: &str, range: &Range<usize>| {
        if !range.is_empty() {
            drawn += &format!("--- {name}\n{}", part(document, range));
            if !drawn.ends_with('\n') {
                drawn += "⏎\n";
            }
        }
    };
    window.imports.iter().for_each(|imports| section("imports", imports));
    window.scopes.iter().for_each(|scope| section("scope", scope));
    section("above", &window.above);
    section("before", &window.before);
    section("tail", &window.tail);
    section("rest", &window.rest);
    section("after", &window.after);
    drawn.replace('\r', "␍")
}

const RUST: &str = r#"//! A shop.

use std::collections::HashMap;
use std::fmt;

mod till;

/// Counts things.
#[derive(Debug, Default)]
pub struct Stock {
    things: HashMap<String, usize>,
}

impl Stock {
    /// How many there are.
    pub fn count(&self, name: &str) -> usize {
        self.things.get(name).copied().unwrap_or(0)
    }

    /// Takes one away.
    pub fn take(&mut self, name: &str) -> bool {
        let left = self.count(name);
        $0
        left > 0
    }

    /// Puts one back.
    pub fn put(&mut self, name: &str) {
        *self.things.entry(name.to_owned()).or_default() += 1;
    }
}

impl fmt::Display for Stock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} things", self.things.len())
    }
}
"#;

const OTHER: &str = "\
//! Moves things between two shops.

pub fn transfer(from: &mut Stock, to: &mut Stock, name: &str) -> bool {
    let taken = from.take(name);
    if taken {
        to.put(name);
    }
    taken
}
";

fn holds_together(document: &Document, cursor: usize, budget: Budget, context: &Context) {
    let window = &context.window;
    assert_eq!(window.above.end, window.before.start);
    assert_eq!((window.before.end, window.tail.start), (cursor, cursor));
    assert!(window.tail.end <= window.rest.start);
    let line_break = part(document, &(window.tail.end..window.rest.start));
    assert!(line_break.trim_matches(['\n', '\r']).is_empty(), "{line_break:?}");
    assert_eq!(window.rest.end, window.after.start);
    let above = window.imports.iter().chain(&window.scopes).chain([&window.above]);
    assert!(above.map(|range| count(&part(document, range))).sum::<usize>() <= budget.above);
    assert!(count(&part(document, &(window.before.start..window.rest.end))) <= budget.edit_region);
    assert!(count(&part(document, &window.after)) <= budget.after);
    let snippets = context.snippets.iter().map(|snippet| snippet.tokens);
    assert!(snippets.sum::<usize>() <= budget.snippets);
    assert!(context.snippets.iter().all(|snippet| snippet.tokens >= count(&snippet.text)));
    assert!(context.guidance.iter().all(|guidance| count(&guidance.text) <= budget.guidance));
}

const PIECES: [&str; 19] = [
    "fn f() {\n",
    "}\n",
    "    x(alpha, beta);\n",
    "\n",
    "\r\n",
    "\r",
    "é😀",
    "def g():\n",
    "    ",
    "use a::b;\n",
    "class A {\n",
    "words of alpha ",
    "# t\n",
    "{",
    "(",
    "\"",
    "<p>",
    "import a\n",
    "\0",
];

proptest! {
    #[test]
    fn any_text_cursor_and_budget_make_a_context(
        name in prop::sample::select(vec!["a.rs", "a.py", "a.ts", "a.md", "a.txt", "a.html"]),
        pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..80),
        steps in prop::collection::vec((any::<prop::sample::Index>(), "[a-z(){}\\n é]{0,6}", any::<bool>()), 1..12),
        (above, edit_region, after, snippets) in (0usize..200, 0usize..200, 0usize..100, 0usize..200),
    ) {
        let budget = Budget { above, edit_region, after, guidance: 0, snippets };
        let mut document = open(name, &pieces.concat());
        let others = [Arc::new(open("b.rs", OTHER)), Arc::new(open("c.rs", &pieces.concat()))];
        let contexts = Contexts::default();
        let mut cursor = 0;
        for (at, typed, moves) in steps {
            if moves || cursor > document.text.len_bytes() {
                cursor = document.text.char_to_byte(at.index(document.text.len_chars() + 1));
            }
            document = type_in(&document, cursor, &typed);
            cursor += typed.len();
            let context = gather(&contexts, &document, cursor, &others, budget, &count);
            holds_together(&document, cursor, budget, &context);
        }
    }
}

/// The context of a workspace that has only open documents.
fn gather(
    contexts: &Contexts,
    document: &Document,
    cursor: usize,
    open: &[Arc<Document>],
    budget: Budget,
    count: &dyn Fn(&str) -> usize,
) -> Context {
    let (index, background) = (Index::default(), Background::default());
    let sources = Sources {
        scope: ContextScope::Repository,
        open,
        index: &index,
        background: &background,
        text: &|_| None,
    };
    contexts.gather(document, cursor, &sources, budget, count)
}
