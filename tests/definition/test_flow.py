"""Where tasks lead."""

import pytest

from tests.definition.documents import HEAD, codes, only, with_tasks
from workflows.definition import Code, validate


@pytest.mark.parametrize(
    "tasks",
    [
        (
            "- a: { set: { x: 1 }, then: c }\n- b: { set: { x: 1 }, then: end }\n"
            "- c: { set: { x: 1 }, then: b }"
        ),
        (
            "- a: { switch: [ { one: { when: .x, then: b } }, { other: { then: c } } ] }\n"
            "- b: { set: { x: 1 }, then: end }\n- c: { set: { x: 1 } }"
        ),
        (
            "- a: { switch: [ { one: { when: .x, then: c } } ] }\n- b: { set: { x: 1 } }\n"
            "- c: { set: { x: 1 } }"
        ),
        (
            "- a: { if: .x, raise: { error: { type: 'https://e.com', status: 400 } }, then: end }\n"
            "- b: { set: { x: 1 } }"
        ),
        (
            "- a: { try: [ { x: { set: { x: 1 } } } ], catch: { then: c }, then: b }\n"
            "- b: { set: { x: 1 }, then: end }\n- c: { set: { x: 1 } }"
        ),
        "- a: { do: [ { inner: { set: { x: 1 }, then: exit } } ], then: end }",
        (
            "- poll: { call: http, with: { method: get, endpoint: 'https://e.com' } }\n"
            "- pause: { wait: PT5S, then: poll }"
        ),
        "- a: { set: { x: 1 }, if: .go, then: a }",
        "- a: { fork: { branches: [ { b: { set: { x: 1 }, then: end } } ] } }",
    ],
)
def test_sensible_ways_have_no_findings(tasks: str) -> None:
    assert validate(with_tasks(tasks)) == []


@pytest.mark.parametrize(
    ("tasks", "pointer", "message"),
    [
        (
            "- first: { set: { x: 1 }, then: frist }\n- second: { set: { x: 1 } }",
            "/do/0/first/then",
            "Did you mean 'first'?",
        ),
        (
            "- a: { do: [ { inner: { set: { x: 1 }, then: b } } ] }\n- b: { set: { x: 1 } }",
            "/do/0/a/do/0/inner/then",
            "a task of the same list",
        ),
        (
            "- a: { do: [ { inner: { set: { x: 1 } } } ], then: inner }",
            "/do/0/a/then",
            "There is no task called 'inner' in this list",
        ),
        (
            "- a: { switch: [ { one: { when: .x, then: gone } } ] }",
            "/do/0/a/switch/0/one/then",
            "There is no task called 'gone'",
        ),
        (
            "- a: { try: [ { x: { set: { x: 1 } } } ], catch: { then: x } }",
            "/do/0/a/catch/then",
            "There is no task called 'x'",
        ),
        (
            "- a: { try: [], catch: { do: [ { y: { set: { x: 1 }, then: a } } ] } }",
            "/do/0/a/catch/do/0/y/then",
            "There is no task called 'a'",
        ),
        (
            (
                "- a: { fork: { branches: [ { b: { set: { x: 1 }, then: c } }, "
                "{ c: { set: { x: 1 } } } ] } }"
            ),
            "/do/0/a/fork/branches/0/b/then",
            "Branches run at the same time",
        ),
    ],
)
def test_a_jump_can_only_lead_to_a_task_of_its_own_list(
    tasks: str, pointer: str, message: str
) -> None:
    found = only(with_tasks(tasks))
    assert (found.code, found.pointer) == ("unknown-target", pointer)
    assert message in found.message


@pytest.mark.parametrize("then", ["end", "somewhere"])
def test_a_function_leads_nowhere(then: str) -> None:
    more = f"use: {{ functions: {{ f: {{ set: {{ x: 1 }}, then: {then} }} }} }}\n"
    found = only(with_tasks("- a: { call: f }", more=more))
    assert (found.code, found.pointer) == ("unknown-target", "/use/functions/f/then")


@pytest.mark.parametrize(
    ("tasks", "unreachable"),
    [
        ("- a: { set: { x: 1 }, then: exit }\n- b: { set: { x: 1 } }", ["/do/1/b"]),
        (
            (
                "- a: { raise: { error: { type: 'https://e.com', status: 400 } } }\n"
                "- b: { set: { x: 1 } }"
            ),
            ["/do/1/b"],
        ),
        (
            "- a: { set: { x: 1 }, then: c }\n- b: { set: { x: 1 } }\n- c: { set: { x: 1 } }",
            ["/do/1/b"],
        ),
        (
            (
                "- a: { switch: [ { d: { then: c } } ] }\n- b: { set: { x: 1 } }\n"
                "- c: { set: { x: 1 } }"
            ),
            ["/do/1/b"],
        ),
        (
            "- a: { set: { x: 1 }, then: end }\n- b: { set: { x: 1 } }\n- c: { set: { x: 1 } }",
            ["/do/1/b"],
        ),
        (
            "- a: { do: [ { b: { set: { x: 1 }, then: exit } }, { c: { set: { x: 1 } } } ] }",
            ["/do/0/a/do/1/c"],
        ),
        (
            (
                "- a: { set: { x: 1 }, then: d }\n- b: { set: { x: 1 }, then: c }\n"
                "- c: { set: { x: 1 }, then: b }\n- d: { set: { x: 1 } }"
            ),
            ["/do/1/b"],
        ),
    ],
)
def test_a_task_that_nothing_leads_to_is_found(tasks: str, unreachable: list[str]) -> None:
    found = [each for each in validate(with_tasks(tasks)) if each.code == "unreachable-task"]
    assert [each.pointer for each in found] == unreachable
    # The language allows it.
    assert not any(each.is_error for each in found)


MOCK = "{ answer: { set: { x: 1 }, then: exit } }"
CHOICE = "{ which: { switch: [ { no: { when: .x, then: exit } } ] } }"
FAULT = "raise: { error: { type: 'https://e.com', status: 400 } }"


@pytest.mark.parametrize(
    ("extension", "task", "is_found"),
    [
        (f"extend: raise, before: [ {MOCK} ]", FAULT, False),
        (f"extend: raise, when: .x, before: [ {CHOICE} ]", FAULT, False),
        (f"extend: all, before: [ {MOCK} ]", "switch: [ { d: { then: c } } ]", False),
        (f"extend: switch, before: [ {MOCK} ]", "switch: [ { d: { then: c } } ]", False),
        (f"extend: switch, before: [ {MOCK} ]", "set: { x: 1 }, then: end", True),
        (f"extend: set, before: [ {MOCK} ]", FAULT, True),
        (f"extend: composite, before: [ {MOCK} ]", FAULT, True),
        (f"extend: raise, after: [ {MOCK} ]", FAULT, True),
        ("extend: raise, before: [ { note: { set: { x: 1 } } } ]", FAULT, True),
    ],
)
def test_a_task_that_an_extension_replaces_leads_to_the_next(
    extension: str, task: str, *, is_found: bool
) -> None:
    more = f"use: {{ extensions: [ {{ mock: {{ {extension} }} }} ] }}\n"
    tasks = f"- a: {{ {task} }}\n- b: {{ set: {{ x: 1 }} }}\n- c: {{ set: {{ x: 1 }} }}"
    assert codes(with_tasks(tasks, more=more)) == (["unreachable-task"] if is_found else [])


@pytest.mark.parametrize("key", ["before", "after"])
@pytest.mark.parametrize(
    ("extended", "is_endless"), [("composite", False), ("set", False), ("emit", True)]
)
def test_what_an_extension_does_around_a_loop_may_end_it(
    extended: str, key: str, *, is_endless: bool
) -> None:
    pause = f"{{ extend: {extended}, {key}: [ {{ p: {{ wait: PT1S }} }} ] }}"
    more = f"use: {{ extensions: [ {{ m: {pause} }} ] }}\n"
    found = codes(with_tasks("- a: { do: [ { b: { set: { x: 1 } } } ], then: a }", more=more))
    assert found == (["endless-loop"] if is_endless else [])


@pytest.mark.parametrize(
    "tasks",
    [
        "- a: { set: { x: 1 }, then: a }",
        "- a: { set: { x: 1 } }\n- b: { emit: { event: { with: { type: t } } }, then: a }",
        "- a: { set: { x: 1 } }\n- b: { switch: [ { back: { then: a } } ] }",
        "- a: { do: [ { b: { set: { x: 1 } } } ], then: a }",
        "- z: { do: [ { a: { set: { x: 1 } } }, { b: { set: { x: 1 }, then: a } } ] }",
    ],
)
def test_a_loop_that_surely_never_ends_is_found_once(tasks: str) -> None:
    assert codes(with_tasks(tasks)) == ["endless-loop"]


def test_names_are_unique_in_their_list_only() -> None:
    tasks = "- a: { do: [ { a: { set: { x: 1 } } } ] }\n- b: { do: [ { a: { set: { x: 1 } } } ] }"
    assert validate(with_tasks(tasks)) == []
    assert codes(
        with_tasks("- f: { fork: { branches: [ { a: { do: [] } }, { a: { do: [] } } ] } }")
    ) == ["duplicate-name"]


@pytest.mark.parametrize("name", ["continue", "exit", "end"])
def test_a_task_cannot_have_the_name_of_a_directive(name: str) -> None:
    assert only(with_tasks(f"- {name}: {{ set: {{ x: 1 }} }}")).code == "reserved-name"


def test_a_competition_needs_branches() -> None:
    found = only(with_tasks("- a: { fork: { compete: true, branches: [] } }"))
    assert (found.code, found.pointer) == ("wrong-value", "/do/0/a/fork/branches")


def test_functions_that_multiply_are_refused() -> None:
    levels = 15
    functions = "".join(
        f"    f{n}: {{ do: [ {{ a: {{ call: f{n + 1} }} }}, {{ b: {{ call: f{n + 1} }} }} ] }}\n"
        for n in range(levels)
    )
    text = (
        f"{HEAD}use:\n  functions:\n{functions}    f{levels}: {{ set: {{ a: 1 }} }}\n"
        "do: [ { go: { call: f0 } } ]\n"
    )
    findings = [finding for finding in validate(text) if finding.code == Code.TOO_LARGE]
    assert findings[0].pointer == "/use/functions/f0"
    assert "calls" in findings[0].message
