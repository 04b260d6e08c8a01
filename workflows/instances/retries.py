"""Calls that failed and are tried again: what Temporal knows of the activities under way."""

from typing import Final, NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import WorkflowExecutionDescription

from foundation.json import JsonObject
from workflows.instances.timeline import place_of
from workflows.interpreter.faults import fault_of_cause
from workflows.interpreter.run import instant, moment

KIND: Final = "retry"
_SCHEDULED: Final = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED


class Try(NamedTuple):
    """Which try an activity is at, and when the next one begins, if it stands between two."""

    attempt: int
    waits: bool
    until: int


def tries(description: WorkflowExecutionDescription) -> dict[str, Try]:
    """Return the tries of the activities under way, by activity id."""
    return {
        each.activity_id: Try(
            each.attempt, _waits(each), each.next_attempt_schedule_time.ToNanoseconds()
        )
        for each in description.raw_description.pending_activities
    }


async def retries(description: WorkflowExecutionDescription) -> list[JsonObject]:
    """Return what failed and waits for its next try, as `waiting_for` has it."""
    pending = description.raw_description.pending_activities
    return [
        await _told(description, each)
        for each in pending
        # The interpreter's own activities are no task, and have ids without a slash.
        if _waits(each) and each.activity_id.startswith("/")
    ]


def _waits(activity: PendingActivityInfo) -> bool:
    return activity.state == _SCHEDULED and activity.attempt > 1


async def _told(
    description: WorkflowExecutionDescription, activity: PendingActivityInfo
) -> JsonObject:
    error: JsonObject | None = None
    if activity.HasField("last_failure"):
        # As it would be told if it had been the last try: secrets were masked in the activity.
        failure = await description.data_converter.decode_failure(activity.last_failure)
        error = fault_of_cause(failure, activity.activity_type.name).error
    return {
        "kind": KIND,
        "task": place_of(activity.activity_id)[0],
        "execution": activity.activity_id,
        "since": _spelled(activity, "last_attempt_complete_time"),
        "until": _spelled(activity, "next_attempt_schedule_time"),
        "attempt": activity.attempt,
        "attempts": activity.maximum_attempts or None,
        "error": error,
    }


def _spelled(activity: PendingActivityInfo, name: str) -> str | None:
    """Spell a time as the interpreter does; None when Temporal does not tell it."""
    if not activity.HasField(name):  # type: ignore[arg-type]
        return None
    time: Timestamp = getattr(activity, name)
    return str(instant(moment(time.ToNanoseconds() / 1e9))["iso8601"])
