"""`fork`: branches at the same time. All of them, or (`compete`) the first that succeeds."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

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
            return Outcome(_first(done, faults, frame.state.get("failed_at", {})))
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
        control, branches = frame.run.control, _Pending(running)
        leaving, counted = False, len(running)
        try:
            while branches.pending and not (self.compete and done):
                ended = await branches.ended()
                for task in ended:
                    try:
                        done[running[task]] = task.result()
                    except Leaving:
                        leaving = True
                    except Fault as fault:
                        if not self.compete:
                            raise
                        faults[running[task]] = fault.error
                        failed_at = frame.state.setdefault("failed_at", {})
                        failed_at[running[task]] = fault.execution
                if branches.pending:
                    counted -= len(ended)
                    control.ended(len(ended))
            if leaving and not (self.compete and done):
                raise Leaving
        except (Fault, WorkflowEnd):
            control.forget(f"{frame.path}/")
            raise
        finally:
            control.joined(counted)


class _Pending:
    """Branches that have not ended.

    What `workflow.wait` does, at the same moments, but it would look into every branch each time
    one of them ends.

    Attributes:
        pending: In the order of their numbers.
    """

    def __init__(self, branches: Iterable["asyncio.Task[JsonValue]"]) -> None:
        self.pending = dict.fromkeys(branches)
        self._waiter: asyncio.Future[None] | None = None
        for branch in self.pending:
            branch.add_done_callback(self._wake)

    def _wake(self, branch: "asyncio.Task[JsonValue]") -> None:
        # Who waits has seen some of those that ended at the same time.
        waiter = self._waiter if branch in self.pending else None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def ended(self) -> Sequence["asyncio.Task[JsonValue]"]:
        """Wait until some end; return them."""
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter
        ended = [branch for branch in self.pending if branch.done()]
        for branch in ended:
            del self.pending[branch]
        return ended


def _first(
    done: Mapping[str, JsonValue],
    faults: Mapping[str, JsonObject],
    failed_at: Mapping[str, str | None],
) -> JsonValue:
    """Return what the first branch that succeeded gave; one that faults only drops out.

    Args:
        failed_at: Where branches did; not there in what older workers left.

    Raises:
        Fault: The first one, when no branch succeeded.
    """
    if done:
        return next(iter(done.values()))
    number, error = next(iter(faults.items()))
    raise Fault(error, execution=failed_at.get(number))


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
