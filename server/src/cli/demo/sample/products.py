"""Asks the shop for products."""

import httpx

from shop import BASE, TIMEOUT, ShopError


def product(client: httpx.Client, number: int) -> dict:
    url = f"{BASE}/products/{number}"
    try:
        response = client.get(url, timeout=TIMEOUT)
        response.raise_for_status()
    except httpx.HTTPError as error:
        raise ShopError(f"{url}: {error}") from error
    return response.json()
