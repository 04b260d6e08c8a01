"""Run a case for real: Temporal, the interpreter and HTTP calls.

Calls of other protocols are answered by stand-ins: what they put into a history is an answer, and
that they are right is proven elsewhere.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowHistory
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from activities.definitions import DefinitionActivities
from activities.http import HttpActivities
from activities.logins import Authenticator
from activities.schedules import (
    Follow,
    Followed,
    Following,
    ScheduleActivities,
    TriggerKind,
)
from foundation.settings import EgressSettings
from security.egress import UNRULED, Egress
from tests.fixtures.plant import Plant
from tests.fixtures.polling import pause
from tests.histories.cases import CHILD, Case
from tests.histories.recordings import Recording
from tests.interpreter.conftest import Shelf
from workflows.definition import PreparedDefinition, prepare
from workflows.interpreter.types import (
    ENGINE,
    PAUSE_UPDATE,
    PROGRESS_QUERY,
    RESCHEDULED_SIGNAL,
    RESUME_UPDATE,
    Progress,
    StartInput,
    TaskState,
)
from workflows.interpreter.workflow import Interpreter
from workflows.runs.names import trigger_id
from workflows.secrets import SecretOpener, SecretsInMemory

TENANT = "histories"
QUEUE = "histories"
PATH = "/it"
MOST = 4
# For which a tool that takes long has no answer.
QUESTIONS = 4
HANDLES = {"weld": {"asked": 0}, "weld-for-ever": {"endless": True}}


def _answered(value: Any) -> Mapping[str, Any]:
    return {"value": value, "attempts": 1}


@activity.defn(name="grpc-call")
async def grpc_call(_request: Any) -> Any:
    return _answered({"press": "P1", "times": 1})


@activity.defn(name="mcp-call")
async def mcp_call(request: Any) -> Any:
    """Answer at once, unless it is the tool that takes long."""
    if request["tool"] in HANDLES:
        handle = HANDLES[request["tool"]]
        return {**_answered(None), "later": {"kind": "task", "handle": handle}}
    return _answered({"cells": [1, 2]})


@activity.defn(name="mcp-task-follow")
async def mcp_task_follow(request: Any) -> Any:
    """Have no answer for some time."""
    while request["handle"].get("endless"):
        activity.heartbeat()
        await pause()
    asked = request["handle"]["asked"] + 1
    if asked <= QUESTIONS:
        return {**_answered(None), "later": {"kind": "task", "handle": {"asked": asked}}}
    return _answered({"seams": asked})


@activity.defn(name="mcp-task-cancel")
async def mcp_task_cancel(_request: Any) -> Any:
    return _answered(None)


@activity.defn(name="mcp-request")
async def mcp_request(_request: Any) -> Any:
    return _answered({"tools": []})


@activity.defn(name="a2a-call")
async def a2a_call(_request: Any) -> Any:
    return _answered({"kind": "message", "parts": [{"kind": "text", "text": "Hello!"}]})


@activity.defn(name="event-publish")
async def event_publish(_request: Any) -> Any:
    return _answered(None)


@activity.defn(name="events-publish")
async def events_publish(_request: Any) -> Any:
    return _answered(None)


@activity.defn(name="notify")
async def notify(_request: Any) -> Any:
    return _answered({"sent": True})


@activity.defn(name="events-take")
async def events_take(request: Any) -> Any:
    """Give one event that every filter wants; to what starts a definition by itself, four."""
    if request["managed"] and request["after"] == MOST:
        return {"arrivals": [], "more": False, "attempts": 1}
    event = {
        "specversion": "1.0",
        "id": f"e{request['after'] + 1}",
        "source": "https://plant.example",
        "type": "press.stopped.v1",
        "data": {"line": 4},
    }
    arrivals = [{"sequence": request["after"] + 1, "event": event}]
    return {"arrivals": arrivals, "more": True, "attempts": 1}


@activity.defn(name="events-close")
async def events_close(_request: Any) -> Any:
    return _answered(None)


@activity.defn(name="approval-show")
async def approval_show(_request: Any) -> Any:
    return _answered(None)


@activity.defn(name="program-run")
async def program_run(_request: Any) -> Any:
    return _answered("3")


@activity.defn(name="asyncapi-publish")
async def asyncapi_publish(_request: Any) -> Any:
    return _answered(None)


@activity.defn(name="asyncapi-subscribe")
async def asyncapi_subscribe(_request: Any) -> Any:
    return _answered(None)


@activity.defn(name="asyncapi-close")
async def asyncapi_close(_request: Any) -> Any:
    return _answered(None)


@activity.defn(name="asyncapi-poll")
async def asyncapi_poll(_request: Any) -> Any:
    """Give two messages, of which the second is one to drop; so a second poll is needed."""
    deliveries = [
        {"key": f"k{n}", "message": {"payload": {"n": n}, "headers": {}, "topic": "t"}}
        for n in (1, 0)
    ]
    return {"deliveries": deliveries, "carried": [], "attempts": 1}


STAND_INS = [
    grpc_call,
    mcp_call,
    mcp_request,
    mcp_task_follow,
    mcp_task_cancel,
    a2a_call,
    notify,
    approval_show,
    event_publish,
    events_publish,
    events_take,
    events_close,
    asyncapi_publish,
    asyncapi_subscribe,
    asyncapi_poll,
    asyncapi_close,
]


@dataclass
class Schedules:
    """What is followed, until it is finished or somebody takes it away."""

    followed: Followed | None = None

    def follow(self, request: Follow) -> Following:
        is_finished = request.finished is not None
        return Following(followed=None if is_finished else self.followed)


@dataclass
class Recorder:
    """Runs cases on one server."""

    client: Client
    plant: Plant
    shelf: Shelf
    schedules: Schedules

    async def record(self, case: Case) -> Recording:
        """Run a case to its end."""
        self.plant.clear()
        self.plant.answers[PATH] = [
            {"status": status, "body": {"method": "GET"}} for status in case.statuses or [200]
        ]
        prepared = prepare(json.dumps(case.definition))
        if case.trigger is not None:
            return await self._record_trigger(case, case.trigger, prepared)
        name = f"{prepared.namespace}.{prepared.name}"
        handle = await self.client.start_workflow(
            name,
            StartInput(
                tenant_id=TENANT,
                input=case.input,
                definition_hash=prepared.hash,
                document=prepared.document,
                engine=ENGINE,
            ),
            id=f"{TENANT}/{prepared.namespace}/{prepared.name}/recorded",
            task_queue=QUEUE,
        )
        await self._tell(case, handle)
        output, error = await ended(handle)
        return Recording(case.name, handle.id, await self._runs(handle), output, error)

    async def _record_trigger(
        self, case: Case, kind: TriggerKind, prepared: PreparedDefinition
    ) -> Recording:
        """Let a definition start by itself, and end that."""
        self.shelf.published[TENANT, prepared.namespace, prepared.name] = prepared
        self.schedules.followed = Followed(
            version=prepared.version,
            hash=prepared.hash,
            document=prepared.document,
            engine=ENGINE,
            number=7,
            over=kind is TriggerKind.ON,
        )
        handle = await self.client.start_workflow(
            f"{prepared.namespace}.{prepared.name}",
            StartInput(tenant_id=TENANT, trigger=kind),
            id=trigger_id(TENANT, prepared.namespace, prepared.name, kind),
            task_queue=QUEUE,
        )
        if kind is TriggerKind.AFTER:
            await self._until_waiting("timer", handle)
            self.schedules.followed = None
            await handle.signal(RESCHEDULED_SIGNAL)
        output, error = await ended(handle)
        return Recording(case.name, handle.id, await self._runs(handle), output, error)

    async def _until_waiting(self, kind: str, handle: WorkflowHandle[Any, Any]) -> None:
        while True:
            told = await handle.query(PROGRESS_QUERY, 0, result_type=Progress)
            if any(each["kind"] == kind for each in told.waiting_for):
                return
            await pause()

    async def _tell(self, case: Case, handle: WorkflowHandle[Any, Any]) -> None:
        for task, orders in case.told.items():
            await self._until_running(task, handle)
            for order in orders:
                match order:
                    case "cancel":
                        await handle.cancel()
                    case "pause":
                        await handle.execute_update(PAUSE_UPDATE)
                    case "resume":
                        await self._until_completed(task, handle)
                        await handle.execute_update(RESUME_UPDATE)

    async def _until_running(self, task: str, handle: WorkflowHandle[Any, Any]) -> None:
        await self._until(task, TaskState.RUNNING, handle)

    async def _until_completed(self, task: str, handle: WorkflowHandle[Any, Any]) -> None:
        await self._until(task, TaskState.COMPLETED, handle)

    async def _until(self, task: str, state: TaskState, handle: WorkflowHandle[Any, Any]) -> None:
        """Ask until it is so; the test's own timeout ends a vain wait."""
        while True:
            told = await handle.query(PROGRESS_QUERY, 0, result_type=Progress)
            if any(event.name == task and event.state is state for event in told.events):
                return
            await pause()

    async def _runs(self, handle: WorkflowHandle[Any, Any]) -> list[WorkflowHistory]:
        found: list[WorkflowHistory] = []
        run_id = handle.first_execution_run_id
        while run_id:
            run = self.client.get_workflow_handle(handle.id, run_id=run_id)
            found.append(await run.fetch_history())
            last = found[-1].events[-1]
            run_id = last.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
        return found


async def ended(handle: WorkflowHandle[Any, Any]) -> tuple[Any, Any]:
    """Return output and error of an instance."""
    try:
        return await handle.result(), None
    except WorkflowFailureError as failure:
        return None, told_of(failure.cause)


def told_of(error: BaseException | None) -> Any:
    """Return what a run tells of its end: error objects, or that it was cancelled."""
    if isinstance(error, ApplicationError):
        return list(error.details)
    return type(error).__name__


@asynccontextmanager
async def recording(client: Client, hosts: dict[str, str], plant: Plant) -> AsyncIterator[Recorder]:
    """Have a worker for cases."""
    egress = Egress(EgressSettings(allow_networks=["127.0.0.0/8"], host_map=hosts), UNRULED)
    logins = Authenticator(egress)
    http = HttpActivities(
        egress, SecretOpener(SecretsInMemory({(TENANT, "key"): "planted-key-4711"})), logins
    )
    shelf = Shelf()
    child = prepare(json.dumps(CHILD.definition))
    shelf.published[TENANT, child.namespace, child.name] = child
    definitions, schedules = DefinitionActivities(shelf), Schedules()
    follow = ScheduleActivities(schedules).follow
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[Interpreter],
        activities=[
            definitions.load_definition,
            http.http_call,
            http.openapi_call,
            follow,
            *STAND_INS,
        ],
    )
    programs = Worker(client, task_queue=f"{QUEUE}-programs", activities=[program_run])
    async with worker, programs:
        yield Recorder(client, plant, shelf, schedules)
    await logins.aclose()
    await egress.aclose()
