"""Listings of many pages."""

from collections.abc import Callable
from typing import Any


def all_of(read: Callable[..., Any], **asked: Any) -> list[Any]:
    """Read all pages of a listing."""
    page = read(page_size=100, **asked)
    found = list(page.items)
    while page.next_page_token:
        page = read(page_size=100, page_token=page.next_page_token, **asked)
        found += page.items
    return found
