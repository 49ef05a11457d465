//! Languages that an interpreter reads.

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
        expect![[""]],
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
        expect![[""]],
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
        expect![[""]],
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
        import Models\\User
        import Other\\User
        import /helpers.php
        import ../till/Coin.php
        //- /src/helpers.php
        //- /till/Coin.php
        //- /src/Stock/Shelf.php
        //- /app/models/User.php
        ",
        expect![[""]],
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
        expect![[""]],
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
        expect![[""]],
    );
}
