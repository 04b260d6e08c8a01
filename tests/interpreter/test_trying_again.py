"""Trying the task again that failed: which one that is, and once."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import pytest
from temporalio.client import Client

from foundation.database import Database
from foundation.errors import ConflictError
from tests.interpreter.conftest import Runner, always
from tests.interpreter.test_resuming import Going
from workflows.instances import going_on
from workflows.instances.types import Resumed

pytestmark = pytest.mark.anyio


@pytest.fixture
def going(run: Runner, shared_database: Database) -> Going:
    return Going(run, shared_database)


def bad(instance: str | None = None, only_if: str = "true") -> str:
    """Write a task that raises an error, and may say itself where it happened."""
    place = f", instance: {instance}" if instance else ""
    error = f"{{ type: 'https://e.com/bad', status: 400{place} }}"
    return f"{{ if: '{only_if}', raise: {{ error: {error} }} }}"


INNER: Final = "/do/0/first/try/0/a"
CAUGHT: Final = f"first: {{ try: [ {{ a: {bad()} }} ], catch: {{}} }}"
TWICE: Final = "{ retry: { delay: PT0.01S, limit: { attempt: { count: 2 } } } }"


@pytest.mark.parametrize(
    ("tasks", "instance", "failed"),
    [
        (f"[ {{ boom: {bad('/x/y')} }} ]", "/x/y", "/do/0/boom"),
        # A task that failed, too, but was caught.
        (f"[ {{ {CAUGHT} }}, {{ boom: {bad(INNER)} }} ]", INNER, "/do/1/boom"),
        # Raised again by who caught it.
        (
            f"""[ {{ first: {{ try: [ {{ a: {bad()} }} ],
                catch: {{ do: [ {{ again: {bad("'${ $error.instance }'")} }} ] }} }} }} ]""",
            INNER,
            "/do/0/first/catch/do/0/again",
        ),
        # Raised by an attempt, the last one.
        (
            f"[ {{ t: {{ try: [ {{ a: {bad('/x/y')} }} ], catch: {TWICE} }} }} ]",
            "/x/y",
            "/do/0/t!2/try/0/a",
        ),
        # Raised by the first of the branches that compete.
        (
            f"""[ {{ f: {{ fork: {{ compete: true, branches: [
                {{ slow: {{ do: [ {{ nap: {{ wait: PT0.2S }} }}, {{ b: {bad()} }} ] }} }},
                {{ fast: {{ do: [ {{ a: {bad("/x/y")} }} ] }} }} ] }} }} }} ]""",
            "/x/y",
            "/do/0/f/fork/branches/1/fast/do/0/a",
        ),
    ],
)
async def test_the_task_that_failed_is_tried_again_and_not_what_its_error_names(
    going: Going, tasks: str, instance: str, failed: str
) -> None:
    ended = await going.ended(f"do: {tasks}")
    assert ended.error["instance"] == instance

    seen = await going.instances.retry(going.run.tenant, going.id, preview=True)
    assert seen.begins_at == failed


async def test_it_goes_on_after_what_had_raised_an_error_of_elsewhere(going: Going) -> None:
    raised = bad(INNER, "${ .ok != true }")
    await going.ended(f"do: [ {{ {CAUGHT} }}, {{ boom: {raised} }} ]", {"ok": False})

    await going.instances.retry(going.run.tenant, going.id, value={"ok": True}, changed=True)
    ended = await going.at_the_end()

    assert ended.output == {"ok": True}
    assert [each.execution for each in ended.progress.events] == ["/do/1/boom"]


async def test_what_is_always_done_is_tried_again_where_it_failed(going: Going) -> None:
    last = f"[ {{ tidy: {{ set: {{ x: 1 }} }} }}, {{ boom: {bad('/x/y')} }} ]"
    await going.ended(f"{always(last)}do: [ {{ a: {{ set: {{ x: 1 }} }} }} ]")

    seen = await going.instances.retry(going.run.tenant, going.id, preview=True)
    assert seen.begins_at.endswith("/finally/1/boom")


Act = Callable[[Going], Coroutine[Any, Any, Resumed]]


async def retry(going: Going) -> Resumed:
    return await going.instances.retry(going.run.tenant, going.id, value={"ok": True}, changed=True)


async def rerun(going: Going) -> Resumed:
    return await going.instances.rerun(
        going.run.tenant, going.id, "/do/0/boom", value={"ok": True}, changed=True
    )


@pytest.mark.parametrize(
    ("act", "owner", "step"),
    [
        (retry, going_on, "resumption"),
        (rerun, going_on, "resumption"),
        # A moment later, when nobody can look any more whether it is the newest run.
        (retry, Client, "start_workflow"),
    ],
)
async def test_of_two_who_let_it_go_on_at_the_same_time_one_is_refused(
    going: Going, act: Act, owner: Any, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await going.ended(
        f"do: [ {{ boom: {bad(only_if='${ .ok != true }')} }}, {{ a: {{ set: {{ x: 1 }} }} }} ]",
        {"ok": False},
    )
    reached, other_ended = asyncio.Event(), asyncio.Event()
    usual = getattr(owner, step)

    async def slowly(*args: Any, **named: Any) -> Any:
        reached.set()
        await other_ended.wait()
        return await usual(*args, **named)

    monkeypatch.setattr(owner, step, slowly)
    slow = asyncio.create_task(act(going))
    await reached.wait()
    monkeypatch.setattr(owner, step, usual)
    await act(going)
    assert (await going.at_the_end()).output == {"x": 1}
    newest = (await going.handle.describe()).run_id
    other_ended.set()

    with pytest.raises(ConflictError, match="Somebody else let"):
        await slow
    assert (await going.handle.describe()).run_id == newest


async def test_waking_the_run_before_does_not_forget_what_the_new_one_listens_to(
    going: Going, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = going.run
    both = "{ all: [ { with: { type: a } }, { with: { type: b } } ] }"
    await going.start(f"do: [ {{ a: {{ listen: {{ to: {both} }} }} }} ]")
    await run.until(going.handle, lambda told: bool(told.waiting_for))
    await going.instances.terminate(run.tenant, going.id, "to go on with it")
    desk, loop = run.events_desk, asyncio.get_running_loop()
    assert desk is not None
    forget = desk.ledger.forget

    async def go_on() -> None:
        await going.instances.rerun(run.tenant, going.id, "/do/0/a")
        going.handle = run.client.get_workflow_handle(going.handle.id)
        await run.until(going.handle, lambda told: bool(told.waiting_for))

    def slowly(*args: Any) -> None:
        asyncio.run_coroutine_threadsafe(go_on(), loop).result(60)
        forget(*args)

    # The signal has found nobody, and the new run begins before that has a consequence.
    monkeypatch.setattr(desk.ledger, "forget", slowly)
    await run.send({"type": "a", "data": 1})
    monkeypatch.setattr(desk.ledger, "forget", forget)
    await run.send({"type": "b", "data": 2})

    assert (await run.ended(going.handle)).output == [1, 2]
