"""Calls that have limits, on the product's worker and a real database."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from foundation.database import Database
from foundation.settings import Settings, TemporalSettings
from foundation.temporal import connect
from tests.instances.eventually import eventually
from tests.interpreter.conftest import Runner
from tests.interpreter.door import Door, door
from tests.interpreter.product import at_work
from workflows.instances.history import recorded
from workflows.interpreter.types import Progress, RunStatus, TaskState

pytestmark = pytest.mark.anyio
__all__ = ["door"]

ONE = "{ concurrency: { limit: 1, key: press } }"


@pytest.fixture
async def runner(
    temporal: Client, settings: Settings, database: Database, tenant: str
) -> AsyncIterator[Runner]:
    """Two workers, as on two machines."""
    another = await connect(settings.temporal)
    async with (
        at_work(temporal, settings, database, slots=2),
        at_work(another, settings, database, slots=2),
    ):
        yield Runner(temporal, settings.temporal.task_queue, tenant)


def ask(url: str, policy: str, more: str = "") -> str:
    return (
        f"{{ call: http, with: {{ method: get, endpoint: '{url}', output: raw }}, "
        f"metadata: {{ millwright: {policy} }}{more} }}"
    )


def one(task: str) -> str:
    return f"do: [ {{ ask: {task} }} ]"


def at_once(*tasks: str) -> str:
    branches = "\n".join(f"          - t{at}: {task}" for at, task in enumerate(tasks))
    return f"do:\n  - all:\n      fork:\n        branches:\n{branches}\n"


def waits_for(progress: Progress) -> list[tuple[object, object]]:
    return [(each["kind"], each.get("key")) for each in progress.waiting_for]


async def test_so_many_calls_are_under_way_over_instances_and_workers(
    runner: Runner, door: Door
) -> None:
    policy = "{ concurrency: { limit: 2, key: 'press-${ .line }' } }"
    tasks = at_once(*[ask(door.url, policy)] * 4)
    handles = [await runner.start(tasks, {"line": 7}) for _ in range(3)]
    await asyncio.to_thread(door.until, 2)
    await runner.until(handles[0], lambda seen: len(seen.waiting_for) >= 2)
    door.stays_s = 0.02
    door.open()

    for handle in handles:
        ended = await runner.ended(handle)
        assert ended.error is None
        calls = [each for each in ended.progress.events if each.kind == "call http"]
        assert {each.attempts for each in calls if each.state == TaskState.COMPLETED} == {1}
        assert await runner.replay(handle) == 1
    assert len(door.came) == 12
    assert door.most == 2


async def test_without_a_key_the_executions_of_the_task_share_the_limit(
    runner: Runner, door: Door
) -> None:
    task = ask(door.url, "{ concurrency: { limit: 1 } }")
    first = await runner.start(one(task))
    await asyncio.to_thread(door.until, 1)
    second = await runner.start(one(task))
    await runner.until(
        second, lambda seen: waits_for(seen) == [("concurrency", "tests.sample/do/0/ask")]
    )
    door.open()
    for handle in (first, second):
        assert (await runner.ended(handle)).error is None
    assert door.most == 1


async def test_who_waits_says_for_what_and_takes_no_slot(runner: Runner, door: Door) -> None:
    held = await runner.start(one(ask(f"{door.url}/held", ONE)))
    await asyncio.to_thread(door.until, 1)
    waiting = [await runner.start(one(ask(f"{door.url}/wait", ONE))) for _ in range(6)]
    for handle in waiting:
        await runner.until(handle, lambda seen: waits_for(seen) == [("concurrency", "press")])
    assert (await runner.progress(waiting[0])).status == RunStatus.WAITING

    # Of four slots one is taken.
    others = await runner.start(at_once(*[ask(f"{door.url}/other", "{ priority: 3 }")] * 3))
    await asyncio.to_thread(door.until, 4)
    assert sorted(door.came) == ["/held", "/other", "/other", "/other"]
    door.open()
    for handle in (held, others, *waiting):
        assert (await runner.ended(handle)).error is None


async def test_the_history_tells_a_call_that_waited_once(runner: Runner, door: Door) -> None:
    held = await runner.start(one(ask(door.url, ONE)))
    await asyncio.to_thread(door.until, 1)
    waited = await runner.start(one(ask(door.url, ONE)))
    await runner.until(waited, lambda seen: bool(seen.waiting_for))
    door.open()
    for handle in (held, waited):
        await runner.ended(handle)
    told = await recorded(runner.client, await waited.describe(), {})
    assert [(task.reference, task.state) for task in told.tasks] == [
        ("/do/0/ask", TaskState.COMPLETED)
    ]


async def test_those_who_wait_are_called_in_order(runner: Runner, door: Door) -> None:
    handles = [await runner.start(one(ask(f"{door.url}/0", ONE)))]
    await asyncio.to_thread(door.until, 1)
    for number in range(1, 6):
        handles.append(await runner.start(one(ask(f"{door.url}/{number}", ONE))))
        await runner.until(handles[-1], lambda seen: bool(seen.waiting_for))
    door.open()
    for handle in handles:
        await runner.ended(handle)
    assert door.came == [f"/{number}" for number in range(6)]


async def test_so_many_calls_begin_in_a_period(runner: Runner, door: Door) -> None:
    door.open()
    policy = "{ rateLimit: { limit: 2, period: PT2S, key: mes } }"
    before = time.monotonic()
    handle = await runner.start(at_once(*[ask(door.url, policy)] * 5))
    await runner.until(handle, lambda seen: ("rate-limit", "mes") in waits_for(seen))
    told = (await runner.progress(handle)).waiting_for
    assert all(each["until"] for each in told)
    ended = await runner.ended(handle)
    assert ended.error is None
    assert len(door.came) == 5
    assert time.monotonic() - before >= 4
    assert await runner.replay(handle) == 1


async def test_the_timeout_of_the_task_bounds_the_wait(runner: Runner, door: Door) -> None:
    held = await runner.start(one(ask(door.url, ONE)))
    await asyncio.to_thread(door.until, 1)
    ended = await runner(one(ask(door.url, ONE, ", timeout: { after: PT0.5S }")))
    assert ended.kind == "timeout"
    door.open()
    assert (await runner.ended(held)).error is None
    assert len(door.came) == 1


async def test_a_call_that_is_tried_again_keeps_its_place_and_its_count(
    runner: Runner, door: Door
) -> None:
    retry = "retry: { attempts: 3, delay: PT0.2S }"
    policy = f"{{ concurrency: {{ limit: 1, key: press }}, {retry} }}"
    door.answers = [503, 503, 200]
    first = await runner.start(one(ask(f"{door.url}/1", policy)))
    await asyncio.to_thread(door.until, 1)
    second = await runner.start(one(ask(f"{door.url}/2", policy)))
    await runner.until(second, lambda seen: bool(seen.waiting_for))
    door.open()
    attempts = [
        (await runner.ended(handle)).progress.events[-1].attempts for handle in (first, second)
    ]
    assert door.came == ["/1", "/1", "/1", "/2"]
    assert attempts == [3, 1]


async def test_who_is_gone_when_called_makes_room_for_the_next(runner: Runner, door: Door) -> None:
    handles = []
    for number in range(3):
        handles.append(await runner.start(one(ask(f"{door.url}/{number}", ONE))))
        if number == 0:
            await asyncio.to_thread(door.until, 1)
        else:
            await runner.until(handles[-1], lambda seen: bool(seen.waiting_for))
    await handles[1].terminate()
    door.open()
    assert (await runner.ended(handles[2])).error is None
    assert door.came == ["/0", "/2"]


async def test_a_run_goes_on_as_a_new_one_while_it_waits(
    restless_address: str, settings: Settings, database: Database, tenant: str, door: Door
) -> None:
    client = await connect(TemporalSettings(address=restless_address))
    async with at_work(client, settings, database):
        runner = Runner(client, settings.temporal.task_queue, tenant)
        held = await runner.start(one(ask(f"{door.url}/held", ONE)))
        await asyncio.to_thread(door.until, 1)
        turn = "{ go: { wait: { milliseconds: 1 } } }"
        loop = f"{{ for: {{ each: n, in: '${{ [range(12)] }}' }}, do: [ {turn} ] }}"
        handle = await runner.start(at_once(ask(f"{door.url}/waited", ONE), loop))

        async def current() -> str | None:
            return (await handle.describe()).run_id

        await eventually(current, lambda run_id: run_id != handle.first_execution_run_id)
        await runner.until(handle, lambda seen: waits_for(seen) == [("concurrency", "press")])
        door.open()
        ended = await runner.ended(handle)
        assert ended.error is None
        assert (await runner.ended(held)).error is None
        assert door.came == ["/held", "/waited"]
        assert await runner.replay(handle) > 1


async def test_a_worker_that_cannot_count_refuses(run: Runner, door: Door) -> None:
    ended = await run(one(ask(door.url, ONE)))
    assert (ended.kind, door.came) == ("configuration", [])
