"""Which events are meant: the `with` of a filter, as the door and the run both read it.

A text is compared as it stands, or as a regular expression where it holds more of one than a dot;
an expression sees the value at its place as `.`: what it gives is either the answer (a boolean) or
the value to compare with. Objects are compared member by member; what is not named may be there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from foundation.json import JsonObject, JsonValue, ReadableJson, digest
from workflows.definition.lifecycle import LIFECYCLE, asks_for_lifecycle
from workflows.expressions import (
    Expression,
    ExpressionError,
    Template,
    Version,
    compile_expression,
    compile_template,
    expression_in,
    has_expressions,
    version_named,
)

# A dot alone is part of nearly every type and source, and means itself there.
_REGEX: Final = re.compile(r"[\\*+?\[\](){}|^$]")
_SAME: Final = ". == $wanted"
_LIKE: Final = '. == $wanted or (type == "string" and test("^(?:" + $wanted + ")$"))'

Evaluable: TypeAlias = Expression | Template


class Evaluate(Protocol):
    """Evaluates for whoever asks: a run counts what it costs and adds its own variables."""

    def __call__(
        self, what: Evaluable, value: JsonValue, more: Mapping[str, JsonValue], /
    ) -> JsonValue:
        """Evaluate.

        Raises:
            ExpressionError: When that fails; what it was asked about is then not meant.
        """
        ...


def alone(what: Evaluable, value: JsonValue, more: Mapping[str, JsonValue]) -> JsonValue:
    """Evaluate what needs no variables but the given ones.

    Raises:
        ExpressionError: When that fails.
    """
    return what.evaluate(value, more)


class Pattern(Protocol):
    """What a value has to be like."""

    @property
    def closed(self) -> bool:
        """Whether it can be decided without a run."""
        ...

    def holds(self, actual: JsonValue, evaluate: Evaluate, /) -> bool:
        """Tell whether a value is like this."""
        ...


@dataclass(frozen=True, slots=True)
class Constant:
    """The value itself, or one that a regular expression describes."""

    wanted: JsonValue
    compare: Expression
    closed: bool = True

    def holds(self, actual: JsonValue, evaluate: Evaluate) -> bool:
        try:
            return evaluate(self.compare, actual, {"wanted": self.wanted}) is True
        except ExpressionError:
            return False


@dataclass(frozen=True, slots=True)
class Computed:
    """What an expression says."""

    template: Template
    same: Expression

    @property
    def closed(self) -> bool:
        return not self.template.variables

    def holds(self, actual: JsonValue, evaluate: Evaluate) -> bool:
        try:
            found = evaluate(self.template, actual, {})
            if isinstance(found, bool):
                return found
            return evaluate(self.same, actual, {"wanted": found}) is True
        except ExpressionError:
            return False


@dataclass(frozen=True, slots=True)
class Members:
    """Each of these members, and perhaps others."""

    members: Mapping[str, Pattern]

    @property
    def closed(self) -> bool:
        return all(each.closed for each in self.members.values())

    def holds(self, actual: JsonValue, evaluate: Evaluate) -> bool:
        return isinstance(actual, dict) and all(
            name in actual and each.holds(actual[name], evaluate)
            for name, each in self.members.items()
        )


def compile_members(given: Mapping[str, ReadableJson], version: Version) -> Members:
    """Compile the `with` of a filter."""
    return Members({name: _compiled(value, version) for name, value in given.items()})


def _compiled(value: ReadableJson, version: Version) -> Pattern:
    if isinstance(value, Mapping):
        return compile_members(value, version)
    same = compile_expression(_SAME, version)
    template = compile_template(value, version=version)
    if not template.constant:
        return Computed(template, same)
    is_pattern = isinstance(value, str) and is_regex(value)
    plain: JsonValue = template.evaluate(None, {})
    return Constant(plain, compile_expression(_LIKE, version) if is_pattern else same)


def is_regex(text: str) -> bool:
    """Tell whether a text is read as a regular expression."""
    return not has_expressions(text) and _REGEX.search(text) is not None


class Shape:
    """What of a filter can be decided before a run is woken; many runs share one.

    Attributes:
        written: It as JSON: `with`, `from` (expressions that extract what correlates), `version`.
        digest: Identifies it.
        type: The only type of event that is meant, if there is only one.
    """

    def __init__(self, written: JsonObject) -> None:
        version = version_named(str(written["version"]))
        given, extracts = written["with"], written["from"]
        if not isinstance(given, dict) or not isinstance(extracts, list):
            raise TypeError("A shape has 'with' and 'from'.")
        self.written = written
        self.digest = digest(written)
        self.type = sole_type(given)
        self._asks_for_lifecycle = asks_for_lifecycle(given)
        self._members = compile_members(given, version)
        self._extracts = [compile_expression(str(each), version) for each in extracts]

    def key(self, event: JsonObject) -> str | None:
        """Return what the runs that wait for this event wait with; None when it is not meant."""
        if str(event["type"]).startswith(LIFECYCLE) and not self._asks_for_lifecycle:
            return None
        if not self._members.holds(event, alone):
            return None
        try:
            return key_of([each.evaluate(event, {}) for each in self._extracts])
        except ExpressionError:
            return None


def sole_type(given: Mapping[str, JsonValue]) -> str | None:
    """Return the one type of event that a `with` lets through, or None for several."""
    type_ = given.get("type")
    is_plain = isinstance(type_, str) and not has_expressions(type_) and not is_regex(type_)
    return str(type_) if is_plain else None


def key_of(values: list[JsonValue]) -> str:
    """Return one key for what correlates an event with a run."""
    # jq knows one kind of number: 1 and 1.0 correlate.
    return digest([_plain(value) for value in values])


def _plain(value: JsonValue) -> JsonValue:
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {name: _plain(item) for name, item in value.items()}
        case _:
            return value


def expression_of(text: str) -> str:
    """Return the jq text of a field that is an expression with or without `${ }`."""
    inside = expression_in(text)
    return text if inside is None else inside
