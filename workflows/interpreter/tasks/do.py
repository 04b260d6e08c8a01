"""`do`: a list of tasks as one task."""

from collections.abc import Sequence
from dataclasses import dataclass

from foundation.json import JsonValue
from workflows.definition import DoTask
from workflows.interpreter.compiling import Place
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome, Step, run_steps


@dataclass(frozen=True, slots=True)
class Do:
    """Run the tasks in order."""

    steps: Sequence[Step]

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        return Outcome(await run_steps(self.steps, value, frame.inside()))


def compile_do(task: DoTask, place: Place) -> Do:
    """Compile a `do` task."""
    return Do(place.steps(task.do, "do"))
