//! Python: docstrings, decorators, fields set by a constructor.

use expect_test::expect;

use super::check;

#[test]
fn types_and_members() {
    check(
        "models/user.py",
        r#"import os, numpy as np
import a.b
from . import base
from ..db.table import Table as T, (column)
from x import *

LIMIT = 10
first, second = 1, 2

@dataclass(frozen=True)
class User(base.Model):
    """A user of the shop.

    More.
    """

    name: str = ""
    table = T("users")

    def __init__(self, age):
        self.age = age
        self.age = age + 1

    @property
    async def adult(self) -> bool:
        # Not the docstring.
        return self.age > LIMIT


# Makes one.
def make(name: str,
         *args) -> User:
    'Makes a user.'
    def inner(): pass
    return User(name)
"#,
        expect![[r#"
            7-7 constant LIMIT
              | LIMIT = 10
            8-8 constant first
              | first, second = 1, 2
            8-8 constant second
              | first, second = 1, 2
            11-27 class User
              | @dataclass(frozen=True)
              | class User(base.Model):
              |     name: str = ""
              |     table = T("users")
              |     def __init__(self, age):
              |     self.age = age
              |     async def adult(self) -> bool:
              |     …
              " """A user of the shop.
            17-17 field User.name
              | name: str = ""
            18-18 field User.table
              | table = T("users")
            20-22 method User.__init__
              | def __init__(self, age):
            21-21 field User.age
              | self.age = age
            25-27 method User.adult
              | @property
              | async def adult(self) -> bool:
            31-35 function make
              | def make(name: str,
              |          *args) -> User:
              " 'Makes a user.'
            34-34 function make.inner
              | def inner():
            1 import os -> os
            1 import numpy -> np
            2 import a.b -> a
            3 import . -> base
            4 import ..db.table -> T
            5 import x -> 
            1 uses os numpy np
            3 uses base
            4 uses db table Table column
            10 uses dataclass frozen
            11 uses base Model
            17 uses str
            20 uses age
            21 uses age
            22 uses age
            24 uses property
            25 uses bool
            27 uses age LIMIT
            31 uses name str
            32 uses args User
            35 uses User name
        "#]],
    );
}

#[test]
fn names_in_strings() {
    check(
        "shop/__init__.py",
        r#"from .user import User, find_user

__all__ = ["User", "find_user"] + other.__all__
__all__ += ("Order",)
__all__.extend(["price_of"])
titles = ["Reader"]


class Order:
    __slots__ = ("lines", "owner")
    owner: "User"

    def total(self, tax: "Tax", kind: Literal["net", "gross"] = "net", of: "list[Line]" = ()) -> "Money":
        rest: Optional["Money"] = None
        return rest
"#,
        expect![[r#"
            3-3 constant __all__
              | __all__ = ["User", "find_user"] + other.__all__
            6-6 constant titles
              | titles = ["Reader"]
            9-15 class Order
              | class Order:
              |     __slots__ = ("lines", "owner")
              |     owner: "User"
              |
              |     def total(self, tax: "Tax", kind: Literal["net", "gross"] = "net", of: "list[Line]" = ()) -> "Money":
              |         rest: Optional["Money"] = None
              |         return rest
            10-10 field Order.__slots__
              | __slots__ = ("lines", "owner")
            11-11 field Order.owner
              | owner: "User"
            13-15 method Order.total
              | def total(self, tax: "Tax", kind: Literal["net", "gross"] = "net", of: "list[Line]" = ()) -> "Money":
            1 import .user -> User find_user
            1 uses user User find_user
            3 uses User find_user other __all__
            4 uses __all__ Order
            5 uses __all__ extend price_of
            10 uses lines owner
            11 uses User
            13 uses tax Tax kind Literal of list Line Money
            14 uses rest Optional Money
            15 uses rest
        "#]],
    );
}
