"""Waiting for what another process does, as short as it takes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

Value = TypeVar("Value")

PATIENCE_S = 15.0
_BETWEEN_S = 0.02


async def eventually(look: Callable[[], Awaitable[Value]], good: Callable[[Value], bool]) -> Value:
    """Look until what is seen is good; the test fails when that takes too long."""
    async with asyncio.timeout(PATIENCE_S):
        while not good(seen := await look()):  # noqa: ASYNC110 - it happens elsewhere
            await asyncio.sleep(_BETWEEN_S)
    return seen
