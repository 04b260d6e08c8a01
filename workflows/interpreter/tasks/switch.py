"""`switch`: choose where to go next. The value passes through."""

from collections.abc import Sequence
from dataclasses import dataclass

from foundation.json import JsonValue
from workflows.definition import SwitchTask
from workflows.expressions import Expression
from workflows.interpreter.compiling import Place
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome


@dataclass(frozen=True, slots=True)
class Switch:
    """Take the first case that holds, else the default, else the task's own `then`."""

    cases: Sequence[tuple[Expression, str]]
    default: str | None

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        for condition, then in self.cases:
            await frame.run.rest()
            if frame.holds(condition, value):
                return Outcome(value, then)
        return Outcome(value, self.default)


def compile_switch(task: SwitchTask, place: Place) -> Switch:
    """Compile a `switch` task; a case without `when` is the default wherever it stands."""
    cases = [
        (place.condition(case.when), case.then) for case in task.switch if case.when is not None
    ]
    default = next((case.then for case in task.switch if case.when is None), None)
    return Switch(cases, default)
