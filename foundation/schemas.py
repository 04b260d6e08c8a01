"""Checking arguments and results against the schemas of servers we do not trust.

A schema is refused when it is too large, too deep, refers to other documents, or holds a pattern
that cannot be matched in linear time. A value is refused when checking it could take too long.
Messages name the spot and the rule, never the value: arguments may hold secrets.
"""

from dataclasses import dataclass, field
from itertools import islice
from threading import Lock
from typing import Final, NoReturn, TypeAlias

import jsonschema_rs
from cachetools import LRUCache, cached
from typing_extensions import override

from foundation.json import JsonObject, JsonValue, canonical, digest
from foundation.schema_cost import Graph, SchemaRefusedError

SchemaDocument: TypeAlias = JsonObject | bool

MAX_SCHEMA_BYTES: Final = 256 * 1024
MAX_SCHEMA_DEPTH: Final = 64
# At about 10 ns each: a fifth of a second of the event loop, for the worst schema and value.
MAX_EVALUATIONS: Final = 20_000_000
# More spots than this no value has that comes over the wire: two bytes each, a mebibyte in all.
_MOST_SPOTS: Final = 524_288
# Saying what is wrong costs a thousand times as much as finding that something is.
_MAX_LISTED: Final = 30_000
_SHOWN_VIOLATIONS: Final = 20
_SHOWN_CHARS: Final = 200
_KEPT_SCHEMAS: Final = 2048


@dataclass(frozen=True, order=True)
class Violation:
    """One spot of a value that breaks a rule.

    Attributes:
        pointer: JSON pointer of the spot; empty for the whole value.
        message: Which rule, without the value.
        path: The steps of the pointer.
        rule: Where in the schema the rule stands.
    """

    pointer: str
    message: str
    path: tuple[str | int, ...] = field(default=(), compare=False)
    rule: tuple[str | int, ...] = field(default=(), compare=False)

    @override
    def __str__(self) -> str:
        return f"{self.pointer or '(root)'}: {self.message}"


class Schema:
    """A compiled schema.

    Raises:
        SchemaRefusedError: When it cannot be used safely; the message says why.
    """

    def __init__(self, document: SchemaDocument) -> None:
        _check_size(document)
        self._evaluations = Graph(document).evaluations()
        self._cheap = self._evaluations[-1] * _MOST_SPOTS <= MAX_EVALUATIONS
        self._validator = _validator(document)

    def violations(self, value: JsonValue, *, most: int = _SHOWN_VIOLATIONS) -> list[Violation]:
        """Return what is wrong with a value: nothing, or the first violations."""
        if self._cheap:
            if self._validator.is_valid(value):
                return []
            return self._found(value, self._work(value), most)
        work = self._work(value)
        if work > MAX_EVALUATIONS:
            return [Violation("", "too large or too deeply nested to be checked by this schema")]
        return [] if self._validator.is_valid(value) else self._found(value, work, most)

    def _work(self, value: JsonValue) -> int:
        spots, depth = _measure(value)
        return spots * self._evaluations[min(depth, len(self._evaluations) - 1)]

    def _found(self, value: JsonValue, work: int, most: int) -> list[Violation]:
        if work <= _MAX_LISTED:
            errors = islice(self._validator.iter_errors(value), most)
            return sorted(_violation(error) for error in errors)
        if self._evaluations[-1] > _MAX_LISTED:
            return [Violation("", "breaks the schema; too large to say where")]
        try:
            self._validator.validate(value)
        except jsonschema_rs.ValidationError as error:
            return [_violation(error)]
        return [Violation("", "breaks the schema")]


@cached(LRUCache(_KEPT_SCHEMAS), key=digest, lock=Lock())
def compiled(document: SchemaDocument) -> Schema:
    """Compile a schema, or return it from memory when its content was compiled before.

    Raises:
        SchemaRefusedError: When it cannot be used safely.
    """
    return Schema(document)


def described(violations: list[Violation]) -> str:
    """Put violations into one line of a message."""
    return "; ".join(str(violation) for violation in violations)


def as_details(violations: list[Violation]) -> JsonObject:
    """Put violations into the details of an error."""
    errors: list[JsonValue] = [
        {"pointer": violation.pointer, "message": violation.message} for violation in violations
    ]
    return {"errors": errors}


def _validator(document: SchemaDocument) -> jsonschema_rs.Validator:
    try:
        return jsonschema_rs.validator_for(
            document,
            mask="the value",
            retriever=_deny,
            pattern_options=jsonschema_rs.RegexOptions(),  # linear; refuses look-around
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        pointer = _pointer(getattr(error, "instance_path", []))
        at = f" at {pointer}" if pointer else ""
        raise SchemaRefusedError(f"it is not valid{at}: {_first_line(str(error))}") from error


def _check_size(document: SchemaDocument) -> None:
    # Depth first: spelling a very deep document would exhaust the stack.
    if _measure(document)[1] > MAX_SCHEMA_DEPTH:
        raise SchemaRefusedError(f"it is nested more than {MAX_SCHEMA_DEPTH} levels deep")
    if len(canonical(document)) > MAX_SCHEMA_BYTES:
        raise SchemaRefusedError(f"it is larger than {MAX_SCHEMA_BYTES:,} bytes")


def _measure(value: JsonValue) -> tuple[int, int]:
    """Return how many spots a value has and how deep it is, without recursion."""
    spots, depth = 0, 0
    waiting: list[tuple[JsonValue, int]] = [(value, 0)]
    while waiting:
        spot, level = waiting.pop()
        spots += 1
        depth = max(depth, level)
        if isinstance(spot, dict):
            waiting += [(part, level + 1) for part in spot.values()]
        elif isinstance(spot, list):
            waiting += [(part, level + 1) for part in spot]
    return spots, depth


def _deny(uri: str) -> NoReturn:
    raise ValueError(f"'{uri[:_SHOWN_CHARS]}' is another document, and those are not fetched")


def _pointer(path: list[str | int]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _violation(error: jsonschema_rs.ValidationError) -> Violation:
    return Violation(
        _pointer(error.instance_path),
        _first_line(error.message),
        tuple(error.instance_path),
        tuple(error.schema_path),
    )


def _first_line(text: str) -> str:
    line = text.partition("\n")[0]
    return line if len(line) <= _SHOWN_CHARS else line[: _SHOWN_CHARS - 1] + "…"
