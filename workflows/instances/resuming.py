"""Going on with an instance that has ended: from the task that failed, or from any task.

Its history is replayed up to that moment, which tells where all its branches stood; a new run under
the same id begins there. What had been done before is not done again; what comes after is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from foundation.errors import ConflictError, InvalidInputError
from foundation.json import JsonValue
from foundation.payloads import converter_of
from workflows.instances.moving import Versions
from workflows.instances.types import Repeated
from workflows.instances.undoing import Undone, is_over
from workflows.interpreter.position import State
from workflows.interpreter.run import Frame
from workflows.interpreter.types import Carried, StartInput, TaskEvent, TaskState
from workflows.interpreter.watching import Moment, Recorder, Watched, thread_of
from workflows.runs.launch import Published, start_input

# Kinds of tasks that others notice.
_NOTICED: Final = ("call", "emit", "run")


@dataclass(frozen=True, slots=True)
class Beginning:
    """When an execution begins, for the last time."""

    execution: str

    def begins(self, frame: Frame) -> bool:
        return frame.path == self.execution

    def fails(self, _frame: Frame) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Failing:
    """When an execution has failed."""

    execution: str

    def begins(self, _frame: Frame) -> bool:
        return False

    def fails(self, frame: Frame) -> bool:
        return frame.path == self.execution


@dataclass(frozen=True, slots=True)
class Resumption:
    """What a new run is started with, and what it will do again.

    Attributes:
        begins_at: The execution that begins anew, as the new run calls it.
    """

    start: StartInput
    repeats: list[Repeated]
    begins_at: str


def failed_execution(
    events: Iterable[TaskEvent], error: dict[str, Any] | None, failed_at: str | None
) -> str:
    """Return the execution at which an instance failed.

    Args:
        failed_at: What the run says of it; None from workers that do not know it yet. Then the
            place in the error has to do, which whoever wrote a `raise` may have chosen.

    Raises:
        ConflictError: When no task failed.
    """
    place = error.get("instance") if error else None
    # What was ended from outside has no place.
    if place is not None and failed_at is not None:
        return failed_at
    failed = [
        event.execution
        for event in events
        if event.state is TaskState.FAULTED and event.reference == place
    ]
    if not failed:
        raise ConflictError(
            "No task of this instance failed, so there is none to try again. Use ':rerun' with the "
            "task to begin at, or start a new instance."
        )
    return failed[-1]


async def resumption(
    client: Client,
    history: WorkflowHistory,
    moment: Moment,
    events: list[TaskEvent],
    undone: Undone,
    *,
    changed: bool,
    value: JsonValue,
    other: Published | None = None,
) -> Resumption:
    """Find out where a run stood.

    Args:
        history: Of its last run.
        events: Of its last run.
        undone: What was undone at its end.
        changed: The task begins with another input.
        value: Which one.
        other: The version to go on with, if not the one it had.

    Raises:
        ConflictError: When something that had been done at that moment was undone.
        InvalidInputError: When the moment never came, or where the run stood is not there in the
            other version.
    """
    recorder = await _replayed(client, history, moment)
    carried, place, interpreter = recorder.carried, recorder.place, recorder.interpreter
    if carried is None or place is None or interpreter is None or interpreter.plan is None:
        raise InvalidInputError(
            "No such execution of a task is known in the last run of this instance. GET it: "
            "'tasks' lists the executions."
        )
    carried = _with_full_time(undone.kept(carried, moment.execution), recorder)
    if changed:
        carried = _with_value(carried, place, value)
    started = history.events[0].workflow_execution_started_event_attributes
    converter = converter_of(client, history.workflow_id)
    (start,) = await converter.decode(started.input.payloads, [StartInput])
    plan, repeats = interpreter.plan, _repeated(events, carried, moment.execution)
    if other is not None and other.hash != plan.hash:
        versions = Versions(plan.document, other.document, other.version)
        fresh = start_input(start.tenant_id, other, start.input)
        moved = _without_bounds(versions.moved(carried))
        kept = {"carried": moved, "generation": start.generation}
        return Resumption(
            fresh.model_copy(update=kept),
            # What the other version has no more is not done again.
            [
                each.model_copy(update={"execution": versions.path(each.execution)})
                for each in repeats
                if versions.has(each.execution)
            ],
            versions.path(moment.execution),
        )
    pinned = {
        "carried": carried,
        "version": plan.version,
        "definition_hash": plan.hash,
        "engine": interpreter.engine,
    }
    return Resumption(start.model_copy(update=pinned), repeats, moment.execution)


async def _replayed(client: Client, history: WorkflowHistory, moment: Moment) -> Recorder:
    recorder = Recorder(moment)
    with thread_of(recorder) as thread:
        replayer = Replayer(
            workflows=[Watched],
            workflow_task_executor=thread,
            workflow_runner=UnsandboxedWorkflowRunner(),
            data_converter=client.data_converter,
            namespace=client.namespace,
        )
        result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    if result.replay_failure is not None:
        raise ConflictError(
            f"This build cannot follow the history of the instance ({result.replay_failure}). Ask "
            "a process of the build that it was started with, or start a new instance."
        )
    return recorder


def _with_value(carried: Carried, place: str, value: JsonValue) -> Carried:
    states: dict[str, State] = {**carried.states, place: {**carried.states[place], "value": value}}
    return carried.model_copy(update={"states": states})


def _without_bounds(carried: Carried) -> Carried:
    """Let each task take as long as it may in the other version."""
    states: dict[str, State] = {
        path: {name: value for name, value in state.items() if name != "timeout"}
        for path, state in carried.states.items()
    }
    return carried.model_copy(update={"states": states})


def _with_full_time(carried: Carried, recorder: Recorder) -> Carried:
    """Let what ran out of time have all of it again: with what was left it would fail at once."""
    states = dict(carried.states)
    for path, began in recorder.over:
        if path in states:
            states[path] = {**states[path], began: carried.stood_at}
    return carried.model_copy(update={"states": states})


def _repeated(events: list[TaskEvent], carried: Carried, begins_at: str) -> list[Repeated]:
    """List what others noticed and will notice again: all that began since, or was going on."""
    ended = {
        event.execution
        for event in events
        if event.sequence <= carried.last_event and event.state is not TaskState.RUNNING
    }
    return [
        Repeated(execution=event.execution, name=event.name, kind=event.kind)
        for event in events
        if event.state is TaskState.RUNNING
        and event.kind.startswith(_NOTICED)
        and (event.execution not in ended or _is_within(event.execution, begins_at))
        and not is_over(event, carried)
    ]


def _is_within(execution: str, other: str) -> bool:
    """Tell whether an execution is another one, or one of the tasks inside of it."""
    rest = execution[len(other) :]
    return execution.startswith(other) and rest[:1] in ("", "/", "!", "#")
