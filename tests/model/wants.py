"""What branches of the model wait for, and what goes up through them."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = Any


class Race(Exception):  # noqa: N818 - not an error
    """Speed decides."""


class Fault(Exception):  # noqa: N818 - the word of the language
    """An error on its way up.

    Attributes:
        late: The time of the whole definition is over.
    """

    def __init__(self, error: Mapping[str, Json]) -> None:
        super().__init__(error)
        self.error = dict(error)
        self.late = False


class End(Exception):  # noqa: N818 - not an error
    """`then: end`."""

    def __init__(self, output: Json) -> None:
        super().__init__(output)
        self.output = output


class Cancelled(Exception):  # noqa: N818 - not an error
    """Nobody needs it any more."""


class TooLate(Exception):  # noqa: N818 - not an error
    """The time of a task is over."""

    def __init__(self, task: object) -> None:
        super().__init__(task)
        self.task = task


LEAVING = (Cancelled, TooLate)


@dataclass(eq=False)
class Begin:
    """A task is about to begin; a paused instance begins none."""


@dataclass(eq=False)
class Timer:
    """So long; `seen` by people, or the pause before an attempt."""

    path: str
    due: float
    seen: bool = True


@dataclass(eq=False)
class Events:
    """More events."""

    path: str
    types: list[str]
    seen: int


@dataclass(eq=False)
class Decision:
    """What people say."""

    path: str
    quorum: int
    due: float | None
    votes: list[bool] = field(default_factory=list)


@dataclass(eq=False)
class Branches:
    """All of them, or the first."""

    makers: Sequence[Callable[["Branch"], "Steps"]]
    compete: bool


Want: TypeAlias = Begin | Timer | Events | Decision | Branches
Steps: TypeAlias = Generator[Want, Any, Json]


@dataclass(eq=False)
class Branch:
    """One line of tasks after each other."""

    parent: "Branch | None"
    steps: Steps = field(init=False)
    want: Want | None = None
    children: list["Branch"] = field(default_factory=list)
    deadlines: list[tuple[float, object]] = field(default_factory=list)
    moved: int = 0
    began: int = 0
    ended: bool = False
    result: Json = None
    fault: Fault | None = None
    ended_as: int = 0


@dataclass(frozen=True)
class Outcome:
    """How an instance ended."""

    status: str
    output: Json = None
    error: Mapping[str, Json] | None = None


def below(branch: Branch) -> Iterator[Branch]:
    yield branch
    for child in branch.children:
        yield from below(child)
