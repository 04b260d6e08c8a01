"""JSON in which texts hold expressions: `{line: ${ .line }, title: "Line ${ .line }, ${ .part }"}`.

A text that is one `${ ... }`, with or without white space around it, becomes the value, of whatever
type. In any other text each `${ ... }` is replaced by its value, spelled as jq's `tostring` spells
it, so null is "null". A literal `${` is written `${ "${" }`. Names of members are never evaluated.
"""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias, cast

from foundation.json import JsonValue, ReadableJson
from workflows.expressions.analysis import SECRET
from workflows.expressions.errors import ExpressionSyntaxError, OutOfFuelError, TooLargeError
from workflows.expressions.expression import (
    Expression,
    compile_expression,
    fuel_spent,
    pointed_at,
    weigh,
)
from workflows.expressions.meter import MAX_TEXT
from workflows.expressions.syntax.lexer import Problem, end_of_program
from workflows.expressions.versions import CURRENT, Version

Variables: TypeAlias = Mapping[str, JsonValue]
_Build: TypeAlias = Callable[[JsonValue, Variables], JsonValue]

OPENING: Final = "${"
_PLAIN: Final = re.compile(r"\$\{[^{}()\[\]\"#]*\}")


class Embedded(NamedTuple):
    """One `${ ... }` in a text.

    Attributes:
        start: Offset of its `$`.
        end: Offset behind its `}`.
        source: The jq text inside, without white space around it.
    """

    start: int
    end: int
    source: str


def expression_in(text: str) -> str | None:
    """Return the jq text when the whole text is one `${ ... }`, else None."""
    whole = text.strip()
    if not whole.startswith(OPENING):
        return None
    if _PLAIN.fullmatch(whole):
        # Nothing in it can hide a brace: most are so, and need not be read twice.
        return whole[len(OPENING) : -1].strip()
    try:
        end = end_of_program(whole, len(OPENING))
    except Problem:
        # Where it ends cannot be told, so the whole is what was meant; compiling it says why not.
        end = whole.rfind("}")
    return whole[len(OPENING) : end].strip() if end == len(whole) - 1 else None


def has_expressions(text: str) -> bool:
    """Tell whether something in a text has to be evaluated."""
    return OPENING in text


def embedded_in(text: str) -> Iterator[Embedded]:
    """Go through every `${ ... }` in a text.

    Raises:
        ExpressionSyntaxError: When one has no end, or holds something that begins no jq.
    """
    start = text.find(OPENING)
    while start >= 0:
        found = _embedded(text, start)
        yield found
        start = text.find(OPENING, found.end)


def _embedded(text: str, start: int) -> Embedded:
    inside = start + len(OPENING)
    try:
        end = end_of_program(text, inside)
    except Problem as problem:
        shown = pointed_at(text, problem.start, problem.end)
        raise ExpressionSyntaxError(f"{problem.message}.\n{shown}") from None
    if end < 0:
        message = "'${' has no '}' that ends it. For '${' as text write ${ \"${\" }."
        raise ExpressionSyntaxError(f"{message}\n{pointed_at(text, start, inside)}")
    return Embedded(start, end + 1, text[inside:end].strip())


def pieces_of(text: str) -> Iterator[str | Embedded]:
    """Cut a text into what stands between its expressions and the expressions.

    Raises:
        ExpressionSyntaxError: As `embedded_in`.
    """
    done = 0
    for found in embedded_in(text):
        if found.start > done:
            yield text[done : found.start]
        yield found
        done = found.end
    if done < len(text):
        yield text[done:]


class _Limits(threading.local):
    """How far the template that this thread builds may go; see `fuel_spent`."""

    stop = 0


_LIMITS: Final = _Limits()


class Template:
    """A compiled value.

    Attributes:
        expressions: Everything in it that is evaluated.
        constant: True when that is nothing.
        source: The value as it was written.
        bare: A text at its top is an expression even without `${ }`.
        version: What its expressions mean.
    """

    __slots__ = ("_budget", "_build", "bare", "constant", "expressions", "source", "version")

    def __init__(
        self, value: ReadableJson, *, bare: bool = False, version: Version = CURRENT
    ) -> None:
        self.source = value
        self.bare = bare
        self.version = version
        # A template is built without a pause, so all that is in it shares the budget of one.
        whole = isinstance(value, str) and (bare or expression_in(value) is not None)
        self._budget = None if whole or _openings(value) == 0 else version.fuel
        self.expressions: list[Expression] = []
        self._build = self._compile(value, bare=bare)
        self.constant = not self.expressions

    @property
    def variables(self) -> frozenset[str]:
        """Names of the variables that have to be given."""
        return frozenset().union(*(expression.variables for expression in self.expressions))

    @property
    def secret(self) -> bool:
        """Whether a secret flows into it."""
        return not SECRET.isdisjoint(self.variables)

    def evaluate(self, value: JsonValue, variables: Variables) -> JsonValue:
        """Build the value.

        Raises:
            ExpressionError: When one of its expressions fails.
        """
        if self._budget is None:
            return self._build(value, variables)
        _LIMITS.stop = fuel_spent() + self._budget
        built = self._build(value, variables)
        # Each part is within the bounds; together they may not be.
        weigh(built, _LIMITS.stop - fuel_spent())
        return built

    def _compile(self, node: ReadableJson, *, bare: bool) -> _Build:
        if isinstance(node, str):
            source = expression_in(node)
            if source is None and bare:
                source = node
            if source is not None:
                return self._evaluation(source)
            if has_expressions(node):
                return self._text(node)
        if isinstance(node, dict):
            parts = [(key, self._compile(item, bare=False)) for key, item in node.items()]
            return lambda value, variables: {key: build(value, variables) for key, build in parts}
        if isinstance(node, list):
            items = [self._compile(item, bare=False) for item in node]
            return lambda value, variables: [build(value, variables) for build in items]
        plain = cast(JsonValue, node)
        return lambda _value, _variables: plain

    def _evaluation(self, source: str) -> _Build:
        expression = compile_expression(source, self.version)
        self.expressions.append(expression)
        if self._budget is None:
            return expression.evaluate

        def evaluate(value: JsonValue, variables: Variables) -> JsonValue:
            try:
                return expression.evaluate(value, variables, _LIMITS.stop - fuel_spent())
            except OutOfFuelError:
                message = (
                    f"The expressions of one value together take more than {self._budget:,} "
                    f"steps. The last one was: {expression.source[:100]}"
                )
                raise OutOfFuelError(message) from None

        return evaluate

    def _text(self, text: str) -> _Build:
        parts = [
            piece if isinstance(piece, str) else self._evaluation(piece.source)
            for piece in pieces_of(text)
        ]
        spell = compile_expression("tostring", self.version).evaluate

        def spelled(found: JsonValue) -> str:
            left = _LIMITS.stop - fuel_spent()
            return found if isinstance(found, str) else cast(str, spell(found, {}, left))

        def build(value: JsonValue, variables: Variables) -> JsonValue:
            texts = [
                part if isinstance(part, str) else spelled(part(value, variables)) for part in parts
            ]
            length = sum(map(len, texts))
            if length > MAX_TEXT:
                message = f"A text of {length:,} characters; {MAX_TEXT:,} are allowed: {text[:100]}"
                raise TooLargeError(message)
            return "".join(texts)

        return build


def compile_template(
    value: ReadableJson, *, bare: bool = False, version: Version = CURRENT
) -> Template:
    """Compile a value; with `bare` a text at its top is an expression even without `${ }`.

    Raises:
        ExpressionSyntaxError: When one of its expressions is not accepted.
    """
    return Template(value, bare=bare, version=version)


def _openings(value: ReadableJson) -> int:
    """Count the places where an expression may begin."""
    count = 0
    pending = [value]
    while pending:
        match pending.pop():
            case str() as text:
                count += text.count(OPENING)
            case dict() as members:
                pending.extend(members.values())
            case list() as items:
                pending.extend(items)
            case _:
                pass  # a number, true, false or null
    return count
