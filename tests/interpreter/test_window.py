"""At most a hundred calls of one instance are under way, however many branches it has."""

from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from tests.interpreter.conftest import Runner
from tests.interpreter.test_retry import Busy, busy
from workflows.interpreter.window import MAX_IN_FLIGHT

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]
__all__ = ["busy"]


def fork(task: str, branches: int) -> str:
    written = ", ".join(f"{{ b{number}: {task} }}" for number in range(branches))
    return f"{{ fork: {{ branches: [ {written} ] }} }}"


async def most_under_way(handle: WorkflowHandle[Any, Any]) -> int:
    """Return how many calls were at most begun and not ended, from the instance's own view."""
    under_way = most = 0
    async for event in handle.fetch_history_events():
        if event.HasField("activity_task_scheduled_event_attributes"):
            under_way += 1
            most = max(most, under_way)
        if event.HasField("activity_task_completed_event_attributes"):
            under_way -= 1
    return most


async def test_no_more_than_a_hundred_calls_are_under_way(run: Runner, busy: Busy) -> None:
    ask = f"{{ call: http, with: {{ method: get, endpoint: '{busy.url}' }} }}"
    handle = await run.start(f"do: [ {{ all: {fork(ask, 230)} }} ]")
    ended = await run.ended(handle)

    assert len(ended.output) == busy.asked == 230
    assert await most_under_way(handle) == MAX_IN_FLIGHT
    assert await run.replay(handle) == 1


async def test_branches_that_are_stopped_give_their_places_back(run: Runner, busy: Busy) -> None:
    busy.holds_s = 60.0
    ask = f"{{ call: http, with: {{ method: get, endpoint: '{busy.url}' }} }}"
    caught = (
        f"{{ try: [ {{ long: {{ do: [ {{ all: {fork(ask, 230)} }} ], "
        "timeout: { after: PT1S } } } ], catch: { do: [ { on: { set: { n: 1 } } } ] } }"
    )
    handle = await run.start(f"do: [ {{ first: {caught} }}, {{ second: {caught} }} ]")
    ended = await run.ended(handle)

    assert ended.error is None
    # The second time there was place for as many again.
    begun = [
        event
        async for event in handle.fetch_history_events()
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert len(begun) == 2 * MAX_IN_FLIGHT
    assert await run.replay(handle) == 1
