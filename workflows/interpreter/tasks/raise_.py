"""`raise`: fault on purpose."""

from dataclasses import dataclass
from typing import Final

from temporalio import workflow

from foundation.json import JsonValue
from workflows.definition import RaiseTask
from workflows.expressions import Template
from workflows.interpreter.compiling import Place, dumped
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome

# What raised an error without a type before that was a fault goes on with it.
_TYPED: Final = "raised-errors-have-a-type"


@dataclass(frozen=True, slots=True)
class Raise:
    """Raise the error, its texts filled in."""

    error: Template

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        error = frame.evaluate(self.error, value)
        if not isinstance(error, dict):
            raise Fault.of("configuration", "The error is no object")
        if not isinstance(error.get("type"), str) and workflow.patched(_TYPED):
            detail = "The 'type' of an error must be a text; its expression gave none."
            raise Fault.of("expression", "The error cannot be raised", detail)
        raise Fault(error)


def compile_raise(task: RaiseTask, place: Place) -> Raise:
    """Compile a `raise` task; a name refers to `use.errors`."""
    error = task.raise_.error
    if isinstance(error, str):
        error = place.used("errors", error)
    return Raise(place.template(dumped(error)))
