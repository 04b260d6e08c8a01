"""Where a run stands, as data: what is carried when it goes on as a new run.

Each task that can be left in its middle, and each list of tasks, has a place with a small state: at
which task a list is, in which turn a loop. Places form a chain up to the workflow. What a run needs
to go on is the states of all places above its branches.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

# JSON; each kind of place knows the shape of its own.
State: TypeAlias = dict[str, Any]

# Moments in the states of tasks that go on when an instance goes on after its end.
_MOMENTS: Final = ("since", "began", "until", "pause", "end")


class Position:
    """A place, and the one around it.

    Attributes:
        path: Unique within the run.
        state: What whoever stands here has to remember; empty as long as nothing.
    """

    __slots__ = ("parent", "path", "state")

    def __init__(self, path: str, parent: "Position | None", state: State) -> None:
        self.path = path
        self.parent = parent
        self.state = state

    def chain(self) -> Iterator["Position"]:
        """Go from here up to the workflow."""
        place: Position | None = self
        while place is not None:
            yield place
            place = place.parent

    def snapshot(self) -> dict[str, State]:
        """Return the states from here up to the workflow, as they are now."""
        return {place.path: dict(place.state) for place in self.chain() if place.state}


def postpone(states: Iterable[State], seconds: float) -> None:
    """Let all moments be later: as if meanwhile no time had passed."""
    for state in states:
        for name in _MOMENTS:
            if isinstance(state.get(name), float | int):
                state[name] += seconds
