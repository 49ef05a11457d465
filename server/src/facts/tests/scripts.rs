//! Ruby, PHP, shell and Lua.

use expect_test::expect;

use super::check;

#[test]
fn ruby() {
    check(
        "order.rb",
        r#"require 'set'
require_relative 'lib/base'

module Shop
  # An order.
  #
  # More.
  class Order < Base::Model
    LIMIT = 10
    attr_reader :items, :state

    def initialize(items)
      @items = items
    end

    # What it costs.
    def price(scale = 1) = items.sum * scale

    def self.make(items)
      new(items)
    end

    alias cost price
  end
end

def helper
  Shop::Order.make([])
end
"#,
        expect![[r#"
            4-25 module Shop
              | module Shop
            8-24 class Shop.Order
              | class Order < Base::Model
              |     LIMIT = 10
              |     attr_reader :items, :state
              |     def initialize(items)
              |     def price(scale = 1) =
              |     def self.make(items)
              |     alias cost price
              |     …
              " # An order.
            9-9 constant Order.LIMIT
              | LIMIT = 10
            10-10 field Order.items
              | attr_reader :items, :state
            10-10 field Order.state
              | attr_reader :items, :state
            12-14 method Order.initialize
              | def initialize(items)
            17-17 method Order.price
              | def price(scale = 1) =
              " # What it costs.
            19-21 method Order.make
              | def self.make(items)
            23-23 method Order.cost
              | alias cost price
            27-29 function helper
              | def helper
            1 import set -> 
            2 import ./lib/base -> 
            1 uses require
            2 uses require_relative
            8 uses Base Model
            10 uses attr_reader
            12 uses items
            13 uses items
            17 uses scale items sum scale
            19 uses items
            20 uses new items
            23 uses price
            28 uses Shop Order make
        "#]],
    );
}

#[test]
fn php() {
    check(
        "Order.php",
        r#"<?php
namespace Shop\Orders;

use Shop\Model\Item;
use Shop\Money as Cash;
use Shop\Util\{Text, Number as Num};
require_once 'lib/base.php';

/** An order. */
final class Order extends Base implements Priced
{
    const LIMIT = 10;
    private array $items = [];
    public function __construct(private string $name) {}

    /**
     * What it costs.
     */
    public function price(int $scale): int
    {
        return count($this->items) * $scale * self::LIMIT;
    }
}

interface Priced { public function price(int $scale): int; }
trait Named { public string $name; }
enum State: string { case Open = 'open'; }
function helper(Item $item) { return new Order($item->name); }
"#,
        expect![[r#"
            2-2 module Shop\Orders
              | namespace Shop\Orders;
            10-23 class Order
              | final class Order extends Base implements Priced
              |     const LIMIT = 10;
              |     private array $items = [];
              |     public function __construct(private string $name)
              |     public function price(int $scale): int
              |     …
              " /** An order. */
            12-12 constant Order.LIMIT
              | const LIMIT = 10;
            13-13 field Order.items
              | private array $items = [];
            14-14 method Order.__construct
              | public function __construct(private string $name)
            14-14 field Order.name
              | private string $name
            19-22 method Order.price
              | public function price(int $scale): int
              " /**
              "  * What it costs.
            25-25 interface Priced
              | interface Priced { public function price(int $scale): int; }
            25-25 method Priced.price
              | public function price(int $scale): int;
            26-26 interface Named
              | trait Named { public string $name; }
            26-26 field Named.name
              | public string $name;
            27-27 class State
              | enum State: string { case Open = 'open'; }
            27-27 field State.Open
              | case Open = 'open';
            28-28 function helper
              | function helper(Item $item)
            4 import Shop\Model\Item -> Item
            5 import Shop\Money -> Cash
            6 import Shop\Util -> Text Num
            7 import lib/base.php -> 
            2 uses Orders
            4 uses Shop Model Item
            5 uses Shop Money Cash
            6 uses Shop Util Text Number Num
            10 uses Base Priced
            19 uses scale
            21 uses count items scale LIMIT
            25 uses scale
            28 uses Item item Order item name
        "#]],
    );
}

#[test]
fn shell() {
    check(
        "build.sh",
        r#"#!/bin/sh
source lib/common.sh
. "$ROOT/env.sh"

TARGET=release
export LEVEL=3

# Builds all.
build() {
    local verbose=1
    cargo build --"$TARGET" && report "$LEVEL"
}

function clean-all {
    rm -r target
}

build
"#,
        expect![[r#"
            5-5 constant TARGET
              | TARGET=release
            6-6 constant LEVEL
              | export LEVEL=3
            9-12 function build
              | build()
              " # Builds all.
            14-16 function clean-all
              | function clean-all
            2 import lib/common.sh -> 
            3 import $ROOT/env.sh -> 
            2 uses source
            3 uses ROOT
            10 uses verbose
            11 uses cargo TARGET report LEVEL
            15 uses rm
            18 uses build
        "#]],
    );
}

#[test]
fn lua() {
    check(
        "shape.lua",
        r#"local color = require("shop.color")
local M = { make = function(x) return x end }
LIMIT = 10

--- The area.
-- More of it.
function M.area(shape, scale)
  local result = shape:size() * scale
  return color.mix(result)
end

function M:draw()
end

local function helper(a)
  return a
end

M.old = function(a) return helper(a) end

return M
"#,
        expect![[r#"
            1-1 constant color
              | local color = require("shop.color")
            2-2 constant M
              | local M = { make = function(x) return x end }
            2-2 function M.make
              | make = function(x)
            3-3 constant LIMIT
              | LIMIT = 10
            7-10 method M.area
              | function M.area(shape, scale)
              " --- The area.
              " -- More of it.
            12-13 method M.draw
              | function M:draw()
              | end
            15-17 function helper
              | local function helper(a)
            19-19 method M.old
              | M.old = function(a)
            1 import shop.color -> color
            1 uses require
            7 uses shape scale
            8 uses result shape size scale
            9 uses color mix result
            19 uses helper
        "#]],
    );
}
