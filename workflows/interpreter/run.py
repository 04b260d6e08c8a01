"""The state of one run, and what a task may ask of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from temporalio import workflow

from foundation.json import JsonObject, JsonValue
from workflows.expressions import (
    Expression,
    ExpressionError,
    Template,
    fuel_spent,
)
from workflows.interpreter.calls import Calls
from workflows.interpreter.faults import Fault
from workflows.interpreter.timeline import Timeline
from workflows.interpreter.types import TaskState

if TYPE_CHECKING:
    from workflows.interpreter.steps import Step

# Temporal gives up on a worker that computes for 2 s without a pause. Fuel is counted, so the
# pause (a timer of a millisecond) falls at the same place on every replay: about every 0.2 s.
PAUSE_AFTER_FUEL: Final = 2_000_000
PAUSE: Final = timedelta(milliseconds=1)
# Temporal terminates a run at 51,200 events or 50 MB; the tasks in flight need some room to end.
MAX_HISTORY_EVENTS: Final = 48_000
MAX_HISTORY_BYTES: Final = 40_000_000
# What a task costs besides its expressions, in the same unit.
FUEL_PER_TASK: Final = 2_000


def instant(time: datetime) -> JsonObject:
    """Spell a moment the way the language does."""
    millis = int(time.timestamp() * 1000)
    return {
        "iso8601": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "epoch": {"seconds": millis // 1000, "milliseconds": millis},
    }


@dataclass(slots=True)
class Run:
    """One run: everything that all its tasks share."""

    tenant_id: str
    descriptor: JsonObject
    context: JsonValue
    runtime: JsonObject
    calls: Calls
    timeline: Timeline
    spent: int = 0
    pausing: asyncio.Event | None = None
    executions: dict[str, int] = field(default_factory=dict)

    def execution_of(self, path: str) -> str:
        """Tell executions of one task apart when jumps (`then`) lead back to it: `path~2`."""
        number = self.executions[path] = self.executions.get(path, 0) + 1
        return path if number == 1 else f"{path}~{number}"

    async def breathe(self) -> None:
        """Pause after much work, so that the worker can see that we are alive.

        Raises:
            Fault: When the history is nearly full; Temporal would terminate the run without a word.
        """
        info = workflow.info()
        events, size = info.get_current_history_length(), info.get_current_history_size()
        if events > MAX_HISTORY_EVENTS or size > MAX_HISTORY_BYTES:
            raise Fault.of(
                "runtime",
                "The run has become too long",
                f"Its history has {events:,} events and {size:,} bytes; {MAX_HISTORY_EVENTS:,} "
                f"and {MAX_HISTORY_BYTES:,} are allowed. Split the work into several runs.",
            )
        self.spent += FUEL_PER_TASK
        await self.rest()

    async def rest(self) -> None:
        """Pause when enough was computed since the last pause; branches share it.

        A branch that went on during another one's pause would keep the worker busy all the same.
        """
        while self.spent > PAUSE_AFTER_FUEL:
            if self.pausing is not None:
                await self.pausing.wait()
                continue
            over = self.pausing = asyncio.Event()
            try:
                await workflow.sleep(PAUSE, summary="pause between many tasks")
                self.spent = 0
            finally:
                # Also when this branch is cancelled: then the next one pauses.
                self.pausing = None
                over.set()


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a list of tasks runs: the variables and loop turns around it."""

    run: Run
    variables: Mapping[str, JsonValue] = field(default_factory=dict)
    iteration: str = ""

    def with_variables(self, variables: Mapping[str, JsonValue]) -> "Scope":
        """Add variables, for example the error in a `catch`."""
        return replace(self, variables={**self.variables, **variables})

    def turn(self, index: int, variables: Mapping[str, JsonValue]) -> "Scope":
        """Enter one turn of a loop."""
        path = f"{self.iteration}/{index}" if self.iteration else str(index)
        return Scope(self.run, {**self.variables, **variables}, path)


class Frame:
    """One execution of one task.

    Attributes:
        arguments: What expressions of this task can read as `$name`.
        path: Unique within the run: the task's reference, the turn of loops, which execution.
        attempts: How often the activity behind the task ran; set by calls.
    """

    __slots__ = ("arguments", "attempts", "event", "path", "scope", "step")

    def __init__(self, step: "Step", raw: JsonValue, scope: Scope) -> None:
        self.step = step
        self.scope = scope
        self.attempts: int | None = None
        self.event: JsonObject | None = None
        place = f"{step.reference}#{scope.iteration}" if scope.iteration else step.reference
        self.path = scope.run.execution_of(place)
        self.arguments: dict[str, JsonValue] = {
            **scope.variables,
            "context": scope.run.context,
            "input": raw,
            "runtime": scope.run.runtime,
            "task": {
                "name": step.name,
                "reference": step.reference,
                "definition": step.definition,
                "input": raw,
                "startedAt": instant(workflow.now()),
            },
            "workflow": scope.run.descriptor,
        }

    @property
    def run(self) -> Run:
        """The run this execution belongs to."""
        return self.scope.run

    def evaluate(
        self,
        what: Template | Expression,
        value: JsonValue,
        more: Mapping[str, JsonValue] | None = None,
    ) -> JsonValue:
        """Evaluate with this task's variables.

        Raises:
            Fault: Of the type `expression`.
        """
        arguments = {**self.arguments, **more} if more else self.arguments
        before = fuel_spent()
        try:
            return what.evaluate(value, arguments)
        except ExpressionError as error:
            raise Fault.of("expression", "The expression failed", str(error)) from error
        finally:
            self.run.spent += fuel_spent() - before

    def holds(
        self, what: Expression, value: JsonValue, more: Mapping[str, JsonValue] | None = None
    ) -> bool:
        """Tell whether a condition is true: as in jq, all but false and null."""
        return self.evaluate(what, value, more) not in (None, False)

    def note(self, state: TaskState, fault: Fault | None = None) -> None:
        """Write this execution's new state into the timeline."""
        self.run.timeline.add(
            time=workflow.now(),
            reference=self.step.reference,
            iteration=self.scope.iteration,
            name=self.step.name,
            kind=self.step.kind,
            state=state,
            attempts=fault.attempts if fault else self.attempts,
            error=fault.error if fault else None,
            event=self.event,
        )
