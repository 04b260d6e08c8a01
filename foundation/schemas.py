"""Checking arguments and results against the schemas of servers we do not trust.

A schema is refused when it is too large, too deep, refers to other documents, or holds a pattern
that cannot be matched in linear time. A value is refused when checking it could take too long.
Messages name the spot and the rule, never the value: arguments may hold secrets.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from threading import Lock
from typing import Final, NamedTuple, NoReturn, TypeAlias

import jsonschema_rs
from cachetools import LRUCache, cached
from typing_extensions import override

from foundation.json import JsonObject, JsonValue, canonical, digest
from foundation.schema_cost import ENDLESS, Graph, SchemaRefusedError

SchemaDocument: TypeAlias = JsonObject | bool

MAX_SCHEMA_BYTES: Final = 256 * 1024
MAX_SCHEMA_DEPTH: Final = 64
# Deeper values than parsers take can only be made by code of ours; the validator recurses.
MAX_VALUE_DEPTH: Final = 1_000
# In units of about 10 ns: a fifth of a second of the event loop, for the worst schema and value.
MAX_WORK: Final = 20_000_000
# Bytes that a compiled pattern may take, and what a letter then costs: at worst 1 to 200 us, for
# ordinary patterns 5 ns, whatever their size. In the same units, with some trust.
_ROOMS: Final = {8 * 1024: 50, 32 * 1024: 150, 256 * 1024: 500, 1024 * 1024: 1000}
# What all patterns of one schema may take together.
_ALL_PATTERNS: Final = 48 * 1024 * 1024
# Whole numbers of that many bits and fewer cost as much as any value.
_WORD: Final = 64
# Of what runs: spots of a value that need not be counted, if the schema is cheap. What was decided
# so is decided again by a replay.
_MOST_SPOTS: Final = 524_288
# The same of answers of servers: two bytes each, and 16 MiB in all are read of one.
_MOST_SPOTS_OF_ANSWERS: Final = 8 * 1024 * 1024
# Of a large answer that is well under it: what a schema costs is told far too high for tables.
MAX_WORK_FOR_ANSWERS: Final = 40_000_000
# So many letters cost as much as a spot: for each keyword they are compared, or found in a table.
_LETTERS_PER_SPOT: Final = 64
# Saying what is wrong costs a thousand times as much as finding that something is.
_MAX_LISTED: Final = 30_000
_SHOWN_VIOLATIONS: Final = 20
_SHOWN_CHARS: Final = 200
# The memory of what is compiled, in bytes, as far as it can be told.
_KEPT_BYTES: Final = 256 * 1024 * 1024


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
        size = _check_size(document)
        graph = Graph(document)
        self._costs, self._costs_of_answers = graph.costs(), graph.costs_with_letters()
        self._matches = [0]
        room, self._letter, self._validator = _compiled(document, graph.patterns)
        self._names = graph.matches_names
        if graph.patterns:
            self._matches = graph.matches()
        no_patterns = not graph.patterns
        self._cheap = no_patterns and self._costs[-1] * _MOST_SPOTS <= MAX_WORK
        worst = self._costs_of_answers[-1] * _MOST_SPOTS_OF_ANSWERS
        self._cheap_for_answers = no_patterns and worst <= MAX_WORK_FOR_ANSWERS
        # Patterns are compiled, and have a cache of as much again.
        self.size = size + 2 * room * graph.patterns

    def violations(
        self, value: JsonValue, *, most: int = _SHOWN_VIOLATIONS, all_counts: bool = False
    ) -> list[Violation]:
        """Return what is wrong with a value: nothing, or the first violations.

        Nothing else runs in the process meanwhile, in whatever thread this is called.

        Args:
            value: What is checked.
            most: More violations are not looked for.
            all_counts: It may be as large as answers are. Else it is of a run, which is smaller.
        """
        if self._cheap_for_answers if all_counts else self._cheap:
            if self._validator.is_valid(value):
                return []
            return self._found(value, self._work(value, all_counts=all_counts), most)
        work = self._work(value, all_counts=all_counts)
        if work > (MAX_WORK_FOR_ANSWERS if all_counts else MAX_WORK):
            return [Violation("", "too large or too deeply nested to be checked by this schema")]
        return [] if self._validator.is_valid(value) else self._found(value, work, most)

    def _work(self, value: JsonValue, *, all_counts: bool) -> int:
        measure = _measure(value)
        if measure.depth > MAX_VALUE_DEPTH:
            return ENDLESS
        read = measure.letters + (measure.letters_of_names if self._names else 0)
        matching = read * _at(self._matches, measure.depth) * self._letter
        weight = measure.weight
        if all_counts:
            weight += (measure.letters + measure.letters_of_names) // _LETTERS_PER_SPOT
        costs = self._costs_of_answers if all_counts else self._costs
        return weight * _at(costs, measure.depth) + matching

    def _found(self, value: JsonValue, work: int, most: int) -> list[Violation]:
        if work <= _MAX_LISTED:
            errors = islice(self._validator.iter_errors(value), most)
            return sorted(_violation(error) for error in errors)
        if self._costs[-1] > _MAX_LISTED:
            return [Violation("", "breaks the schema; too large to say where")]
        try:
            self._validator.validate(value)
        except jsonschema_rs.ValidationError as error:
            return [_violation(error)]
        return [Violation("", "breaks the schema")]


def _size(schema: Schema) -> int:
    return schema.size


@cached(LRUCache(_KEPT_BYTES, _size), key=digest, lock=Lock())
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


def _compiled(document: SchemaDocument, patterns: int) -> tuple[int, int, jsonschema_rs.Validator]:
    """Return the room for each pattern, what a letter costs, and the validator."""
    rooms = [(room, cost) for room, cost in _ROOMS.items() if room * patterns <= _ALL_PATTERNS]
    *smaller, (room, cost) = rooms if patterns else rooms[:1]
    for less, cheaper in smaller:
        with suppress(SchemaRefusedError):
            return less, cheaper, _validator(document, less)
    return room, cost, _validator(document, room)


def _at(by_depth: list[int], depth: int) -> int:
    return by_depth[min(depth, len(by_depth) - 1)]


def _validator(document: SchemaDocument, room: int) -> jsonschema_rs.Validator:
    try:
        return jsonschema_rs.validator_for(
            document,
            mask="the value",
            retriever=_deny,
            # Linear; refuses look-around.
            pattern_options=jsonschema_rs.RegexOptions(size_limit=room, dfa_size_limit=room),
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        pointer = _pointer(getattr(error, "instance_path", []))
        at = f" at {pointer}" if pointer else ""
        raise SchemaRefusedError(f"it is not valid{at}: {_first_line(str(error))}") from error


def _check_size(document: SchemaDocument) -> int:
    # Depth first: spelling a very deep document would exhaust the stack.
    if _measure(document).depth > MAX_SCHEMA_DEPTH:
        raise SchemaRefusedError(f"it is nested more than {MAX_SCHEMA_DEPTH} levels deep")
    if (size := len(canonical(document))) > MAX_SCHEMA_BYTES:
        raise SchemaRefusedError(f"it is larger than {MAX_SCHEMA_BYTES:,} bytes")
    return size


class _Measure(NamedTuple):
    """How large a value is.

    Attributes:
        weight: How many spots it has; long numbers count for as many as they cost.
        letters: In all texts.
    """

    weight: int
    depth: int
    letters: int
    letters_of_names: int


def _measure(value: JsonValue) -> _Measure:
    """Measure a value level by level, without recursion; done before most checks, so kept fast."""
    weight, depth, letters, letters_of_names = 0, -1, 0, 0
    level = [value]
    while level:
        depth += 1
        weight += len(level)
        deeper: list[JsonValue] = []
        for spot in level:
            if isinstance(spot, str):
                letters += len(spot)
            elif isinstance(spot, dict):
                deeper += spot.values()
                for name in spot:
                    letters_of_names += len(name)
            elif isinstance(spot, list):
                deeper += spot
            elif isinstance(spot, int) and spot.bit_length() > _WORD:
                weight += 4 * (spot.bit_length() // _WORD) ** 2
        level = deeper
    return _Measure(weight, depth, letters, letters_of_names)


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
