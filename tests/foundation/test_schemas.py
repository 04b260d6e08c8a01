"""Schemas of servers we do not trust, and values checked against them."""

import time
from typing import Any

import pytest

from foundation.json import JsonObject, JsonValue
from foundation.schema_cost import ENDLESS, Graph, SchemaRefusedError
from foundation.schemas import MAX_EVALUATIONS, Schema, compiled, described


def nested(levels: int, inner: JsonValue = 1) -> JsonValue:
    for _ in range(levels):
        inner = {"a": inner}
    return inner


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


def test_a_branching_schema_still_checks_ordinary_values() -> None:
    schema = Schema(TWICE)
    assert schema.violations(nested(8)) == []


def test_the_worst_permitted_check_ends_soon() -> None:
    levels = 0
    while Graph(chain(levels + 1)).evaluations()[-1] <= MAX_EVALUATIONS:
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
