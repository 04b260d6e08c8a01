"""Task events folded into one entry per execution of a task."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from activities.definitions.types import Engine
from foundation.json import JsonValue
from workflows.instances.types import TaskRun, TimelineSource
from workflows.interpreter.types import TaskEvent, TaskState

_EXECUTION: Final = re.compile(r"~[0-9]+$")


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


def fold(events: Iterable[TaskEvent], attempts: Mapping[str, int]) -> list[TaskRun]:
    """Return the executions in the order they began.

    A task that runs again (`then` jumped back) gets a second entry. One whose beginning is no
    longer kept has no `started_at`.

    Args:
        events: In the order of their sequence.
        attempts: Tries so far of the activities that are under way, by activity id.
    """
    runs: list[TaskRun] = []
    running: dict[tuple[str, str], int] = {}
    for event in events:
        place = (event.reference, event.iteration)
        index = running.pop(place, None)
        if event.state is TaskState.RUNNING:
            running[place] = len(runs)
            runs.append(_began(event, attempts.get(activity_id(*place))))
        elif index is None:
            runs.append(_ended(event, None))
        else:
            runs[index] = _ended(event, runs[index])
    return runs


def activity_id(reference: str, iteration: str) -> str:
    """Return the id of the activity behind a task."""
    return f"{reference}#{iteration}" if iteration else reference


def place_of(activity: str) -> tuple[str, str]:
    """Return reference and iteration of the task behind an activity."""
    # `~2` tells executions apart that jumps led back to.
    place = _EXECUTION.sub("", activity)
    reference, _, iteration = place.partition("#")
    return reference, iteration


def _began(event: TaskEvent, attempts: int | None) -> TaskRun:
    return TaskRun(
        reference=event.reference,
        iteration=event.iteration,
        name=event.name,
        kind=event.kind,
        state=event.state,
        attempts=attempts,
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
        started_at=before.started_at if before else None,
        ended_at=event.time,
        error=event.error,
        event=event.event,
    )
