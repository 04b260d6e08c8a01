"""Looking on while a run is replayed: where it stood at one moment, to go on from there.

A run remembers nothing for this; its history is replayed with a watcher when somebody asks.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Protocol, TypeAlias

from temporalio import workflow
from temporalio.common import RawValue
from typing_extensions import override

from foundation.json import JsonValue
from workflows.interpreter.position import Position, State
from workflows.interpreter.run import Frame, Run
from workflows.interpreter.sharing import shared
from workflows.interpreter.types import Carried
from workflows.interpreter.workflow import Interpreter

# Tasks that go on where they were, though no others run in them. People are asked anew, and what
# was going on elsewhere has ended with the run.
_KEPT: Final = frozenset({"listen", "try", "wait"})


Standing: TypeAlias = tuple[int | None, int | None]


class Moment(Protocol):
    """Chooses the moment."""

    @property
    def execution(self) -> str:
        """Of which execution."""
        ...

    def begins(self, frame: Frame, /) -> bool:
        """Tell whether it is when this execution begins."""
        ...

    def fails(self, frame: Frame, /) -> bool:
        """Tell whether it is when this execution has failed."""
        ...


class Recorder:
    """Watches one run; keeps where it stood at the last moment that was meant.

    Attributes:
        interpreter: Of the run; knows what it executes.
        carried: Where it stood; None as long as the moment has not come.
        over: What ran out of time since: the place, and under which name it keeps its beginning.
        place: The list in which the task stands that comes next.
    """

    def __init__(self, moment: Moment) -> None:
        self._moment = moment
        self._live: dict[str, Position] = {}
        # The task that a list has begun last, and where in the list that was.
        self._begun: dict[str, tuple[Frame, Standing]] = {}
        self.interpreter: Interpreter | None = None
        self.carried: Carried | None = None
        self.place: str | None = None
        self.over: set[tuple[str, str]] = set()

    def entered(self, place: Position) -> None:
        """A list of tasks is being run."""
        self._live[place.path] = place

    def left(self, place: Position) -> None:
        """It is no longer."""
        self._live.pop(place.path, None)
        self._begun.pop(place.path, None)

    def began(self, frame: Frame) -> None:
        """A task begins."""
        if frame.scope.position is not None:
            self._begun[frame.scope.position.path] = frame, _standing(frame)
        if self._moment.begins(frame):
            self._take(frame)

    def failed(self, frame: Frame) -> None:
        """A task has failed."""
        if self._moment.fails(frame):
            self._take(frame)

    def ran_out(self, frame: Frame, began: str) -> None:
        """Something has taken too long."""
        self.over.add((frame.path, began))

    def _take(self, frame: Frame) -> None:
        run: Run = frame.run
        states: dict[str, State] = {}
        for place in self._live.values():
            states.update(place.snapshot())
        for other, standing in self._begun.values():
            if other.step.kind in _KEPT and standing == _standing(other):
                states[other.path] = dict(other.state)
        # The task itself begins anew.
        states.pop(frame.path, None)
        states, taken_out = shared(states, self.interpreter.input if self.interpreter else None)
        info = workflow.info()
        self.place = frame.scope.position.path if frame.scope.position else None
        self.carried = Carried(
            states=_copied(states),
            shared=[each.model_copy(update={"value": _copied(each.value)}) for each in taken_out],
            undoable=_copied(run.undoable),
            context=_copied(run.context),
            started_at=run.started_at,
            last_event=run.timeline.last,
            run_id=info.run_id,
            changes=run.lifecycle.changes,
            stood_at=workflow.time(),
        )
        self.over.clear()


def _standing(frame: Frame) -> Standing:
    """Say where the list is in which a task stands: it has ended when that is elsewhere."""
    place = frame.scope.position
    return (place.state.get("at"), place.state.get("again")) if place is not None else (None, None)


def _copied(value: Any) -> Any:
    """Copy containers: the run goes on changing its states."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


class _Here(threading.local):
    """Who looks on in this thread."""

    recorder: Recorder | None = None


_HERE: Final = _Here()


def thread_of(recorder: Recorder) -> ThreadPoolExecutor:
    """Make the one thread in which a replay runs under a recorder's eyes."""

    def look_on() -> None:
        _HERE.recorder = recorder

    return ThreadPoolExecutor(1, "replay", initializer=look_on)


@workflow.defn(dynamic=True, sandboxed=False)
class Watched(Interpreter):
    """The interpreter, watched by whoever looks on in its thread."""

    @workflow.run
    @override
    async def run(self, args: Sequence[RawValue]) -> JsonValue:
        """Run as always."""
        recorder = self.watcher = _HERE.recorder
        if recorder is not None:
            recorder.interpreter = self
        return await super().run(args)
