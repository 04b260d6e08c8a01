"""Following instances: every event once, in order, and how it ended; whoever comes and goes."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.instances.conftest import Floor
from tests.instances.stand_in import worker
from workflows.instances import feed
from workflows.instances.feed import Event
from workflows.instances.progress import QUERY_TIMEOUT
from workflows.instances.types import Ended, Status
from workflows.interpreter.types import TaskEvent

pytestmark = pytest.mark.anyio

SET_CALL_HOLD = ({"set": 1}, {"call": "a"}, {"hold": 1})


async def follow(floor: Floor, instance_id: str, after: int = 0) -> AsyncIterator[Event]:
    return await floor.instances.events(floor.tenant, instance_id, after=after)


async def the_rest(events: AsyncIterator[Event]) -> tuple[list[int], Ended]:
    async with asyncio.timeout(20):
        seen = [event async for event in events]
    last = seen.pop()
    assert isinstance(last, Ended)
    return [event.sequence for event in seen if isinstance(event, TaskEvent)], last


async def test_a_follower_sees_every_event_and_the_end(working: Floor) -> None:
    started = await working.start(*SET_CALL_HOLD)
    events = await follow(working, started.id)
    first = await anext(events)
    assert isinstance(first, TaskEvent)
    assert (first.sequence, first.reference) == (1, "/do/0/set")
    await working.go(started.id)

    sequences, end = await the_rest(events)

    assert sequences == [2, 3, 4, 5, 6]
    assert (end.status, end.output) == (Status.COMPLETED, 1)


async def test_following_again_goes_on_after_the_last_event_seen(working: Floor) -> None:
    started = await working.start({"set": 1}, {"raise": "no"})
    await the_rest(await follow(working, started.id))

    sequences, end = await the_rest(await follow(working, started.id, after=3))
    again, _ = await the_rest(await follow(working, started.id, after=4))
    beyond, _ = await the_rest(await follow(working, started.id, after=1000))

    assert (sequences, again, beyond) == ([4], [], [])
    assert end.status is Status.FAILED
    assert end.error is not None
    assert end.error["detail"] == "no"


async def test_a_late_follower_of_a_long_run_misses_nothing(working: Floor) -> None:
    started = await working.start(*({"set": n} for n in range(700)), {"hold": 1})
    at_the_end = await follow(working, started.id, after=1401)
    last = asyncio.create_task(the_rest(at_the_end))
    from_the_start = await follow(working, started.id)
    assert isinstance(await anext(from_the_start), TaskEvent)
    await working.go(started.id)

    sequences, _ = await the_rest(from_the_start)

    assert sequences == list(range(2, 1403))
    assert (await last)[0] == [1402]


async def test_a_follower_waits_for_a_worker(floor: Floor) -> None:
    started = await floor.start({"set": 1})
    following = asyncio.create_task(the_rest(await follow(floor, started.id)))
    async with worker(floor.temporal, floor.task_queue):
        sequences, end = await following

    assert (sequences, end.status) == ([1, 2], Status.COMPLETED)


async def test_the_last_events_wait_for_a_worker_that_comes_back(floor: Floor) -> None:
    async with worker(floor.temporal, floor.task_queue):
        started = await floor.start({"set": 1})
        await the_rest(await follow(floor, started.id))
    following = asyncio.create_task(the_rest(await follow(floor, started.id)))
    # Until the first question has gone unanswered.
    await asyncio.wait({following}, timeout=QUERY_TIMEOUT.total_seconds() + 0.5)
    async with worker(floor.temporal, floor.task_queue):
        sequences, end = await following

    assert (sequences, end.complete) == ([1, 2], True)


async def test_the_end_comes_even_when_no_worker_is_left(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "LAST_ANSWER_S", 1.0)
    started = await floor.start({"hold": 1})
    following = asyncio.create_task(the_rest(await follow(floor, started.id)))
    await floor.instances.terminate(floor.tenant, started.id, "enough")
    _, end = await following

    assert (end.status, end.complete) == (Status.TERMINATED, False)


async def test_when_the_last_follower_leaves_nobody_asks_any_more(working: Floor) -> None:
    started = await working.start({"hold": 1})
    followers = working.instances._followers
    both = [await follow(working, started.id) for _ in range(2)]
    for events in both:
        await anext(events)
    ((lent,),) = (followers._feeds._lent.values(),)
    pump = lent.value._pump

    await both[0].aclose()  # type: ignore[attr-defined]
    assert (lent.holders, pump.done()) == (1, False)
    await both[1].aclose()  # type: ignore[attr-defined]
    await asyncio.wait({pump}, timeout=5)

    assert pump.cancelled()
    assert not followers._feeds._lent
    assert not followers._closings._lent


async def test_a_process_that_stops_keeps_nobody_waiting(working: Floor) -> None:
    started = await working.start({"hold": 1})
    events = await follow(working, started.id)
    await anext(events)
    rest = asyncio.create_task(anext(events, None))
    waiting = asyncio.create_task(working.instances.look(working.tenant, started.id, wait_s=60))
    await asyncio.wait({rest, waiting}, timeout=0.1)
    working.instances.dismiss()

    async with asyncio.timeout(5):
        assert await rest is None
        assert (await waiting).instance.status is Status.RUNNING
        later = await working.instances.look(working.tenant, started.id, wait_s=60)
    assert later.instance.status is Status.RUNNING
