"""The events that came to an instance of the model, and which of them a task means."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from tests.model.wants import Json

# Says an expression about a value.
Say: TypeAlias = Callable[[Any, Json], Json]


class Inbox:
    """All events in their order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Json]] = []
        self.used: set[int] = set()

    def next_after(self, seen: int, types: Sequence[str]) -> int | None:
        """Return the number of the next event of these types that nobody has used."""
        return next(
            (
                number
                for number, (type_, _) in enumerate(self.events)
                if number > seen and number not in self.used and type_ in types
            ),
            None,
        )


def meant(
    filters: Sequence[Mapping[str, Any]],
    met: set[int],
    event: tuple[str, Json],
    say: Say,
    *,
    every: bool,
) -> int | None:
    """Return the number of the filter that an event is for.

    Args:
        met: Filters that have had one.
        every: All of them need one.
    """
    type_, data = event
    for number, each in enumerate(filters):
        if every and number in met:
            continue
        wanted = each["with"]
        if wanted["type"] == type_ and ("data" not in wanted or say(wanted["data"], data)):
            return number
    return None


def enough(
    to: Mapping[str, Any], wanted: int, met: set[int], outputs: list[Json], say: Say
) -> bool:
    """Tell whether a task has had the events that it needs.

    Args:
        wanted: How many filters it has.
        met: Those that have had one.
    """
    until = to.get("until")
    if isinstance(until, str):
        return bool(say(until, outputs))
    if until is not None:
        return False
    return len(met) == wanted if "all" in to else bool(met)
