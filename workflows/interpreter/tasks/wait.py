"""`wait`: a durable timer. It costs nothing while it waits and survives every restart."""

from dataclasses import dataclass

from temporalio import workflow

from foundation.json import JsonValue
from workflows.definition import WaitTask
from workflows.interpreter.compiling import Place
from workflows.interpreter.durations import Delay
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome


@dataclass(frozen=True, slots=True)
class Wait:
    """Sleep, then pass the value on."""

    delay: Delay

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        seconds = self.delay.seconds(value, frame)
        until = frame.state.setdefault("until", workflow.time() + seconds)
        with frame.waits("timer", until):
            await frame.sleep(seconds)
        return Outcome(value)


def compile_wait(task: WaitTask, place: Place) -> Wait:
    """Compile a `wait` task."""
    return Wait(place.delay(task.wait))
