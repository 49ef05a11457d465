"""Asks the shop for invoices."""

import httpx

from shop import BASE, TIMEOUT, ShopError


def invoice(client: httpx.Client, number: int) -> dict:
    url = f"{BASE}/invoices/{number}"
