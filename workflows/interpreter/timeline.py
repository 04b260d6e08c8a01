"""What happened, task by task, in the order it happened. Answers the query `progress`."""

from collections import deque
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from pydantic_core import to_json

from foundation.json import JsonObject
from workflows.interpreter.types import Progress, TaskEvent, TaskState

# Long loops would fill the worker's memory; the oldest events go first and are counted.
KEPT_EVENTS: Final = 10_000
# An answer to a query goes into the history of nothing: it must not fill the blob store, so it
# stays below what is kept there. A run's memory has a bound.
PAGE: Final = 500
PAGE_BYTES: Final = 40_000
KEPT_BYTES: Final = 16_000_000
_EVENT_BYTES: Final = 500


@lru_cache(maxsize=4096)
def _written(text: str) -> int:
    """Return the bytes of a text that is in many events."""
    return len(to_json(text))


class _Kept(NamedTuple):
    """A `TaskEvent`, as long as nobody asks: each task makes two, and most are never told."""

    sequence: int
    time: datetime
    reference: str
    iteration: str
    name: str
    kind: str
    state: TaskState
    attempts: int | None
    error: JsonObject | None
    event: JsonObject | None
    execution: str
    child: str | None
    fallback: JsonObject | None

    def told(self) -> TaskEvent:
        # From values of the right types: not validated again.
        return TaskEvent.model_construct(**self._asdict(), degraded=self.fallback is not None)


class Timeline:
    """The events of one run."""

    def __init__(self) -> None:
        self.events: deque[_Kept] = deque()
        self.sizes: deque[int] = deque()
        self.bytes = 0
        # Sequence number of the newest event, also of those that a run before this one has.
        self.last = 0
        self.ended = False

    def add(
        self,
        *,
        time: datetime,
        reference: str,
        iteration: str,
        name: str,
        kind: str,
        state: TaskState,
        attempts: int | None = None,
        error: JsonObject | None = None,
        event: JsonObject | None = None,
        execution: str = "",
        child: str | None = None,
        fallback: JsonObject | None = None,
    ) -> None:
        self.last += 1
        kept = _Kept(
            self.last,
            time,
            reference,
            iteration,
            name,
            kind,
            state,
            attempts,
            error,
            event,
            execution,
            child,
            fallback,
        )
        self.events.append(kept)
        size = _EVENT_BYTES + _written(name) + _written(reference)
        if error is not None:
            size += len(to_json(error))
        if event is not None:
            size += len(to_json(event))
        if fallback is not None:
            size += len(to_json(fallback))
        self._keep(size)

    def progress(self, after: int) -> Progress:
        """Return at most `PAGE` events that follow the one numbered `after`."""
        oldest = self.events[0].sequence if self.events else self.last + 1
        skip = max(0, after + 1 - oldest)
        return Progress(
            events=[each.told() for each in islice(self.events, skip, skip + self._page(skip))],
            last=self.last,
            dropped=oldest - 1,
            ended=self.ended,
        )

    def _page(self, skip: int) -> int:
        """Return how many events after the first `skip` fit into one answer, at least one."""
        total = count = 0
        for size in islice(self.sizes, skip, skip + PAGE):
            total += size
            if count and total > PAGE_BYTES:
                break
            count += 1
        return count

    def _keep(self, size: int) -> None:
        self.sizes.append(size)
        self.bytes += size
        while len(self.events) > KEPT_EVENTS or self.bytes > KEPT_BYTES:
            self.events.popleft()
            self.bytes -= self.sizes.popleft()
