"""How an instance ends: what was done is undone when it failed, and then what is always done.

When that fails an instance that had completed, what was done is undone after it.

The state of the ending is data like that of every place, so a run can be left in the middle of it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, Literal, TypeAlias

from temporalio import workflow

from foundation.json import JsonObject, JsonValue
from workflows.interpreter.faults import Fault
from workflows.interpreter.position import Position, State
from workflows.interpreter.run import Run, Scope
from workflows.interpreter.steps import Step, WorkflowEnd, run_steps
from workflows.interpreter.types import RunStatus

Phase: TypeAlias = Literal["compensating", "finally"]

PLACE: Final = "ending"
# What undoes something must get through: the pauses between are three minutes together.
ATTEMPTS: Final = 8
FIRST_PAUSE: Final = timedelta(seconds=2)
LONGEST_PAUSE: Final = timedelta(minutes=1)
# Before, nothing was undone when only what is always done had failed.
UNDONE_AT_LAST: Final = "undone-after-finally"
# Before, an instance whose own time was over could not be told from others that had failed.
SAID_TO_BE_LATE: Final = "timed-out"


class Ending:
    """The end of one run.

    Attributes:
        state: `status` (completed, faulted, cancelled), `output` or `error`, what has been undone
            and what could not be; `execution`, at which it failed; `finished` when what is always
            done has failed the instance, `late` when its own time was over.
    """

    def __init__(self, run: Run, state: State) -> None:
        self.run = run
        self.state = state
        self.place = Position(PLACE, None, state)

    @property
    def phase(self) -> Phase | None:
        """What is being done at this end."""
        return self.state.get("phase")

    async def end(self, undoing: Mapping[str, Sequence[Step]], always: Sequence[Step]) -> None:
        """Undo what was done if the run failed, and do what is always done.

        Nobody can cancel this: half of it would be worse than none.

        Args:
            undoing: What undoes tasks, by their reference.

        Raises:
            Leaving: When the rest is for the next run.
        """
        ending = asyncio.create_task(self._end(undoing, always))
        while True:
            try:
                await asyncio.shield(ending)
            except asyncio.CancelledError:
                if ending.done():
                    raise
            else:
                return

    async def _end(self, undoing: Mapping[str, Sequence[Step]], always: Sequence[Step]) -> None:
        if self.state["status"] != "completed":
            await self.undo(undoing)
        if "finished" in self.state:
            return
        await self.finish(always)
        if self.state.get("finished") and self.run.undoable and workflow.patched(UNDONE_AT_LAST):
            await self.undo(undoing)

    async def undo(self, undoing: Mapping[str, Sequence[Step]]) -> None:
        """Undo what was done, newest first; go on when something cannot be undone.

        Args:
            undoing: What undoes tasks, by their reference.

        Raises:
            Leaving: When the rest is for the next run.
        """
        state = self.state
        left: list[State] = state.setdefault("left", self.run.undoable)
        # From here on they are part of this state.
        self.run.undoable = []
        if left:
            state["phase"] = "compensating"
            self.run.changed()
        while left:
            done = left[-1]
            scope = Scope(self.run, self.place, reference=done["task"], path=done["execution"])
            value: JsonObject = {
                "input": done["input"],
                "output": done["output"],
                "error": state.get("error"),
            }
            await self._until_done(undoing[done["task"]], value, scope, done)
            left.pop()
            state.pop("attempt", None)

    async def _until_done(
        self, steps: Sequence[Step], value: JsonValue, scope: Scope, done: State
    ) -> None:
        state = self.state
        while True:
            attempt: int = state.setdefault("attempt", 1)
            again = f"!{attempt}" if attempt > 1 else ""
            inner = replace(scope, path=f"{scope.path}{again}", retried=True, again=True)
            try:
                await run_steps(steps, value, inner, "metadata/millwright/compensate")
            except Fault as fault:
                if attempt >= ATTEMPTS:
                    failed = {"task": done["task"], "execution": done["execution"]}
                    state.setdefault("failed", []).append({**failed, "error": fault.error})
                    return
                state["attempt"] = attempt + 1
                await self._pause(attempt)
            except WorkflowEnd:
                break
            else:
                break
        state.setdefault("undone", []).append(done["execution"])

    async def _pause(self, attempt: int) -> None:
        pause = min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE)
        await workflow.sleep(pause, summary="before the next attempt to undo a task")

    async def finish(self, steps: Sequence[Step]) -> None:
        """Do what is always done; if that fails, a run that had completed has failed.

        Raises:
            Leaving: When the rest is for the next run.
        """
        if not steps:
            return
        state = self.state
        state["phase"] = "finally"
        value: JsonObject = {
            "status": state["status"],
            "output": state.get("output"),
            "error": state.get("error"),
        }
        scope = Scope(self.run, self.place, reference="", path="")
        try:
            await run_steps(steps, value, scope, "document/metadata/millwright/finally")
        except WorkflowEnd:
            pass
        except Fault as fault:
            if state["status"] == "completed":
                # The next run is not to do it again, when it has to undo the rest.
                state.update(status="faulted", error=fault.error, finished=True)
                state["execution"] = fault.execution
            else:
                state.setdefault("failed", []).append({"task": "finally", "error": fault.error})

    def result(self) -> JsonValue:
        """Return the output.

        Raises:
            Fault: When the instance faulted; it tells what was undone.
            CancelledError: When it was cancelled.
        """
        state = self.state
        match state["status"]:
            case "completed":
                output: JsonValue = state["output"]
                return output
            case "cancelled":
                raise asyncio.CancelledError
            case _:
                fault = Fault(state["error"])
                fault.compensation = self.compensation
                raise fault

    @property
    def compensation(self) -> JsonObject | None:
        """What was undone and what could not be; None when there was nothing to undo."""
        undone: Any = self.state.get("undone", [])
        failed: Any = self.state.get("failed", [])
        return {"undone": undone, "failed": failed} if undone or failed else None

    @property
    def execution(self) -> str | None:
        """The task that failed; None when none did, or when it failed long ago in an old worker."""
        return self.state.get("execution")

    @property
    def final(self) -> RunStatus | None:
        """What the instance is found as, where that is not what Temporal calls its end."""
        undone = self.compensation
        if undone is not None and not undone["failed"]:
            return RunStatus.COMPENSATED
        if self.state.get("late") and workflow.patched(SAID_TO_BE_LATE):
            return RunStatus.TIMED_OUT
        return None


def completed(output: JsonValue) -> State:
    """Begin the end of a run that came through."""
    return {"status": "completed", "output": output}


def faulted(fault: Fault, *, late: bool = False) -> State:
    """Begin the end of a run that failed.

    Args:
        late: Because its own time was over.
    """
    fault.at("/")
    state: State = {"status": "faulted", "error": fault.error, "execution": fault.execution}
    return {**state, "late": True} if late else state


def cancelled() -> State:
    """Begin the end of a run that somebody stopped."""
    return {"status": "cancelled"}
