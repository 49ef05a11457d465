//! Compiled languages.

use super::*;

#[test]
fn rust() {
    check(
        "
        //- /Cargo.toml
        [workspace.dependencies]
        machine = { package = \"shop-engine\", path = \"engine\" }
        //- /server/Cargo.toml
        package = { name = \"shop-server\" }
        //- /engine/Cargo.toml
        package = { name = \"shop-engine\" }
        lib = { path = \"source/engine.rs\" }
        //- /engine/source/engine.rs
        define Engine
        import kernels::Kernel -> Kernel
        //- /engine/source/kernels.rs
        define Kernel
        import super::Engine -> Engine
        //- /server/src/lib.rs
        import self::till -> till
        import till::Till -> Till
        //- /server/src/till/mod.rs
        import self::money -> money
        import money::Coin -> Coin
        import crate::till::money::r#Coin -> Coin
        import super::stock::Stock -> Stock
        import crate::stock::shelf
        //- /server/src/till/money.rs
        import super::super::stock -> stock
        import super::Till -> Till
        import std::fmt -> fmt
        //- /server/src/stock.rs
        import machine::Engine -> Engine
        import shop_engine::kernels::Kernel -> Kernel
        import serde::Serialize -> Serialize
        //- /server/src/main.rs
        import shop_server::till::Till -> Till
        import shop_server
        //- /server/src/bin/tool.rs
        import shop_server::stock::Stock -> Stock
        import crate::till
        //- /server/tests/flows.rs
        import self::common -> common
        import common::start -> start
        import crate::common::stop -> stop
        import shop_server::stock -> stock
        //- /server/tests/common/mod.rs
        import crate::common -> common
        ",
        expect![[r#"
            engine/source/engine.rs
              kernels::Kernel: engine/source/kernels.rs
            engine/source/kernels.rs
              super::Engine: engine/source/engine.rs
            server/src/bin/tool.rs
              shop_server::stock::Stock: server/src/stock.rs
              crate::till: -
            server/src/lib.rs
              self::till: server/src/till/mod.rs
              till::Till: server/src/till/mod.rs
            server/src/main.rs
              shop_server::till::Till: server/src/till/mod.rs
              shop_server: server/src/lib.rs
            server/src/stock.rs
              machine::Engine: engine/source/engine.rs
              shop_engine::kernels::Kernel: engine/source/kernels.rs
              serde::Serialize: -
            server/src/till/mod.rs
              self::money: server/src/till/money.rs
              money::Coin: server/src/till/money.rs
              crate::till::money::r#Coin: server/src/till/money.rs
              super::stock::Stock: server/src/stock.rs
              crate::stock::shelf: server/src/stock.rs
            server/src/till/money.rs
              super::super::stock: server/src/stock.rs
              super::Till: server/src/till/mod.rs
              std::fmt: -
            server/tests/common/mod.rs
              crate::common: -
            server/tests/flows.rs
              self::common: server/tests/common/mod.rs
              common::start: server/tests/common/mod.rs
              crate::common::stop: server/tests/common/mod.rs
              shop_server::stock: server/src/stock.rs
        "#]],
    );
}

#[test]
fn rust_without_a_manifest() {
    check(
        "
        //- /a/main.rs
        import self::shape -> shape
        //- /a/shape.rs
        import crate::shape::round::Circle -> Circle
        import shape::round
        //- /a/shape/round.rs
        import crate::Top -> Top
        ",
        expect![[r#"
            a/main.rs
              self::shape: a/shape.rs
            a/shape/round.rs
              crate::Top: a/main.rs
            a/shape.rs
              crate::shape::round::Circle: a/shape/round.rs
              shape::round: a/shape/round.rs
        "#]],
    );
}

#[test]
fn go() {
    check(
        "
        //- /go.mod
        module example.com/shop // the module
        go 1.24
        require example.com/till v1.0.0
        replace (
            example.com/till v1.0.0 => ./forks/till
            example.com/away => example.com/fork v2.0.0
        )
        //- /main.go
        import example.com/shop/stock -> stock
        import example.com/shop
        import example.com/shopping
        import example.com/till/money
        import example.com/tools/lint
        import github.com/acme/log
        import fmt
        //- /other.go
        //- /stock/shelf.go
        //- /stock/box.go
        //- /stock/box_test.go
        import example.com/shop/stock
        //- /forks/till/money/coin.go
        //- /tools/go.mod
        module example.com/tools
        //- /tools/lint/lint.go
        import example.com/shop/stock
        //- /vendor/github.com/acme/log/log.go
        //- /fmt/fmt.go
        ",
        expect![[r#"
            main.go
              example.com/shop/stock: stock/box.go stock/shelf.go
              example.com/shop: other.go
              example.com/shopping: -
              example.com/till/money: forks/till/money/coin.go
              example.com/tools/lint: tools/lint/lint.go
              github.com/acme/log: vendor/github.com/acme/log/log.go
              fmt: -
            stock/box_test.go
              example.com/shop/stock: stock/box.go stock/shelf.go
            tools/lint/lint.go
              example.com/shop/stock: stock/box.go stock/shelf.go
        "#]],
    );
}

#[test]
fn java() {
    check(
        "
        //- /till/src/main/java/com/shop/till/Till.java
        import com.shop.till.Coin
        import com.shop.stock.Shelf.Box
        import com.shop.stock.Shelf.size -> size
        import com.shop.stock.*
        import java.util.List
        //- /till/src/main/java/com/shop/till/Coin.java
        //- /till/src/test/java/com/shop/till/TillTest.java
        import com.shop.till
        //- /till/src/main/java/com/shop/stock/Shelf.java
        //- /copy/src/main/java/com/shop/stock/Shelf.java
        ",
        expect![[r#"
            till/src/main/java/com/shop/till/Till.java
              com.shop.till.Coin: till/src/main/java/com/shop/till/Coin.java
              com.shop.stock.Shelf.Box: till/src/main/java/com/shop/stock/Shelf.java
              com.shop.stock.Shelf.size: till/src/main/java/com/shop/stock/Shelf.java
              com.shop.stock.*: till/src/main/java/com/shop/stock/Shelf.java
              java.util.List: -
            till/src/test/java/com/shop/till/TillTest.java
              com.shop.till: till/src/main/java/com/shop/till/Coin.java till/src/main/java/com/shop/till/Till.java
        "#]],
    );
}

#[test]
fn c() {
    check(
        "
        //- /src/main.c
        import till.h
        import shop/stock.h
        import string.h
        import vector.hpp
        import ../include/shop/stock.h
        import missing.h
        //- /src/till.h
        //- /src/till.c
        import till.h
        //- /include/shop/stock.h
        //- /src/stock/stock.c
        import shop/stock.h
        //- /lib/string.h
        //- /third/vector.hpp
        //- /third/deep/er/vector.hpp
        ",
        expect![[r#"
            src/main.c
              till.h: src/till.h src/till.c
              shop/stock.h: include/shop/stock.h src/stock/stock.c
              string.h: -
              vector.hpp: third/vector.hpp
              ../include/shop/stock.h: include/shop/stock.h src/stock/stock.c
              missing.h: -
            src/stock/stock.c
              shop/stock.h: include/shop/stock.h
            src/till.c
              till.h: src/till.h
        "#]],
    );
}

#[test]
fn csharp() {
    check(
        "
        //- /App/Main.cs
        import System.Collections
        import Shop.Till
        import Shop.Till.Coin
        import Shop.Stock
        import global::Shop.Till
        //- /Money/Coin.cs
        define Shop.Till
        define Coin
        //- /Money/Till.cs
        define Shop.Till
        define Till
        //- /Shop.Stock/Shelf.cs
        //- /Stock/Box.cs
        //- /Collections/Own.cs
        ",
        expect![[r#"
            App/Main.cs
              System.Collections: -
              Shop.Till: Money/Coin.cs Money/Till.cs
              Shop.Till.Coin: Money/Coin.cs
              Shop.Stock: Shop.Stock/Shelf.cs
              global::Shop.Till: Money/Coin.cs Money/Till.cs
        "#]],
    );
}
