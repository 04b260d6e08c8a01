"""A workflow that acts like the interpreter, by a script in its input instead of a definition.

So these tests say what the front door makes of a run, whatever tasks the language has.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RawValue, RetryPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from foundation.json import JsonValue
from workflows.interpreter.faults import Fault
from workflows.interpreter.timeline import Timeline
from workflows.interpreter.types import PROGRESS_QUERY, Progress, StartInput, TaskState

GO = "go"


@activity.defn(name="echo")
async def echo(value: str) -> str:
    return value


@activity.defn(name="stuck")
async def stuck(value: str) -> str:
    raise RuntimeError(f"{value} is not there yet")


@workflow.defn(dynamic=True, sandboxed=False)
class StandIn:
    def __init__(self) -> None:
        self.timeline = Timeline()
        self.going = False
        self.start: StartInput | None = None

    @workflow.signal(name=GO)
    def go(self) -> None:
        self.going = True

    @workflow.query(name=PROGRESS_QUERY)
    def progress(self, after: int) -> Progress:
        start = self.start
        return self.timeline.progress(after).model_copy(
            update={
                "version": start.version if start else None,
                "definition_hash": start.definition_hash if start else None,
                "input": start.input if start else None,
            }
        )

    @workflow.run
    async def run(self, args: Sequence[RawValue]) -> JsonValue:
        converter = workflow.payload_converter()
        start = self.start = converter.from_payload(args[0].payload, StartInput)
        script: list[dict[str, Any]] = start.input["script"]  # type: ignore[call-overload, index, assignment]
        output: JsonValue = None
        try:
            for index, step in enumerate(script):
                ((kind, value),) = step.items()
                output = await self.step(f"/do/{index}/{kind}", kind, value)
        finally:
            self.timeline.ended = True
        return output

    async def step(self, reference: str, kind: str, value: Any) -> JsonValue:
        self.note(reference, kind, TaskState.RUNNING)
        try:
            output = await self.act(reference, kind, value)
        except Fault as fault:
            fault.at(reference)
            self.note(reference, kind, TaskState.FAULTED, error=fault.error)
            raise fault.as_failure() from fault
        except asyncio.CancelledError:
            self.note(reference, kind, TaskState.CANCELLED)
            raise
        self.note(reference, kind, TaskState.COMPLETED, attempts=1 if kind == "call" else None)
        return output

    async def act(self, reference: str, kind: str, value: Any) -> JsonValue:
        match kind:
            case "call":
                return await self.call("echo", reference, value)
            case "stuck":
                return await self.call("stuck", reference, value)
            case "patient":
                return await self.call("stuck", reference, value, timedelta(hours=1))
            case "hold":
                await workflow.wait_condition(lambda: self.going)
            case "raise":
                raise Fault.of("validation", "It is wrong", value)
            case _:
                pass
        output: JsonValue = value
        return output

    async def call(
        self,
        name: str,
        reference: str,
        value: Any,
        pause: timedelta = timedelta(milliseconds=10),
    ) -> str:
        answer: str = await workflow.execute_activity(
            name,
            value,
            activity_id=reference,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(initial_interval=pause, backoff_coefficient=1),
            result_type=str,
        )
        return answer

    def note(self, reference: str, kind: str, state: TaskState, **more: Any) -> None:
        self.timeline.add(
            time=workflow.now(),
            reference=reference,
            iteration="",
            execution=reference,
            name=kind,
            kind=kind,
            state=state,
            **more,
        )


def worker(client: Client, task_queue: str) -> Worker:
    return Worker(
        client,
        task_queue=task_queue,
        workflows=[StandIn],
        activities=[echo, stuck],
        workflow_runner=UnsandboxedWorkflowRunner(),
        # So that a query goes to the worker that is there, not to one that was.
        max_cached_workflows=0,
    )
