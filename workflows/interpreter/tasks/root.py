"""The workflow itself, seen as the outermost task: its `do`, and what `end` ends."""

from collections.abc import Sequence
from dataclasses import dataclass

from foundation.json import JsonValue
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome, Step, WorkflowEnd, run_steps


@dataclass(frozen=True, slots=True)
class Root:
    """Start with the input as context, run the tasks in order."""

    steps: Sequence[Step]

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        if not frame.resumed:
            frame.run.context = value
        try:
            return Outcome(await run_steps(self.steps, value, frame.inside()))
        except WorkflowEnd as end:
            return Outcome(end.output)
