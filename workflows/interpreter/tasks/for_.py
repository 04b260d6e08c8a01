"""`for`: run a list of tasks once per item, each turn starting from the last one's output."""

from collections.abc import Sequence
from dataclasses import dataclass

from foundation.json import JsonValue
from workflows.definition import ForTask
from workflows.expressions import Expression, Template
from workflows.interpreter.compiling import Place
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome, Step, run_steps


@dataclass(frozen=True, slots=True)
class For:
    """Loop over a list."""

    items: Template
    each: str
    at: str
    condition: Expression | None
    steps: Sequence[Step]

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        items = frame.evaluate(self.items, value)
        if not isinstance(items, list):
            raise Fault.of(
                "expression",
                "'for.in' gives no array",
                f"It gives {_kind(items)}: nothing to loop over.",
            )
        for index, item in enumerate(items):
            names: dict[str, JsonValue] = {self.each: item, self.at: index}
            await frame.run.rest()
            if self.condition is not None and not frame.holds(self.condition, value, names):
                break
            value = await run_steps(self.steps, value, frame.scope.turn(index, names))
        return Outcome(value)


def _kind(value: JsonValue) -> str:
    match value:
        case None:
            return "null"
        case dict():
            return "an object"
        case str():
            return "a text"
        case _:
            return "a number or boolean"


def compile_for(task: ForTask, place: Place) -> For:
    """Compile a `for` task."""
    return For(
        items=place.template(task.for_.in_, bare=True),
        each=task.for_.each,
        at=task.for_.at,
        condition=place.condition(task.while_) if task.while_ else None,
        steps=place.steps(task.do, "do"),
    )
