"""How the request of a call is made: most of it here, what reads a secret only in the activity."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from pydantic import ValidationError

from activities.requests import Request, Sealed, SealedField
from foundation.json import JsonObject, JsonValue
from workflows.expressions import SECRET, Template
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame

R = TypeVar("R", bound=Request)

_SHOWN_PROBLEMS: Final = 3


class Part(Protocol):
    """What computes one field of a request."""

    @property
    def variables(self) -> frozenset[str]:
        """What it reads as `$name`."""
        ...

    @property
    def secret(self) -> bool:
        """Whether a secret flows into it."""
        ...

    @property
    def version(self) -> str:
        """What its expressions mean."""
        ...

    def computed(self, value: JsonValue, frame: Frame, /) -> JsonValue:
        """Compute the field.

        Raises:
            Fault: When that fails.
        """
        ...

    def sealed(self, value: JsonValue, frame: Frame, /) -> SealedField:
        """Write down what the activity has to compute.

        Raises:
            Fault: When that fails.
        """
        ...


@dataclass(frozen=True, slots=True)
class Value:
    """A field that is one template."""

    template: Template

    @property
    def variables(self) -> frozenset[str]:
        return self.template.variables

    @property
    def secret(self) -> bool:
        return self.template.secret

    @property
    def version(self) -> str:
        return self.template.version.name

    def computed(self, value: JsonValue, frame: Frame) -> JsonValue:
        return frame.evaluate(self.template, value)

    def sealed(self, _value: JsonValue, _frame: Frame) -> SealedField:
        source: Any = self.template.source
        return SealedField(template=source, bare=self.template.bare)


class Blueprint(Generic[R]):
    """The request of one call task, compiled.

    Args:
        model: What the activity takes.
        secrets: Names of the secrets that the definition declares.
        parts: What computes the fields that the author wrote; None where there is nothing.
    """

    def __init__(
        self, model: type[R], secrets: tuple[str, ...], parts: Mapping[str, Part | None]
    ) -> None:
        fixed = {
            name: part.template.source
            for name, part in parts.items()
            if isinstance(part, Value) and part.template.constant
        }
        present = {
            name: part for name, part in parts.items() if part is not None and name not in fixed
        }
        self._model = model
        self._secrets = secrets
        # What is written without an expression is the same every time, null means left out.
        self._fixed = {name: value for name, value in fixed.items() if value is not None}
        self._open = {name: part for name, part in present.items() if not part.secret}
        self._sealed = {name: part for name, part in present.items() if part.secret}
        self._variables = frozenset[str]().union(
            *(part.variables for part in self._sealed.values())
        )

    def request(self, value: JsonValue, frame: Frame, **fixed: object) -> R:
        """Make the request of one execution.

        Args:
            fixed: Fields that do not come from the author's expressions.

        Raises:
            Fault: When an expression fails or gives what the call cannot take.
        """
        computed = {
            name: found
            for name, part in self._open.items()
            if (found := part.computed(value, frame)) is not None
        }
        given = {
            "tenant_id": frame.run.tenant_id,
            **fixed,
            **self._fixed,
            **computed,
        }
        if self._sealed:
            given["sealed"] = self._seal(value, frame)
        try:
            return self._model.model_validate(given)
        except ValidationError as error:
            raise Fault.of(
                "validation", f"The call '{frame.step.kind}' cannot be made", _told(error)
            ) from None

    def _seal(self, value: JsonValue, frame: Frame) -> Sealed:
        arguments: JsonObject = {
            name: frame.arguments[name]
            for name in sorted(self._variables - SECRET)
            if name in frame.arguments
        }
        return Sealed(
            fields={name: part.sealed(value, frame) for name, part in self._sealed.items()},
            secrets=self._secrets,
            version=next(iter(self._sealed.values())).version,
            value=value,
            arguments=arguments,
        )


def _told(error: ValidationError) -> str:
    problems = [
        f"'{'.'.join(map(str, each['loc']))}': {each['msg']}"
        for each in error.errors(include_input=False, include_url=False)
    ]
    more = "" if len(problems) <= _SHOWN_PROBLEMS else f" (and {len(problems) - _SHOWN_PROBLEMS})"
    return "; ".join(problems[:_SHOWN_PROBLEMS]) + more
