"""Task events folded into one entry per execution of a task."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from activities.definitions.types import Engine
from foundation.json import JsonObject, JsonValue
from workflows.instances.types import TaskRun, TimelineSource
from workflows.interpreter.types import RunStatus, TaskEvent, TaskState

# What tells executions of one task apart: turns of loops, attempts, jumps back.
_MARK: Final = re.compile(r"([#!*])([0-9]+)(?=/|[#!*]|$)")


@dataclass(frozen=True, slots=True)
class Account:
    """What a run did so far, and who told us."""

    source: TimelineSource
    tasks: list[TaskRun]
    input: JsonValue = None
    version: str | None = None
    definition_hash: str | None = None
    engine: Engine | None = None
    events_dropped: int = 0
    status: RunStatus | None = None
    waiting_for: Sequence[JsonObject] = ()
    compensation: JsonObject | None = None


def fold(events: Iterable[TaskEvent], attempts: Mapping[str, int]) -> list[TaskRun]:
    """Return the executions in the order they began.

    A task that runs again (`then` jumped back) gets a second entry. One whose beginning is no
    longer kept has no `started_at`.

    Args:
        events: In the order of their sequence.
        attempts: Tries so far of the activities that are under way, by activity id.
    """
    runs: list[TaskRun] = []
    running: dict[str, int] = {}
    for event in events:
        place = event.execution or f"{event.reference}#{event.iteration}"
        index = running.pop(place, None)
        if event.state is TaskState.RUNNING:
            running[place] = len(runs)
            runs.append(_began(event, attempts.get(event.execution)))
        elif index is None:
            runs.append(_ended(event, None))
        else:
            runs[index] = _ended(event, runs[index])
    return runs


def place_of(execution: str) -> tuple[str, str]:
    """Return reference and iteration of the task behind an execution."""
    turns = [number for mark, number in _MARK.findall(execution) if mark == "#"]
    return _MARK.sub("", execution), "/".join(turns)


def _began(event: TaskEvent, attempts: int | None) -> TaskRun:
    return TaskRun(
        reference=event.reference,
        iteration=event.iteration,
        name=event.name,
        kind=event.kind,
        state=event.state,
        attempts=attempts,
        execution=event.execution,
        child=event.child,
        degraded=False,
        started_at=event.time,
    )


def _ended(event: TaskEvent, before: TaskRun | None) -> TaskRun:
    return TaskRun(
        reference=event.reference,
        iteration=event.iteration,
        name=event.name,
        kind=event.kind,
        state=event.state,
        attempts=event.attempts,
        execution=event.execution,
        child=event.child,
        degraded=event.degraded,
        fallback=event.fallback,
        started_at=before.started_at if before else None,
        ended_at=event.time,
        error=event.error,
        event=event.event,
    )
