"""What can go wrong with an expression: two trees, one for authors and one inside an evaluation.

    ExpressionSyntaxError(ValueError)    the text is not accepted; found when it is published
      UnknownFunctionError               it calls what is not there, or has no place in a workflow
    ExpressionError                      an evaluation failed
      OutOfFuelError                     it takes more steps than it may
      TooLargeError                      it builds more, or deeper, than it may

Inside, `JqError` is what `try` catches; `Break` leaves a `label`; `Stop` ends the evaluation
whatever the program says, so that no `try` can outlive its budget.
"""

import re
from typing import Any, Final, TypeAlias

from typing_extensions import override

from workflows.expressions.printing import described, masked, short_dump

# What flows through a program: None, bool, int, float, str, list, dict; never changed in place.
Value: TypeAlias = Any
Span: TypeAlias = tuple[int, int]


class ExpressionSyntaxError(ValueError):
    """The text is not an expression we accept; the message says why, with a caret."""


class UnknownFunctionError(ExpressionSyntaxError):
    """It calls a function that jq does not have, or that has no place in a workflow."""


class ExpressionError(Exception):
    """An evaluation failed: a wrong type, an unknown variable, an error raised by the program.

    Attributes:
        value: What the program's own `catch` would have seen; None where there is no such thing.
            It may contain data: never show it.
    """

    value: Value = None


class OutOfFuelError(ExpressionError):
    """An evaluation takes more steps than it may."""


class TooLargeError(ExpressionError):
    """An evaluation builds a value that is larger or deeper than it may be."""


# How jq itself quotes values in its messages.
_QUOTED: Final = re.compile(
    r"((?:string|array|object|number) \(|Regex failure: [^<{]*[<{]).*([)>}])", re.DOTALL
)


class JqError(Exception):
    """An error that the program itself can catch.

    Attributes:
        value: What `catch` sees.
        span: Where in the source it happened, once that is known.
        hint: Which key was missing, when the culprit is null.
        raised: The program raised it itself with `error`; its text is the author's.
    """

    __slots__ = ("_value", "hint", "raised", "span")

    def __init__(self, value: Value = None, *, raised: bool = False) -> None:
        super().__init__()
        self._value = value
        self.span: Span | None = None
        self.hint: str | None = None
        self.raised = raised

    @property
    def value(self) -> Value:
        """What `catch` sees."""
        return self._value

    @property
    def operands(self) -> tuple[Value, ...]:
        """The values it complains of."""
        return ()

    def told(self) -> str:
        """Say it in words for a person. What the author wrote as a text is told as it is."""
        value = self.value
        if type(value) is not str:
            return f"The program failed with {masked(value)}"
        # An author may pass on what jq said; and patterns may be made of data.
        return _QUOTED.sub(r"\1...\2", value)


class Break(Exception):  # noqa: N818 - control flow
    """Leave the `label` that was entered with this token."""

    __slots__ = ("token",)

    def __init__(self, token: object) -> None:
        super().__init__()
        self.token = token


class Stop(Exception):  # noqa: N818 - control flow
    """The budget is used up. Not to be caught by any `try` of the program."""


class NoFuel(Stop):
    """No steps are left."""


class Undefined(Stop):
    """A variable from outside was not given; the text is its name."""


class TooBig(Stop):
    """A value has grown over the bound; the text says which."""


class OperandError(JqError):
    """An operation does not take these values. The words are made only when somebody reads them.

    Args:
        template: The message; `{}` stands for each operand, kind and content.
    """

    __slots__ = ("_operands", "template")

    def __init__(self, template: str, *operands: Value) -> None:
        super().__init__()
        self.template = template
        self._operands = operands

    @property
    @override
    def value(self) -> Value:
        """What `catch` sees: jq's own wording."""
        return self.template.format(*map(described, self._operands))

    @property
    @override
    def operands(self) -> tuple[Value, ...]:
        """The values it complains of."""
        return self._operands

    @override
    def told(self) -> str:
        """Say it in words for a person, without the content of the values."""
        return self.template.format(*map(masked, self._operands))


class ResultError(OperandError):
    """Like its parent, but for templates that name the kinds: only contents are filled in."""

    __slots__ = ()

    @property
    @override
    def value(self) -> Value:
        """What `catch` sees: jq's own wording."""
        return self.template.format(*map(short_dump, self.operands))
