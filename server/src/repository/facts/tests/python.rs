//! Python: docstrings, decorators, what a constructor sets.

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
