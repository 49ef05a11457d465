//! Whole sources, from their text to the files that they import.

use super::*;

fn check(fixture: &str, expected: Expect) {
    let read = |path: &str, text: &str| {
        let path = Path::new(path);
        crate::facts::read(path, text, Language::of_path(path), None)
    };
    expected.assert_eq(&draw(&index(&files(fixture), read)));
}

#[test]
fn rust() {
    check(
        r#"
//- /Cargo.toml
[package]
name = "shop"
//- /src/lib.rs
//! A shop.
mod till;
pub mod stock;

pub use till::{Coin, Till as CashTill};
//- /src/till.rs
use super::stock::*;
use std::{fmt, io::{self, Read}};

pub struct Till;
pub struct Coin;
//- /src/stock/mod.rs
mod shelf;
pub use self::shelf::Shelf;
//- /src/stock/shelf.rs
use crate::{stock, till::{self, Coin}};

pub struct Shelf;

#[cfg(test)]
mod tests {
    use super::*;
    use super::super::Shelf as Same;
}
//- /src/main.rs
use shop::{stock::Shelf, Coin};
"#,
        expect![[r#"
            src/lib.rs
              self::till: src/till.rs
              self::stock: src/stock/mod.rs
              till::Coin: src/till.rs
              till::Till: src/till.rs
            src/main.rs
              shop::stock::Shelf: src/stock/mod.rs src/stock/shelf.rs
              shop::Coin: src/lib.rs src/till.rs
            src/stock/mod.rs
              self::shelf: src/stock/shelf.rs
              self::shelf::Shelf: src/stock/shelf.rs
            src/stock/shelf.rs
              crate::stock: src/stock/mod.rs
              crate::till: src/till.rs
              crate::till::Coin: src/till.rs
              super: -
              super::super::Shelf: src/stock/mod.rs
            src/till.rs
              super::stock: src/stock/mod.rs
              std::fmt: -
              std::io: -
              std::io::Read: -
        "#]],
    );
}

#[test]
fn python() {
    check(
        r#"
//- /pyproject.toml
[project]
name = "shop"
//- /src/shop/__init__.py
"""A shop."""
from .till import Till
//- /src/shop/till.py
from __future__ import annotations
import os.path
import shop.stock as stock
from . import stock
from .money.coin import Coin, Note as Paper

class Till: ...
//- /src/shop/stock.py
class Shelf: ...
//- /src/shop/money/coin.py
class Coin: ...
//- /tests/test_till.py
from shop import Till
from shop.money import coin
"#,
        expect![[r#"
            src/shop/__init__.py
              .till: src/shop/till.py
            src/shop/till.py
              __future__: -
              os.path: -
              shop.stock: src/shop/stock.py
              .: src/shop/stock.py
              .money.coin: src/shop/money/coin.py
            tests/test_till.py
              shop: src/shop/__init__.py src/shop/till.py
              shop.money: src/shop/money/coin.py
        "#]],
    );
}

#[test]
fn typescript() {
    check(
        r#"
//- /tsconfig.json
{ "compilerOptions": { "paths": { "@/*": ["./src/*"] } } }
//- /src/main.tsx
import React from "react";
import { Till, type Coin } from "@/till";
import * as stock from "./stock/index.js";
const lazy = import("./lazy");
//- /src/till/index.ts
export { Coin } from "./coin";
export * from "./till";
//- /src/till/coin.ts
export class Coin {}
//- /src/till/till.ts
export class Till {}
//- /src/stock/index.ts
export {};
//- /src/lazy.js
const till = require("./till/till");
"#,
        expect![[r#"
            src/lazy.js
              ./till/till: src/till/till.ts
            src/main.tsx
              react: -
              @/till: src/till/index.ts src/till/till.ts src/till/coin.ts
              ./stock/index.js: src/stock/index.ts
              ./lazy: src/lazy.js
            src/till/index.ts
              ./coin: src/till/coin.ts
              ./till: src/till/till.ts
        "#]],
    );
}

#[test]
fn go() {
    check(
        r#"
//- /go.mod
module example.com/shop

go 1.24
//- /main.go
package main

import (
	"fmt"

	"example.com/shop/internal/till"
	stock "example.com/shop/stock"
)
//- /internal/till/till.go
package till
//- /internal/till/coin.go
package till
//- /internal/till/till_test.go
package till
//- /stock/stock.go
package stock

import . "example.com/shop/internal/till"
"#,
        expect![[r#"
            main.go
              fmt: -
              example.com/shop/internal/till: internal/till/coin.go internal/till/till.go
              example.com/shop/stock: stock/stock.go
            stock/stock.go
              example.com/shop/internal/till: internal/till/coin.go internal/till/till.go
        "#]],
    );
}
