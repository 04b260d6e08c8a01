"""What a schema certainly excludes, and what it may allow."""

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.definition.schema_paths import Budget, Exclusion, Keys, SchemaPaths


def exclusion(schema: Any, keys: Keys) -> Exclusion | None:
    return SchemaPaths(schema, Budget()).exclusion(keys)


CLOSED: Any = {"properties": {"a": {}}, "additionalProperties": False}
OLD = "http://json-schema.org/draft-07/schema#"
NESTED = {"properties": {"a": {"type": "object", **CLOSED}}}


@pytest.mark.parametrize(
    ("schema", "keys", "position"),
    [
        (False, ("a",), 0),
        (CLOSED, ("b",), 0),
        (NESTED, ("a", "b"), 1),
        (NESTED, ("a", "b", "c"), 1),
        ({"properties": {"a": False}}, ("a",), 0),
        ({"properties": {"a": {"type": "string"}}}, ("a", "b"), 1),
        ({"type": ["string", "null"]}, ("a",), 0),
        ({"type": "object"}, (0,), 0),
        ({"type": "string"}, (None,), 0),
        ({"patternProperties": {"^x-": {}}, "additionalProperties": False}, ("y-a",), 0),
        ({"patternProperties": {"^x-": {"type": "number"}}}, ("x-a", "b"), 1),
        ({"additionalProperties": {"type": "number"}}, ("b", "c"), 1),
        ({"items": {"type": "number"}}, (0, "a"), 1),
        ({"items": {"type": "number"}}, (-1, "a"), 1),
        ({"type": "array", "items": CLOSED}, (None, "b"), 1),
        ({"type": "object", "additionalProperties": CLOSED}, (None, "b"), 1),
        ({"prefixItems": [{}, CLOSED]}, (1, "b"), 1),
        ({"prefixItems": [{}], "items": False}, (1,), 0),
        ({"maxItems": 2}, (2,), 0),
        ({"maxItems": 2}, (-3,), 0),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": CLOSED}}, ("b",), 0),
        ({"properties": {"a": {"$ref": "#"}}, "additionalProperties": False}, ("a", "a", "b"), 2),
        ({"$ref": "#/$defs/x", "$defs": {"x": {}}, **CLOSED}, ("b",), 0),
        ({"allOf": [{}, CLOSED]}, ("b",), 0),
        ({"anyOf": [CLOSED, {"type": "string"}]}, ("b",), 0),
        ({"oneOf": [CLOSED, False]}, ("b",), 0),
        ({"unevaluatedProperties": False, "allOf": [{"properties": {"a": {}}}]}, ("b",), 0),
        ({"$schema": OLD, "items": [CLOSED]}, (0, "b"), 1),
        ({"$schema": OLD, **CLOSED}, ("b",), 0),
    ],
)
def test_what_no_value_can_have_is_excluded(schema: Any, keys: Keys, position: int) -> None:
    found = exclusion(schema, keys)
    assert found is not None
    assert found.position == position


LOOP = {"allOf": [{"$ref": "#"}], "anyOf": [{"$ref": "#"}]}
# Nobody has the time to find out that this excludes everything.
WIDE: Any = {
    "$defs": {
        "d20": {"type": "string"},
        **{f"d{level}": {"anyOf": [{"$ref": f"#/$defs/d{level + 1}"}] * 8} for level in range(20)},
    },
    "$ref": "#/$defs/d0",
}


@pytest.mark.parametrize(
    ("schema", "keys"),
    [
        (True, ("a",)),
        ({}, ("a", 0, None)),
        (CLOSED, ("a",)),
        (CLOSED, ("a", "b")),
        # A list or a text is not closed by what is said of objects, but has no members either.
        (CLOSED, (0,)),
        ({"type": ["object", "null"]}, ("a",)),
        ({"type": "array"}, (None,)),
        ({"type": "object"}, (None,)),
        ({"patternProperties": {"^x-": {}}, "additionalProperties": False}, ("x-a",)),
        # Not a pattern that we can run, so it may match.
        ({"patternProperties": {"(?=y)": {}}, "additionalProperties": False}, ("y-a",)),
        ({"prefixItems": [CLOSED]}, (-1, "b")),
        ({"anyOf": [CLOSED, {}]}, ("b",)),
        ({"oneOf": [CLOSED, {"type": "object"}]}, ("b",)),
        ({"not": CLOSED}, ("b",)),
        ({"if": {}, "then": CLOSED}, ("b",)),
        ({"unevaluatedProperties": False, "anyOf": [{"properties": {"b": {}}}]}, ("b",)),
        ({"unevaluatedProperties": False, "if": {"properties": {"b": {}}}}, ("b",)),
        ({"unevaluatedProperties": False, "allOf": [{"additionalProperties": True}]}, ("b",)),
        (
            {
                "unevaluatedProperties": False,
                "$ref": "#/$defs/x",
                "$defs": {"x": {"properties": {"b": {}}}},
            },
            ("b",),
        ),
        ({"unevaluatedProperties": False, "$ref": "https://e.com/x"}, ("b",)),
        ({"$ref": "#name"}, ("b",)),
        ({"$ref": "https://e.com/x"}, ("b",)),
        ({"$schema": OLD, "unevaluatedProperties": False}, ("b",)),
        ({"$schema": OLD, "$ref": "#/definitions/x", "definitions": {"x": {}}, **CLOSED}, ("b",)),
        ({"$schema": "https://e.com/own", **CLOSED}, ("b",)),
        ({"$defs": {"x": {"$id": "https://e.com/x"}}, **CLOSED}, ("b",)),
        (LOOP, ("b",)),
        (WIDE, ("b",)),
        ({"properties": {"a": {"$ref": "#"}}}, ("a",) * 100 + ("b",)),
    ],
)
def test_what_is_uncertain_is_not_excluded(schema: Any, keys: Keys) -> None:
    assert exclusion(schema, keys) is None


def test_all_paths_of_a_definition_share_a_budget() -> None:
    budget = Budget(20_000)
    for key in map(str, range(100)):
        assert SchemaPaths(WIDE, budget).exclusion((key,)) is None
    assert budget.left == 0
    assert SchemaPaths(CLOSED, budget).exclusion(("b",)) is None


def test_an_exclusion_says_what_there_is() -> None:
    schema: Any = {
        "$ref": "#/$defs/order",
        "$defs": {"order": {"allOf": [{"properties": {"id": {}, "no": {}}}], **CLOSED}},
    }
    assert exclusion(schema, ("b",)) == Exclusion(0, ("a", "id", "no"), ())
    text: Any = {"properties": {"a": {"type": ["string", "null"]}}}
    assert exclusion(text, ("a", "b")) == Exclusion(1, (), ("string", "null"))


NAMES = st.sampled_from(["a", "b", "xa"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([None, 1, "t"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)
TYPES = st.sampled_from(["object", "array", "string", "null"])


def _schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    members = st.dictionaries(NAMES, inner, max_size=2)
    several = st.lists(inner, min_size=1, max_size=2)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
            "properties": members,
            "patternProperties": st.dictionaries(st.sampled_from(["^x", "b$"]), inner, max_size=1),
            "additionalProperties": inner,
            "unevaluatedProperties": inner,
            "prefixItems": several,
            "items": inner,
            "maxItems": st.integers(0, 2),
            **dict.fromkeys(("allOf", "anyOf", "oneOf"), several),
            **dict.fromkeys(("if", "then", "else", "not"), inner),
            "$ref": st.sampled_from(["#/$defs/a", "#/$defs/b"]),
        },
    )


SCHEMAS = st.recursive(st.booleans(), _schemas, max_leaves=8)


def paths_in(value: Any) -> list[Keys]:
    """Return all paths to something in a value, each also with any item for one item."""
    found: list[Keys] = []
    members = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else ()
    for key, inner in (*members, *items):
        for below in ((), *paths_in(inner)):
            found += [(key, *below), (None, *below)]
            if isinstance(key, int):
                found.append((key - len(value), *below))
    return found


@given(schema=SCHEMAS, definitions=st.tuples(SCHEMAS, SCHEMAS), value=VALUES)
def test_nothing_that_a_valid_value_has_is_excluded(
    schema: Any, definitions: tuple[Any, Any], value: Any
) -> None:
    whole: Any = schema
    if isinstance(schema, dict):
        whole = {**schema, "$defs": dict(zip("ab", definitions, strict=True))}
    if jsonschema_rs.is_valid(whole, value):
        for keys in paths_in(value):
            assert exclusion(whole, keys) is None
