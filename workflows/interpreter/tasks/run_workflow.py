"""`run: workflow`: another definition of the same tenant, as a run of its own."""

import asyncio
import uuid
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from temporalio import workflow
from temporalio.common import RawValue, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import (
    ApplicationError,
    ChildWorkflowError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)
from temporalio.workflow import ParentClosePolicy

from foundation.json import JsonValue
from workflows.definition import RunTask, SubflowSpec
from workflows.definition.generations import MAX_GENERATIONS
from workflows.expressions import Template
from workflows.interpreter.attributes import TENANT
from workflows.interpreter.calls import payload_size, shortened
from workflows.interpreter.compiling import Place
from workflows.interpreter.faults import Fault
from workflows.interpreter.handout import wire_size
from workflows.interpreter.noticing import Noticing
from workflows.interpreter.requesters import STARTED_BY, wanted_by
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome
from workflows.interpreter.types import GONE_ON_BY, StartInput

# Made once for this purpose: the run that a task starts has the same id on every replay.
RUN_IDS: Final = uuid.UUID("0d1c7b0e-6a57-5f0f-9d0b-52f3d8a2a7c4")
Child: TypeAlias = workflow.ChildWorkflowHandle[Any, RawValue]
LATEST: Final = "latest"
# Before, a run went on when what it awaited ended by itself after both had been cancelled.
STOPPED: Final = "stopped-while-awaiting"


@dataclass(frozen=True, slots=True)
class RunWorkflow:
    """Start it; wait for its output, or let it go its own way.

    Attributes:
        input: What it gets; the task's own input when the author says nothing.
    """

    namespace: str
    name: str
    version: str
    input: Template | None
    awaited: bool

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        start = self._start(value, frame)
        frame.child = f"{self.namespace}.{self.name}.{self._key(frame)}"
        size, calls = payload_size(start), frame.run.calls
        await calls.charge(size)
        async with calls.window.one_more(size):
            mark = await calls.handout.admit(wire_size(size))
            starting = Noticing(self._started(start, frame))
            try:
                child = await starting
                calls.handout.arrived(mark)
                if starting.cancelled and workflow.patched(STOPPED):
                    # It may have been asked to stop before it was there.
                    if self.awaited:
                        child.cancel()
                        await child
                    raise asyncio.CancelledError
                if not self.awaited:
                    return Outcome(value)
                raw: RawValue = await child
                if _stopped():
                    raise asyncio.CancelledError
                await calls.charge(len(raw.payload.data))
                return Outcome(workflow.payload_converter().from_payload(raw.payload))
            except ChildWorkflowError as error:
                if (is_cancelled_exception(error) and _cancelled()) or _stopped():
                    raise asyncio.CancelledError from error
                if starting.cancelled and workflow.patched(STOPPED):
                    raise asyncio.CancelledError from error
                raise _fault_of_child(error, frame.child) from error
            except WorkflowAlreadyStartedError as error:
                if (starting.cancelled and workflow.patched(STOPPED)) or _stopped():
                    raise asyncio.CancelledError from error
                detail = f"There is already an instance '{frame.child}'."
                raise Fault.of("runtime", "The workflow could not be started", detail) from error

    async def _started(self, start: StartInput, frame: Frame) -> Child:
        """Start it; return it once it has begun."""
        return await workflow.start_child_workflow(
            f"{self.namespace}.{self.name}",
            start,
            result_type=RawValue,
            id=f"{start.tenant_id}/{self.namespace}/{self.name}/{self._key(frame)}",
            parent_close_policy=(
                ParentClosePolicy.REQUEST_CANCEL if self.awaited else ParentClosePolicy.ABANDON
            ),
            search_attributes=TypedSearchAttributes([SearchAttributePair(TENANT, start.tenant_id)]),
            memo=_memo(),
            static_summary=shortened(f"run by {workflow.info().workflow_id} {frame.path}"),
        )

    def _start(self, value: JsonValue, frame: Frame) -> StartInput:
        generation = frame.run.generation + 1
        if generation > MAX_GENERATIONS:
            raise Fault.of(
                "configuration",
                "Too many workflows run each other",
                f"This is the {MAX_GENERATIONS}th that was run by another one. Use a loop.",
            )
        return StartInput(
            tenant_id=frame.run.tenant_id,
            version=None if self.version == LATEST else self.version,
            input=value if self.input is None else frame.evaluate(self.input, value),
            generation=generation,
        )

    def _key(self, frame: Frame) -> str:
        info = workflow.info()
        seed = f"{info.workflow_id} {info.first_execution_run_id} {frame.path}"
        return uuid.uuid5(RUN_IDS, seed).hex


def _memo() -> dict[str, JsonValue]:
    """Return who wanted this run, for the one that it runs."""
    own = workflow.memo()
    memo: dict[str, JsonValue] = {STARTED_BY: own.get(STARTED_BY)}
    if wanted := wanted_by(own, workflow.info().workflow_id):
        memo[GONE_ON_BY] = list(wanted)
    return memo


def _cancelled() -> bool:
    """Tell whether this branch is to stop; the other run may also have been stopped by somebody."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _stopped() -> bool:
    """Tell whether this branch was to stop while the other run came to its end in its own way.

    It may have completed or failed by then: it was cleaning up, or undoing what it did.
    """
    return _cancelled() and workflow.patched(STOPPED)


def _fault_of_child(error: ChildWorkflowError, instance_id: str) -> Fault:
    """Return the fault that the other run ended with, as one of this task."""
    cause = error.cause
    own = cause.details[0] if isinstance(cause, ApplicationError) and cause.details else None
    if isinstance(own, dict) and isinstance(own.get("type"), str):
        fault = Fault({key: value for key, value in own.items() if key != "instance"})
        where = f"in the instance '{instance_id}'"
        detail = fault.error.get("detail")
        fault.error["detail"] = f"{detail} ({where})" if detail else where
        return fault
    if is_cancelled_exception(error):
        return Fault.of("runtime", "The workflow was cancelled", f"Instance '{instance_id}'.")
    said = getattr(cause, "message", None) or str(cause)
    return Fault.of("runtime", "The workflow failed", f"Instance '{instance_id}': {said}")


def compile_workflow(spec: SubflowSpec, task: RunTask, place: Place) -> RunWorkflow:
    """Compile a `run` task that runs another workflow."""
    return RunWorkflow(
        namespace=spec.namespace,
        name=spec.name,
        version=spec.version,
        input=place.template(spec.input) if spec.input is not None else None,
        awaited=task.run.await_,
    )
