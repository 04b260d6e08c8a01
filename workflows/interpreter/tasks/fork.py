"""`fork`: branches at the same time. All of them, or (`compete`) the first that succeeds."""

import asyncio
from asyncio import FIRST_COMPLETED
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from temporalio import workflow

from foundation.json import JsonObject, JsonValue
from workflows.definition import ForkTask
from workflows.interpreter.compiling import Place
from workflows.interpreter.control import Leaving
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome, Step, WorkflowEnd, run_steps


@dataclass(frozen=True, slots=True)
class Fork:
    """Run branches concurrently; none goes on after this task has ended."""

    branches: Sequence[Step]
    compete: bool

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        # What branches gave, by their number; what they raised, the same way.
        done: dict[str, JsonValue] = frame.state.setdefault("done", {})
        faults: dict[str, JsonObject] = frame.state.setdefault("faults", {})
        ended = {*done, *faults}
        running = {
            asyncio.create_task(
                run_steps([branch], value, frame.inside(), f"fork/branches/{number}")
            ): str(number)
            for number, branch in enumerate(self.branches)
            if str(number) not in ended
        }
        control = frame.run.control
        control.began(len(running))
        try:
            await self._collect(running, done, faults, frame)
        except GeneratorExit:
            running.clear()  # a worker has dropped the run, and with it its branches
            raise
        finally:
            await _stop(running)
        if self.compete:
            return Outcome(_first(done, faults))
        return Outcome([done[str(number)] for number in range(len(self.branches))])

    async def _collect(
        self,
        running: Mapping["asyncio.Task[JsonValue]", str],
        done: dict[str, JsonValue],
        faults: dict[str, JsonObject],
        frame: Frame,
    ) -> None:
        """Wait until it is clear how this ends.

        Raises:
            Fault: Of a branch, when all are needed.
            Leaving: When what is left of the branches is for the next run.
        """
        control = frame.run.control
        pending: Collection[asyncio.Task[JsonValue]] = set(running)
        leaving, counted = False, len(running)
        try:
            while pending and not (self.compete and done):
                ended, pending = await workflow.wait(pending, return_when=FIRST_COMPLETED)
                for task in sorted(ended, key=lambda task: int(running[task])):
                    try:
                        done[running[task]] = task.result()
                    except Leaving:
                        leaving = True
                    except Fault as fault:
                        if not self.compete:
                            raise
                        faults[running[task]] = fault.error
                if pending:
                    counted -= len(ended)
                    control.ended(len(ended))
            if leaving and not (self.compete and done):
                raise Leaving
        except (Fault, WorkflowEnd):
            control.forget(f"{frame.path}/")
            raise
        finally:
            control.joined(counted)


def _first(done: Mapping[str, JsonValue], faults: Mapping[str, JsonObject]) -> JsonValue:
    """Return what the first branch that succeeded gave; one that faults only drops out.

    Raises:
        Fault: The first one, when no branch succeeded.
    """
    if done:
        return next(iter(done.values()))
    raise Fault(next(iter(faults.values())))


async def _stop(running: Iterable[asyncio.Task[JsonValue]]) -> None:
    """Cancel what still runs and wait until it has ended."""
    for task in running:
        task.cancel()
    for ended in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(ended, BaseException) and not isinstance(
            ended, (asyncio.CancelledError, Fault, WorkflowEnd, Leaving)
        ):
            raise ended


def compile_fork(task: ForkTask, place: Place) -> Fork:
    """Compile a `fork` task."""
    return Fork(place.steps(task.fork.branches, "fork", "branches"), task.fork.compete)
