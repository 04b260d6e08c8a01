"""Keeps tokens while they are good; of many who want the same one, one asks."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

from cachetools import TLRUCache

from security.authority.tokens import Token

_MAX_KEPT: Final = 10_000
# Asking takes no longer (`_WHOLE_S` of those who ask).
FINISH_S: Final = 25.0

K = TypeVar("K", bound=Hashable)


class UnansweredError(Exception):
    """Nobody had a token in time; whoever was asked goes on, for the next one who wants it."""


class Keeping(Generic[K]):
    """The tokens of one process, each by all that it depends on.

    Args:
        clock: Seconds, from anywhere.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: TLRUCache[K, tuple[Token, float], float] = TLRUCache(
            _MAX_KEPT, ttu=lambda _, kept, __: kept[1], timer=clock
        )
        # A loop of a hundred calls at once asks for one token.
        self._asking: dict[K, asyncio.Task[Token]] = {}

    async def token(
        self, key: K, ask: Callable[[], Awaitable[Token]], *, patience_s: float
    ) -> Token:
        """Return the token that is kept, or wait for a new one with everybody who wants it.

        Args:
            key: All that it depends on.
            ask: Gets a new one.
            patience_s: How long to wait for that.

        Raises:
            UnansweredError: It took longer.
            MillwrightError: What `ask` raises.
        """
        if kept := self._kept.get(key):
            return kept[0]
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._ask(key, ask))
            task.add_done_callback(lambda done: self._answered(key, done))
        try:
            async with asyncio.timeout(patience_s):
                # It goes on when this waiter leaves: the next attempt will want it.
                return await asyncio.shield(task)
        except TimeoutError:
            raise UnansweredError from None

    def drop(self, key: K, token: Token) -> None:
        """Forget a token that was refused, unless somebody has got a new one meanwhile."""
        kept = self._kept.get(key)
        if kept is not None and kept[0].text == token.text:
            del self._kept[key]

    async def aclose(self) -> None:
        """Wait for what is asked for at the end of the process, since much can be had only once."""
        asking = list(self._asking.values())
        if not asking:
            return
        _, late = await asyncio.wait(asking, timeout=FINISH_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _ask(self, key: K, ask: Callable[[], Awaitable[Token]]) -> Token:
        began = self._clock()
        token = await ask()
        self._kept[key] = (token, began + token.keeps_s)
        return token

    def _answered(self, key: K, task: asyncio.Task[Token]) -> None:
        del self._asking[key]
        if not task.cancelled():
            task.exception()  # seen, also when nobody waits any more
