//! Rust: containers, use-trees, documentation.

use expect_test::expect;

use super::*;

#[test]
fn types_and_members() {
    check(
        "src/shape.rs",
        r#"//! Shapes.

use std::fmt::{self, Display as Show, Write as _};
use super::{color::*, unit::{Length, self}};
mod area;

/// A shape with sides.
///
/// More about it.
#[derive(Debug)]
pub struct Shape<'a> {
    /// How long each is.
    pub sides: &'a [Length],
    name: String, // a comment behind
}

pub enum Kind {
    Round,
    Angular { corners: usize },
}

impl<'a> Show for Shape<'a> {
    // Shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result
    where
        Self: Sized,
    {
        write!(f, "{}", self.name)
    }
}

pub trait Area {
    const UNIT: &'static str;
    fn area(&self) -> f64;
}

impl<T> Area for Vec<T> { fn area(&self) -> f64 { 0.0 } }

mod tests {
    fn helper() {}
}

macro_rules! shape {
    () => {};
}

pub const TABLE: [u8; 6] = [
    1,
    2,
    3,
    4,
    5,
    6,
];
"#,
        expect![[r#"
            11-15 class Shape
              | pub struct Shape<'a> {
              |     /// How long each is.
              |     pub sides: &'a [Length],
              |     name: String, // a comment behind
              | }
              " /// A shape with sides.
            13-13 field Shape.sides
              | pub sides: &'a [Length]
              " /// How long each is.
            14-14 field Shape.name
              | name: String
            17-20 class Kind
              | pub enum Kind {
              |     Round,
              |     Angular { corners: usize },
              | }
            18-18 field Kind.Round
              | Round
            19-19 field Kind.Angular
              | Angular { corners: usize }
            19-19 field Kind.corners
              | corners: usize
            24-29 method Shape.fmt
              | fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result
              | where
              |     Self: Sized,
              " // Shows it.
            32-35 interface Area
              | pub trait Area {
              |     const UNIT: &'static str;
              |     fn area(&self) -> f64;
              | }
            33-33 constant Area.UNIT
              | const UNIT: &'static str;
            34-34 method Area.area
              | fn area(&self) -> f64;
            37-37 method Vec.area
              | fn area(&self) -> f64
            39-41 module tests
              | mod tests
            40-40 function tests.helper
              | fn helper()
            43-45 macro shape
              | macro_rules! shape {
              |     () => {};
              | }
            47-54 constant TABLE
              | pub const TABLE: [u8; 6] = [ …
            3 import std::fmt -> fmt
            3 import std::fmt::Display -> Show
            3 import std::fmt::Write -> 
            4 import super::color -> 
            4 import super::unit::Length -> Length
            4 import super::unit -> unit
            5 import self::area -> area
            3 uses std fmt Display Show Write
            4 uses color unit Length
            5 uses area
            10 uses derive Debug
            13 uses Length
            14 uses String
            22 uses Show Shape
            24 uses fmt Formatter fmt Result
            26 uses Self Sized
            28 uses write name
            33 uses static
            37 uses Area Vec
        "#]],
    );
}

#[test]
fn a_long_type_is_shown_by_its_members() {
    let fields: String =
        (0..20).map(|n| format!("    /// Field {n}, which says much.\n    f{n}: u32,\n")).collect();
    let path = Path::new("a.rs");
    let facts = read(path, &format!("pub struct Long {{\n{fields}}}\n"), Language::of_path(path), None);
    expect![[r#"
        pub struct Long
            f0: u32
            f1: u32
            f2: u32
            f3: u32
            f4: u32
            f5: u32
            f6: u32
            f7: u32
            f8: u32
            f9: u32
            f10: u32
            f11: u32
            f12: u32
            f13: u32
            f14: u32
            f15: u32
            f16: u32
            f17: u32
            f18: u32
            f19: u32
            …"#]]
    .assert_eq(&facts.symbols[0].signature);
}

#[test]
fn names_in_strings_and_comments() {
    check(
        "src/order.rs",
        r#"//! Orders, see [`Order::total`] and [the price](price).

pub use crate::price::{Price as Cost, price_of};

/// As [`price_of`] has it; `tax` and [`Vec<Line>`] too.
#[derive(Serialize)]
#[serde(rename = "Renamed", default = "crate::order::no_order")]
pub struct Order {
    #[serde(with = "hex::upper", skip_serializing_if = "Option::is_none")]
    id: u8,
}
"#,
        expect![[r#"
            8-11 class Order
              | pub struct Order {
              |     #[serde(with = "hex::upper", skip_serializing_if = "Option::is_none")]
              |     id: u8,
              | }
              " /// As [`price_of`] has it; `tax` and [`Vec<Line>`] too.
            10-10 field Order.id
              | id: u8
            3 import crate::price::Price -> Cost
            3 import crate::price::price_of -> price_of
            1 uses Order total
            3 uses price Price Cost price_of
            5 uses price_of Vec Line
            6 uses derive Serialize
            7 uses serde rename order no_order
            9 uses serde with hex upper skip_serializing_if Option is_none
        "#]],
    );
}

#[test]
fn a_module_comment_is_not_documentation_of_the_first_item() {
    let text = "//! The program.\nfn main() {}\n";
    let tree = parse_str(Language::named("rust").unwrap(), text, std::time::Duration::MAX).unwrap();
    let items = items(text, Language::named("rust").unwrap(), &tree);
    assert_eq!(items.iter().map(|item| &text[item.bytes.clone()]).collect::<Vec<_>>(), ["fn main() {}"]);
    check(
        "src/main.rs",
        text,
        expect![[r#"
            2-2 function main
              | fn main()
        "#]],
    );
}
