"""Base of what the functions of the default catalogue take."""

from typing import Annotated, ClassVar, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, ValidatorFunctionWrapHandler, WrapValidator

from workflows.definition.findings import Path
from workflows.definition.models.base import wire_name
from workflows.expressions import expression_in, has_expressions

T = TypeVar("T")


def is_expression(value: object) -> bool:
    """Tell whether a value is known only when the task runs."""
    return isinstance(value, str) and expression_in(value) is not None


def has_computed(value: object) -> bool:
    """Tell whether something in a value is known only when the task runs."""
    match value:
        case str():
            return has_expressions(value)
        case dict():
            return any(map(has_computed, value.values()))
        case list():
            return any(map(has_computed, value))
        case _:
            return False


def _or_expression(value: object, judge: ValidatorFunctionWrapHandler) -> object:
    return value if is_expression(value) else judge(value)


# One expression can stand for it; whoever evaluates that has to judge what it gives. Expressions
# can stand in texts and in the author's own data anyway, and nowhere else.
Computed: TypeAlias = Annotated[T, WrapValidator(_or_expression)]


class Arguments(BaseModel):
    """What is written out is judged when it is published.

    Attributes:
        SECRETS: Where secrets stand, which nobody is to write out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, alias_generator=wire_name)

    SECRETS: ClassVar[tuple[Path, ...]] = ()
