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
        state = frame.state
        if "items" not in state:
            state.update(items=self._items(value, frame), turn=0, value=value, inside=False)
        items: list[JsonValue] = state["items"]
        while (turn := state["turn"]) < len(items):
            names: dict[str, JsonValue] = {self.each: items[turn], self.at: turn}
            await frame.run.rest()
            if not state["inside"] and not self._goes_on(state["value"], frame, names):
                break
            state["inside"] = True
            scope = frame.inside(turn=turn, variables=names)
            state["value"] = await run_steps(self.steps, state["value"], scope)
            state.update(turn=turn + 1, inside=False)
        output: JsonValue = state["value"]
        return Outcome(output)

    def _items(self, value: JsonValue, frame: Frame) -> list[JsonValue]:
        items = frame.evaluate(self.items, value)
        if not isinstance(items, list):
            raise Fault.of(
                "expression",
                "'for.in' gives no array",
                f"It gives {_kind(items)}: nothing to loop over.",
            )
        return items

    def _goes_on(self, value: JsonValue, frame: Frame, names: dict[str, JsonValue]) -> bool:
        return self.condition is None or frame.holds(self.condition, value, names)


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
