"""`run: workflow` that is stopped while what it runs comes to its end: nothing goes on after it."""

import asyncio
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import CancelledError

from tests.fixtures.polling import pause
from tests.interpreter.conftest import Ended, Runner, always
from workflows.interpreter.noticing import Noticing
from workflows.interpreter.types import TaskState

pytestmark = pytest.mark.anyio

BAD = "raise: { error: { type: 'https://e.com/bad', status: 400 } }"
RUN = "run: { workflow: { namespace: tests, name: child, version: latest } }"
AFTER = "after: { set: { x: 1 } }"
TASKS = f"[ {{ r: {{ {RUN} }} }}, {{ {AFTER} }} ]"


def until(kind: str) -> str:
    return f"listen: {{ to: {{ one: {{ with: {{ type: {kind} }} }} }} }}"


class Child:
    """What another one runs; it comes to its end when it is let."""

    def __init__(self, run: Runner) -> None:
        self.run = run

    async def handle(self, parent: WorkflowHandle[Any, Any]) -> WorkflowHandle[Any, Any]:
        while True:
            async for event in parent.fetch_history_events():
                started = event.child_workflow_execution_started_event_attributes
                if id_ := started.workflow_execution.workflow_id:
                    return self.run.client.get_workflow_handle(id_)
            await pause()

    async def ending(self, parent: WorkflowHandle[Any, Any]) -> None:
        """Wait until it is at its end."""
        child = await self.handle(parent)
        await self.run.until(child, lambda told: bool(told.waiting_for))

    async def let_go(self, parent: WorkflowHandle[Any, Any]) -> None:
        """Let it come to its end, once it was asked to stop."""
        child = await self.handle(parent)
        while not await self.has(child, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED):
            await pause()
        await self.run.send({"type": "done"})

    async def has(self, handle: WorkflowHandle[Any, Any], kind: EventType.ValueType) -> bool:
        history = await handle.fetch_history()
        return any(event.event_type == kind for event in history.events)


@pytest.fixture
def completing(run: Runner) -> Child:
    """Has done its work and is cleaning up: it will complete."""
    run.publish(
        "child", "do: [ { a: { set: { x: 1 } } } ]", always(f"[ {{ l: {{ {until('done')} }} }} ]")
    )
    return Child(run)


@pytest.fixture
def failing(run: Runner) -> Child:
    """Has failed, and is undoing what it did."""
    undo = f"metadata: {{ millwright: {{ compensate: [ {{ l: {{ {until('done')} }} }} ] }} }}"
    run.publish("child", f"do: [ {{ a: {{ set: {{ x: 1 }}, {undo} }} }}, {{ b: {{ {BAD} }} }} ]")
    return Child(run)


async def ended(run: Runner, parent: WorkflowHandle[Any, Any]) -> Ended:
    found = await run.ended(parent)
    await run.replay(parent)
    return found


async def completed(run: Runner, parent: WorkflowHandle[Any, Any]) -> set[str]:
    return {
        event.name
        for event in (await run.progress(parent)).events
        if event.state is TaskState.COMPLETED
    }


async def test_a_branch_that_has_lost_does_nothing_more(run: Runner, completing: Child) -> None:
    branches = f"[ {{ x: {{ do: {TASKS} }} }}, {{ y: {{ {until('go')} }} }} ]"
    parent = await run.start(
        f"do: [ {{ f: {{ fork: {{ compete: true, branches: {branches} }} }} }} ]"
    )
    await completing.ending(parent)
    await run.send({"type": "go"})
    await completing.let_go(parent)
    found = await ended(run, parent)

    assert found.error is None
    assert "after" not in found.names(TaskState.COMPLETED)
    assert found.names(TaskState.CANCELLED) == ["r", "x"]


async def test_a_branch_beside_one_that_failed_does_nothing_more(
    run: Runner, completing: Child
) -> None:
    fails = f"[ {{ l: {{ {until('go')} }} }}, {{ b: {{ {BAD} }} }} ]"
    branches = f"[ {{ x: {{ do: {TASKS} }} }}, {{ y: {{ do: {fails} }} }} ]"
    parent = await run.start(f"do: [ {{ f: {{ fork: {{ branches: {branches} }} }} }} ]")
    await completing.ending(parent)
    await run.send({"type": "go"})
    await completing.let_go(parent)
    found = await ended(run, parent)

    assert found.kind == "bad"
    assert "after" not in found.names(TaskState.COMPLETED)


@pytest.mark.parametrize(
    "text",
    [
        f"do: [ {{ d: {{ timeout: {{ after: PT1S }}, do: {TASKS} }} }} ]",
        f"do: [ {{ r: {{ timeout: {{ after: PT1S }}, {RUN} }} }}, {{ {AFTER} }} ]",
        f"timeout: {{ after: PT1S }}\ndo: {TASKS}",
    ],
    ids=["around", "of the task", "of the workflow"],
)
async def test_a_timeout_is_one_also_when_it_completes_after_that(
    run: Runner, completing: Child, text: str
) -> None:
    parent = await run.start(text)
    await completing.let_go(parent)
    found = await ended(run, parent)

    assert found.kind == "timeout"
    assert "after" not in found.names(TaskState.COMPLETED)


async def test_who_is_cancelled_is_cancelled_also_when_it_completes_after_that(
    run: Runner, completing: Child
) -> None:
    parent = await run.start(f"do: {TASKS}")
    await completing.ending(parent)
    await parent.cancel()
    await completing.let_go(parent)
    with pytest.raises(WorkflowFailureError) as caught:
        await parent.result()

    assert isinstance(caught.value.cause, CancelledError)
    assert "after" not in await completed(run, parent)
    await run.replay(parent)


async def test_what_it_fails_with_is_not_caught_by_who_is_cancelled(
    run: Runner, failing: Child
) -> None:
    catch = "{ do: [ { mend: { set: { x: 1 } } } ] }"
    parent = await run.start(
        f"do: [ {{ t: {{ try: [ {{ r: {{ {RUN} }} }} ], catch: {catch} }} }}, {{ {AFTER} }} ]"
    )
    await failing.ending(parent)
    await parent.cancel()
    await failing.let_go(parent)
    with pytest.raises(WorkflowFailureError) as caught:
        await parent.result()

    assert isinstance(caught.value.cause, CancelledError)
    assert not {"mend", "after"} & await completed(run, parent)
    await run.replay(parent)


async def test_who_has_lost_before_what_it_runs_has_begun_does_nothing_more(run: Runner) -> None:
    run.publish("child", "do: [ { w: { wait: PT1H } } ]")
    catch = "{ do: [ { mend: { set: { x: 1 } } } ] }"
    # The first one that has begun wins; of so many some have only been asked for by then.
    wins = f"{{ y: {{ {RUN.replace('} }', '}, await: false }')} }} }}"
    loses = [f"{{ x{n}: {{ try: [ {{ r: {{ {RUN} }} }} ], catch: {catch} }} }}" for n in range(30)]
    branches = f"[ {', '.join([wins, *loses])} ]"
    found = await run(f"do: [ {{ f: {{ fork: {{ compete: true, branches: {branches} }} }} }} ]")

    assert found.error is None
    assert "mend" not in found.names(TaskState.COMPLETED)


async def test_a_cancellation_that_is_taken_back_is_noticed() -> None:
    begun, end = asyncio.Event(), asyncio.Event()

    async def keeps_it() -> int:
        begun.set()
        try:
            await end.wait()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            assert task is not None
            task.uncancel()
            await end.wait()
        return 7

    async def awaits() -> tuple[int, bool]:
        noticing = Noticing(keeps_it())
        return await noticing, noticing.cancelled

    for stopped in (False, True):
        begun.clear()
        end.clear()
        task = asyncio.create_task(awaits())
        await begun.wait()
        if stopped:
            task.cancel()
        end.set()
        assert await task == (7, stopped)
