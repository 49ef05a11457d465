//! Candidates of each kind, in several languages.

use super::fixture::{Workspace, draw_snippets};
use super::*;
use expect_test::{Expect, expect};

fn check(fixture: &str, expected: Expect) {
    expected.assert_eq(&draw_snippets(&Workspace::new(fixture).gather()));
}

/// Without the texts of files, so that only declarations remain.
fn check_declarations(fixture: &str, expected: Expect) {
    let mut workspace = Workspace::new(fixture);
    workspace.has_texts = false;
    expected.assert_eq(&draw_snippets(&workspace.gather()));
}

#[test]
fn rust_declarations_of_what_is_named_and_members_of_the_receiver() {
    check_declarations(
        r#"
//- /Cargo.toml
[package]
name = "shop"
//- /src/lib.rs
mod stock;
mod till;
//- /src/stock.rs
/// Counts things.
pub struct Stock {
    things: Vec<u32>,
}

impl Stock {
    /// How many there are.
    pub fn count(&self, name: &str) -> usize {
        self.things.len()
    }

    /// Takes one away.
    pub fn take(&mut self, name: &str) -> bool {
        self.things.pop().is_some()
    }
}

/// Somebody else's.
pub struct Unrelated;
//- /src/till.rs
use crate::stock::Stock;

pub fn sell(stock: &mut Stock, name: &str) -> bool {
    stock.$0
}
"#,
        expect![[r#"
            --- declaration w/src/stock.rs:2: declares `Stock`, used elsewhere in this file
            // Counts things.
            pub struct Stock {
                things: Vec<u32>,
            }
            --- member w/src/stock.rs:8: `count` of `Stock`, the type of the receiver
            // How many there are.
            pub fn count(&self, name: &str) -> usize
            --- member w/src/stock.rs:13: `take` of `Stock`, the type of the receiver
            // Takes one away.
            pub fn take(&mut self, name: &str) -> bool
        "#]],
    );
}

#[test]
fn python_imports_not_used_yet_and_methods_of_the_class() {
    check_declarations(
        r#"
//- /shop/__init__.py
//- /shop/prices.py
def with_tax(price, rate=0.2):
    """The price with tax."""
    return price * (1 + rate)


def without_tax(price):
    return price
//- /shop/order.py
from shop.prices import with_tax


class Order:
    """What somebody has ordered."""

    def __init__(self, lines):
        self.lines = lines

    def total(self):
        """The sum of all lines."""
        return sum(line.price for line in self.lines)

    def to_pay(self):
        return $0
"#,
        expect![[r#"
            --- declaration w/shop/prices.py:1: declares `with_tax`, imported and not used yet
            # The price with tax.
            def with_tax(price, rate=0.2):
        "#]],
    );
}

#[test]
fn typescript_members_of_a_field_and_types_of_signatures() {
    check_declarations(
        r#"
//- /src/api.ts
export interface Page<T> {
  items: T[];
  next?: string;
}

/** Talks to the server. */
export class Api {
  /** Reads one page. */
  list(path: string): Promise<Page<string>> {
    return fetch(path);
  }

  remove(path: string): Promise<void> {
    return fetch(path);
  }
}
//- /src/view.ts
import { Api } from "./api";

export class View {
  constructor(private api: Api) {}

  async show(path: string) {
    const page = await this.api.$0
  }
}
"#,
        expect![[r#"
            --- declaration w/src/api.ts:1: declares `Page`, used in the signature of `Api`
            export interface Page<T> {
              items: T[];
              next?: string;
            }
            --- declaration w/src/api.ts:7: declares `Api`, used elsewhere in this file
            // Talks to the server.
            export class Api {
              /** Reads one page. */
              list(path: string): Promise<Page<string>> {
                return fetch(path);
              }

              remove(path: string): Promise<void> {
                return fetch(path);
              }
            }
            --- member w/src/api.ts:9: `list` of `Api`, the type of the receiver
            // Reads one page.
            list(path: string): Promise<Page<string>>
            --- member w/src/api.ts:13: `remove` of `Api`, the type of the receiver
            remove(path: string): Promise<void>
        "#]],
    );
}

#[test]
fn go_of_the_same_package() {
    check_declarations(
        r#"
//- /go.mod
module example.com/shop
//- /stock/stock.go
package stock

// Stock counts things.
type Stock struct {
	things map[string]int
}

// New makes an empty stock.
func New() *Stock {
	return &Stock{}
}

// Take takes one away.
func (s *Stock) Take(name string) bool {
	return s.things[name] > 0
}
//- /stock/sell.go
package stock

func Sell(name string) bool {
	s := New()
	return s.$0
}
"#,
        expect![[r#"
            --- member w/stock/stock.go:4: `things` of `Stock`, the type of the receiver
            // Stock counts things.
            type Stock struct {
            	things map[string]int
            }
            --- declaration w/stock/stock.go:9: declares `New`, used elsewhere in this file
            // New makes an empty stock.
            func New() *Stock
            --- member w/stock/stock.go:14: `Take` of `Stock`, the type of the receiver
            // Take takes one away.
            func (s *Stock) Take(name string) bool
        "#]],
    );
}

#[test]
fn java_methods_of_a_parameter() {
    check_declarations(
        r#"
//- /src/shop/Stock.java
package shop;

/** Counts things. */
public class Stock {
    private int things;

    /** Takes one away. */
    public boolean take(String name) {
        return things-- > 0;
    }
}
//- /src/shop/Till.java
package shop;

public class Till {
    public boolean sell(Stock stock, String name) {
        return stock.$0
    }
}
"#,
        expect![[r#"
            --- declaration src/shop/Stock.java:4: declares `Stock`, used elsewhere in this file
            // Counts things.
            public class Stock {
                private int things;

                /** Takes one away. */
                public boolean take(String name) {
                    return things-- > 0;
                }
            }
            --- member src/shop/Stock.java:8: `take` of `Stock`, the type of the receiver
            // Takes one away.
            public boolean take(String name)
        "#]],
    );
}

#[test]
fn declarations_that_only_similar_code_uses_are_not_shown() {
    check(
        r#"
//- /src/report.rs
//! Reports.
use crate::money::rounded;

pub fn weekly_report(orders: &[Order], customer: &Customer) -> Report {
    let mut report = Report::new(customer.name());
    for order in orders {
        report.push(order.total(), rounded(order.total()));
    }
    report
}
//- /src/money.rs
/// To the cent.
pub fn rounded(amount: f64) -> f64 {
    (amount * 100.0).round() / 100.0
}
//- /src/monthly.rs
pub fn monthly_report(orders: &[Order], customer: &Customer) -> Report {
    let mut report = Report::new(customer.name());
    for order in orders {
        $0
    }
    report
}
"#,
        expect![""],
    );
}

#[test]
fn call_sites_of_the_function_around_the_cursor_are_shown() {
    check(
        r#"
//- /src/slug.rs
pub fn slugify(title: &str, most: usize) -> String {
    $0
}
//- /src/page.rs
pub fn path(page: &Page) -> String {
    let slug = slugify(&page.title, 60);
    format!("/pages/{slug}.html")
}
"#,
        expect![[r#"
            --- use w/src/page.rs:1: uses `slugify`, which you are writing
            pub fn path(page: &Page) -> String {
                let slug = slugify(&page.title, 60);
                format!("/pages/{slug}.html")
            }
        "#]],
    );
}

#[test]
fn an_import_is_called_one_and_comes_after_a_use() {
    let imported = r#"
//- /src/helpers.py
def get_debug_flag():
    value = $0os.environ.get("FLASK_DEBUG")
    return bool(value)
//- /src/app.py
import os

from helpers import (
    get_load_dotenv,
    get_debug_flag,
)


class App:
    name = "app"
    port = 5000

    def run(self):
        self.debug = get_debug_flag()
        os.run(self.debug)
//- /src/api.py
import os
import sys
from helpers import get_debug_flag

__all__ = [os, sys]
"#;
    let workspace = Workspace::new(imported);
    let drawn = draw_snippets(&workspace.gather());
    let headings: String =
        drawn.lines().filter(|line| line.starts_with("---")).map(|line| line.to_owned() + "\n").collect();
    expect![[r#"
        --- use w/src/api.py:1: imports `get_debug_flag`, which you are writing
        --- use w/src/app.py:11: uses `get_debug_flag`, which you are writing
    "#]]
    .assert_eq(&headings);
}

const CHANGED: &str = r#"
//- /src/a.rs
pub fn read_settings(path: &Path) -> Settings {
    let settings = Settings::default();
    $0
}
//- /src/b.rs
pub fn write_settings(path: &Path, settings: &Settings) {
    let text = settings.to_toml();
    write(path, text);
}
"#;

#[test]
fn changes_of_the_working_tree_are_recent() {
    let workspace = Workspace::new(CHANGED).changed("/w/src/b.rs", 1..2);
    expect![[r#"
        --- recent w/src/b.rs:1: changed in the working tree
        pub fn write_settings(path: &Path, settings: &Settings) {
            let text = settings.to_toml();
            write(path, text);
        }
    "#]]
    .assert_eq(&draw_snippets(&workspace.gather()));
}

#[test]
fn an_open_document_overrides_its_file() {
    let text = "pub fn write_settings(path: &Path, settings: &Settings, backup: bool) {\n    write(path, settings);\n}\n";
    let workspace = Workspace::new(CHANGED).opened("/w/src/b.rs", text);
    expect![[r#"
        --- open w/src/b.rs:1: similar code in an open file
        pub fn write_settings(path: &Path, settings: &Settings, backup: bool) {
            write(path, settings);
        }
    "#]]
    .assert_eq(&draw_snippets(&workspace.gather()));
}

#[test]
fn the_guidance_comes_first_within_its_budget() {
    let text =
        "# How we write\n\nErrors are values.\n\n".to_owned() + &"A long page of many words.\n".repeat(50);
    let workspace = Workspace::new("//- /a.rs\nfn f() {\n    $0\n}\n").guided(&text);
    let guidance = workspace.gather().guidance.expect("there is some");
    assert!(guidance.text.starts_with("# How we write\n\nErrors are values.\n"));
    assert!(guidance.tokens <= workspace.budget.guidance && text.starts_with(&*guidance.text));
    assert_eq!(workspace.gather().guidance, Some(guidance), "the same again");
}

#[test]
fn a_name_with_many_definitions_resolves_to_the_nearest() {
    let elsewhere: String =
        (0..6).map(|n| format!("//- /far/f{n}.rs\npub fn render(far{n}: u8) {{}}\n")).collect();
    let fixture = elsewhere
        + "//- /near/b.rs\npub fn render(near: u8) {}\n//- /near/c.py\ndef render(other_language): pass\n\
           //- /near/a.rs\nfn f() {\n    render(1);\n    $0\n}\n";
    let drawn = draw_snippets(&Workspace::new(&fixture).gather());
    assert!(
        drawn.contains("near: u8") && !drawn.contains("far") && !drawn.contains("other_language"),
        "{drawn}"
    );
}

#[test]
fn a_name_is_resolved_by_its_receiver() {
    let mut workspace = Workspace::new(
        r#"
//- /go.mod
module example.com/shop
//- /stock/stock.go
package stock

func Open(stock int) int { return stock }
//- /till/till.go
package till

func Open(till int) int { return till }

func Print(till int) int { return till }
//- /main.go
package main

import (
	"fmt"

	"example.com/shop/stock"
	"example.com/shop/till"
)

func run() {
	till.Open(1)
	fmt.Print(2)
	$0
}
"#,
    );
    workspace.has_texts = false;
    let drawn = draw_snippets(&workspace.gather());
    assert!(drawn.contains("func Open(till int)") && !drawn.contains("func Open(stock int)"), "{drawn}");
    assert!(!drawn.contains("func Print"), "`fmt` is not the workspace's: {drawn}");
}

#[test]
fn overloads_are_shown_together() {
    let fixture = "//- /b.ts\nexport function pick(a: string): string;\nexport function pick(a: number): number;\n\
        export function pick(a: any): any {\n  return a;\n}\n\
        //- /a.ts\nimport { pick } from \"./b\";\n\nfunction f() {\n  pick(1);\n  $0\n}\n";
    let snippets = Workspace::new(fixture).gather().snippets;
    let declared: Vec<_> = snippets.iter().filter(|snippet| snippet.source == Source::Declaration).collect();
    assert_eq!(declared.len(), 1, "{declared:?}");
    assert!(declared[0].text.contains("a: string") && declared[0].text.contains("a: number"));
}

#[test]
fn text_of_the_window_is_not_shown_again() {
    let fixture = "//- /src/a.rs\nstruct Shape;\n\nfn area(shape: &Shape) -> f64 {\n    1.0\n}\n\n\
        fn f(shape: &Shape) {\n    area(shape);\n    $0\n}\n";
    assert_eq!(draw_snippets(&Workspace::new(fixture).gather()), "");
}

#[test]
fn the_scope_bounds_the_sources() {
    let text = "pub fn write_settings(path: &Path, settings: &Settings) {\n    write(path, settings);\n}\n";
    let workspace = Workspace::new(&(CHANGED.to_owned() + "//- /src/c.rs\npub struct Settings;\n"))
        .opened("/w/src/b.rs", text)
        .guided("Be kind.\n");
    let sources = |scope| {
        let mut sources: Vec<_> =
            workspace.gather_with(scope).snippets.iter().map(|snippet| snippet.source.name()).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    };
    assert_eq!(sources(ContextScope::Repository), ["declaration", "open"]);
    assert_eq!(sources(ContextScope::Open), ["open"]);
    assert!(sources(ContextScope::File).is_empty());
    assert!(workspace.gather_with(ContextScope::Open).guidance.is_none());
    let window = workspace.gather_with(ContextScope::None).window;
    assert!(window.above.is_empty() && window.rest.is_empty() && window.after.is_empty());
    assert!(!window.before.is_empty());
}
