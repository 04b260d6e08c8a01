"""Who wanted a run, as its memo says: with four eyes, they are no others to approve it.

Temporal starts the runs of a schedule with one memo for all of them. Whoever has a run begun out of
turn is written down there with the time that it was for; a run knows its own time by its id.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from pydantic import BaseModel, TypeAdapter

from foundation.json import JsonValue
from workflows.interpreter.types import GONE_ON_BY

STARTED_BY: Final = "started_by"
# Who has let a schedule begin runs out of turn: a list of `Asked`.
ASKED_FOR: Final = "asked_for"
# A memo has to stay small; what is older is told less exactly.
MAX_ASKED: Final = 50

# Temporal appends it to the workflow ids of a schedule.
_TIME: Final = re.compile(r".*-(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")


class Asked(BaseModel, frozen=True):
    """Somebody let a schedule begin the runs of a time, in seconds after 1970."""

    by: str
    since: float
    until: float

    def holds(self, at: float | None) -> bool:
        """Tell whether a run of this time may be meant; one that says none may be."""
        return at is None or self.since <= at <= self.until


_ASKED: Final = TypeAdapter(list[Asked])


def requesters(memo: Mapping[str, JsonValue], workflow_id: str) -> list[str]:
    """Name those who wanted a run: who started it or what starts it, who let it go on."""
    started_by = memo.get(STARTED_BY)
    first = [started_by] if isinstance(started_by, str) else []
    return [*first, *wanted_by(memo, workflow_id)]


def wanted_by(memo: Mapping[str, JsonValue], workflow_id: str) -> list[str]:
    """Name those of them whom the memo of a run that follows has to name as `GONE_ON_BY`."""
    at = _time_of(workflow_id)
    asked = (each.by for each in asked_for(memo) if each.holds(at))
    return sorted({*_ids(memo.get(GONE_ON_BY)), *asked})


def asked_for(memo: Mapping[str, JsonValue]) -> list[Asked]:
    """Read who has let a schedule begin runs out of turn."""
    return _ASKED.validate_python(memo.get(ASKED_FOR) or [])


def is_noted(asked: Asked, known: Iterable[Asked]) -> bool:
    """Tell whether the times that are known hold one."""
    return any(
        each.by == asked.by and each.since <= asked.since and asked.until <= each.until
        for each in known
    )


def asked_once_more(known: Iterable[Asked], asked: Asked) -> list[Asked]:
    """Add to the times that are known; what there is too much of is joined, never forgotten."""
    found = [*known, asked]
    while len(found) > MAX_ASKED:
        at = next((i for i, each in enumerate(found) if _again(each, found[i + 1 :])), None)
        if at is None:  # so many people
            return found
        first = found.pop(at)
        later = next(i for i, each in enumerate(found) if i >= at and each.by == first.by)
        found[later] = Asked(
            by=first.by,
            since=min(first.since, found[later].since),
            until=max(first.until, found[later].until),
        )
    return found


def _again(asked: Asked, others: Iterable[Asked]) -> bool:
    return any(each.by == asked.by for each in others)


def _ids(value: JsonValue) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _time_of(workflow_id: str) -> float | None:
    match = _TIME.fullmatch(workflow_id)
    if match is None:
        return None
    return datetime.strptime(match[1], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
