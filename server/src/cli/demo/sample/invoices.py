"""Invoices, one for each order."""

from decimal import Decimal

from shop.orders import Order, find_order

TAX = Decimal("0.19")


def net(order: Order) -> Decimal:
    pass


def gross(order: Order) -> Decimal:
    return net(order) * (1 + TAX)


def invoice(orders: list[Order], number: int) -> str:
    order = find_order(orders, number)
    return f"{order.customer}: {gross(order)}"
