"""`fork`: branches at the same time. All of them, or (`compete`) the first that succeeds."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from temporalio import workflow

from foundation.json import JsonValue
from workflows.definition import ForkTask
from workflows.interpreter.compiling import Place
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome, Step, WorkflowEnd, run_steps


@dataclass(frozen=True, slots=True)
class Fork:
    """Run branches concurrently; none goes on after this task has ended."""

    branches: Sequence[Step]
    compete: bool

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        running = [
            asyncio.create_task(run_steps([branch], value, frame.scope)) for branch in self.branches
        ]
        try:
            if self.compete:
                return Outcome(await _first(running))
            return Outcome(list(await asyncio.gather(*running)))
        finally:
            await _stop(running)


async def _first(running: Sequence[asyncio.Task[JsonValue]]) -> JsonValue:
    """Return the first success; a branch that faults only drops out.

    Raises:
        Fault: The first one, when no branch succeeds.
    """
    pending = list(running)
    faults: list[Fault] = []
    while pending:
        done, pending = await workflow.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            error = task.exception()
            if error is None:
                return task.result()
            if not isinstance(error, Fault):
                raise error
            faults.append(error)
    raise faults[0]


async def _stop(running: Sequence[asyncio.Task[JsonValue]]) -> None:
    """Cancel what still runs and wait until it has ended."""
    for task in running:
        task.cancel()
    for ended in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(ended, BaseException) and not isinstance(
            ended, (asyncio.CancelledError, Fault, WorkflowEnd)
        ):
            raise ended


def compile_fork(task: ForkTask, place: Place) -> Fork:
    """Compile a `fork` task."""
    return Fork(place.steps(task.fork.branches, "fork", "branches"), task.fork.compete)
