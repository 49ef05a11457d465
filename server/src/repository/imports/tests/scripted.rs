//! Interpreted languages.

use super::*;

#[test]
fn python() {
    check(
        "
        //- /pyproject.toml
        [tool.setuptools.packages.find]
        where = [\"source\"]
        //- /source/shop/__init__.py
        import .till -> Till
        import . -> stock
        //- /source/shop/till.py
        import ..shop.stock -> Shelf
        import .money.coin -> Coin
        import .money -> coin note
        import . -> nothing
        import shop.stock -> Shelf
        import logging -> logging
        import os.path -> os
        //- /source/shop/logging.py
        //- /source/shop/stock.py
        define Shelf
        import numpy -> numpy
        //- /source/shop/money/coin.py
        define Coin
        //- /source/shop/money/note.pyi
        //- /tests/test_till.py
        import shop -> Till
        import shop.till -> Till
        import shop.money -> coin
        import helpers -> start
        //- /tests/helpers.py
        //- /scripts/run.py
        import shop.stock.Shelf
        import shop -> shop
        import deep.inside.tool
        //- /elsewhere/deep/inside/tool.py
        ",
        expect![[r#"
            scripts/run.py
              shop.stock.Shelf: source/shop/stock.py
              shop: source/shop/__init__.py
              deep.inside.tool: elsewhere/deep/inside/tool.py
            source/shop/__init__.py
              .till: source/shop/till.py
              .: source/shop/stock.py
            source/shop/stock.py
              numpy: -
            source/shop/till.py
              ..shop.stock: source/shop/stock.py
              .money.coin: source/shop/money/coin.py
              .money: source/shop/money/coin.py source/shop/money/note.pyi
              .: source/shop/__init__.py
              shop.stock: source/shop/stock.py
              logging: -
              os.path: -
            tests/test_till.py
              shop: source/shop/__init__.py source/shop/till.py
              shop.till: source/shop/till.py
              shop.money: source/shop/money/coin.py
              helpers: tests/helpers.py
        "#]],
    );
}

#[test]
fn python_roots_of_another_project() {
    check(
        "
        //- /a/setup.cfg
        [options]
        package_dir =
            = code
        //- /a/code/one/core.py
        import two.core -> Core
        import one.core
        //- /b/setup.py
        //- /b/src/two/core.py
        import one -> core
        ",
        expect![[r#"
            a/code/one/core.py
              two.core: b/src/two/core.py
              one.core: -
            b/src/two/core.py
              one: a/code/one/core.py
        "#]],
    );
}

#[test]
fn typescript() {
    check(
        "
        //- /package.json
        { \"private\": true, \"workspaces\": [\"packages/*\"] }
        //- /tsconfig.base.json
        { // shared
          \"compilerOptions\": { \"baseUrl\": \".\", \"paths\": { \"~/*\": [\"generated/*\", \"shared/*\"], \"~/exact\": [\"shared/other\"], }, },
        }
        //- /shared/money.ts
        //- /shared/other.ts
        //- /packages/till/tsconfig.json
        { \"references\": [], \"extends\": \"../../tsconfig.base\" }
        //- /packages/till/tsconfig.app.json
        { \"compilerOptions\": { \"paths\": { \"@/*\": [\"./src/*\"] } } }
        //- /packages/till/package.json
        { \"name\": \"@shop/till\", \"main\": \"dist/main.js\", \"exports\": { \".\": { \"import\": \"./dist/main.js\" }, \"./coins/*\": \"./dist/coins/*.js\" },
          \"imports\": { \"#own\": \"./src/own.ts\" } }
        //- /packages/till/src/main.ts
        import ./coins/euro -> Euro
        import ./coins/euro.js
        import ./coins
        import ./view
        import .
        import @/coins/euro
        import ~/money
        import ~/exact
        import shared/money
        import #own
        import react
        import node:fs
        import stock
        import stock/shelf
        import ./data.json
        //- /packages/till/src/index.ts
        //- /packages/till/src/own.ts
        //- /packages/till/src/coins/euro.ts
        import ../main
        //- /packages/till/src/coins/index.tsx
        //- /packages/till/src/view.vue
        //- /packages/till/src/data.json
        //- /packages/stock/package.json
        { \"name\": \"stock\" }
        //- /packages/stock/src/index.js
        import @shop/till
        import @shop/till/coins/euro
        //- /packages/stock/shelf.jsx
        ",
        expect![[r#"
            packages/stock/src/index.js
              @shop/till: packages/till/src/main.ts
              @shop/till/coins/euro: packages/till/src/coins/euro.ts
            packages/till/src/coins/euro.ts
              ../main: packages/till/src/main.ts
            packages/till/src/main.ts
              ./coins/euro: packages/till/src/coins/euro.ts
              ./coins/euro.js: packages/till/src/coins/euro.ts
              ./coins: packages/till/src/coins/index.tsx
              ./view: packages/till/src/view.vue
              .: packages/till/src/index.ts
              @/coins/euro: packages/till/src/coins/euro.ts
              ~/money: shared/money.ts
              ~/exact: shared/other.ts
              shared/money: shared/money.ts
              #own: packages/till/src/own.ts
              react: -
              node:fs: -
              stock: packages/stock/src/index.js
              stock/shelf: packages/stock/shelf.jsx
              ./data.json: packages/till/src/data.json
        "#]],
    );
}

#[test]
fn php() {
    check(
        "
        //- /composer.json
        { \"autoload\": { \"psr-4\": { \"Shop\\\\\": \"src/\", \"Shop\\\\Till\\\\\": [\"till/\"] } } }
        //- /src/Main.php
        import Shop\\Till\\Coin -> Coin
        import \\Shop\\Stock\\Shelf
        import Shop\\Stock\\Shelf\\size
        import Shop\\Till -> Coin Note Missing
        import Shop\\Till\\Coin -> Money
        import Models\\User
        import Other\\User
        import /helpers.php
        import ../till/Coin.php
        //- /src/helpers.php
        //- /till/Coin.php
        //- /till/Note.php
        //- /src/Stock/Shelf.php
        //- /app/models/User.php
        ",
        expect![[r#"
            src/Main.php
              Shop\Till\Coin: till/Coin.php
              \Shop\Stock\Shelf: src/Stock/Shelf.php
              Shop\Stock\Shelf\size: src/Stock/Shelf.php
              Shop\Till: till/Coin.php till/Note.php
              Shop\Till\Coin: till/Coin.php
              Models\User: app/models/User.php
              Other\User: -
              /helpers.php: src/helpers.php
              ../till/Coin.php: till/Coin.php
        "#]],
    );
}

#[test]
fn ruby() {
    check(
        "
        //- /lib/shop.rb
        import shop/till
        import json
        import set
        //- /lib/shop/till.rb
        import coin
        import ../shop.rb
        import engine/wheel
        //- /lib/shop/coin.rb
        //- /test/till_test.rb
        import shop/coin
        //- /other/engine/wheel.rb
        //- /other/deep/set.rb
        ",
        expect![[r#"
            lib/shop/till.rb
              coin: lib/shop/coin.rb
              ../shop.rb: lib/shop.rb
              engine/wheel: other/engine/wheel.rb
            lib/shop.rb
              shop/till: lib/shop/till.rb
              json: -
              set: -
            test/till_test.rb
              shop/coin: lib/shop/coin.rb
        "#]],
    );
}

#[test]
fn paths_of_files() {
    check(
        "
        //- /web/index.html
        import /style/main.css?v=1
        import https://example.com/a.js
        //- /web/style/main.css
        import ./colours.css
        //- /web/style/colours.css
        //- /init.lua
        import shop.till
        import shop
        //- /lua/shop/till.lua
        //- /shop/init.lua
        //- /run.sh
        import ./lib.sh
        //- /lib.sh
        ",
        expect![[r#"
            init.lua
              shop.till: lua/shop/till.lua
              shop: shop/init.lua
            run.sh
              ./lib.sh: lib.sh
            web/index.html
              /style/main.css?v=1: web/style/main.css
              https://example.com/a.js: -
            web/style/main.css
              ./colours.css: web/style/colours.css
        "#]],
    );
}
