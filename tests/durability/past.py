"""What the history of a run says was done, at one moment."""

import asyncio
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from foundation.settings import TemporalSettings
from foundation.temporal import connect

TAG: Final = re.compile(rb"step-([a-z0-9-]+)@")
GIVEN_UP: Final = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
        EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
    }
)


@dataclass(frozen=True)
class Past:
    """What was known of a run, with all runs that it went on as and those that it waited for.

    Attributes:
        completed: Steps whose completion is in the history.
        last: The last event.
        events: How many there are.
        runs: How many runs they are of.
        given_up: Temporal had already given up the worker that held it.
    """

    completed: frozenset[str]
    last: str
    events: int
    runs: int
    given_up: bool


def read_pasts(address: str, workflow_ids: Collection[str]) -> list[Past]:
    """Read the histories of some workflows."""

    async def read() -> list[Past]:
        client = await connect(TemporalSettings(address=address))
        return await asyncio.gather(*(_past(client, each) for each in workflow_ids))

    return asyncio.run(read())


async def _past(client: Client, workflow_id: str) -> Past:
    events = await _events(client, workflow_id)
    asked: dict[tuple[str, int], set[str]] = {}
    completed: set[str] = set()
    for run, event in events:
        if event.HasField("activity_task_scheduled_event_attributes"):
            given = event.activity_task_scheduled_event_attributes
            asked[run, event.event_id] = _tags(given.input)
        elif event.HasField("activity_task_completed_event_attributes"):
            of = event.activity_task_completed_event_attributes.scheduled_event_id
            completed |= asked[run, of]
        elif event.HasField("marker_recorded_event_attributes"):
            # A local activity: all that there is of it is what came out.
            for each in event.marker_recorded_event_attributes.details.values():
                completed |= _tags(each)
    last = max((event for _, event in events), key=lambda event: event.event_time.ToNanoseconds())
    return Past(
        completed=frozenset(completed),
        last=EventType.Name(last.event_type).removeprefix("EVENT_TYPE_"),
        events=len(events),
        runs=len({run for run, _ in events}),
        given_up=any(event.event_type in GIVEN_UP for _, event in events),
    )


def _tags(payloads: Any) -> set[str]:
    return {tag.decode() for each in payloads.payloads for tag in TAG.findall(each.data)}


async def _events(client: Client, workflow_id: str) -> list[tuple[str, Any]]:
    """Return the events of a workflow, of all its runs, and of those that it waits for."""
    found: list[tuple[str, Any]] = []
    first = await client.get_workflow_handle(workflow_id).describe()
    run_id: str | None = await _first_run(client, workflow_id, first.run_id)
    while run_id:
        history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
        found += [(run_id, event) for event in history.events]
        for event in history.events:
            child = event.child_workflow_execution_started_event_attributes
            if child.workflow_type.name == "tests.undoing":
                found += await _events(client, child.workflow_execution.workflow_id)
        last = history.events[-1].workflow_execution_continued_as_new_event_attributes
        run_id = last.new_execution_run_id
    return found


async def _first_run(client: Client, workflow_id: str, run_id: str) -> str:
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)
    async for event in handle.fetch_history_events():
        return event.workflow_execution_started_event_attributes.first_execution_run_id
    raise AssertionError("A history begins with an event.")
