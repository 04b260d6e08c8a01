"""How answers are read."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from millwright_client.decoding import decode
from millwright_client.errors import MillwrightProtocolError
from millwright_client.models import Page

T = TypeVar("T")


def one(kind: type[T]) -> Callable[[httpx.Response], T]:
    """Read one value."""
    return lambda response: decode(kind, response.json())


def page(kind: type[T]) -> Callable[[httpx.Response], Page[T]]:
    """Read one page of a listing."""

    def read(response: httpx.Response) -> Page[T]:
        body = response.json()
        if not isinstance(body, dict) or not isinstance(body.get("items"), list):
            raise MillwrightProtocolError("The answer is no page of a listing.")
        items = [decode(kind, item) for item in body["items"]]
        return Page(items, body.get("next_page_token"))

    return read


def nothing(_: httpx.Response) -> None:
    """Read no body."""


def itself(response: httpx.Response) -> httpx.Response:
    """Leave the response as it is."""
    return response


def given(**values: Any) -> dict[str, Any]:
    """Leave out what was not given."""
    return {name: value for name, value in values.items() if value is not None}


def path(*parts: str) -> str:
    """Join the parts of a path; what is in a part stays in it."""
    return "".join("/" + quote(part, safe=":") for part in parts)
