"""Secrets: store, rotate, list, delete. Their values go in and never come back."""

from typing import Any

from millwright_client.calls.reading import given, nothing, one, page, path
from millwright_client.exchange import Call, Flow, ask
from millwright_client.models import Page, Secret


def put(name: str, value: str | dict[str, Any]) -> Flow[Secret]:
    """Store a secret, or rotate the one of that name: the next call has the new value.

    Args:
        value: A text, or an object of texts, for example `{"username": ..., "password": ...}`.
    """
    where = path("secrets", name)
    return ask(Call("PUT", where, one(Secret), json={"value": value}, safe=True))


def list_(*, page_size: int | None = None, page_token: str | None = None) -> Flow[Page[Secret]]:
    """List secrets by name, without their values."""
    params = given(page_size=page_size, page_token=page_token)
    return ask(Call("GET", "/secrets", page(Secret), params=params, safe=True))


def get(name: str) -> Flow[Secret]:
    """Look at one secret; its value is not shown."""
    return ask(Call("GET", path("secrets", name), one(Secret), safe=True))


def delete(name: str) -> Flow[None]:
    """Delete a secret; calls that read it fail from now on."""
    return ask(Call("DELETE", path("secrets", name), nothing))
