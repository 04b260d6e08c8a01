"""Small programs, each with what happens to it: a bug that would be rare at random shows in them.

The interpreter has to do with each what the model does; with a bug planted it must not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from tests.model.programs import Task, written
from tests.model.sayings import an_array, answered, items, marked
from tests.model.twins import Twins
from tests.model.wants import Decision


@dataclass(frozen=True)
class Send:
    """An event comes."""

    type: str
    number: int = 9

    def to(self, twins: Twins) -> None:
        """Let it happen."""
        twins.send(self.type, self.number)


@dataclass(frozen=True)
class Decide:
    """Somebody decides the one approval there is."""

    approves: bool

    def to(self, twins: Twins) -> None:
        """Let it happen."""
        (decision,) = twins.of(Decision)
        twins.decide(decision, approves=self.approves)


@dataclass(frozen=True)
class Told:
    """What needs nothing else to be said."""

    what: str

    def to(self, twins: Twins) -> None:
        """Let it happen."""
        getattr(twins, self.what)()


Happening: TypeAlias = Send | Decide | Told
TIME: Final = Told("let_time_pass")
PAUSE: Final = Told("pause")
RESUME: Final = Told("resume")
REPLACE: Final = Told("replace_the_worker")
APPROVE, REJECT = Decide(True), Decide(False)


@dataclass(frozen=True)
class Seed:
    """A program, and what happens to it before it is brought to its end.

    Attributes:
        where: The world it is in: `restless` when it takes more than one run to see it.
    """

    tasks: Sequence[Task]
    happens: Sequence[Happening] = ()
    where: str = "calm"

    @property
    def document(self) -> dict[str, Any]:
        """The definition."""
        return written(list(self.tasks))

    def play(self, twins: Twins) -> int:
        """Let it happen; return how many runs it took."""
        twins.agree()
        for each in self.happens:
            each.to(twins)
            assert not twins.open, "a seed leaves nothing to speed"
            twins.agree()
        runs = twins.come_to_an_end()
        assert runs, "a seed leaves nothing to speed"
        return runs


def _set(name: str, **more: Any) -> Task:
    return {name: {"set": marked(name), **more}}


def _wait(name: str, hours: int) -> Task:
    return {name: {"wait": {"hours": hours}}}


def _waits(*hours: int) -> list[Task]:
    """Wait so often that a restless run goes on as a new one."""
    return [_wait(f"wait{each}", each) for each in hours]


def _raise(name: str) -> Task:
    return {name: {"raise": {"error": {"type": "https://e.com/e409", "status": 409}}}}


def _fork(*branches: Sequence[Task], **more: Any) -> Task:
    named = [{f"branch{number}": {"do": list(each)}} for number, each in enumerate(branches)]
    return {"fork": {"fork": {"branches": named, **more}}}


def _retry(count: int, backoff: str) -> Task:
    policy = {
        "delay": {"hours": 2},
        "limit": {"attempt": {"count": count}},
        "backoff": {backoff: {}},
    }
    return {"try": {"try": [_raise("fails")], "catch": {"retry": policy, "do": [_set("caught")]}}}


def _listen(name: str, how: str, *types: str) -> Task:
    filters = [{"with": {"type": each}} for each in types]
    return {name: {"listen": {"to": {how: filters[0] if how == "one" else filters}}}}


def _ask(name: str, quorum: int) -> Task:
    given = {"title": name, "candidates": {"roles": ["operator"]}, "quorum": quorum}
    return {name: {"call": "approval", "with": given, "output": {"as": answered()}}}


def _loop(*tasks: Task) -> Task:
    return {"loop": {"for": {"each": "item", "in": items([1, 2, 3])}, "do": list(tasks)}}


SEEDS: Final[Mapping[str, Seed]] = {
    "a loop over a value that changes": Seed([_loop(_set("turn"))]),
    "a competition": Seed(
        [_fork([_wait("soon", 2), _set("won")], [_wait("late", 50), _set("lost")], compete=True)],
        [TIME],
    ),
    "the second branch ends first": Seed(
        [_fork([_wait("late", 5), _set("a")], [_wait("soon", 2), _set("b")])], [TIME, TIME]
    ),
    "a branch that ends long before another": Seed(
        [_fork([_wait("soon", 1), _set("once")], _waits(2, 3, 5, 7, 11, 13, 17))],
        [TIME] * 8,
        "restless",
    ),
    "a fault that does not match": Seed(
        [
            {
                "try": {
                    "try": [_raise("fails")],
                    "catch": {"errors": {"with": {"status": 403}}, "do": [_set("caught")]},
                }
            }
        ]
    ),
    "two attempts": Seed([_retry(2, "constant")], [TIME]),
    "attempts further and further apart": Seed([_retry(3, "linear")], [TIME, TIME]),
    "an exit": Seed(
        [
            _set("first"),
            {
                "block": {
                    "do": [_set("leaves", **{"if": an_array(), "then": "exit"}), _set("never")]
                }
            },
            _set("last"),
        ]
    ),
    "a condition": Seed([_set("never", **{"if": an_array()}), _set("always")]),
    "a pause in a wait": Seed([_wait("soon", 2), _set("held")], [PAUSE, TIME, RESUME]),
    "a time for many waits": Seed(
        [{"block": {"do": _waits(2, 3, 5, 7, 11, 13, 17), "timeout": {"after": {"hours": 54}}}}],
        [TIME] * 7,
        "restless",
    ),
    "a long wait beside many others": Seed(
        [_fork([_wait("long", 54), _set("a")], _waits(2, 3, 5, 7, 11, 13, 17))],
        [TIME] * 7,
        "restless",
    ),
    "the same event wanted in each turn": Seed(
        [_loop(_listen("hears", "one", "heard"), _set("turn"))], [Send("heard"), Send("heard")]
    ),
    "the same event twice where two are wanted": Seed(
        [_listen("hears", "all", "a", "b")], [Send("a", 1), Send("a", 2), Send("b", 3)]
    ),
    "an approval by two": Seed(
        # What one yes did is certain once something later has happened.
        [_fork([_ask("ask", 2), _set("asked")], [_wait("soon", 2)])],
        [APPROVE, TIME, APPROVE],
    ),
    "a decision on a run that is new and paused": Seed(
        [
            _fork(
                [_listen("hears", "all", "a", "b")],
                [_listen("heard", "one", "c")],
                [_ask("ask", 1)],
                compete=True,
            )
        ],
        # The event lets the run go on as a new one, which has nothing to do but to be decided.
        [PAUSE, Send("c"), REPLACE, REPLACE, REJECT],
        "restless",
    ),
}
