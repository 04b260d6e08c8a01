"""What a task does with each of many things that arrive: events, messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from foundation.json import JsonValue
from workflows.definition import SubscriptionIterator
from workflows.interpreter.compiling import Place, schema_of
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Filter, Step, run_steps

# With what is not processed yet, it has to fit into the input of the next run.
MAX_OUTPUT_BYTES: Final = 400_000


@dataclass(frozen=True, slots=True)
class Each:
    """Tasks, then what becomes of their output.

    Attributes:
        place: Where they stand below the task.
    """

    item: str
    at: str
    steps: Sequence[Step]
    output: Filter
    export: Filter | None
    place: str

    async def execute(self, thing: JsonValue, index: int, frame: Frame) -> JsonValue:
        """Return what it adds to the output of the task."""
        scope = frame.inside(turn=index, variables={self.item: thing, self.at: index})
        result = await run_steps(self.steps, thing, scope, f"{self.place}/do")
        turn = Frame(frame.step, thing, scope)
        for name in ("input", "task"):
            turn.arguments[name] = frame.arguments[name]
        output = self.output.apply(result, turn, "output")
        if self.export is not None:
            turn.arguments["output"] = output
            frame.run.context = self.export.apply(output, turn, "exported context")
        return output


def within_bounds(size: int) -> int:
    """Check how large the outputs of all of them are.

    Raises:
        Fault: Of the type `validation`.
    """
    if size > MAX_OUTPUT_BYTES:
        raise Fault.of(
            "validation",
            "What was consumed is too large",
            f"The outputs take {size:,} bytes; {MAX_OUTPUT_BYTES:,} are allowed. Keep only what "
            "is needed of each with 'foreach.output.as', for example '${ null }'.",
        )
    return size


def compile_each(given: SubscriptionIterator, place: Place, *path: str) -> Each:
    """Compile the `foreach` that stands at `path` below a task."""
    return Each(
        item=given.item,
        at=given.at,
        steps=place.steps(given.do, *path, "do") if given.do is not None else (),
        output=Filter(
            place.shape(given.output.as_ if given.output else None), schema_of(given.output)
        ),
        export=(
            Filter(place.shape(given.export.as_), schema_of(given.export)) if given.export else None
        ),
        place="/".join(path),
    )
