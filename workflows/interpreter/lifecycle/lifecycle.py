"""What a run tells, and when. Left out: `task.status-changed`, which is optional."""

from collections.abc import Mapping
from typing import Final

from temporalio import workflow

from foundation.json import JsonObject, JsonValue
from workflows.definition import LifecycleLevel
from workflows.interpreter.calls import Calls, payload_size
from workflows.interpreter.faults import Fault
from workflows.interpreter.lifecycle.outbox import Outbox
from workflows.interpreter.lifecycle.teller import NOTHING, ROOT, Teller
from workflows.interpreter.position import Position, State
from workflows.interpreter.types import RunStatus, TaskState

# Outputs are optional in these events, and an event has at most 64 KiB.
MAX_PART_BYTES: Final = 16 * 1024
# How the language names what an instance does; undoing and cleaning up is running to it.
PHASES: Final[Mapping[RunStatus, str]] = {
    RunStatus.PENDING: "pending",
    RunStatus.WAITING: "waiting",
    RunStatus.PAUSED: "suspended",
}
RUNNING: Final = "running"
_DEFINITION: Final = ("name", "namespace", "version")
# What an end is told with.
_ENDS: Final[Mapping[str, str]] = {"completed": "output", "faulted": "error"}
# Of an error that is too large.
_ERROR: Final = ("type", "status", "title", "detail", "instance")


class Lifecycle:
    """What one run tells of itself; nothing, as long as nobody wants to know.

    Attributes:
        changes: How often the instance has changed its status, over all its runs.
    """

    def __init__(
        self,
        level: LifecycleLevel = "none",
        teller: Teller | None = None,
        calls: Calls | None = None,
        changes: int = 0,
    ) -> None:
        self._level = level
        self._teller = teller or Teller("", "")
        self._outbox = Outbox(calls or Calls(), self._teller.workflow_id)
        self.changes = changes
        self._ended = False
        # Executions under way, and those that somebody has suspended, with their tasks.
        self._open: dict[str, str] = {}
        self._suspended: dict[str, str] = {}

    @property
    def is_full(self) -> bool:
        """Whether more is told than can be sent."""
        return self._outbox.is_full

    async def room(self) -> None:
        """Wait until it is not."""
        await self._outbox.room()

    async def settle(self) -> None:
        """Wait until all that was told is on its way. Nobody can cancel this."""
        await self._outbox.settle()

    # --- About the instance ----------------------------------------------------------------------

    def started(self, document: JsonObject) -> None:
        """Tell that the instance has begun.

        Args:
            document: What it executes.
        """
        named = document["document"]
        if isinstance(named, dict):
            definition: JsonObject = {name: named[name] for name in _DEFINITION}
            self._tell("started", data={"definition": definition})
            self._phase(RUNNING)

    def status(self, before: RunStatus, now: RunStatus) -> None:
        """Tell that the instance does something else, if the language has another word for it."""
        old, new = (PHASES.get(each, RUNNING) for each in (before, now))
        if old == new:
            return
        self._phase(new)
        if now is RunStatus.PAUSED:
            self._tell("suspended", str(self.changes))
        elif before is RunStatus.PAUSED:
            self._tell("resumed", str(self.changes))
            for path, task in self._suspended.items():
                self._tell_of("resumed", task, path, str(self.changes))
            self._suspended.clear()

    def ended(self, state: State) -> None:
        """Tell how the instance has ended; only the first word counts.

        Args:
            state: `status`, and `output` or `error`; see `ending`.
        """
        if self._ended:
            return
        self._ended = True
        status = state["status"]
        part = _ENDS.get(status)
        self._tell(status, data={part: state[part]} if part else NOTHING)
        self._phase(status)

    def correlates(self, path: str) -> None:
        """Tell that a task begins to listen."""
        self._tell("correlation-started", path=path)

    def correlated(self, path: str, keys: JsonObject) -> None:
        """Tell that it has the events that it waited for, and what they had in common."""
        data = {"correlationKeys": keys} if keys else NOTHING
        self._tell("correlation-completed", path=path, data=data)

    def _phase(self, phase: str) -> None:
        self.changes += 1
        self._tell("status-changed", str(self.changes), data={"status": phase})

    def _tell(
        self,
        what: str,
        again: str = "",
        *,
        path: str = ROOT,
        data: Mapping[str, JsonValue] = NOTHING,
    ) -> None:
        if self._level != "none":
            self._outbox.add(
                self._teller.of_workflow(what, _now(), again, path=path, data=_small(data))
            )

    # --- About tasks -----------------------------------------------------------------------------

    def task(
        self, state: TaskState, task: str, path: str, data: Mapping[str, JsonValue] = NOTHING
    ) -> None:
        """Tell what an execution of a task does."""
        if self._level != "all":
            return
        match state:
            case TaskState.RUNNING:
                self._open[path] = task
                self._tell_of("created", task, path)
                self._tell_of("started", task, path)
            case TaskState.COMPLETED | TaskState.FAULTED | TaskState.CANCELLED:
                self._open.pop(path, None)
                self._suspended.pop(path, None)
                self._tell_of(state.value, task, path, data=data)
            case TaskState.SKIPPED:
                pass  # to the language it never was

    def goes_on(self, task: str, path: str) -> None:
        """Know an execution that began in the run before this one."""
        if self._level == "all":
            self._open[path] = task

    def retried(self, task: str, path: str, attempt: int) -> None:
        """Tell that a task begins anew."""
        if self._level == "all":
            self._tell_of("retried", task, path, str(attempt))

    def halted(self, place: Position) -> None:
        """Tell that the tasks around a place do not go on until somebody resumes the instance."""
        for path in (each.path for each in place.chain()):
            if path in self._open and path not in self._suspended:
                task = self._suspended[path] = self._open[path]
                self._tell_of("suspended", task, path, str(self.changes))

    def _tell_of(
        self,
        what: str,
        task: str,
        path: str,
        again: str = "",
        *,
        data: Mapping[str, JsonValue] = NOTHING,
    ) -> None:
        self._outbox.add(self._teller.of_task(what, _now(), task, path, again, data=_small(data)))


def _now() -> str:
    return workflow.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _small(data: Mapping[str, JsonValue]) -> JsonObject:
    """Leave out what is too large for an event; an error keeps what the language names."""
    kept: JsonObject = {}
    for name, value in data.items():
        if _fits(value):
            kept[name] = value
        elif name == "error" and isinstance(value, dict):
            kept[name] = {each: value[each] for each in _ERROR if each in value}
    return kept


def _fits(value: JsonValue) -> bool:
    try:
        return payload_size(value) <= MAX_PART_BYTES
    except Fault:
        return False
