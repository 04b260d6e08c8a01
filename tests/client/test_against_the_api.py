"""Both clients against real routes, a real Temporal server and a run that really runs."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI

from millwright_client import (
    AsyncMillwright,
    Ended,
    Interval,
    Millwright,
    MillwrightApiError,
    MillwrightTimeoutError,
    TaskEvent,
)
from tests.instances.conftest import NAME, NAMESPACE, Floor
from tests.instances.eventually import eventually
from tests.instances.serving import NamedTokens, Parts, front_door, served
from workflows.instances.service import Instances
from workflows.runs.pages import PageTokens
from workflows.schedules.service import Schedules

pytestmark = pytest.mark.anyio

SET_CALL = {"script": [{"set": 1}, {"call": "done"}]}
HOLD = {"script": [{"hold": 1}]}


def front_door_of(floor: Floor) -> FastAPI:
    """Make an API process of its own."""
    parts = (floor.temporal, floor.shelf, floor.settings, PageTokens(b"key"))
    return front_door(Parts(Instances(*parts), Schedules(*parts), NamedTokens()))


@pytest.fixture
def front(working: Floor) -> FastAPI:
    return front_door_of(working)


@pytest.fixture
async def address(front: FastAPI) -> AsyncIterator[str]:
    async with served(front) as address:
        yield address


@pytest.fixture
async def client(working: Floor, address: str) -> AsyncIterator[AsyncMillwright]:
    async with AsyncMillwright(address, f"{working.tenant}:manager") as client:
        yield client


async def test_start_follow_and_wait(client: AsyncMillwright) -> None:
    started = await client.workflows.start(NAMESPACE, NAME, input=SET_CALL)
    events = [event async for event in client.events(started.id)]
    instance = await client.wait(started.id, timeout=20)

    assert [e.state for e in events if isinstance(e, TaskEvent)] == ["running", "completed"] * 2
    assert isinstance(events[-1], Ended)
    assert (instance.status, instance.output, events[-1].output) == ("COMPLETED", "done", "done")
    assert [task.reference for task in instance.tasks] == ["/do/0/set", "/do/1/call"]


async def test_ordinary_code_does_the_same(working: Floor, address: str) -> None:
    def ordinary() -> tuple[list[object], str]:
        with Millwright(address, f"{working.tenant}:manager") as client:
            started = client.workflows.start(NAMESPACE, NAME, input=SET_CALL)
            events = list(client.workflows.events(started.id, after=1))
            instance = client.workflows.wait(started.id, timeout=20)
            listed = client.instances.list(status="COMPLETED")
            assert {item.id for item in listed.items} <= {started.id}
            return [getattr(event, "sequence", event) for event in events], instance.status

    sequences, status = await asyncio.to_thread(ordinary)
    assert (sequences[:-1], status) == ([2, 3, 4], "COMPLETED")


async def test_a_follower_may_leave_in_the_middle(
    working: Floor, client: AsyncMillwright, address: str, front: FastAPI
) -> None:
    started = await client.workflows.start(NAMESPACE, NAME, input=HOLD)

    def ordinary() -> object:
        with Millwright(address, f"{working.tenant}:manager") as ordinary_client:
            for event in ordinary_client.events(started.id):
                return event
        return None

    assert isinstance(await asyncio.to_thread(ordinary), TaskEvent)
    async for event in client.events(started.id):
        assert isinstance(event, TaskEvent)
        break
    lent = front.state.services.instances._followers._feeds._lent
    await eventually(lambda: asyncio.sleep(0, len(lent)), lambda held: held == 0)


async def test_waiting_too_long_is_an_error_and_the_run_goes_on(client: AsyncMillwright) -> None:
    started = await client.workflows.start(NAMESPACE, NAME, input=HOLD)
    with pytest.raises(MillwrightTimeoutError, match=r"did not end within 0\.2 s; it goes on"):
        await client.wait(started.id, timeout=0.2)

    cancelled = await client.instances.cancel(started.id)
    assert cancelled.id == started.id
    assert (await client.wait(started.id, timeout=20)).status == "CANCELLED"


async def test_a_key_of_ones_own_finds_the_same_run(client: AsyncMillwright) -> None:
    first = await client.workflows.start(NAMESPACE, NAME, input=HOLD, idempotency_key="order-1")
    second = await client.workflows.start(NAMESPACE, NAME, input=HOLD, idempotency_key="order-1")
    assert (first.created, second.created, second.id) == (True, False, first.id)
    assert (await client.instances.terminate(first.id, "enough")).status == "TERMINATED"


async def test_what_the_api_refuses_is_an_error_with_its_words(client: AsyncMillwright) -> None:
    with pytest.raises(MillwrightApiError) as raised:
        await client.instances.get("press-line.defect-watch.nope")
    error = raised.value
    assert (error.status, error.code) == (404, "not-found")
    assert error.detail.startswith("There is no workflow instance 'press-line.defect-watch.nope'.")


async def test_a_client_goes_on_when_the_api_is_started_again(working: Floor) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    async with AsyncMillwright(url, f"{working.tenant}:manager") as client:
        async with served(front_door_of(working), listening):
            started = await client.workflows.start(NAMESPACE, NAME, input=HOLD)
            events = client.events(started.id)
            first = await anext(events)
            waiting = asyncio.create_task(client.wait(started.id, timeout=30))
        rest = asyncio.create_task(collected(events))
        async with served(front_door_of(working), socket.create_server(("127.0.0.1", port))):
            await working.go(started.id)
            instance, seen = await asyncio.gather(waiting, rest)

    assert isinstance(first, TaskEvent)
    assert instance.status == "COMPLETED"
    assert [getattr(event, "sequence", None) for event in seen] == [2, None]


async def collected(events: AsyncIterator[TaskEvent | Ended]) -> list[TaskEvent | Ended]:
    return [event async for event in events]


async def test_schedules_are_made_changed_and_removed(client: AsyncMillwright) -> None:
    made = await client.schedules.create(
        NAMESPACE,
        NAME,
        id="nightly",
        cron=["0 6 * * *"],
        intervals=[Interval(timedelta(hours=1), timedelta(minutes=5))],
        time_zone="Asia/Seoul",
        start_at=datetime(2030, 1, 1, tzinfo=UTC),
        input={"line": 7},
    )
    assert (made.intervals, made.input) == (
        [Interval(timedelta(hours=1), timedelta(minutes=5))],
        {"line": 7},
    )
    assert made.catchup_window == timedelta(hours=1)

    changed = await client.schedules.update("nightly", cron=["0 7 * * *"], start_at=None)
    assert (changed.cron, changed.start_at) == (["0 7 * * *"], None)
    assert (await client.schedules.pause("nightly", "serviced")).paused
    assert not (await client.schedules.resume("nightly")).paused
    await client.schedules.trigger("nightly", overlap="allow_all")
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    await client.schedules.backfill("nightly", noon, noon)
    page = await eventually(client.schedules.list, lambda page: bool(page.items))
    assert [item.id for item in page.items] == ["nightly"]
    await client.schedules.delete("nightly")
    with pytest.raises(MillwrightApiError, match="no schedule 'nightly'"):
        await client.schedules.get("nightly")
