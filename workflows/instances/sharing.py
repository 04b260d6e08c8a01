"""Many callers, one piece of work: what they ask for together is done once per process."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class SingleFlight(Generic[Value]):
    """Callers with the same key at the same time share one run of the work."""

    def __init__(self) -> None:
        self._flying: dict[Hashable, asyncio.Task[Value]] = {}

    async def run(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, Value]]) -> Value:
        """Return what the work returns; a caller that leaves does not stop it for the others."""
        task = self._flying.get(key)
        if task is None:
            task = self._flying[key] = spawn(work())
            task.add_done_callback(lambda _: self._flying.pop(key))
        return await asyncio.shield(task)


@dataclass(slots=True)
class _Lent(Generic[Value]):
    value: Value
    holders: int = 0


class Shared(Generic[Value]):
    """One thing per key that lives as long as somebody holds it.

    Args:
        drop: What to do with it when the last holder has left.
    """

    def __init__(self, drop: Callable[[Value], object]) -> None:
        self._drop = drop
        self._lent: dict[Hashable, _Lent[Value]] = {}

    @property
    def lent(self) -> list[Value]:
        """What somebody holds now."""
        return [lent.value for lent in self._lent.values()]

    @contextmanager
    def hold(self, key: Hashable, make: Callable[[], Value]) -> Iterator[Value]:
        """Lend the thing of this key, made for its first holder."""
        lent = self._lent.get(key)
        if lent is None:
            lent = self._lent[key] = _Lent(make())
        lent.holders += 1
        try:
            yield lent.value
        finally:
            lent.holders -= 1
            if lent.holders == 0:
                del self._lent[key]
                self._drop(lent.value)


def spawn(work: Coroutine[Any, Any, Value]) -> asyncio.Task[Value]:
    """Begin a task whose error is not lost, nor reported twice, when nobody waits for it."""
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(_looked_at)
    return task


def _looked_at(task: asyncio.Task[Any]) -> None:
    """Take note of an error: whoever waited for it may have left."""
    if not task.cancelled():
        task.exception()
