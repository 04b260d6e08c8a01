"""The timeline when no worker answers: calls only, from the history's activity events.

Tasks without an activity (`set`, `switch`, ...) leave no trace in the history and are missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.converter import DataConverter

from workflows.instances.outcomes import error_of
from workflows.instances.timeline import Account, place_of
from workflows.instances.types import TaskRun, TimelineSource
from workflows.interpreter.types import StartInput, TaskState

_STATE_OF: Final[Mapping[str, TaskState]] = {
    "activity_task_completed_event_attributes": TaskState.COMPLETED,
    "activity_task_failed_event_attributes": TaskState.FAULTED,
    "activity_task_timed_out_event_attributes": TaskState.FAULTED,
    "activity_task_canceled_event_attributes": TaskState.CANCELLED,
}


@dataclass(slots=True)
class _Recorded:
    """What the events so far tell."""

    start: StartInput | None = None
    tasks: dict[int, TaskRun] = field(default_factory=dict)
    scheduled: dict[str, int] = field(default_factory=dict)


async def recorded(
    client: Client, description: WorkflowExecutionDescription, attempts: Mapping[str, int]
) -> Account:
    """Read a run from its history.

    Args:
        attempts: Tries so far of the activities that are under way, by activity id.

    Raises:
        RPCError: When Temporal refuses or cannot be reached.
    """
    told = _Recorded()
    handle = client.get_workflow_handle(description.id, run_id=description.run_id)
    async for event in handle.fetch_history_events():
        await _take(event, told, description.data_converter, attempts)
    return Account(
        source=TimelineSource.HISTORY,
        tasks=list(told.tasks.values()),
        input=told.start.input if told.start else None,
        version=told.start.version if told.start else None,
        definition_hash=told.start.definition_hash if told.start else None,
        engine=told.start.engine if told.start else None,
    )


async def started(client: Client, description: WorkflowExecutionDescription) -> StartInput | None:
    """Read what a run was started with.

    Raises:
        RPCError: When Temporal refuses or cannot be reached.
    """
    told = _Recorded()
    handle = client.get_workflow_handle(description.id, run_id=description.run_id)
    async for event in handle.fetch_history_events(page_size=1):
        await _take(event, told, description.data_converter, {})
        break
    return told.start


async def _take(
    event: HistoryEvent, told: _Recorded, converter: DataConverter, attempts: Mapping[str, int]
) -> None:
    match event.WhichOneof("attributes"):
        case "workflow_execution_started_event_attributes":
            payloads = event.workflow_execution_started_event_attributes.input.payloads
            told.start = (await converter.decode(payloads, [StartInput]))[0] if payloads else None
        case "activity_task_scheduled_event_attributes":
            # The interpreter's own activities have no task, and ids without a slash.
            activity_id = event.activity_task_scheduled_event_attributes.activity_id
            if activity_id.startswith("/"):
                # The same call again: it had not been let in before.
                told.tasks.pop(told.scheduled.get(activity_id, -1), None)
                told.scheduled[activity_id] = event.event_id
                told.tasks[event.event_id] = _scheduled(event, attempts)
        case "activity_task_started_event_attributes":
            started = event.activity_task_started_event_attributes
            _update(told, started.scheduled_event_id, attempts=started.attempt)
        case str() as kind if kind in _STATE_OF:
            await _ended(event, kind, told, converter)
        case _:
            pass  # timers, signals, workflow tasks: none of them is a task of the definition


def _scheduled(event: HistoryEvent, attempts: Mapping[str, int]) -> TaskRun:
    attributes = event.activity_task_scheduled_event_attributes
    reference, iteration = place_of(attributes.activity_id)
    return TaskRun(
        reference=reference,
        iteration=iteration,
        name=reference.rpartition("/")[2],
        kind=f"call ({attributes.activity_type.name})",
        state=TaskState.RUNNING,
        attempts=attempts.get(attributes.activity_id),
        started_at=_time(event),
    )


async def _ended(event: HistoryEvent, kind: str, told: _Recorded, converter: DataConverter) -> None:
    attributes = getattr(event, kind)
    state = _STATE_OF[kind]
    error = None
    if state is TaskState.FAULTED:
        failure: Failure = attributes.failure
        error = error_of(await converter.decode_failure(failure))
    _update(
        told,
        attributes.scheduled_event_id,
        state=state,
        ended_at=_time(event),
        error=error,
    )


def _update(told: _Recorded, scheduled: int, **changes: object) -> None:
    if (task := told.tasks.get(scheduled)) is not None:
        told.tasks[scheduled] = task.model_copy(update=changes)


def _time(event: HistoryEvent) -> datetime:
    return event.event_time.ToDatetime(tzinfo=UTC)
