"""`call: <name>`: a function declared in `use.functions`, run as part of the calling task."""

from dataclasses import dataclass, replace

from foundation.json import JsonValue
from workflows.definition import CallFunction
from workflows.expressions import Template
from workflows.interpreter.compiling import Place
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Body, Outcome, Step, run_step
from workflows.interpreter.tasks.call.mcp_tool import compile_mcp_tool


@dataclass(frozen=True, slots=True)
class Function:
    """The arguments are the function's input; of the caller's variables it sees none."""

    arguments: Template
    step: Step

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        arguments = frame.evaluate(self.arguments, value)
        scope = replace(frame.inside(), variables={})
        return Outcome((await run_step(self.step, arguments, scope)).output)


def compile_function(task: CallFunction, place: Place) -> Body:
    """Compile the call of a declared function, or of one of our catalogue."""
    step = place.function(task.call)
    if step is None:
        return compile_mcp_tool(task, place)
    return Function(place.template(task.with_ or {}), step)
