"""Knowing of a cancellation that something keeps for itself."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Noticing(Generic[T]):
    """Awaits a coroutine in the same steps as without it.

    Temporal's SDK waits on for the start of a child when it is cancelled, and takes back that it
    was (`Task.uncancel`).

    Attributes:
        cancelled: Whether it was cancelled meanwhile.
    """

    def __init__(self, awaited: Coroutine[Any, Any, T]) -> None:
        self._awaited = awaited
        self.cancelled = False

    def __await__(self) -> Generator[Any, Any, T]:
        inner = self._awaited.__await__()
        step: Callable[[], Any] = partial(next, inner)
        while True:
            try:
                future = step()
            except StopIteration as ended:
                found: T = ended.value
                return found
            try:
                yield future
            except asyncio.CancelledError as error:
                self.cancelled = True
                step = partial(inner.throw, error)
            except GeneratorExit:
                inner.close()
                raise
            else:
                step = partial(next, inner)
