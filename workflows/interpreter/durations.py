"""A duration in a definition: fixed, or computed while the task runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from foundation.json import JsonValue
from workflows.definition import duration_seconds
from workflows.expressions import Template
from workflows.interpreter.faults import Fault

if TYPE_CHECKING:
    from workflows.interpreter.run import Frame


@dataclass(frozen=True, slots=True)
class Delay:
    """Seconds, known now or from an expression.

    Attributes:
        more_s: Added to either.
    """

    fixed: float | None
    template: Template | None
    more_s: float = 0.0

    @classmethod
    def of(cls, spec: Any, compile_value: Callable[[Any], Template]) -> "Delay":
        """Compile a `duration` of the language: an object, ISO 8601, or `${ }`."""
        value = (
            spec.model_dump(exclude_none=True, by_alias=True) if not isinstance(spec, str) else spec
        )
        template = compile_value(value)
        if template.constant:
            return cls(duration_seconds(value), None)
        return cls(None, template)

    def seconds(self, value: JsonValue, frame: "Frame") -> float:
        """Return the seconds.

        Raises:
            Fault: When the expression fails or gives no duration.
        """
        if self.fixed is not None:
            return self.fixed + self.more_s
        assert self.template is not None  # noqa: S101 - one of the two is set
        found = frame.evaluate(self.template, value)
        try:
            return duration_seconds(found) + self.more_s
        except ValueError as error:
            raise Fault.of("expression", "The expression gives no duration", str(error)) from error
