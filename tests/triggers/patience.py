"""Waiting for what others do; the time limit of the test ends a vain wait."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

Value = TypeVar("Value")

_BETWEEN_S = 0.05


async def eventually(look: Callable[[], Awaitable[Value]], good: Callable[[Value], bool]) -> Value:
    """Look until what is seen is good."""
    while not good(seen := await look()):  # noqa: ASYNC110 - it happens elsewhere
        await anyio.sleep(_BETWEEN_S)
    return seen
