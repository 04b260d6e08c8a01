"""JSON in which some strings are expressions: `{line: ${ .line }, limit: 5}`."""

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, cast

from foundation.json import JsonValue, ReadableJson
from workflows.expressions.engine import Expression, compile_expression

EXPRESSION: Final = re.compile(r"\s*\$\{(.*)\}\s*", re.DOTALL)
Variables: TypeAlias = Mapping[str, JsonValue]
_Build: TypeAlias = Callable[[JsonValue, Variables], JsonValue]


def expression_in(text: str) -> str | None:
    """Return the jq text of `${ ... }`, or None when the string is plain."""
    match = EXPRESSION.fullmatch(text)
    return match.group(1).strip() if match else None


class Template:
    """A compiled value.

    Attributes:
        variables: Names of all variables its expressions read.
        constant: True when nothing in it has to be evaluated.
    """

    __slots__ = ("_build", "constant", "expressions")

    def __init__(self, value: ReadableJson, *, bare: bool = False) -> None:
        self.expressions: list[Expression] = []
        self._build = self._compile(value, bare=bare)
        self.constant = not self.expressions

    @property
    def variables(self) -> frozenset[str]:
        """Names of the variables that have to be given."""
        return frozenset().union(*(expression.variables for expression in self.expressions))

    def evaluate(self, value: JsonValue, variables: Variables) -> JsonValue:
        """Build the value.

        Raises:
            ExpressionError: When one of its expressions fails.
        """
        return self._build(value, variables)

    def _compile(self, node: ReadableJson, *, bare: bool) -> _Build:
        if isinstance(node, str):
            source = expression_in(node)
            if source is None and bare:
                source = node
            if source is not None:
                expression = compile_expression(source)
                self.expressions.append(expression)
                return expression.evaluate
        if isinstance(node, dict):
            parts = [(key, self._compile(item, bare=False)) for key, item in node.items()]
            return lambda value, variables: {key: build(value, variables) for key, build in parts}
        if isinstance(node, list):
            items = [self._compile(item, bare=False) for item in node]
            return lambda value, variables: [build(value, variables) for build in items]
        plain = cast(JsonValue, node)
        return lambda _value, _variables: plain


def compile_template(value: ReadableJson, *, bare: bool = False) -> Template:
    """Compile a value; with `bare` a string at its top is an expression even without `${ }`.

    Raises:
        ExpressionSyntaxError: When one of its expressions is not accepted.
    """
    return Template(value, bare=bare)
