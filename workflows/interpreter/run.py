"""The state of one run, and what a task may ask of it."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol

from temporalio import workflow

from foundation.json import JsonObject, JsonValue
from workflows.expressions import (
    Expression,
    ExpressionError,
    Template,
    fuel_spent,
)
from workflows.interpreter.calls import Calls, shortened
from workflows.interpreter.control import Control, Leaving
from workflows.interpreter.faults import Fault
from workflows.interpreter.lifecycle import Lifecycle
from workflows.interpreter.position import Position, State
from workflows.interpreter.timeline import Timeline
from workflows.interpreter.types import Decision, Refusal, TaskState

if TYPE_CHECKING:
    from workflows.interpreter.steps import Step

# Temporal gives up on a worker that computes for 2 s without a pause. Fuel is counted, so the
# pause (a timer of a millisecond) falls at the same place on every replay: about every 0.2 s.
PAUSE_AFTER_FUEL: Final = 2_000_000
PAUSE: Final = timedelta(milliseconds=1)
# Temporal terminates a run at 51,200 events or 50 MB; the tasks in flight need some room to end.
MAX_HISTORY_EVENTS: Final = 48_000
MAX_HISTORY_BYTES: Final = 40_000_000
# A wait of at least so long makes the instance one that is found as waiting.
ANNOUNCED_S: Final = 10.0
# What a task costs besides its expressions, in the same unit.
FUEL_PER_TASK: Final = 2_000


def instant(time: datetime) -> JsonObject:
    """Spell a moment the way the language does."""
    millis = int(time.timestamp() * 1000)
    return {
        "iso8601": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "epoch": {"seconds": millis // 1000, "milliseconds": millis},
    }


@lru_cache(maxsize=256)
def _instant_at(seconds: float) -> JsonObject:
    # Tasks that do not wait begin at the same moment, by the clock of the run.
    return instant(moment(seconds))


def moment(seconds: float) -> datetime:
    """Return the time so many seconds after 1970."""
    return datetime.fromtimestamp(seconds, UTC)


class Watcher(Protocol):
    """Looks on while a run is replayed; see `watching`."""

    def entered(self, place: Position) -> None: ...
    def left(self, place: Position) -> None: ...
    def began(self, frame: "Frame") -> None: ...
    def failed(self, frame: "Frame") -> None: ...
    def ran_out(self, frame: "Frame", began: str) -> None: ...


class Ballot(Protocol):
    """What takes the decisions on one approval; see `tasks.call.approval`."""

    def refusal(self, decision: Decision) -> tuple[Refusal, str] | None:
        """Say why a decision cannot be taken, or None."""
        ...

    def take(self, decision: Decision) -> None:
        """Take a decision that is not refused."""
        ...


@dataclass(slots=True)
class Run:
    """One run: everything that all its tasks share.

    Attributes:
        context: What tasks have exported.
        resumed: States that the run before this one left, by path; each is taken once.
        undoable: Tasks that have to be undone when the instance fails, in the order they ended.
        changed: Called when what the run is doing may have changed.
        waiting: What branches wait for, by the execution.
        generation: How many instances have led to this one, by running each other or by events.
        started_at: When the first run of the instance began, in seconds after 1970.
        watcher: Looks on while the run is replayed.
        woken: Listening tasks for which there are events, by their execution.
        approvals: What decides approvals that are open, by their id.
        turns: Executions of calls that have limits, and whether they have been called.
        rescheduled: The schedule that the run follows may be another one now.
        disturbed: Something has happened before its first task was done: it may have been reset.
        resets: How often somebody has reset the run while it waited for people.
        lifecycle: What it tells others of itself.
    """

    tenant_id: str
    descriptor: JsonObject
    context: JsonValue
    runtime: JsonObject
    calls: Calls
    timeline: Timeline
    control: Control = field(default_factory=Control)
    resumed: dict[str, State] = field(default_factory=dict)
    undoable: list[State] = field(default_factory=list)
    changed: Callable[[], None] = lambda: None
    waiting: dict[str, JsonObject] = field(default_factory=dict)
    generation: int = 0
    started_at: float = 0.0
    watcher: Watcher | None = None
    woken: set[str] = field(default_factory=set)
    approvals: dict[str, "Ballot"] = field(default_factory=dict)
    turns: dict[str, bool] = field(default_factory=dict)
    rescheduled: bool = False
    disturbed: bool = False
    resets: int = 0
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    spent: int = 0
    pausing: asyncio.Event | None = None

    def place(self, path: str, parent: Position | None) -> Position:
        """Enter a place, with what the run before this one knew there."""
        return Position(path, parent, self.resumed.pop(path, {}))

    def remember(self, frame: "Frame", output: JsonValue) -> None:
        """Remember a task that may have to be undone."""
        self.undoable.append(
            {
                "task": frame.step.reference,
                "execution": frame.path,
                "input": frame.arguments["input"],
                "output": output,
            }
        )

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
        self.control.suggest(info, events)
        self.spent += FUEL_PER_TASK
        if self.spent > PAUSE_AFTER_FUEL:
            await self.rest()
        if self.lifecycle.is_full:
            await self.lifecycle.room()

    async def charge(self, size: int) -> None:
        """Count bytes that are about to be read or written, which takes as long as so many steps.

        The pause comes before them, so that two large values are never read at once.
        """
        self.spent += size
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
    """Where a list of tasks runs: the variables and loop turns around it.

    Attributes:
        reference: JSON pointer of the task around it.
        path: The execution of that task, unique within the run.
        position: The place of that execution.
        retried: A `try` around it repeats what fails, so calls need not.
        again: What fails in here is tried again, or has to be seen: nothing may stand in for it.
    """

    run: Run
    position: Position | None = None
    variables: Mapping[str, JsonValue] = field(default_factory=dict)
    iteration: str = ""
    reference: str = ""
    path: str = ""
    retried: bool = False
    again: bool = False

    def path_of(self, step: "Step", again: int = 0) -> str:
        """Name an execution of a task in here: `/do/0/loop#3/do/1/read*1`.

        Args:
            again: How often jumps (`then`) have led back before.
        """
        path = self.path + step.reference[len(self.reference) :]
        return f"{path}*{again}" if again else path


class Frame:
    """One execution of one task.

    Attributes:
        arguments: What expressions of this task can read as `$name`.
        path: Unique within the run.
        position: Its place; what it remembers there is kept when the run goes on as a new one.
        resumed: It began in the run before this one.
        attempts: How often the activity behind the task ran; set by calls.
        child: Id of the instance that the task started.
        fallback: What stood in for what the task called, and why.
    """

    __slots__ = (
        "arguments",
        "attempts",
        "child",
        "event",
        "fallback",
        "path",
        "position",
        "resumed",
        "scope",
        "step",
    )

    def __init__(self, step: "Step", raw: JsonValue, scope: Scope, again: int = 0) -> None:
        self.step = step
        self.scope = scope
        self.attempts: int | None = None
        self.event: JsonObject | None = None
        self.child: str | None = None
        self.fallback: JsonObject | None = None
        self.path = scope.path_of(step, again)
        self.position = scope.run.place(self.path, scope.position)
        self.resumed = bool(self.position.state)
        if not self.resumed:
            self.position.state["since"] = workflow.time()
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
                "startedAt": _instant_at(self.state["since"]),
            },
            "workflow": scope.run.descriptor,
        }

    @property
    def state(self) -> State:
        """What is kept when the run goes on as a new one."""
        return self.position.state

    @property
    def deadline(self) -> float | None:
        """When the time of the task is over, in seconds after 1970; None without a timeout."""
        seconds = self.state.get("timeout")
        return None if seconds is None else self.state["since"] + seconds

    def degraded(self, fallback: JsonObject) -> None:
        """Note that something stood in for what the task called; expressions see it in `$task`."""
        self.fallback = fallback
        task = self.arguments["task"]
        assert isinstance(task, dict)  # noqa: S101 - made above
        self.arguments["task"] = {**task, "degraded": True, "fallback": fallback}

    def inside(
        self,
        mark: str = "",
        *,
        turn: int | None = None,
        variables: Mapping[str, JsonValue] | None = None,
        retried: bool | None = None,
        again: bool = False,
    ) -> Scope:
        """Enter the tasks inside of this one.

        Args:
            mark: Tells several executions of the same tasks apart, such as attempts.
            turn: Which turn of a loop it is.
            variables: What they can read in addition.
            retried: Whether something repeats them when they fail.
            again: Whether that is not the last time.
        """
        scope = self.scope
        iteration = scope.iteration
        if turn is not None:
            mark = f"#{turn}"
            iteration = f"{iteration}/{turn}" if iteration else str(turn)
        return Scope(
            run=scope.run,
            position=self.position,
            variables={**scope.variables, **variables} if variables else scope.variables,
            iteration=iteration,
            reference=self.step.reference,
            path=self.path + mark,
            retried=scope.retried if retried is None else retried,
            again=scope.again or again,
        )

    def around(self, reference: str) -> Scope:
        """Enter the tasks of an extension, which stand elsewhere in the definition."""
        mark = reference.removeprefix("/use/extensions")
        return replace(self.inside(mark=f"/extensions{mark}"), reference=reference)

    @contextmanager
    def waits(
        self,
        kind: str,
        until: float | None = None,
        *,
        announced: bool | None = None,
        **more: JsonValue,
    ) -> Iterator[None]:
        """Show that this execution waits for something.

        Args:
            kind: For what: `timer`, `event`, `approval`, `concurrency`, `rate-limit`.
            until: How long at most, in seconds after 1970.
            announced: Whether the instance is found as waiting; by itself, when it may be long.
            more: What else people should know of it.
        """
        run = self.run
        told: JsonObject = {
            "kind": kind,
            "task": self.step.reference,
            "execution": self.path,
            "since": instant(moment(self.state["since"]))["iso8601"],
            "until": instant(moment(until))["iso8601"] if until is not None else None,
            **more,
        }
        # A short wait is over before anybody has found it.
        shown = until is None or until - workflow.time() >= ANNOUNCED_S
        if announced is not None:
            shown = announced
        run.waiting[self.path] = told
        if shown:
            run.changed()
        try:
            yield
        except (Leaving, GeneratorExit):
            # The next run waits on; or a worker has dropped this one, and another will.
            shown = False
            raise
        finally:
            del run.waiting[self.path]
            if shown:
                run.changed()

    def looked_at(self, bound: asyncio.Timeout, began: str = "since") -> None:
        """Let whoever looks on know when something took too long.

        Args:
            began: Under which its beginning is kept in the state.
        """
        if self.run.watcher is not None and bound.expired():
            self.run.watcher.ran_out(self, began)

    async def sleep(self, seconds: float, name: str = "until") -> None:
        """Wait, even across runs.

        Args:
            name: Under which the end of the wait is kept in the state.
        """
        state, control = self.state, self.run.control
        until = state.setdefault(name, workflow.time() + seconds)
        while True:
            left = until - workflow.time()
            try:
                await workflow.wait_condition(
                    lambda: control.leaving,
                    timeout=max(left, 0.0),
                    timeout_summary=shortened(self.path),
                )
            except TimeoutError:
                del state[name]
                return
            await control.boundary(self.position)

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
        try:
            return self.tried(what, value, more)
        except ExpressionError as error:
            raise Fault.of("expression", "The expression failed", str(error)) from error

    def tried(
        self,
        what: Expression | Template,
        value: JsonValue,
        more: Mapping[str, JsonValue] | None = None,
    ) -> JsonValue:
        """Evaluate what may fail.

        Raises:
            ExpressionError: When it does.
        """
        arguments = {**self.arguments, **more} if more else self.arguments
        before = fuel_spent()
        try:
            return what.evaluate(value, arguments)
        finally:
            self.run.spent += fuel_spent() - before

    def holds(
        self, what: Expression, value: JsonValue, more: Mapping[str, JsonValue] | None = None
    ) -> bool:
        """Tell whether a condition is true: as in jq, all but false and null."""
        found = self.evaluate(what, value, more)
        # Not `in (None, False)`: to Python 0 is equal to False.
        return found is not None and found is not False

    def text(self, template: Template | None, value: JsonValue) -> str | None:
        """Evaluate a template that gives a text, if there is one.

        Raises:
            Fault: When it fails, or gives something else.
        """
        if template is None:
            return None
        found = self.evaluate(template, value)
        if isinstance(found, (str, int, float)) and not isinstance(found, bool):
            return str(found)
        raise Fault.of(
            "expression", "The expression gives no text", f"It is: {template.source!r:.200}"
        )

    def note(self, state: TaskState, fault: Fault | None = None, output: JsonValue = None) -> None:
        """Write this execution's new state into the timeline, and tell it to who wants to know.

        Args:
            output: What it gave; not part of the timeline.
        """
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
            execution=self.path,
            child=self.child,
            fallback=self.fallback,
        )
        told: JsonObject = {}
        if fault is not None:
            told["error"] = fault.error
        elif state is TaskState.COMPLETED:
            told["output"] = output
        self.run.lifecycle.task(state, self.step.reference, self.path, told)
