"""Asks the shop for customers."""

import httpx

from shop import BASE, TIMEOUT, ShopError


def customer(client: httpx.Client, number: int) -> dict:
    url = f"{BASE}/customers/{number}"
    try:
        response = client.get(url, timeout=TIMEOUT)
        response.raise_for_status()
    except httpx.HTTPError as error:
        raise ShopError(f"{url}: {error}") from error
    return response.json()
