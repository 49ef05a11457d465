//! Java and C#.

use expect_test::expect;

use super::check;

#[test]
fn java() {
    check(
        "src/shop/Order.java",
        r#"package shop;

import java.util.List;
import static java.lang.Math.max;
import shop.model.*;

/** An order. */
@Entity
public class Order<T> extends Base implements Priced {
    private final List<Item> items, others;
    static final int LIMIT = 10;

    public Order(List<Item> items) {
        this.items = items;
    }

    /**
     * What it costs.
     *
     * @return cents
     */
    @Override
    public long price(int scale) throws Exception {
        int local = max(1, scale);
        return items.size() * local;
    }

    enum State { OPEN, CLOSED(2); }
}

interface Priced {
    int UNIT = 1;
    long price(int scale);
}

record Point(int x, int yy) {
    Point { check(x); }
}

@interface Entity { String value() default ""; }
"#,
        expect![[r#"
            8-29 class Order
              | @Entity
              | public class Order<T> extends Base implements Priced
              |     private final List<Item> items, others;
              |     static final int LIMIT = 10;
              |     public Order(List<Item> items)
              |     public long price(int scale) throws Exception
              |     enum State
              |     …
              " /** An order. */
            10-10 field Order.items
              | private final List<Item> items, others;
            10-10 field Order.others
              | private final List<Item> items, others;
            11-11 field Order.LIMIT
              | static final int LIMIT = 10;
            13-15 method Order.Order
              | public Order(List<Item> items)
            22-26 method Order.price
              | @Override
              | public long price(int scale) throws Exception
              " /**
              "  * What it costs.
            28-28 class Order.State
              | enum State { OPEN, CLOSED(2); }
            28-28 field State.OPEN
              | OPEN
            28-28 field State.CLOSED
              | CLOSED(2)
            31-34 interface Priced
              | interface Priced {
              |     int UNIT = 1;
              |     long price(int scale);
              | }
            32-32 constant Priced.UNIT
              | int UNIT = 1;
            33-33 method Priced.price
              | long price(int scale);
            36-38 class Point
              | record Point(int x, int yy) {
              |     Point { check(x); }
              | }
            36-36 field Point.x
              | int x
            36-36 field Point.yy
              | int yy
            37-37 method Point.Point
              | Point
            40-40 interface Entity
              | @interface Entity { String value() default ""; }
            40-40 method Entity.value
              | String value() default "";
            3 import java.util.List -> List
            4 import java.lang.Math.max -> max
            5 import shop.model -> 
            1 uses shop
            3 uses java util List
            4 uses java lang Math max
            5 uses shop model
            8 uses Entity
            9 uses Base Priced
            10 uses List Item
            13 uses List Item items
            14 uses items items
            22 uses Override
            23 uses scale Exception
            24 uses local max scale
            25 uses items size local
            33 uses scale
            37 uses check
            40 uses String
        "#]],
    );
}

#[test]
fn csharp() {
    check(
        "Order.cs",
        r#"using System;
using static System.Math;
using Text = System.Text.StringBuilder;

namespace Shop.Orders
{
    /// <summary>An order.</summary>
    [Serializable]
    public class Order : Base, IPriced
    {
        private readonly int count, other;
        public string Name { get; set; } = "";
        public event Action Changed;
        public Order(int count) { this.count = count; }
        // What it costs.
        public async Task<long> Price(int scale) => await Ask(scale);
        ~Order() { }
    }
    public interface IPriced { Task<long> Price(int scale); }
    enum State { Open, Closed = 2 }
    public record Point(int X, int Y);
    delegate void Handler(object sender);
}
"#,
        expect![[r#"
            5-23 module Shop.Orders
              | namespace Shop.Orders
            8-18 class Shop.Orders.Order
              | [Serializable]
              | public class Order : Base, IPriced
              | {
              |     private readonly int count, other;
              |     public string Name { get; set; } = "";
              |     public event Action Changed;
              |     public Order(int count) { this.count = count; }
              |     // What it costs.
              |     public async Task<long> Price(int scale) => await Ask(scale);
              |     ~Order() { }
              | }
              " /// <summary>An order.</summary>
            11-11 field Order.count
              | private readonly int count, other;
            11-11 field Order.other
              | private readonly int count, other;
            12-12 field Order.Name
              | public string Name { get; set; } = "";
            13-13 field Order.Changed
              | public event Action Changed;
            14-14 method Order.Order
              | public Order(int count)
            16-16 method Order.Price
              | public async Task<long> Price(int scale)
              " // What it costs.
            19-19 interface Shop.Orders.IPriced
              | public interface IPriced { Task<long> Price(int scale); }
            19-19 method IPriced.Price
              | Task<long> Price(int scale);
            20-20 class Shop.Orders.State
              | enum State { Open, Closed = 2 }
            20-20 field State.Open
              | Open
            20-20 field State.Closed
              | Closed = 2
            21-21 class Shop.Orders.Point
              | public record Point(int X, int Y);
            21-21 field Point.X
              | int X
            21-21 field Point.Y
              | int Y
            22-22 class Shop.Orders.Handler
              | delegate void Handler(object sender);
            1 import System -> 
            2 import System.Math -> 
            3 import System.Text.StringBuilder -> Text
            1 uses System
            2 uses System Math
            3 uses Text System Text StringBuilder
            5 uses Orders
            8 uses Serializable
            9 uses Base IPriced
            13 uses Action
            14 uses count count count
            16 uses Task scale Ask scale
            17 uses Order
            19 uses Task scale
            22 uses sender
        "#]],
    );
}

#[test]
fn links_in_comments() {
    check(
        "Shop.java",
        "/** See {@link Order#total(Price) the sum}. */\nclass Shop {}\n",
        expect![[r#"
        2-2 class Shop
          | class Shop {}
          " /** See {@link Order#total(Price) the sum}. */
        1 uses Order total Price
    "#]],
    );
    check(
        "Shop.cs",
        "/// <summary>See <see cref=\"Order.Total\"/>.</summary>\nclass Shop {}\n",
        expect![[r#"
            2-2 class Shop
              | class Shop {}
              " /// <summary>See <see cref="Order.Total"/>.</summary>
            1 uses Order Total
        "#]],
    );
}
