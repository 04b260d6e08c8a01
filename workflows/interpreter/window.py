"""How much one run has under way at the same time: so many calls, so many bytes.

Whoever wants to begin counts from the moment it is let in, not from when it goes on: else a
thousand branches that wait for one place would all be let in by it.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from temporalio import workflow

MAX_IN_FLIGHT: Final = 100
# The worker holds them in memory meanwhile.
MAX_BYTES_IN_FLIGHT: Final = 16_000_000
# Before, all who waited were let in at once when there was place for one.
COUNTED_WHEN_LET_IN: Final = "counted-when-let-in"


@dataclass(slots=True)
class Window:
    """Calls and other runs that are under way.

    Attributes:
        in_flight: How many.
        bytes_in_flight: What they were given.
    """

    in_flight: int = 0
    bytes_in_flight: int = 0
    _queue: deque[tuple[int, "asyncio.Future[None]"]] = field(default_factory=deque)

    @asynccontextmanager
    async def one_more(self, size: int) -> AsyncIterator[None]:
        """Wait for a place, and have it.

        Args:
            size: Bytes of what is given to it.
        """
        await workflow.wait_condition(lambda: self._fits(size))
        # Others were woken by the same place. Asked only then: a marker in every history is dear.
        if self._fits(size) or not workflow.patched(COUNTED_WHEN_LET_IN):
            self._enter(size)
        else:
            await self._turn(size)
        try:
            yield
        finally:
            self._leave(size)

    async def _turn(self, size: int) -> None:
        """Wait behind those who were here before; whoever leaves lets the next ones in."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._let_in()  # it may have kept smaller ones waiting
            else:
                self._leave(size)  # it was let in before it was cancelled
            raise

    def _enter(self, size: int) -> None:
        self.in_flight += 1
        self.bytes_in_flight += size

    def _leave(self, size: int) -> None:
        self.in_flight -= 1
        self.bytes_in_flight -= size
        self._let_in()

    def _let_in(self) -> None:
        while self._queue:
            size, turn = self._queue[0]
            if not turn.cancelled():
                if not self._fits(size):
                    return
                self._enter(size)
                turn.set_result(None)
            self._queue.popleft()

    def _fits(self, size: int) -> bool:
        return self.in_flight == 0 or (
            self.in_flight < MAX_IN_FLIGHT and self.bytes_in_flight + size <= MAX_BYTES_IN_FLIGHT
        )
