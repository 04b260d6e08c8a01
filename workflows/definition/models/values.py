"""Small values that many models use: expressions, durations, endpoints, external resources."""

import re
from typing import Annotated, Final, Self, TypeAlias

from pydantic import AfterValidator, Tag, model_validator

from workflows.definition.findings import Code
from workflows.definition.models.authentication import AuthenticationSpec
from workflows.definition.models.base import OBJECT, TEXT, Given, Model, choice, refusal
from workflows.expressions import expression_in

# As the schema of the language has it: in these places an expression is one line.
EXPRESSION_LINE: Final = re.compile(r"\s*\$\{[^\n\r\u2028\u2029]+\}\s*")


def _expression_line(text: str) -> str:
    if not EXPRESSION_LINE.fullmatch(text) or expression_in(text) is None:
        raise refusal(Code.WRONG_VALUE, "Text here must be one expression on one line: ${ ... }.")
    return text


ExpressionLine: TypeAlias = Annotated[str, AfterValidator(_expression_line)]


class DurationParts(Model):
    """`{hours: 1, minutes: 30}`; the parts add up."""

    days: int = 0
    hours: int = 0
    minutes: int = 0
    seconds: int = 0
    milliseconds: int = 0

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.model_fields_set:
            raise refusal(
                Code.DURATION,
                "A duration needs days, hours, minutes, seconds or milliseconds.",
            )
        return self


# The text is ISO 8601 or an expression; `checks.values` reads it.
DurationSpec: TypeAlias = Annotated[
    Annotated[str, Tag(TEXT)] | Annotated[DurationParts, Tag(OBJECT)],
    choice("a duration such as PT30S, an expression", "an object such as {seconds: 30}"),
]


class TimeoutSpec(Model):
    """How long something may take."""

    after: DurationSpec


# The text names a timeout of `use.timeouts`.
Timeout: TypeAlias = Annotated[
    Annotated[str, Tag(TEXT)] | Annotated[TimeoutSpec, Tag(OBJECT)],
    choice("the name of a timeout in use.timeouts", "an object with 'after'"),
]


class EndpointSpec(Model):
    """Where to call, and how to log in there."""

    uri: str
    authentication: Given[AuthenticationSpec] = None


# The text is a URI, a URI template or an expression; `checks.values` reads it.
Endpoint: TypeAlias = Annotated[
    Annotated[str, Tag(TEXT)] | Annotated[EndpointSpec, Tag(OBJECT)],
    choice("a URI, an expression", "an object with 'uri'"),
]


class ExternalResource(Model):
    """Something to fetch."""

    name: Given[str] = None
    endpoint: Endpoint
