"""Undoing what was done when an instance fails or is cancelled, and what is always done."""

from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError

from tests.interpreter.conftest import Runner, always
from tests.interpreter.test_retry import Busy, busy
from workflows.interpreter import ending
from workflows.interpreter.types import RunStatus, TaskState

pytestmark = pytest.mark.anyio
__all__ = ["busy"]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo without the pauses that servers need to come back."""
    monkeypatch.setattr(ending, "FIRST_PAUSE", timedelta(milliseconds=20))
    monkeypatch.setattr(ending, "ATTEMPTS", 3)


BAD = "raise: { error: { type: 'https://e.com/bad', status: 400 } }"


def undo(name: str, tasks: str = "") -> str:
    made = tasks or f"[ {{ undo-{name}: {{ set: '${{ . }}' }} }} ]"
    metadata = f"{{ millwright: {{ compensate: {made} }} }}"
    return f"{name}: {{ set: {{ made: {name} }}, metadata: {metadata} }}"


async def test_what_was_done_is_undone_newest_first(run: Runner) -> None:
    ended = await run(
        f"do: [ {{ {undo('a')} }}, {{ {undo('b')} }}, "
        f"{{ skipped: {{ if: 'false', {undo('c').partition('{ ')[2]} }}, "
        f"{{ fail: {{ {BAD} }} }} ]"
    )

    assert ended.kind == "bad"
    assert ended.names(TaskState.COMPLETED) == ["a", "b", "undo-b", "undo-a"]
    assert ended.compensation == {"undone": ["/do/1/b", "/do/0/a"], "failed": []}


async def test_nothing_is_undone_when_all_went_well(run: Runner) -> None:
    ended = await run(f"do: [ {{ {undo('a')} }}, {{ {undo('b')} }} ]")

    assert ended.output == {"made": "b"}
    assert ended.names(TaskState.COMPLETED) == ["a", "b"]


async def test_a_fault_that_is_caught_undoes_nothing(run: Runner) -> None:
    ended = await run(
        f"do: [ {{ t: {{ try: [ {{ {undo('a')} }}, {{ f: {{ {BAD} }} }} ], catch: {{}} }} }} ]"
    )

    assert ended.error is None
    assert "undo-a" not in ended.names(TaskState.COMPLETED)


async def test_what_undoes_knows_what_was_done_and_why_it_is_undone(run: Runner) -> None:
    tell = (
        "[ { tell: { raise: { error: { type: 'https://e.com/told', status: 500, "
        "detail: '${ {i: .input, o: .output, e: .error.status} | tojson }' } } } } ]"
    )
    ended = await run(f"do: [ {{ {undo('a', tell)} }}, {{ fail: {{ {BAD} }} }} ]", {"x": 1})

    (failed,) = ended.compensation["failed"]
    assert failed["error"]["detail"] == '{"i":{"x":1},"o":{"made":"a"},"e":400}'
    # It failed for good, and the fault of the instance is still the first one.
    assert ended.kind == "bad"


async def test_what_cannot_be_undone_is_listed_and_the_rest_is_undone(run: Runner) -> None:
    ended = await run(
        f"do: [ {{ {undo('a')} }}, {{ {undo('b', f'[ {{ u: {{ {BAD} }} }} ]')} }}, "
        f"{{ fail: {{ {BAD} }} }} ]"
    )

    assert ended.compensation["undone"] == ["/do/0/a"]
    assert [each["task"] for each in ended.compensation["failed"]] == ["/do/1/b"]
    assert ended.names(TaskState.FAULTED).count("u") == 3


async def test_undoing_is_tried_again(run: Runner, busy: Busy) -> None:
    busy.answers = [503, 503]
    tasks = f"[ {{ ask: {{ call: http, with: {{ method: get, endpoint: '{busy.url}' }} }} }} ]"
    ended = await run(f"do: [ {{ {undo('a', tasks)} }}, {{ fail: {{ {BAD} }} }} ]")

    assert ended.compensation == {"undone": ["/do/0/a"], "failed": []}
    assert busy.asked == 3


async def test_a_function_can_undo(run: Runner) -> None:
    ended = await run(
        "use: { functions: { release: { set: { released: '${ .output.made }' } } } }\n"
        f"do: [ {{ {undo('a', 'release')} }}, {{ fail: {{ {BAD} }} }} ]"
    )

    assert ended.compensation["undone"] == ["/do/0/a"]
    assert "undo a" in ended.names(TaskState.COMPLETED)


async def test_each_turn_of_a_loop_is_undone(run: Runner) -> None:
    loop = f"{{ for: {{ in: '[1, 2]' }}, do: [ {{ {undo('a')} }} ] }}"
    ended = await run(f"do: [ {{ l: {loop} }}, {{ f: {{ {BAD} }} }} ]")

    assert ended.compensation["undone"] == ["/do/0/l#1/do/0/a", "/do/0/l#0/do/0/a"]


async def test_a_cancelled_instance_is_undone_too(run: Runner) -> None:
    handle = await run.start(f"do: [ {{ {undo('a')} }}, {{ w: {{ wait: PT1H }} }} ]")
    await run.until(handle, lambda told: bool(told.waiting_for))
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()

    assert isinstance(caught.value.cause, CancelledError)
    progress = await run.progress(handle)
    assert progress.compensation == {"undone": ["/do/0/a"], "failed": []}
    assert await run.replay(handle) == 1


async def test_nobody_can_stop_the_undoing(run: Runner, busy: Busy) -> None:
    busy.answers = [503]
    tasks = f"[ {{ ask: {{ call: http, with: {{ method: get, endpoint: '{busy.url}' }} }} }} ]"
    handle = await run.start(f"do: [ {{ {undo('a', tasks)} }}, {{ fail: {{ {BAD} }} }} ]")
    await run.until(handle, lambda told: told.status is RunStatus.COMPENSATING)
    await handle.cancel()
    ended = await run.ended(handle)

    assert ended.kind == "bad"
    assert ended.compensation == {"undone": ["/do/0/a"], "failed": []}
    attribute = (await handle.describe()).search_attributes["MillwrightStatus"]
    assert attribute == ["COMPENSATED"]


async def test_undoing_goes_on_in_a_new_run(restless: Runner) -> None:
    get = "call: http, with: { method: get, endpoint: 'https://petstore.swagger.io/v2/pet/1' }"
    calls = f"[ {{ l: {{ for: {{ in: '[range(5)]' }}, do: [ {{ ask: {{ {get} }} }} ] }} }} ]"
    ended = await restless(
        f"do: [ {{ {undo('a', calls)} }}, {{ {undo('b', calls)} }}, {{ f: {{ {BAD} }} }} ]"
    )

    assert ended.compensation == {"undone": ["/do/1/b", "/do/0/a"], "failed": []}
    assert ended.kind == "bad"
    assert ended.runs > 1


@pytest.mark.parametrize(("task", "status"), [("set: { x: 1 }", "completed"), (BAD, "faulted")])
async def test_what_is_always_done_knows_how_it_ended(run: Runner, task: str, status: str) -> None:
    event = "{ type: t, source: 'https://e.com', data: '${ . }' }"
    tell = f"[ {{ tell: {{ emit: {{ event: {{ with: {event} }} }} }} }} ]"
    ended = await run(f"{always(tell)}do: [ {{ a: {{ {task} }} }} ]")

    (emitted,) = [event.event for event in ended.progress.events if event.event]
    data: Any = emitted["data"]
    assert data["status"] == status
    assert (data["output"] == {"x": 1}) is (status == "completed")
    assert (ended.error is None) is (status == "completed")


async def test_a_failure_at_the_end_is_a_failure_of_the_instance(run: Runner) -> None:
    ended = await run(
        f"{always(f'[ {{ f: {{ {BAD} }} }} ]')}do: [ {{ a: {{ set: {{ x: 1 }} }} }} ]"
    )

    assert ended.kind == "bad"
    assert ended.error["instance"] == "/document/metadata/millwright/finally/0/f"


async def test_what_was_done_is_undone_when_only_the_end_fails(run: Runner) -> None:
    ended = await run(
        f"{always(f'[ {{ f: {{ {BAD} }} }} ]')}do: [ {{ {undo('a')} }}, {{ {undo('b')} }} ]"
    )

    assert ended.kind == "bad"
    assert ended.names(TaskState.COMPLETED) == ["a", "b", "undo-b", "undo-a"]
    assert ended.compensation == {"undone": ["/do/1/b", "/do/0/a"], "failed": []}


async def test_what_is_undone_after_the_end_goes_on_in_a_new_run(restless: Runner) -> None:
    get = "call: http, with: { method: get, endpoint: 'https://petstore.swagger.io/v2/pet/1' }"
    calls = f"[ {{ l: {{ for: {{ in: '[range(5)]' }}, do: [ {{ ask: {{ {get} }} }} ] }} }} ]"
    ended = await restless(
        f"{always(f'[ {{ f: {{ {BAD} }} }} ]')}do: [ {{ {undo('a', calls)} }}, "
        f"{{ {undo('b', calls)} }} ]"
    )

    assert ended.compensation == {"undone": ["/do/1/b", "/do/0/a"], "failed": []}
    assert ended.kind == "bad"
    assert ended.runs > 1


async def test_a_task_that_ended_the_workflow_inside_is_undone_too(run: Runner) -> None:
    inner = "do: [ { last: { set: { made: d }, then: end } } ]"
    undoing = "metadata: { millwright: { compensate: [ { undo-d: { set: '${ . }' } } ] } }"
    ended = await run(
        f"{always(f'[ {{ f: {{ {BAD} }} }} ]')}do: [ {{ {undo('a')} }}, "
        f"{{ d: {{ {inner}, {undoing} }} }} ]"
    )

    assert ended.compensation == {"undone": ["/do/1/d", "/do/0/a"], "failed": []}
