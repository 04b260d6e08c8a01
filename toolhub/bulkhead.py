"""How many calls of one server are under way in this process, so that a slow one leaves room.

Who finds no place waits for one, not too long and not with too many others.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

import anyio
from anyio import CapacityLimiter

from foundation.settings import McpSettings
from toolhub.errors import ServerCrowdedError

# A place is free when any of the calls ends, so it is worth asking again soon.
AGAIN_S: Final = 1.0


class Bulkhead:
    """Places by server; those of a server that nobody calls are forgotten."""

    def __init__(self) -> None:
        self._limiters: WeakValueDictionary[str, CapacityLimiter] = WeakValueDictionary()

    @asynccontextmanager
    async def place(self, key: str, label: str, numbers: McpSettings) -> AsyncIterator[None]:
        """Hold a place for one call.

        Args:
            key: Tenant and server.
            label: How messages call the server.
            numbers: How many places there are, and who may wait how long.

        Raises:
            ServerCrowdedError: There is none.
        """
        limiter = self._limiter(key, numbers)
        borrower = object()
        try:
            limiter.acquire_on_behalf_of_nowait(borrower)
        except anyio.WouldBlock:
            await _wait(limiter, borrower, label, numbers)
        try:
            yield
        finally:
            limiter.release_on_behalf_of(borrower)

    def _limiter(self, key: str, numbers: McpSettings) -> CapacityLimiter:
        limiter = self._limiters.get(key)
        if limiter is None:
            limiter = CapacityLimiter(numbers.max_concurrent)
            self._limiters[key] = limiter
        elif limiter.total_tokens != numbers.max_concurrent:
            limiter.total_tokens = numbers.max_concurrent
        return limiter


async def _wait(
    limiter: CapacityLimiter, borrower: object, label: str, numbers: McpSettings
) -> None:
    if limiter.statistics().tasks_waiting >= numbers.max_waiting:
        raise _crowded(label, numbers, f"{numbers.max_waiting} more wait")
    with anyio.move_on_after(numbers.max_wait_s) as waiting:
        await limiter.acquire_on_behalf_of(borrower)
    if waiting.cancelled_caught:
        raise _crowded(label, numbers, f"none ended within {numbers.max_wait_s:g} s")


def _crowded(label: str, numbers: McpSettings, and_: str) -> ServerCrowdedError:
    return ServerCrowdedError(
        f"The MCP server '{label}' was not called: {numbers.max_concurrent} calls of it are under "
        f"way in this process, and {and_}. It is tried again; if this happens often, raise its "
        "'max_concurrent', or call it less.",
        retryable=True,
        retry_after_s=AGAIN_S,
    )
