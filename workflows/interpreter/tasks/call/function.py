"""`call: <name>`: a function declared in `use.functions`, run as part of the calling task."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from foundation.json import JsonValue
from workflows.definition import CallFunction
from workflows.expressions import Template
from workflows.interpreter.compiling import Place
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Body, Outcome, Step, run_step
from workflows.interpreter.tasks.call.approval import compile_approval
from workflows.interpreter.tasks.call.mcp_tool import compile_mcp_tool
from workflows.interpreter.tasks.call.notify import compile_notify

# By the name in our catalogue.
_CATALOG: Final[Mapping[str, Callable[[CallFunction, Place], Body]]] = {
    "approval": compile_approval,
    "mcp.tool": compile_mcp_tool,
    "notify": compile_notify,
}


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
        return _CATALOG[task.call](task, place)
    return Function(place.template(task.with_ or {}), step)
