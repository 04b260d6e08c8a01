"""Schemas of servers we do not trust, and values checked against them."""

import time
from typing import Any

import pytest

from foundation.json import JsonObject, JsonValue
from foundation.schema_cost import ENDLESS, Graph, SchemaRefusedError
from foundation.schemas import MAX_WORK, Schema, compiled, described


def nested(levels: int, inner: JsonValue = 1) -> JsonValue:
    for _ in range(levels):
        inner = {"a": inner}
    return inner


def nested_lists(levels: int, inner: JsonValue) -> JsonValue:
    for _ in range(levels):
        inner = [inner]
    return inner


def numbered(kind: str, count: int) -> dict[str, JsonValue]:
    return {f"{kind}{n}": {} for n in range(count)}


def looked_at_again(levels: int) -> JsonObject:
    schema: JsonObject = {"properties": {"a": {}}}
    for _ in range(levels):
        schema = {"allOf": [schema], "unevaluatedProperties": False}
    return schema


def words(count: int) -> list[JsonValue]:
    return ["x" for _ in range(count)]


def chain(levels: int) -> JsonObject:
    """`anyOf` over two references to the next, and so on: two to the power of `levels`."""
    definitions: dict[str, Any] = {
        f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)
    }
    definitions[f"d{levels}"] = {"type": "string"}
    definitions["list"] = {"items": {"$ref": "#/$defs/d0"}}
    return {"$ref": "#/$defs/d0", "$defs": definitions}


JSON: JsonObject = {
    "$ref": "#/$defs/value",
    "$defs": {
        "value": {
            "anyOf": [
                {"type": ["string", "number", "boolean", "null"]},
                {"type": "array", "items": {"$ref": "#/$defs/value"}},
                {"type": "object", "additionalProperties": {"$ref": "#/$defs/value"}},
            ]
        }
    },
}
TREE: JsonObject = {
    "type": "object",
    "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}, "value": {"type": "integer"}},
    "additionalProperties": False,
}
# Each may be used alone.
MANY_LARGE_PATTERNS: JsonObject = {"anyOf": [{"pattern": f"\\p{{L}}{{5}}{n}"} for n in range(900)]}
TWICE: JsonObject = {"properties": {"a": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}}}


def test_all_violations_are_named_with_their_place_and_without_the_value() -> None:
    schema = Schema(
        {
            "type": "object",
            "properties": {
                "rows": {"type": "array", "items": {"type": "integer"}},
                "a/b~c": {"maxLength": 3},
                "line": {"enum": ["A", "B"]},
            },
        }
    )
    value: JsonValue = {"rows": [1, "s3cret", 2.5], "a/b~c": "s3cret", "line": "s3cret"}
    text = described(schema.violations(value))
    assert text == (
        "/a~1b~0c: the value is longer than 3 characters; "
        '/line: the value is not one of "A" or "B"; '
        '/rows/1: the value is not of type "integer"; '
        '/rows/2: the value is not of type "integer"'
    )


def test_no_more_than_twenty_violations_are_listed() -> None:
    schema = Schema({"items": {"type": "integer"}})
    assert len(schema.violations(words(1000))) == 20


def test_a_large_value_is_refused_with_its_first_violation_quickly() -> None:
    schema = Schema({"items": {"type": "integer"}})
    began = time.perf_counter()
    [violation] = schema.violations(words(500_000))
    assert violation.pointer == "/0"
    assert time.perf_counter() - began < 2


def test_a_large_good_value_passes() -> None:
    rows: list[JsonValue] = [{"a": [1, "b", None]} for _ in range(20_000)]
    assert Schema(JSON).violations(rows) == []


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"$ref": "http://127.0.0.1:1/a"}, "refers to 'http://127.0.0.1:1/a'"),
        ({"$ref": "other.json"}, "refers to 'other.json'"),
        ({"$ref": "#name", "$defs": {"n": {"$anchor": "name"}}}, "refers to '#name'"),
        ({"items": {"$ref": "#/nope"}}, "refers to '#/nope', which is not in it"),
        ({"$dynamicRef": "#x"}, "dynamic reference"),
        ({"properties": {"a": {"$id": "http://a/", "$ref": "#/b"}}}, "its own '\\$id'"),
        ({"$ref": "#"}, "refers to itself"),
        ({"allOf": [{"not": {"$ref": "#"}}]}, "refers to itself"),
        ({"type": "strnig"}, "not valid at /type"),
        ({"pattern": "(?<=a)b"}, "not valid at /pattern"),
        ({"pattern": r"(a)\1"}, "not valid at /pattern"),
        ({"pattern": r"\\p{L}{500}"}, "not valid at /pattern"),
        (MANY_LARGE_PATTERNS, "not valid at /anyOf/0/pattern"),
        ({"$schema": "http://127.0.0.1:1/dialect"}, "Unknown meta-schema"),
        ({"description": "x" * 300_000}, "larger than 262,144 bytes"),
        ({"default": nested(80)}, "nested more than 64 levels"),
        ({"anyOf": [{"title": str(n)} for n in range(6_000)]}, "more than 5,000 subschemas"),
    ],
)
def test_a_schema_that_cannot_be_used_safely_is_refused(schema: Any, reason: str) -> None:
    with pytest.raises(SchemaRefusedError, match=reason):
        Schema(schema)


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [{}]},
        {"properties": {"$ref": {"type": "string"}, "$id": {"type": "string"}}},
        {"$id": "http://example.com/tool", "$defs": {"a b": {}}, "$ref": "#/$defs/a%20b"},
        {"properties": {"a": {}}, "items": {"$ref": "#/properties/a"}},
        JSON,
        TREE,
    ],
)
def test_an_ordinary_schema_is_accepted(schema: Any) -> None:
    assert Schema(schema).violations({}) == []


def test_the_same_schema_is_compiled_once() -> None:
    assert compiled({"type": "object", "title": "x"}) is compiled({"title": "x", "type": "object"})


@pytest.mark.parametrize("schema", [JSON, TREE])
def test_recursion_into_different_parts_does_not_multiply(schema: JsonObject) -> None:
    evaluations = Graph(schema).evaluations()
    assert evaluations[-1] < 2_000


def test_recursion_into_the_same_part_twice_multiplies() -> None:
    evaluations = Graph(TWICE).evaluations()
    assert evaluations[3] > 2 * evaluations[2] > 4 * evaluations[1]
    assert evaluations[-1] >= ENDLESS


@pytest.mark.parametrize(
    ("schema", "value"),
    [(chain(60), 1), (TWICE, nested(190)), ({**chain(20), "$ref": "#/$defs/list"}, [1] * 100)],
)
def test_a_check_that_would_take_too_long_is_not_begun(
    schema: JsonObject, value: JsonValue
) -> None:
    began = time.perf_counter()
    assert "too large or too deeply nested" in described(Schema(schema).violations(value))
    assert time.perf_counter() - began < 1


# Each takes seconds to minutes, some also gigabytes, when it is begun.
COSTLY: dict[str, tuple[JsonObject, JsonValue]] = {
    "one of many fractions": ({"items": {"enum": [n + 0.5 for n in range(9_000)]}}, [1.5] * 9_000),
    "one of many objects": ({"items": {"enum": [{"a": n} for n in range(9_000)]}}, [{}] * 99_000),
    "one constant of many": (
        {"items": {"oneOf": [{"const": n} for n in range(4_900)]}},
        [5] * 4_000,
    ),
    "many patterns and a long text": (
        {"anyOf": [{"pattern": f"a.{{{n % 9}}}b$"} for n in range(900)]},
        "a" * 4_000_000,
    ),
    "a pattern of many states": (
        {"pattern": "^(a|aa|b|bb)*(?:[ab]{0,2000}c)"},
        "ab" * 100_000,
    ),
    "a pattern for many names": (
        {"patternProperties": {"(a|b|ab|ba)*a(a|b|ab){250}c": {}}},
        {"ab" * 400 + str(n): 1 for n in range(100)},
    ),
    "multiples of a fraction": ({"items": {"multipleOf": 1e-300}}, [1e308] * 99_000),
    "long numbers": ({"items": {"maximum": 1}}, [-(10**4000)] * 4_000),
    "unevaluated again and again": (looked_at_again(20), {"a": 1}),
    "unique within unique": (
        {
            "$ref": "#/$defs/u",
            "$defs": {"u": {"uniqueItems": True, "items": {"$ref": "#/$defs/u"}}},
        },
        nested_lists(150, [[n] for n in range(9_000)]),
    ),
    "deeper than parsers go": (JSON, nested(15_000)),
}


@pytest.mark.parametrize("name", COSTLY)
def test_a_check_whose_keywords_cost_too_much_is_not_begun(name: str) -> None:
    schema, value = COSTLY[name]
    assert "too large or too deeply nested" in described(Schema(schema).violations(value))


ROWS: JsonValue = [{"line": "L4", "rate": 0.25, "state": None, "n": n} for n in range(5_000)]
ORDINARY: list[JsonObject] = [
    {"line": {"enum": ["L3", "L4", None]}, "rate": {"minimum": 0, "multipleOf": 0.25}},
    {"line": {"pattern": "^[A-Z][0-9]+$"}, "state": {"enum": ["on", "off", None]}},
    {"line": {"pattern": "^.{1,40}$"}, "n": {"type": "integer", "minimum": 0}},
]


@pytest.mark.parametrize("columns", ORDINARY)
def test_a_table_of_twenty_thousand_cells_is_checked(columns: JsonObject) -> None:
    row: JsonObject = {"type": "object", "properties": columns}
    schema = Schema({"type": "array", "items": row})
    assert schema.violations(ROWS) == []
    assert schema.violations([{"line": 4, "rate": -1, "state": "x", "n": -1}])


# Quadratic, this took half a minute.
@pytest.mark.timeout(20)
def test_a_schema_of_many_names_and_many_patterns_for_names_is_read_soon() -> None:
    schema: JsonObject = {
        "properties": {**numbered("p", 2_400), "p0": {"$ref": "#"}},
        "patternProperties": numbered("q", 2_400),
    }
    assert Graph(schema).costs()[-1] >= 2_400


def test_what_is_kept_compiled_is_bounded_by_its_size() -> None:
    small, large = Schema({"type": "object"}), Schema({"pattern": "^.{1,255}$"})
    assert small.size < 100
    assert large.size > 500_000


def test_a_branching_schema_still_checks_ordinary_values() -> None:
    schema = Schema(TWICE)
    assert schema.violations(nested(8)) == []


def test_the_worst_permitted_check_ends_soon() -> None:
    levels = 0
    while Graph(chain(levels + 1)).evaluations()[-1] <= MAX_WORK:
        levels += 1
    schema = Schema(chain(levels))
    began = time.perf_counter()
    assert described(schema.violations(1)) == "(root): breaks the schema; too large to say where"
    assert time.perf_counter() - began < 2


def test_a_pattern_that_makes_others_hang_is_matched_at_once() -> None:
    schema = Schema({"pattern": "^(a+)+$"})
    began = time.perf_counter()
    assert schema.violations("a" * 100_000 + "!")
    assert time.perf_counter() - began < 1


# --- Of answers, everything counts ---------------------------------------------------------------

TOO_LARGE = "(root): too large or too deeply nested to be checked by this schema"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"


def of_answer(schema: JsonObject, value: JsonValue) -> str:
    return described(Schema(schema).violations(value, all_counts=True))


def test_a_large_answer_is_measured_also_where_the_schema_is_cheap() -> None:
    schema: JsonObject = {"items": {"allOf": [{"type": "integer"}] * 36}}
    many: JsonValue = [1] * 1_100_000
    assert of_answer(schema, many) == TOO_LARGE
    assert of_answer({"items": {"type": "integer"}}, many) == ""
    assert of_answer({"items": {"type": "string"}}, many).startswith("/0: ")


def test_what_runs_decided_is_decided_again() -> None:
    """A replay has to find what the first run found, and that did not count them."""
    schema = Schema({"items": {"allOf": [{"type": "integer"}] * 30}})
    assert schema.violations([1] * 1_100_000) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"propertyNames": {"maxLength": 4_000_000 + n}} for n in range(60)]},
        {"allOf": [{"properties": {f"p{n}": {}}} for n in range(700)]},
    ],
)
def test_the_letters_of_names_count(schema: JsonObject) -> None:
    name = "é" * 4_000_000
    assert of_answer(schema, {name: 1}) == TOO_LARGE
    assert of_answer(schema, {"é": 1}) == ""


def test_the_letters_of_texts_count_where_formats_are_checked() -> None:
    schema: JsonObject = {"allOf": [{"format": "uri-template"}] * 30}
    text = "{a}" * 1_000_000
    assert of_answer(schema, text) == ""
    assert of_answer({"$schema": DRAFT_7, **schema}, text) == TOO_LARGE
    inside: JsonObject = {"properties": {"a": {"$schema": DRAFT_7, **schema}}}
    assert of_answer(inside, {"a": text}) == TOO_LARGE


def test_a_table_as_large_as_answers_may_be_is_checked() -> None:
    fields: JsonObject = {f"field_{n}": {"type": ["number", "null"]} for n in range(5)}
    fields |= {f"text_{n}": {"type": "string", "minLength": 1, "maxLength": 99} for n in range(5)}
    row: JsonObject = {"type": "object", "properties": fields, "required": list(fields)}
    schema: JsonObject = {"properties": {"rows": {"type": "array", "items": row}}}
    one: JsonObject = {f"field_{n}": 1.5 for n in range(5)} | {
        f"text_{n}": "some text of a cell" for n in range(5)
    }
    assert of_answer(schema, {"rows": [one] * 68_000}) == ""
