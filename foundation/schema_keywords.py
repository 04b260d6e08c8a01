"""What the keywords of one subschema cost per spot of a value, in units of about 10 ns.

Measured with jsonschema-rs 0.60. Most keywords are one unit; a few cost thousands of times as much,
and with those a short schema and an ordinary answer could hold up an event loop for minutes.
"""

from collections.abc import Iterable
from typing import Final

from foundation.json import JsonObject, JsonValue

_FREE: Final = frozenset(
    {
        "$comment", "$defs", "$id", "$schema", "default", "definitions", "deprecated",
        "description", "examples", "format", "readOnly", "title", "writeOnly",
    }
)  # fmt: skip
# Texts among texts are looked up, like whole numbers; all else is compared one by one.
_LOOKED_UP: Final = 3
_TEXT: Final = 2
_NUMBER: Final = 40
# Compared exactly, as fractions.
_FRACTION: Final = 300
# More than a schema may cost whose values need not be measured.
_PART: Final = 60
_MULTIPLE_OF_FRACTION: Final = 400
# Of a millionth of a millionth, say: the fractions get long.
_MULTIPLE_OF_TINY: Final = 2000
_TINY: Final = 1e-9
# Each spot below is hashed again.
_UNIQUE: Final = 50
# They collect what the branches beside them have looked at.
_UNEVALUATED: Final = 100
# What 64 letters cost: formats read texts, up to 6 ns each, and names are copied to be looked at.
# All else that is done with texts is free (their length is known), or paid with one unit.
_FORMAT: Final = 40
_NAMES: Final = 12
# Long numbers are costly to compare, so values have to be measured before.
_COMPARES: Final = 40
_COMPARING: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_UNEVALUATED_KEYWORDS: Final = ("unevaluatedProperties", "unevaluatedItems")


def cost_of(schema: JsonObject) -> int:
    """Return what evaluating a subschema once costs, without the subschemas in it."""
    cost = max(1, len(schema.keys() - _FREE))
    cost += _listed(schema.get("enum")) + _lengths([schema.get("required")])
    if "const" in schema:
        cost += _compared(schema["const"])
    dependent = schema.get("dependentRequired")
    cost += _lengths(dependent.values()) if isinstance(dependent, dict) else 0
    if isinstance(step := schema.get("multipleOf"), float):
        cost += _MULTIPLE_OF_TINY if abs(step) < _TINY else _MULTIPLE_OF_FRACTION
    cost += _COMPARES if any(keyword in schema for keyword in _COMPARING) else 0
    cost += _UNIQUE if schema.get("uniqueItems") else 0
    return cost + _UNEVALUATED * sum(keyword in schema for keyword in _UNEVALUATED_KEYWORDS)


def names_of(schema: JsonObject) -> int:
    """Return what 64 letters of names cost besides, if a subschema reads them."""
    return _NAMES * ("propertyNames" in schema)


def texts_of(schema: JsonObject) -> int:
    """Return the same for texts, if a subschema reads them: by dialects that check formats."""
    return _FORMAT * ("format" in schema)


def patterns_of(schema: JsonObject) -> int:
    """Return how many patterns stand in a subschema, without the subschemas in it."""
    names = schema.get("patternProperties")
    return ("pattern" in schema) + (len(names) if isinstance(names, dict) else 0)


def _listed(values: JsonValue) -> int:
    if not isinstance(values, list):
        return 0
    kinds = {type(value) for value in values}
    if kinds == {str}:
        return _LOOKED_UP
    if kinds == {int}:
        return _COMPARES
    return sum(_compared(value) for value in values)


def _compared(value: JsonValue) -> int:
    """Return what comparing a spot with a value costs."""
    cost, waiting = 0, [value]
    while waiting:
        match waiting.pop():
            case bool() | None:
                cost += 1
            case str():
                cost += _TEXT
            case int():
                cost += _NUMBER
            case float():
                cost += _FRACTION
            case dict() as parts:
                cost += _PART
                waiting += parts.values()
            case list() as parts:
                cost += _PART
                waiting += parts
    return cost


def _lengths(values: Iterable[JsonValue]) -> int:
    return sum(len(value) for value in values if isinstance(value, list))
