"""Data flow around one task, and control flow along a list of them.

input -> if -> input.from -> the task -> output.as -> export.as -> then
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from temporalio import workflow

from foundation.json import JsonObject, JsonValue
from foundation.schemas import Schema, described
from workflows.expressions import Expression, Template
from workflows.interpreter.control import Leaving
from workflows.interpreter.durations import Delay
from workflows.interpreter.faults import Fault, unexpected
from workflows.interpreter.policy import DEFAULT, Policy
from workflows.interpreter.position import Position
from workflows.interpreter.run import Frame, Scope
from workflows.interpreter.tags import tag
from workflows.interpreter.types import TaskState

CONTINUE: Final = "continue"
EXIT: Final = "exit"
END: Final = "end"
# Before, a task was not undone when one inside of it had ended the workflow.
ENDED_INSIDE: Final = "undone-when-ended-inside"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a task gave: its output, and where to go when it says so itself (`switch`, `catch`)."""

    output: JsonValue
    then: str | None = None


class Body(Protocol):
    """The part of a task that its kind decides; one file each in `tasks/`."""

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        """Do it.

        Raises:
            Fault: When it fails; the task's reference is added outside.
        """
        ...


@dataclass(frozen=True, slots=True)
class Filter:
    """One stage of the data flow: reshape a value, check what comes out."""

    shape: Template | None = None
    schema: Schema | None = None

    def apply(self, value: JsonValue, frame: Frame, what: str) -> JsonValue:
        """Reshape and check `value`."""
        if self.shape is not None:
            value = frame.evaluate(self.shape, value)
        check(self.schema, value, what)
        return value


@dataclass(frozen=True, slots=True)
class Step:
    """One compiled task."""

    name: str
    reference: str
    kind: str
    definition: JsonObject
    body: Body
    condition: Expression | None = None
    input_schema: Schema | None = None
    input_from: Template | None = None
    output: Filter = Filter()
    export: Filter | None = None
    timeout: Delay | None = None
    then: str | None = None
    policy: Policy = DEFAULT
    undoing: "Sequence[Step]" = ()
    extensions: "Sequence[Extension]" = ()


@dataclass(frozen=True, slots=True)
class Extension:
    """Tasks around a task; what they give is not passed on, unless they replace the task.

    Attributes:
        reference: JSON pointer of the extension.
        applies: When it does; always without a condition.
        before: Run before; `then: exit` makes what they gave the output of the task.
    """

    reference: str
    applies: Expression | None
    before: Sequence[Step]
    after: Sequence[Step]


class WorkflowEnd(Exception):  # noqa: N818 - not an error
    """A task said `then: end`: the workflow completes with this output, from however deep."""

    def __init__(self, output: JsonValue) -> None:
        super().__init__("end")
        self.output = output


def check(schema: Schema | None, value: JsonValue, what: str) -> None:
    """Check a value against a schema of the definition.

    Raises:
        Fault: Of the type `validation`, naming the places.
    """
    if schema is not None and (violations := schema.violations(value)):
        detail = described(violations)
        raise Fault.of("validation", f"The {what} does not match its schema", detail)


async def run_steps(
    steps: Sequence[Step], value: JsonValue, scope: Scope, name: str = "do"
) -> JsonValue:
    """Run tasks in order; return the output of the last one. See `run_list`."""
    return (await run_list(steps, value, scope, name)).output


async def run_list(
    steps: Sequence[Step], value: JsonValue, scope: Scope, name: str = "do"
) -> Outcome:
    """Run tasks in order, following their `then`; tell what the last one gave, and if it left.

    Args:
        name: Which list of the task around it this is.

    Raises:
        Fault: When one faults.
        WorkflowEnd: When one says `end`.
        Leaving: When the rest is for the next run.
    """
    run = scope.run
    place = run.place(f"{scope.path}/{name}", scope.position)
    scope = replace(scope, position=place)
    state = place.state or {"at": 0, "value": value, "again": 0}
    place.state = state
    if run.watcher is None:
        return await _run_list(steps, scope, place)
    run.watcher.entered(place)
    try:
        return await _run_list(steps, scope, place)
    finally:
        run.watcher.left(place)


async def _run_list(steps: Sequence[Step], scope: Scope, place: Position) -> Outcome:
    run, state = scope.run, place.state
    positions: Mapping[str, int] | None = None
    while (index := state["at"]) < len(steps):
        await run.breathe()
        step, again = steps[index], state["again"]
        # What had begun in the run before this one goes on, as it does where no run took over:
        # an approval can be decided while the instance is paused.
        if run.control.stopping and scope.path_of(step, again) not in run.resumed:
            await run.control.boundary(place)
        outcome = await run_step(step, state["value"], scope, again)
        state["value"] = outcome.output
        match outcome.then:
            case None | "continue":
                state["at"] = index + 1
            case "end":
                raise WorkflowEnd(outcome.output)
            case "exit":
                return outcome
            case target:
                positions = positions or {step.name: at for at, step in enumerate(steps)}
                state["at"] = positions[target]
                if state["at"] <= index:
                    state["again"] += 1
    return Outcome(state["value"])


async def run_step(step: Step, raw: JsonValue, scope: Scope, again: int = 0) -> Outcome:
    """Run one task with everything around it."""
    frame = Frame(step, raw, scope, again)
    watcher = frame.run.watcher
    if watcher is not None:
        watcher.began(frame)
    try:
        if not frame.resumed:
            if step.condition is not None and not frame.holds(step.condition, raw):
                frame.note(TaskState.SKIPPED)
                return Outcome(raw)
            frame.note(TaskState.RUNNING)
        else:
            frame.run.lifecycle.goes_on(step.reference, frame.path)
        outcome = await _faulting(step, raw, frame)
    except Fault as fault:
        fault.at(step.reference, frame.path)
        frame.note(TaskState.FAULTED, fault)
        if watcher is not None:
            watcher.failed(frame)
        raise
    except WorkflowEnd as end:
        frame.note(TaskState.COMPLETED, output=end.output)
        if step.undoing and workflow.patched(ENDED_INSIDE):
            frame.run.remember(frame, end.output)
        raise
    except asyncio.CancelledError:
        frame.note(TaskState.CANCELLED)
        raise
    frame.note(TaskState.COMPLETED, output=outcome.output)
    if step.undoing:
        frame.run.remember(frame, outcome.output)
    return outcome


async def _faulting(step: Step, raw: JsonValue, frame: Frame) -> Outcome:
    """Run a task; whatever goes wrong is a fault.

    What Temporal sees of an exception that is none is a workflow task to be tried for ever.
    """
    try:
        return await flow(step, raw, frame)
    except (Fault, WorkflowEnd, Leaving):
        raise
    except Exception as error:
        raise unexpected(error) from error


async def flow(step: Step, raw: JsonValue, frame: Frame) -> Outcome:
    """Run a task with the data flow around it: schemas, `from`, `as`, timeout."""
    value = frame.state["input"] if "input" in frame.state else _taken(step, raw, frame)
    frame.arguments["input"] = value
    if step.policy.tags:
        tag(step.policy.tags, value, frame)
    outcome = await (_extended if step.extensions else _in_time)(step, value, frame)
    # Many calls may have ended at once.
    await frame.run.rest()
    # Inner tasks may have exported meanwhile.
    frame.arguments["context"] = frame.run.context
    output = step.output.apply(outcome.output, frame, "output")
    if step.export is not None:
        frame.arguments["output"] = output
        frame.run.context = step.export.apply(output, frame, "exported context")
    return Outcome(output, outcome.then or step.then)


def _taken(step: Step, raw: JsonValue, frame: Frame) -> JsonValue:
    """Take the input in; what it was made into does not change when the context does."""
    check(step.input_schema, raw, "input")
    if step.input_from is None:
        return raw
    value = frame.state["input"] = frame.evaluate(step.input_from, raw)
    return value


async def _extended(step: Step, value: JsonValue, frame: Frame) -> Outcome:
    """Run a task with what extensions do before and after it."""
    state = frame.state
    if "extended" not in state:
        state["extended"] = [
            number
            for number, each in enumerate(step.extensions)
            if each.applies is None or frame.holds(each.applies, value, _described(step, frame))
        ]
        state["before"] = state["after"] = 0
    extended = [step.extensions[number] for number in state["extended"]]
    while "outcome" not in state and state["before"] < len(extended):
        extension = extended[state["before"]]
        scope = frame.around(extension.reference)
        outcome = await run_list(extension.before, value, scope, "before")
        if outcome.then == EXIT:
            state["outcome"] = [outcome.output, None]
        state["before"] += 1
    if "outcome" not in state:
        outcome = await _in_time(step, value, frame)
        state["outcome"] = [outcome.output, outcome.then]
    output, then = state["outcome"]
    while state["after"] < len(extended):
        extension = extended[state["after"]]
        await run_list(extension.after, output, frame.around(extension.reference), "after")
        state["after"] += 1
    return Outcome(output, then)


def _described(step: Step, frame: Frame) -> Mapping[str, JsonValue]:
    """Let conditions see the task as written at `$task`, where the language's examples look."""
    task = frame.arguments["task"]
    assert isinstance(task, dict)  # noqa: S101 - made by the frame
    return {"task": {**step.definition, **task}}


async def _in_time(step: Step, value: JsonValue, frame: Frame) -> Outcome:
    if step.timeout is None:
        return await step.body.execute(value, frame)
    seconds = frame.state.setdefault("timeout", step.timeout.seconds(value, frame))
    left = frame.state["since"] + seconds - workflow.time()
    bound = asyncio.timeout(max(left, 0.0))
    try:
        async with bound:
            return await step.body.execute(value, frame)
    except TimeoutError:
        detail = f"Task '{step.name}' took longer than {seconds:g} s."
        fault = Fault.of("timeout", "The task timed out", detail)
        fault.late = frame.path
        raise fault from None
    finally:
        frame.looked_at(bound)
