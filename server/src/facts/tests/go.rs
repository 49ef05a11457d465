//! Go: receivers, grouped declarations, generics.

use expect_test::expect;

use super::check;

#[test]
fn types_and_members() {
    check(
        "shape.go",
        r#"package shape

import (
	"fmt"
	u "example.com/unit"
)

// Shape has sides.
type Shape struct {
	Name, Label string
	sides []u.Length // sides
}

type Set[T any] struct{ items map[T]bool }

type (
	// Area can be measured.
	Area interface {
		Area(scale float64) float64
	}
	ID = string
)

const (
	Small = iota
	Large
)

var Default = Shape{Name: "x"}

// Area of the shape.
func (s *Shape) Area(scale float64) float64 {
	local := 1.0
	return scale * local
}

func (s Set[T]) Has(item T) bool { return s.items[item] }

func New(name string) *Shape {
	fmt.Println(name)
	return &Shape{Name: name}
}
"#,
        expect![[r#"
            9-12 class Shape
              | type Shape struct {
              | 	Name, Label string
              | 	sides []u.Length // sides
              | }
              " // Shape has sides.
            10-10 field Shape.Name
              | Name, Label string
            10-10 field Shape.Label
              | Name, Label string
            11-11 field Shape.sides
              | sides []u.Length
            14-14 class Set
              | type Set[T any] struct{ items map[T]bool }
            14-14 field Set.items
              | items map[T]bool
            18-20 interface Area
              | Area interface {
              | 	Area(scale float64) float64
              | }
              " // Area can be measured.
            19-19 method Area.Area
              | Area(scale float64) float64
            21-21 class ID
              | ID = string
            25-25 constant Small
              | Small = iota
            26-26 constant Large
              | Large
            29-29 constant Default
              | var Default = Shape{Name: "x"}
            32-35 method Shape.Area
              | func (s *Shape) Area(scale float64) float64
              " // Area of the shape.
            37-37 method Set.Has
              | func (s Set[T]) Has(item T) bool
            39-42 function New
              | func New(name string) *Shape
            4 import fmt -> 
            5 import example.com/unit -> u
            1 uses shape
            10 uses string
            11 uses Length
            14 uses any bool
            19 uses scale float64 float64
            21 uses string
            29 uses Shape Name
            32 uses Shape scale float64 float64
            33 uses local
            34 uses scale local
            37 uses Set item bool items item
            39 uses name string Shape
            40 uses fmt Println name
            41 uses Shape Name name
        "#]],
    );
}
