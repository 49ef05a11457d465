"""Orders, as customers place them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass
class Line:
    name: str
    price: Decimal
    quantity: int


@dataclass
class Order:
    number: int
    customer: str
    placed: date
    lines: list[Line]


def total_of(order: Order) -> Decimal:
    total = sum(line.price * line.quantity for line in order.lines)
    return total.quantize(Decimal("0.01"))


def weight_of(order: Order) -> int:
    return sum(line.quantity for line in order.lines)


def find_order(orders: list[Order], number: int) -> Order:
    for order in orders:
        if order.number == number:
            return order
    raise LookupError(f"there is no order {number}")
