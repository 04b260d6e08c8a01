"""`emit`: make a CloudEvent, show it in the timeline, bring it to all who listen."""

import uuid
from dataclasses import dataclass
from typing import Final

from temporalio import workflow

from activities.events.types import Publish
from activities.types import ActivityResult
from foundation.json import JsonObject, JsonValue
from workflows.definition import EmitTask
from workflows.definition.generations import with_generation
from workflows.expressions import Template
from workflows.interpreter.calls import LOOKUP_RETRY, payload_size
from workflows.interpreter.compiling import Place
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame, instant
from workflows.interpreter.steps import Outcome

# Made once for this purpose: event ids are the same on every attempt and every replay.
EVENT_IDS: Final = uuid.UUID("6f0a3c52-5a0b-5d0e-8f5f-0d4c1b5b9a51")

# Brokers take a quarter of a megabyte, and the timeline keeps every event.
MAX_EVENT_BYTES: Final = 64 * 1024
# A transaction, and a signal to some of those who wait.
TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Emit:
    """Fill in what the definition left out, give the event as output."""

    event: Template

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        event = frame.evaluate(self.event, value)
        if not isinstance(event, dict):
            raise Fault.of("expression", "The event is no object")
        info = workflow.info()
        sent: JsonObject = {
            "specversion": "1.0",
            "id": str(
                uuid.uuid5(
                    EVENT_IDS, f"{info.workflow_id} {info.first_execution_run_id} {frame.path}"
                )
            ),
            "time": instant(workflow.now())["iso8601"],
            "source": f"/{info.workflow_id}",
            **event,
        }
        frame.event = with_generation(sent, frame.run.generation)
        size = payload_size(frame.event)
        if size > MAX_EVENT_BYTES:
            raise Fault.of(
                "validation",
                "The event is too large",
                f"{size:,} bytes; {MAX_EVENT_BYTES:,} are allowed. Pass a reference to the data.",
            )
        await frame.run.calls.execute(
            "event-publish",
            Publish(tenant_id=frame.run.tenant_id, event=frame.event),
            ActivityResult,
            activity_id=frame.path,
            summary=f"{frame.path} {frame.event.get('type')}",
            timeout_s=TIMEOUT_S,
            heartbeat=False,
            # The same id on every attempt: it is one event.
            retry=LOOKUP_RETRY,
        )
        return Outcome(frame.event)


def compile_emit(task: EmitTask, place: Place) -> Emit:
    """Compile an `emit` task."""
    return Emit(place.template(task.emit.event.with_))
