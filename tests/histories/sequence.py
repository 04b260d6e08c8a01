"""The commands in a history: what a replay has to repeat, without times, sizes and chance."""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from google.protobuf.json_format import MessageToDict
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from foundation.json import JsonObject


def commands(runs: Sequence[WorkflowHistory]) -> list[str]:
    """List the commands of all runs of an instance, one line each."""
    return [line for run in runs for line in _commands(run)]


def fingerprint(lines: Sequence[str]) -> str:
    """Return a short hash of commands."""
    return sha256("\n".join(lines).encode()).hexdigest()[:16]


def _commands(history: WorkflowHistory) -> Iterator[str]:
    for event in history.events:
        name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").lower()
        describe = _COMMANDS.get(name)
        if describe is not None:
            yield " ".join([name, *describe(_attributes(event))])


def _attributes(event: HistoryEvent) -> JsonObject:
    attributes = getattr(event, event.WhichOneof("attributes") or "")
    return MessageToDict(attributes)


def _activity(given: Any) -> Iterator[str]:
    yield f"{given['activityType']['name']} id={given['activityId']}"
    policy = given.get("retryPolicy", {})
    yield f"attempts={policy.get('maximumAttempts', 'any')}"
    yield f"timeout={given.get('startToCloseTimeout')} heartbeat={given.get('heartbeatTimeout')}"
    yield f"priority={given.get('priority', {})}"


def _child(given: Any) -> Iterator[str]:
    yield f"{given['workflowType']['name']} close={given.get('parentClosePolicy')}"


def _marker(given: Any) -> Iterator[str]:
    """Name a marker; what the SDK notes of a local activity and of a patch is in its details."""
    yield given["markerName"]
    for key, payloads in sorted(given.get("details", {}).items()):
        if key not in {"data", "patch-data"}:
            continue
        for payload in payloads["payloads"]:
            noted = json.loads(_decoded(payload["data"]))
            kept = ("activity_type", "activity_id", "id", "deprecated")
            if isinstance(noted, dict):
                yield from (f"{name}={noted[name]}" for name in kept if name in noted)


def _decoded(data: str) -> bytes:

    return b64decode(data)


def _search_attributes(given: Any) -> Iterator[str]:
    fields: Mapping[str, Any] = given["searchAttributes"]["indexedFields"]
    for name in sorted(fields):
        yield f"{name}={_decoded(fields[name]['data']).decode()}"


def _timer(given: Any) -> Iterator[str]:
    yield f"id={given['timerId']}"


def _failure(given: Any) -> Iterator[str]:
    yield str(given["failure"].get("applicationFailureInfo", {}).get("type", ""))


def _nothing(_given: Any) -> Iterator[str]:
    yield from ()


# Which events are commands of a workflow, and what about them has to stay the same.
_COMMANDS: Final[Mapping[str, Callable[[Any], Iterator[str]]]] = {
    "activity_task_scheduled": _activity,
    "activity_task_cancel_requested": _nothing,
    "timer_started": _timer,
    "timer_canceled": _timer,
    "marker_recorded": _marker,
    "upsert_workflow_search_attributes": _search_attributes,
    "start_child_workflow_execution_initiated": _child,
    "request_cancel_external_workflow_execution_initiated": _nothing,
    "signal_external_workflow_execution_initiated": _nothing,
    "workflow_properties_modified": _nothing,
    "workflow_execution_completed": _nothing,
    "workflow_execution_failed": _failure,
    "workflow_execution_canceled": _nothing,
    "workflow_execution_continued_as_new": _nothing,
}
