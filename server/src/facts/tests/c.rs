//! C and C++.

use expect_test::expect;

use super::check;

#[test]
fn c() {
    check(
        "shape.h",
        r#"#ifndef SHAPE_H
#define SHAPE_H
#include <stdio.h>
#include "color.h"

#define MAX_SIDES 16
#define AREA(s) \
    ((s)->area)

/* A shape. */
typedef struct shape {
    int sides, *lengths;
    void (*draw)(struct shape *self);
} shape_t;

typedef unsigned long id_t;
enum kind { ROUND, ANGULAR = 2 };
union value { int number; char *text; };
struct opaque;

extern int counter;
static const char *names[] = { "a", "b" };

/* Measures it. */
double shape_area(const shape_t *shape, int scale);

static shape_t **shape_all(void)
{
    int local = MAX_SIDES;
    shape_t *made = make(local);
    return made->next;
}
#endif
"#,
        expect![[r#"
            6-6 macro MAX_SIDES
              | #define MAX_SIDES 16
            7-8 macro AREA
              | #define AREA(s) \
              |     ((s)->area)
            11-14 class shape_t
              | typedef struct shape {
              |     int sides, *lengths;
              |     void (*draw)(struct shape *self);
              | } shape_t;
              " /* A shape. */
            11-14 class shape_t.shape
              | typedef struct shape {
              |     int sides, *lengths;
              |     void (*draw)(struct shape *self);
              | }
              " /* A shape. */
            12-12 field shape.sides
              | int sides, *lengths;
            12-12 field shape.lengths
              | int sides, *lengths;
            13-13 field shape.draw
              | void (*draw)(struct shape *self);
            16-16 class id_t
              | typedef unsigned long id_t;
            17-17 class kind
              | enum kind { ROUND, ANGULAR = 2 }
            17-17 field kind.ROUND
              | ROUND
            17-17 field kind.ANGULAR
              | ANGULAR = 2
            18-18 class value
              | union value { int number; char *text; }
            18-18 field value.number
              | int number;
            18-18 field value.text
              | char *text;
            21-21 constant counter
              | extern int counter;
            22-22 constant names
              | static const char *names[] = { "a", "b" };
            25-25 function shape_area
              | double shape_area(const shape_t *shape, int scale);
              " /* Measures it. */
            27-32 function shape_all
              | static shape_t **shape_all(void)
            3 import stdio.h -> 
            4 import color.h -> 
            1 uses SHAPE_H
            2 uses SHAPE_H
            13 uses shape
            19 uses opaque
            25 uses shape_t shape scale
            27 uses shape_t
            29 uses local MAX_SIDES
            30 uses shape_t made make local
            31 uses made next
        "#]],
    );
}

#[test]
fn cpp() {
    check(
        "shape.cpp",
        r#"#include "shape.hpp"
using std::vector;

namespace geo {

// A shape.
template <typename T>
class Shape : public Base<T> {
public:
    explicit Shape(int sides);
    virtual ~Shape();
    double area(double scale) const override { return scale * sides_; }
    static Shape make();
    bool operator==(const Shape &other) const;
private:
    int sides_ = 0;
};

// Makes one.
template <typename T>
Shape<T> Shape<T>::make()
{
    return Shape<T>(3);
}

Shape::Shape(int sides) : sides_(sides) {}

int &geo::Outer::Inner::value() { return value_; }

using Shapes = vector<Shape<int>>;

enum class Kind { Round, Angular };

struct Point { int x, y; };

template <typename T>
T twice(T value) { return value + value; }
}
"#,
        expect![[r#"
            4-38 module geo
              | namespace geo
            7-17 class geo.Shape
              | template <typename T>
              | class Shape : public Base<T> {
              | public:
              |     explicit Shape(int sides);
              |     virtual ~Shape();
              |     double area(double scale) const override { return scale * sides_; }
              |     static Shape make();
              |     bool operator==(const Shape &other) const;
              | private:
              |     int sides_ = 0;
              | };
              " // A shape.
            10-10 method Shape.Shape
              | explicit Shape(int sides);
            11-11 method Shape.~Shape
              | virtual ~Shape();
            12-12 method Shape.area
              | double area(double scale) const override
            13-13 method Shape.make
              | static Shape make();
            14-14 method Shape.operator==
              | bool operator==(const Shape &other) const;
            16-16 field Shape.sides_
              | int sides_ = 0;
            20-24 method Shape.make
              | template <typename T>
              | Shape<T> Shape<T>::make()
              " // Makes one.
            26-26 method Shape.Shape
              | Shape::Shape(int sides) : sides_(sides)
            28-28 method Inner.value
              | int &geo::Outer::Inner::value()
            30-30 class geo.Shapes
              | using Shapes = vector<Shape<int>>;
            32-32 class geo.Kind
              | enum class Kind { Round, Angular }
            32-32 field Kind.Round
              | Round
            32-32 field Kind.Angular
              | Angular
            34-34 class geo.Point
              | struct Point { int x, y; }
            34-34 field Point.x
              | int x, y;
            34-34 field Point.y
              | int x, y;
            36-37 function geo.twice
              | template <typename T>
              | T twice(T value)
            1 import shape.hpp -> 
            2 uses std vector
            8 uses Base
            10 uses sides
            11 uses Shape
            12 uses scale scale sides_
            13 uses Shape
            14 uses Shape other
            21 uses Shape Shape
            23 uses Shape
            26 uses Shape sides sides_ sides
            28 uses geo Outer Inner value_
            30 uses vector Shape
            37 uses value value value
        "#]],
    );
}
