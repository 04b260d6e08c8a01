"""The events of one run as they happen, read once for everybody in this process who follows it.

Temporal has no push for this, so the interpreter is asked: often while tasks come and go, seldom
while one takes its time. That the run ended is pushed, so the last event is never late.
"""

import asyncio
import itertools
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from workflows.instances.sharing import spawn
from workflows.instances.types import Ended
from workflows.interpreter.types import Progress, TaskEvent

Event: TypeAlias = TaskEvent | Ended

FASTEST_S: Final = 0.1
SLOWEST_S: Final = 1.0
_SLOWER: Final = 1.5
# A follower that lags further behind reads its own pages.
KEPT_EVENTS: Final = 2_000
# A worker that is there but busy may miss its first queries; without one nobody waits longer.
LAST_ANSWER_S: Final = 10.0


class Source(Protocol):
    """One run, as far as a feed needs it."""

    def closing(self) -> AbstractContextManager["asyncio.Task[None]"]:
        """Lend the task that is done when the run has ended."""
        ...

    async def progress(self, after: int) -> Progress | None:
        """Return the events after that one; None while nobody can tell."""
        ...

    async def ended(self) -> Ended:
        """Return how it ended; asked once it is closed."""
        ...


@dataclass(frozen=True, slots=True)
class _Position:
    """What the buffer holds: everything after `oldest` up to `newest`."""

    oldest: int
    newest: int


class Feed:
    """One run's events for many followers.

    Args:
        source: The run.
        after: Where the first follower begins; the feed keeps nothing from before.
    """

    def __init__(self, source: Source, after: int) -> None:
        self._source = source
        self._first = after
        self._events: deque[TaskEvent] = deque(maxlen=KEPT_EVENTS)
        self._position: _Position | None = None
        self._ended: Ended | None = None
        self._failure: Exception | None = None
        self._dismissed = False
        self._changed = asyncio.Event()
        self._pump = spawn(self._fill())

    def stop(self) -> None:
        """Ask no more; for when the last follower has left."""
        self._pump.cancel()

    def dismiss(self) -> None:
        """Send all followers home."""
        self._dismissed = True
        self._notify()

    async def follow(self, after: int, until: float) -> AsyncIterator[Event]:
        """Yield the events that follow the one numbered `after`, and last how the run ended.

        Args:
            until: Time of the event loop at which to stop even if the run goes on.

        Raises:
            MillwrightError: When the run can no longer be read.
        """
        while True:
            changed, ended = self._changed, self._ended
            fresh = await self._after(after, patient=ended is not None)
            for event in fresh or ():
                yield event
                after = event.sequence
            if fresh:
                continue
            if ended is not None:
                yield ended if fresh is not None else ended.model_copy(update={"complete": False})
                return
            if self._failure is not None:
                raise self._failure
            if self._dismissed or asyncio.get_running_loop().time() >= until:
                return
            await self._change(changed, until, lagging=self._lags(after))

    async def _change(self, changed: asyncio.Event, until: float, *, lagging: bool) -> None:
        """Wait until there may be more: what lags asks the interpreter again by itself."""
        soon = asyncio.get_running_loop().time() + SLOWEST_S
        with suppress(TimeoutError):
            async with asyncio.timeout_at(min(soon, until) if lagging else until):
                await changed.wait()

    async def _fill(self) -> None:
        try:
            with self._source.closing() as closing:
                await self._poll(closing)
            told_all = await self._drain()
            ended = await self._source.ended()
            self._ended = ended.model_copy(update={"complete": told_all})
        except Exception as error:
            self._failure = error
            raise
        finally:
            self._notify()

    async def _poll(self, closing: "asyncio.Task[None]") -> None:
        interval = FASTEST_S
        while not closing.done():
            interval = FASTEST_S if await self._read() else min(interval * _SLOWER, SLOWEST_S)
            await asyncio.wait({closing}, timeout=interval)
        await closing

    async def _drain(self) -> bool:
        """Take all pages that are left; tell whether somebody answered to the last."""
        while (read := await self._read(patient=True)) is not None:
            if not read:
                return True
        return False

    async def _read(self, *, patient: bool = False) -> int | None:
        """Take one page from the interpreter; tell how much was in it, None without an answer."""
        begin = self._position.newest if self._position else self._first
        told = await self._told(begin, patient=patient)
        if told is None:
            return None
        # A follower may have asked for what comes after an event that is yet to happen.
        begin = min(begin, told.last)
        known = self._position is not None
        self._events.extend(told.events)
        self._position = _Position(
            oldest=self._oldest(begin),
            newest=told.events[-1].sequence if told.events else begin,
        )
        if told.events or not known:
            self._notify()  # the first answer also tells who lags
        return len(told.events)

    async def _told(self, after: int, *, patient: bool) -> Progress | None:
        """Ask for the events after that one; who is patient asks again for a while."""
        told = await self._source.progress(after)
        until = asyncio.get_running_loop().time() + LAST_ANSWER_S
        while patient and told is None and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(FASTEST_S)
            told = await self._source.progress(after)
        return told

    def _oldest(self, begin: int) -> int:
        if len(self._events) == KEPT_EVENTS:
            return self._events[0].sequence - 1
        return self._position.oldest if self._position else begin

    def _lags(self, after: int) -> bool:
        return self._position is not None and after < self._position.oldest

    async def _after(self, after: int, *, patient: bool) -> list[TaskEvent] | None:
        """Return what is known to follow that event; None when it had to be asked, in vain."""
        if self._lags(after):
            told = await self._told(after, patient=patient)
            return told.events if told else None
        skip = bisect_right(self._events, after, key=lambda event: event.sequence)
        return list(itertools.islice(self._events, skip, None))

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
