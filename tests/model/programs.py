"""Definitions made at random: nested, small, and valid; what decides by speed is rare in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Final, TypeAlias

from hypothesis import strategies as st

from tests.model.sayings import (
    all_of_it,
    an_array,
    answered,
    at_least,
    error_status,
    exported,
    index_below,
    items,
    marked,
    marked_with,
    matching,
    smaller,
)

Task: TypeAlias = dict[str, Any]

DEEPEST: Final = 3
# Sums of them are rarely the same.
HOURS: Final = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53)
STATUSES: Final = (400, 409, 500)


@dataclass(frozen=True)
class Around:
    """What is around a task: variables, and how much may still be nested."""

    depth: int = 0
    variables: tuple[str, ...] = ()
    caught: bool = False
    names: "count[int]" = field(default_factory=lambda: count(1))

    def deeper(self, **more: Any) -> "Around":
        return replace(self, depth=self.depth + 1, **more)

    def name(self, kind: str) -> str:
        return f"{kind}{next(self.names)}"


def written(tasks: list[Task]) -> dict[str, Any]:
    """Put a definition around tasks; it gives all there is to compare."""
    return {
        "document": {"dsl": "1.0.3", "namespace": "tests", "name": "made", "version": "1.0.0"},
        "do": tasks,
        "output": {"as": all_of_it()},
    }


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    """Make a definition."""
    document = written(_tasks(draw, Around(), most=4))
    if _seldom(draw):
        document["timeout"] = {"after": {"hours": draw(st.sampled_from(HOURS)) * 3}}
    return document


def _tasks(draw: st.DrawFn, around: Around, most: int = 3) -> list[Task]:
    kinds = [_kind(draw, around) for _ in range(draw(st.integers(1, most)))]
    names = [around.name(kind) for kind in kinds]
    return [
        {name: _with_options(draw, _MAKERS[kind](draw, around, name), names, at)}
        for at, (kind, name) in enumerate(zip(kinds, names, strict=True))
    ]


def _kind(draw: st.DrawFn, around: Around) -> str:
    flat = ["set", "set", "wait", "listen", "ask", "switch", "raise"]
    nested = ["fork", "fork", "loop", "try", "try", "block", "each"]
    return draw(st.sampled_from(flat if around.depth >= DEEPEST else [*nested, *flat]))


def _with_options(draw: st.DrawFn, task: Task, names: list[str], at: int) -> Task:
    """Add what any task can have."""
    last = at == len(names) - 1
    leaves = "raise" in task
    if "switch" in task:
        _lead(draw, task["switch"], names, at)
    elif _seldom(draw):
        task["then"] = draw(st.sampled_from(["continue", "exit", "end", *names[at + 1 :]]))
        leaves = leaves or task["then"] not in {"continue", *names[at + 1 : at + 2]}
    # What nothing leads to is refused when a definition is published.
    if _seldom(draw) or (leaves and not last):
        task["if"] = draw(st.sampled_from([an_array(), smaller(3)]))
    if not {"set", "raise", "switch"} & {*task} and _seldom(draw):
        task["timeout"] = {"after": {"hours": draw(st.sampled_from(HOURS))}}
    return task


def _lead(draw: st.DrawFn, cases: list[Task], names: list[str], at: int) -> None:
    """Let some cases lead to other tasks of the list; back only as long as little is done."""
    for case in cases:
        (way,) = case.values()
        if way["then"] == "continue" and draw(st.booleans()):
            if "when" in way and at and draw(st.booleans()):
                way.update(
                    when=smaller(draw(st.integers(1, 4))), then=draw(st.sampled_from(names[:at]))
                )
            elif "when" in way and names[at + 1 :]:
                way["then"] = draw(st.sampled_from(names[at + 1 :]))


def _seldom(draw: st.DrawFn) -> bool:
    return draw(st.integers(0, 7)) == 7


def _set(draw: st.DrawFn, around: Around, name: str) -> Task:
    sayings = [marked(name), *(marked_with(name, each) for each in around.variables)]
    if around.caught:
        sayings.append(marked_with(name, "error", ".status"))
    task: Task = {"set": draw(st.sampled_from(sayings))}
    if draw(st.booleans()):
        task["export"] = {"as": exported(name)}
    return task


def _wait(draw: st.DrawFn, _around: Around, _name: str) -> Task:
    return {"wait": {"hours": draw(st.sampled_from(HOURS))}}


def _raise(draw: st.DrawFn, _around: Around, _name: str) -> Task:
    status = draw(st.sampled_from(STATUSES))
    return {"raise": {"error": {"type": f"https://e.com/e{status}", "status": status}}}


def _switch(draw: st.DrawFn, around: Around, name: str) -> Task:
    conditions = [an_array(), smaller(2), smaller(4)]
    if "item" in around.variables:
        conditions.append(index_below(1))
    ways = ["continue", "continue", "exit", "end"]
    cases: list[Task] = [
        {
            f"{name}{number}": {
                "when": draw(st.sampled_from(conditions)),
                "then": draw(st.sampled_from(ways)),
            }
        }
        for number in range(draw(st.integers(1, 2)))
    ]
    if draw(st.booleans()):
        cases.append({f"{name}other": {"then": "continue"}})
    return {"switch": cases}


def _ask(draw: st.DrawFn, _around: Around, name: str) -> Task:
    given: Task = {
        "title": name,
        "candidates": {"roles": ["operator"]},
        "quorum": draw(st.sampled_from([1, 1, 2])),
    }
    if draw(st.booleans()):
        given["onReject"] = "continue"
    if draw(st.integers(0, 3)) == 3:
        given["timeout"] = {
            "after": {"hours": draw(st.sampled_from(HOURS))},
            "then": draw(st.sampled_from(["reject", "approve", "default"])),
            "value": name,
        }
    return {"call": "approval", "with": given, "output": {"as": answered()}}


def _listen(draw: st.DrawFn, _around: Around, name: str) -> Task:
    def filter_(part: str) -> Task:
        wanted: Task = {"type": f"{name}.{part}"}
        if draw(st.booleans()):
            wanted["data"] = matching(draw(st.integers(2, 5)))
        return {"with": wanted}

    to: Task
    match draw(st.sampled_from(["one", "one", "any", "all", "until", "over"])):
        case "one":
            to = {"one": filter_("a")}
        case "any":
            to = {"any": [filter_("a"), filter_("b")]}
        case "all":
            to = {"all": [filter_("a"), filter_("b")]}
        case "until":
            to = {"any": [filter_("a")], "until": at_least(2)}
        case _:
            over = {"one": {"with": {"type": f"{name}.over"}}}
            to = {"any": [filter_("a")], "until": over}
    return {"listen": {"to": to}}


def _each(draw: st.DrawFn, around: Around, name: str) -> Task:
    task = _listen(draw, around, name)
    inner = around.deeper(variables=(*around.variables, "thing"))
    task["foreach"] = {"item": "thing", "at": "number", "do": _tasks(draw, inner, most=2)}
    return task


def _block(draw: st.DrawFn, around: Around, _name: str) -> Task:
    return {"do": _tasks(draw, around.deeper())}


def _loop(draw: st.DrawFn, around: Around, _name: str) -> Task:
    inner = around.deeper(variables=(*around.variables, "item"))
    # What turns do to each other shows from the second one on, and only when something changes.
    turns = draw(st.sampled_from([0, 1, 2, 2, 2, 3]))
    tasks = _tasks(draw, inner)
    if not {"raise", "then", "switch"} & {*next(iter(tasks[-1].values()))} and draw(st.booleans()):
        last = around.name("set")
        tasks.append({last: _set(draw, inner, last)})
    task: Task = {
        "for": {
            "each": "item",
            "in": items(draw(st.lists(st.integers(0, 9), min_size=turns, max_size=turns))),
        },
        "do": tasks,
    }
    if _seldom(draw):
        task["while"] = index_below(2)
    return task


def _fork(draw: st.DrawFn, around: Around, _name: str) -> Task:
    compete = draw(st.booleans())
    branches: list[Task] = []
    inner = around.deeper()
    for _ in range(draw(st.integers(2, 3))):
        # Who begins with a wait does not win, or fault, at the moment in which others begin.
        patient = compete or draw(st.booleans())
        kind = draw(st.sampled_from(["wait", "listen", "ask"])) if patient else "set"
        first = inner.name(kind)
        tasks = [{first: _MAKERS[kind](draw, inner, first)}]
        if around.depth < DEEPEST and draw(st.booleans()):
            tasks += _tasks(draw, inner, most=2)
        branches.append({inner.name("branch"): {"do": tasks}})
    return {"fork": {"branches": branches, **({"compete": True} if compete else {})}}


def _try(draw: st.DrawFn, around: Around, _name: str) -> Task:
    tasks = _tasks(draw, around.deeper())
    (last,) = tasks[-1].values()
    if not {"raise", "then", "switch"} & {*last} and draw(st.booleans()):
        failing = around.name("raise")
        tasks.append({failing: _raise(draw, around, failing)})
    catch: Task = {}
    if draw(st.integers(0, 3)) == 3:
        catch["errors"] = {"with": {"status": draw(st.sampled_from((403, 408, *STATUSES)))}}
    if _seldom(draw):
        catch["when"] = error_status(draw(st.sampled_from(STATUSES)))
    if draw(st.booleans()):
        catch["retry"] = {
            "delay": {"hours": draw(st.sampled_from(HOURS))},
            "limit": {"attempt": {"count": draw(st.integers(1, 3))}},
            "backoff": {draw(st.sampled_from(["constant", "linear", "exponential"])): {}},
        }
    if "retry" not in catch or draw(st.booleans()):
        catch["do"] = _tasks(draw, around.deeper(caught=True), most=2)
    if _seldom(draw):
        catch["then"] = draw(st.sampled_from(["continue", "exit", "end"]))
    return {"try": tasks, "catch": catch}


_MAKERS: Final[Mapping[str, Any]] = {
    "ask": _ask,
    "block": _block,
    "each": _each,
    "fork": _fork,
    "listen": _listen,
    "loop": _loop,
    "raise": _raise,
    "set": _set,
    "switch": _switch,
    "try": _try,
    "wait": _wait,
}
