"""Where a run stood, taken over to another version of its definition."""

from typing import Any

import pytest

from foundation.json import JsonObject
from workflows.definition import prepare
from workflows.instances.moving import CannotMoveError, Versions
from workflows.interpreter.types import Carried

HEAD = "document: { dsl: '1.0.3', namespace: tests, name: sample, version: '1.0.0' }\n"


def document(tasks: str, more: str = "") -> JsonObject:
    return prepare(f"{HEAD}{more}do: {tasks}").document


def versions(old: str, new: str, more: str = "", more_new: str | None = None) -> Versions:
    return Versions(
        document(old, more), document(new, more if more_new is None else more_new), "2.0.0"
    )


def carried(states: dict[str, Any], undoable: list[Any] | None = None) -> Carried:
    return Carried(
        states={"/": {"since": 1.0}, **states},
        undoable=undoable or [],
        context=None,
        started_at=1.0,
        last_event=1,
        run_id="r",
    )


SET = "{ set: { x: 1 } }"
TWO = f"[ {{ a: {SET} }}, {{ b: {SET} }} ]"


def test_a_task_is_found_by_its_name_wherever_it_is() -> None:
    both = versions(TWO, f"[ {{ new: {SET} }}, {{ b: {SET} }}, {{ a: {SET} }} ]")
    moved = both.moved(carried({"//do": {"at": 1, "value": 7, "again": 0}}))
    assert moved.states["//do"] == {"at": 1, "value": 7, "again": 0}
    moved = both.moved(carried({"//do": {"at": 0, "value": 7, "again": 0}}))
    assert moved.states["//do"]["at"] == 2
    assert both.path("/do/0/a*2") == "/do/2/a*2"


def test_a_list_that_was_done_stays_done() -> None:
    both = versions(TWO, f"[ {{ a: {SET} }}, {{ b: {SET} }}, {{ c: {SET} }} ]")
    assert both.moved(carried({"//do": {"at": 2, "value": 1}})).states["//do"]["at"] == 3


def test_loops_attempts_and_functions_keep_where_they_are() -> None:
    inner = "{ loop: { for: { in: .items }, do: [ { t: { try: [ { c: { call: f } } ], catch: { retry: { limit: { attempt: { count: 3 } } } } } } ] } }"  # noqa: E501
    more = f"use: {{ functions: {{ f: {{ do: [ {{ in: {SET} }} ] }} }} }}\n"
    both = versions(f"[ {inner} ]", f"[ {{ first: {SET} }}, {inner} ]", more)
    path = "/do/0/loop#3/do/0/t!2/try/0/c/f/do"
    moved = both.moved(
        carried(
            {
                "//do": {"at": 0, "value": 1},
                "/do/0/loop": {"since": 1, "items": [1], "turn": 3, "inside": True},
                "/do/0/loop#3/do/0/t": {"since": 1, "attempt": 2},
                path: {"at": 0, "value": 1},
            }
        )
    )
    assert set(moved.states) == {
        *("/", "//do", "/do/1/loop", "/do/1/loop#3/do/0/t", path.replace("/do/0/l", "/do/1/l"))
    }
    assert moved.states["/do/1/loop"]["turn"] == 3


LOOP = "{{ loop: {{ for: {{ {} }}, do: [ {{ t: {{ set: {{ x: 1 }} }} }} ] {} }} }}"
IN_THE_LOOP: dict[str, Any] = {
    "//do": {"at": 0, "value": 1},
    "/do/0/loop": {"since": 1, "items": [1, 2], "turn": 1, "value": 1, "inside": True},
    "/do/0/loop#1/do": {"at": 0, "value": 1},
}
FUNCTION = "use: {{ functions: {{ f: {{ for: {{ in: {} }}, do: [ {{ t: {{ set: {{ x: 1 }} }} }} ] }} }} }}\n"  # noqa: E501


def loop(header: str, rest: str = "") -> str:
    return f"[ {LOOP.format(header, rest)} ]"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (loop("in: .items"), loop("in: .parts"), "for.in"),
        (loop("in: [ { a: 1 } ]"), loop("in: [ { a: true } ]"), "for.in"),
        (loop("in: [ { a: 1 } ]"), loop("in: [ { a: 2 }, { a: 1 } ]"), "for.in"),
        (loop("in: .items"), loop("in: .items, each: part"), "for.each"),
        (loop("in: .l, each: a, at: b"), loop("in: .l, each: b, at: a"), "for.each, for.at"),
        (loop("in: .items"), loop("in: .items", ", while: .goes"), "while"),
        (loop("in: .l", ", while: .goes"), loop("in: .l", ", while: .stays"), "while"),
        (loop("in: .l", ", while: .goes"), loop("in: .m"), "for.in, while"),
    ],
)
def test_a_loop_that_is_another_one_is_not_gone_on_with(old: str, new: str, told: str) -> None:
    both = versions(old, new)
    with pytest.raises(CannotMoveError) as refused:
        both.moved(carried(IN_THE_LOOP))
    assert f"the loop 'do/loop', in whose middle the instance is, was changed ({told})" in (
        refused.value.message
    )
    assert "Rerun from '/do/0/loop' to begin the loop anew" in refused.value.message
    # What it says can be done: there the instance is in the middle of no loop.
    begun = {"//do": {"at": 0, "value": 1}, "/do/0/loop": {"since": 1, "input": 1}}
    assert both.moved(carried(begun)).states["/do/0/loop"] == {"since": 1, "input": 1}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (loop("in: .items"), loop("in: '${ .items }', each: item, at: index")),
        (loop("in: .l", ", while: .goes"), loop("in: .l", ", while: '${ .goes }'")),
        (loop("in: .l"), loop("in: .l", ", timeout: { after: PT1H }").replace("x: 1", "y: 2")),
    ],
)
def test_a_loop_that_is_spelled_in_another_way_or_does_more_is_the_same(old: str, new: str) -> None:
    moved = versions(old, new).moved(carried(IN_THE_LOOP))
    assert moved.states["/do/0/loop"]["turn"] == 1


def test_a_loop_that_is_a_function_has_to_be_the_same_too() -> None:
    tasks = "[ { c: { call: f } } ]"
    states = {
        "//do": {"at": 0, "value": 1},
        "/do/0/c/f": {"since": 1, "items": [1, 2], "turn": 1, "value": 1, "inside": True},
    }
    same = versions(tasks, tasks, FUNCTION.format(".l"), FUNCTION.format(".l"))
    assert same.moved(carried(states)).states["/do/0/c/f"]["turn"] == 1
    other = versions(tasks, tasks, FUNCTION.format(".l"), FUNCTION.format(".m"))
    with pytest.raises(CannotMoveError, match=r"was changed \(for\.in\)"):
        other.moved(carried(states))


def test_branches_are_the_same_by_name() -> None:
    fork = "[ {{ f: {{ fork: {{ branches: [ {0} ] }} }} }} ]"
    one, other = f"{{ l: {SET} }}", f"{{ r: {{ do: {TWO} }} }}"
    both = versions(fork.format(f"{one}, {other}"), fork.format(f"{other}, {one}"))
    moved = both.moved(
        carried(
            {
                "//do": {"at": 0, "value": 1},
                "/do/0/f": {"since": 1, "done": {"0": 5}, "faults": {}},
                "/do/0/f/fork/branches/1": {"at": 0, "value": 1},
                "/do/0/f/fork/branches/1/r/do": {"at": 1, "value": 1},
            }
        )
    )
    assert moved.states["/do/0/f"]["done"] == {"1": 5}
    assert moved.states["/do/0/f/fork/branches/0/r/do"]["at"] == 1
    assert moved.states["/do/0/f/fork/branches/0"]["at"] == 0


def test_where_branches_failed_is_told_as_the_other_version_calls_it() -> None:
    fork = "[ {{ f: {{ fork: {{ compete: true, branches: [ {0} ] }} }} }} ]"
    one, other = f"{{ a: {{ do: {TWO} }} }}", f"{{ r: {SET} }}"
    less = f"{{ a: {{ do: [ {{ a: {SET} }} ] }} }}"
    at = "/do/0/f/fork/branches/0/a/do/1/b"
    state = {"since": 1, "done": {}, "faults": {"0": {}}, "failed_at": {"0": at}}
    for branch, there in ((one, at.replace("/branches/0", "/branches/1")), (less, None)):
        both = versions(fork.format(f"{one}, {other}"), fork.format(f"{other}, {branch}"))
        moved = both.moved(carried({"//do": {"at": 0, "value": 1}, "/do/0/f": state}))
        assert moved.states["/do/0/f"]["failed_at"] == {"1": there}


@pytest.mark.parametrize(
    ("old", "new", "state", "message"),
    [
        (
            TWO,
            f"[ {{ aa: {SET} }}, {{ b: {SET} }} ]",
            {"//do": {"at": 0, "value": 1}},
            "there is no task 'a' in do, which has: aa, b",
        ),
        (
            f"[ {{ a: {{ do: {TWO} }} }} ]",
            f"[ {{ a: {SET} }} ]",
            {"//do": {"at": 0, "value": 1}, "/do/0/a/do": {"at": 0, "value": 1}},
            "'do/a' has no 'do'",
        ),
        (
            "[ { a: { wait: PT1H } } ]",
            "[ { a: { wait: PT2H } } ]",
            {"//do": {"at": 0, "value": 1}, "/do/0/a": {"since": 1, "until": 5}},
            "'do/a', in whose middle the instance is, was changed",
        ),
        (
            "[ { a: { wait: PT1H } } ]",
            f"[ {{ a: {SET} }} ]",
            {"//do": {"at": 0, "value": 1}, "/do/0/a": {"since": 1}},
            "'do/a' is 'set' and was 'wait'",
        ),
        (
            f"[ {{ f: {{ fork: {{ branches: {TWO} }} }} }} ]",
            f"[ {{ f: {{ fork: {{ branches: [ {{ b: {SET} }} ] }} }} }} ]",
            {"//do": {"at": 0, "value": 1}, "/do/0/f": {"since": 1, "done": {"0": 1}}},
            "no task 'a' in do/f/fork/branches",
        ),
    ],
)
def test_what_is_not_there_is_refused_and_says_what_is(
    old: str, new: str, state: dict[str, Any], message: str
) -> None:
    with pytest.raises(CannotMoveError) as refused:
        versions(old, new).moved(carried(state))
    assert message in refused.value.message
    assert "version 2.0.0" in refused.value.message


def test_what_is_undone_at_a_failure_can_be_undone_in_the_other_version() -> None:
    undo = (
        f"{{ set: {{ x: 1 }}, metadata: {{ millwright: {{ compensate: [ {{ u: {SET} }} ] }} }} }}"
    )
    done = {"task": "/do/0/a", "execution": "/do/0/a", "input": 1, "output": 2}
    both = versions(f"[ {{ a: {undo} }} ]", f"[ {{ z: {SET} }}, {{ a: {undo} }} ]")
    (moved,) = both.moved(carried({}, [done])).undoable
    assert (moved["task"], moved["execution"], moved["output"]) == ("/do/1/a", "/do/1/a", 2)
    without = versions(f"[ {{ a: {undo} }} ]", TWO)
    with pytest.raises(CannotMoveError, match="does not say how"):
        without.moved(carried({}, [done]))


def test_names_with_marks_and_slashes_are_names() -> None:
    tasks = f"[ {{ 'a/b#1': {{ do: {TWO} }} }} ]"
    both = versions(tasks, f"[ {{ z: {SET} }}, {{ 'a/b#1': {{ do: {TWO} }} }} ]")
    assert both.path("/do/0/a~1b#1*1/do/1/b") == "/do/1/a~1b#1*1/do/1/b"
