"""Workflows as tools: a call starts an instance; a long one is a task that any process answers.

A task is the instance itself, known by its id: nothing else is written down. Tasks are the
extension `io.modelcontextprotocol/tasks`, for clients that declare it.
"""

import json
from typing import Final

from anyio import to_thread
from mcp.types.version import MODERN_PROTOCOL_VERSIONS

from api.services import Services
from api.virtual.calling import own_key
from api.virtual.faults import COMPLETE
from api.virtual.listing import takes
from api.virtual.naming import WorkflowRef
from foundation.errors import NotFoundError
from foundation.json import JsonObject, JsonValue
from security.principal import Principal
from workflows.instances.types import Instance, Status

EXTENSION: Final = "io.modelcontextprotocol/tasks"
INSTANCE_META: Final = "millwright/instance"
_POLL_MS: Final = 2_000


class Running:
    """Starts instances and tells of them.

    Args:
        wait_s: So long a call waits for its instance to end.
    """

    def __init__(self, parts: Services, wait_s: float) -> None:
        self._parts = parts
        self._wait_s = wait_s

    async def call(
        self,
        principal: Principal,
        ref: WorkflowRef,
        arguments: JsonObject,
        *,
        key: str | None,
        tasks: bool,
        version: str,
    ) -> JsonObject:
        """Start an instance, or find the one that this key started; return what it came to.

        Args:
            tasks: The client takes a task for an answer.

        Raises:
            ForbiddenError: The caller may not start workflows.
            NotFoundError: There is no such workflow, or it is no tool.
            MillwrightError: It was not started.
        """
        principal.require("workflow:execute")
        await to_thread.run_sync(self._check, principal.tenant_id, ref)
        started = await self._parts.instances.start(
            principal,
            ref.namespace,
            ref.name,
            value=arguments,
            key=None if key is None else own_key(principal, key),
        )
        look = await self._parts.instances.look(
            principal.tenant_id, started.id, wait_s=self._wait_s
        )
        instance = look.instance
        if not instance.status.active:
            return outcome(instance, version)
        if tasks:
            return {"resultType": "task", **_task(instance)}
        return _goes_on(instance, self._wait_s)

    async def task(self, principal: Principal, task_id: str, version: str) -> JsonObject:
        """Tell how a task is, and what it came to.

        Raises:
            ForbiddenError: The caller may not see instances.
            NotFoundError: This tenant has no such instance.
        """
        principal.require("workflow:read")
        instance = await self._parts.instances.get(principal.tenant_id, task_id)
        task = _task(instance)
        if task["status"] == "completed":
            task["result"] = outcome(instance, version)
        return task

    async def cancel(self, principal: Principal, task_id: str) -> None:
        """Ask an instance to stop.

        Raises:
            ForbiddenError: The caller may not stop instances.
            NotFoundError: This tenant has no such instance.
        """
        principal.require("workflow:execute")
        await self._parts.instances.cancel(principal.tenant_id, task_id)

    def _check(self, tenant_id: str, ref: WorkflowRef) -> None:
        if takes(self._parts.catalog.get(tenant_id, ref.namespace, ref.name)) is None:
            raise NotFoundError(
                f"The workflow {ref.namespace}/{ref.name} is no tool: it does not say what it "
                "takes. Give it 'input.schema' with the type 'object', and publish it."
            )


def outcome(instance: Instance, version: str) -> JsonObject:
    """Return what an instance came to, as the result of a tool."""
    meta: JsonObject = {INSTANCE_META: instance.id}
    if instance.status is not Status.COMPLETED:
        error: JsonObject = {"status": instance.status, "error": instance.error}
        text = f"The instance {instance.id} did not complete: {_text(error)}"
        return {**COMPLETE, "content": [_block(text)], "isError": True, "_meta": meta}
    output = instance.output
    text = output if isinstance(output, str) else _text(output)
    result: JsonObject = {**COMPLETE, "content": [_block(text)], "isError": False, "_meta": meta}
    if version in MODERN_PROTOCOL_VERSIONS or isinstance(output, dict):
        result["structuredContent"] = output
    return result


def _goes_on(instance: Instance, waited_s: float) -> JsonObject:
    # An error, so that nobody takes it for a result.
    text = (
        f"The instance {instance.id} has not ended within {waited_s:g} s and goes on "
        f"({instance.status}). Call again with the same 'millwright/idempotencyKey' in '_meta' to "
        f"wait for it, or GET /api/v1/workflows/instances/{instance.id}."
    )
    return {
        **COMPLETE,
        "content": [_block(text)],
        "isError": True,
        "_meta": {INSTANCE_META: instance.id, "millwright/status": instance.status},
    }


def _task(instance: Instance) -> JsonObject:
    """Return an instance as a task. A run that failed has a result: one that says so."""
    times = [instance.started_at, instance.ended_at]
    times += [time for run in instance.tasks for time in (run.started_at, run.ended_at)]
    if instance.status.active:
        status = "working"
    elif instance.status is Status.CANCELLED:
        status = "cancelled"
    else:
        status = "completed"
    return {
        "taskId": instance.id,
        "status": status,
        "statusMessage": str(instance.status),
        "createdAt": instance.started_at.isoformat(),
        "lastUpdatedAt": max(time for time in times if time is not None).isoformat(),
        # As long as Temporal keeps its history.
        "ttlMs": None,
        "pollIntervalMs": _POLL_MS,
    }


def _block(text: str) -> JsonObject:
    return {"type": "text", "text": text}


def _text(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False)
