"""Pieces of blocking work of many callers, done together: one thread, one transaction for all."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from anyio import to_thread

T = TypeVar("T")
R = TypeVar("R")


class Batcher(Generic[T, R]):
    """While one batch is being done the next one gathers, so nobody waits for a clock.

    For one event loop.

    Args:
        work: Does a batch, in a thread; returns one result for each piece, in their order. Raises
            only when it has done nothing.
        at_most: So many pieces in one batch.
    """

    def __init__(self, work: Callable[[Sequence[T]], Sequence[R]], at_most: int = 200) -> None:
        self._work = work
        self._at_most = at_most
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._working: asyncio.Task[None] | None = None

    def put(self, piece: T) -> "asyncio.Future[R]":
        """Have a piece of work done; it is, also when nobody waits for the result any more.

        The result is an error when the work raises one.
        """
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((piece, future))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._run())
        return future

    async def drain(self) -> None:
        """Wait until everything is done that has been put so far."""
        if self._working is not None:
            await self._working

    async def _run(self) -> None:
        while self._waiting:
            batch = self._waiting[: self._at_most]
            del self._waiting[: self._at_most]
            try:
                results = await to_thread.run_sync(self._work, [piece for piece, _ in batch])
            except Exception as error:  # noqa: BLE001 - each caller gets it
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)
