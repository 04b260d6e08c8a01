"""`set`: build a value."""

from dataclasses import dataclass

from foundation.json import JsonValue
from workflows.definition import SetTask
from workflows.expressions import Template
from workflows.interpreter.compiling import Place
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome


@dataclass(frozen=True, slots=True)
class Set:
    """Give the built value as output."""

    value: Template

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        return Outcome(frame.evaluate(self.value, value))


def compile_set(task: SetTask, place: Place) -> Set:
    """Compile a `set` task."""
    return Set(place.template(task.set))
