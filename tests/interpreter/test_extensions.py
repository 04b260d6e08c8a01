"""Extensions: tasks around tasks, and mocks."""

import re

import pytest

from tests.interpreter.conftest import Runner
from tests.shared_data import shared
from workflows.interpreter.types import TaskState

pytestmark = pytest.mark.anyio


def extended(extension: str, tasks: str) -> str:
    return f"use: {{ extensions: [ {{ log: {extension} }} ] }}\ndo: {tasks}"


async def test_what_stands_before_and_after_is_done_and_gives_nothing_on(run: Runner) -> None:
    ended = await run(
        extended(
            "{ extend: set, before: [ { first: { set: { x: 1 } } } ], "
            "after: [ { second: { set: { seen: '${ . }' }, export: { as: . } } } ] }",
            "[ { task: { set: { input: '${ . }' } } }, { last: { raise: { error: "
            "{ type: 'https://e.com/x', status: 400, detail: '${ $context | tojson }' } } } } ]",
        ),
        {"line": 7},
    )

    assert ended.names(TaskState.COMPLETED) == ["first", "second", "task"]
    assert ended.error["detail"] == '{"seen":{"input":{"line":7}}}'


async def test_a_task_that_is_left_in_its_extension_is_mocked(run: Runner) -> None:
    ended = await run(
        extended(
            "{ extend: call, before: [ { mock: { set: { answer: 42 }, then: exit } } ] }",
            "[ { ask: { call: http, with: { method: get, endpoint: 'https://unreachable.invalid' },"
            " output: { as: .answer } } }, { last: { set: '${ {got: .} }' } } ]",
        )
    )

    assert ended.output == {"got": 42}
    assert ended.names(TaskState.COMPLETED) == ["mock", "ask", "last"]


@pytest.mark.parametrize(
    ("when", "mocked"),
    [
        ('$task.with.endpoint | startswith("https://mocked")', True),
        ('$task.definition.with.method == "get"', True),
        ('$task.name == "other"', False),
        (". == 3", True),
    ],
)
async def test_a_condition_looks_at_the_task(run: Runner, when: str, mocked: bool) -> None:
    ended = await run(
        extended(
            f"{{ extend: call, when: '{when}', "
            "before: [ { m: { set: { a: 1 }, then: exit } } ] }",
            "[ { ask: { call: http, "
            "with: { method: get, endpoint: 'https://mocked.invalid/x' } } } ]",
        ),
        3,
    )

    assert (ended.output == {"a": 1}) is mocked
    assert (ended.error is None) is mocked


@pytest.mark.parametrize(
    ("extend", "names"),
    [
        ("all", ["log", "list", "log", "a", "log", "choose"]),
        ("composite", ["log", "list", "a", "choose"]),
        ("switch", ["list", "a", "log", "choose"]),
        ("for", ["list", "a", "choose"]),
    ],
)
async def test_an_extension_says_which_tasks_it_extends(
    run: Runner, extend: str, names: list[str]
) -> None:
    ended = await run(
        extended(
            f"{{ extend: {extend}, before: [ {{ log: {{ set: {{ x: 1 }} }} }} ] }}",
            "[ { list: { do: [ { a: { set: { y: 1 } } } ] } }, "
            "{ choose: { switch: [ { all: { then: continue } } ] } } ]",
        )
    )

    events = ended.progress.events
    began = [
        event.name
        for event in events
        if event.state == (TaskState.COMPLETED if event.name == "log" else TaskState.RUNNING)
    ]
    # The task begins before what its extension does.
    assert sorted(began) == sorted(names)


async def test_extensions_are_done_once_over_all_runs(restless: Runner) -> None:
    get = "call: http, with: { method: get, endpoint: 'https://petstore.swagger.io/v2/pet/1' }"
    ended = await restless(
        extended(
            "{ extend: composite, when: '$task.name == \"work\"', "
            "before: [ { before: { set: { x: 1 } } } ], "
            "after: [ { after: { set: { x: 1 } } } ] }",
            f"[ {{ work: {{ do: [ {{ loop: {{ for: {{ in: '[range(9)]' }}, "
            f"do: [ {{ ask: {{ {get} }} }} ] }} }} ] }} }} ]",
        )
    )
    assert ended.runs > 1
    assert ended.error is None
    assert ended.names(TaskState.COMPLETED)[-2:] == ["after", "work"]
    assert "before" not in ended.names(TaskState.COMPLETED)


async def test_the_example_of_the_language_runs(run: Runner) -> None:
    example = (shared("data/ows") / "examples/mock-service-extension.yaml").read_text()
    # With an object its condition fails, as in any jq: text is what 'startswith' takes.
    mocked = "endpoint: https://mocked.service.com/sample"
    ended = await run(re.sub(r"endpoint:\n\s+uri: https://fake.com/sample", mocked, example))

    assert ended.output["content"] == {"foo": {"bar": "baz"}}
