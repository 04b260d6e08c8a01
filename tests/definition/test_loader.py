"""Text in, value out: YAML 1.2 by its core schema, and JSON."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.json import JsonValue
from workflows.definition import InvalidDefinitionError, load_document
from workflows.definition.loader import parse


def value(text: str | bytes) -> JsonValue:
    return load_document(text).value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes", "yes"),
        ("No", "No"),
        ("on", "on"),
        ("y", "y"),
        ("True", True),
        ("FALSE", False),
        ("~", None),
        ("null", None),
        ("0o14", 12),
        ("014", 14),
        ("0x1F", 31),
        ("+5", 5),
        ("-0", 0),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("190:20:30", "190:20:30"),
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31T08:00:00Z", "2026-01-31T08:00:00Z"),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("1e22", 1e22),
        ("0b1", "0b1"),
        ("=", "="),
        ("-", "-"),
        ("'5'", "5"),
        ('"true"', "true"),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("!!int '5'", 5),
        ("!!float 5", 5),
        ("!!null ''", None),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, expected: JsonValue) -> None:
    found = value(f"- {text}\n") if text != "-" else value("[ '-' ]")
    assert found == [expected]
    assert isinstance(found, list)
    assert type(found[0]) is type(expected)


def test_the_key_on_is_text() -> None:
    assert value("schedule:\n  on:\n    one: 1\n") == {"schedule": {"on": {"one": 1}}}


def test_yaml_and_json_of_the_same_value_load_alike() -> None:
    document: JsonValue = {"a": [1, 2.5, None, True, "x", {"b": []}], "c": "ü😀", "d": {}}
    assert value(json.dumps(document)) == document
    assert value(json.dumps(document, ensure_ascii=False, indent=3)) == document
    assert value("a: [1, 2.5, null, true, x, {b: []}]\nc: ü😀\nd: {}") == document


def test_json_may_hold_what_yaml_would_not_read() -> None:
    assert value('{"a":\t["\\ud83d\\ude00", "\\/"]}') == {"a": ["😀", "/"]}


def test_flow_style_that_only_looks_like_json_is_yaml() -> None:
    assert value("{a: 1, b: [x, y],}") == {"a": 1, "b": ["x", "y"]}


def test_a_byte_order_mark_is_dropped() -> None:
    assert value(b"\xef\xbb\xbfa: 1") == {"a": 1}
    assert load_document(b"\xef\xbb\xbfa: 1").text == "a: 1"


def test_aliases_repeat_what_their_anchor_names() -> None:
    assert value("a: &x {n: [1]}\nb: *x\nc: [*x, *x]\n&k d: *k\n") == {
        "a": {"n": [1]},
        "b": {"n": [1]},
        "c": [{"n": [1]}, {"n": [1]}],
        "d": "d",
    }


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("a: 1\nb: [\n", "syntax", (3, 1)),
        ("a: b: c\n", "syntax", (1, 5)),
        ("a:\n\t- b\n", "syntax", (2, 1)),
        ("%YAML 1.1\n---\na: 1\n", "syntax", (1, 1)),
        ('{"a": 1,\n  "b" 2}', "syntax", (2, 7)),
        ('{"a": 1', "syntax", (1, 8)),
        (b"a: \xff\n", "encoding", (1, 1)),
        ("a: \ud800", "encoding", (1, 1)),
        ("a: x\ny: \x07\n", "control-character", (2, 4)),
        ("a: x\u2028y\n", "control-character", (1, 5)),
        ("a: 1\nb: \ufeffx\n", "control-character", (2, 4)),
        ("a: 1\rb: \x85\r\n", "control-character", (2, 4)),
        ('a: 1\nb: "x\\0y"\n', "control-character", (2, 4)),
        ('{"a": "\\u0000"}', "control-character", (1, 7)),
        ('{"a": "\\ud800"}', "control-character", (1, 7)),
        ("", "empty-document", (1, 1)),
        ("# only a comment\n", "empty-document", (1, 1)),
        ("a: 1\n---\nb: 1\n", "multiple-documents", (2, 1)),
        ("a: 1\nb: 2\na: 3\n", "duplicate-key", (3, 1)),
        ('{"a": 1,\n "a": 2}', "duplicate-key", (2, 2)),
        ("a: {b: 1, b: 2}\n", "duplicate-key", (1, 11)),
        ("a: 1\nc:\n  <<: {b: 1}\n", "merge-key", (3, 3)),
        ("a: !secret b\n", "custom-tag", (1, 4)),
        ("a: !!python/name:os.system x\n", "custom-tag", (1, 4)),
        ("a: !!binary aGk=\n", "custom-tag", (1, 4)),
        ("a: !!int x\n", "custom-tag", (1, 4)),
        ("a: !!map []\n", "custom-tag", (1, 4)),
        ("a: 1\n2: x\n", "key", (2, 1)),
        ("true: x\n", "key", (1, 1)),
        ("~: x\n", "key", (1, 1)),
        ("? [a]\n: x\n", "key", (1, 3)),
        ("? {a: 1}\n: x\n", "key", (1, 3)),
        ("a: &x 5\n*x : 1\n", "key", (2, 1)),
        ("? " + "k" * 1025 + "\n: x\n", "key", (1, 3)),
        ("a: .inf\n", "number", (1, 4)),
        ("a: .NaN\n", "number", (1, 4)),
        ("a: 1e999\n", "number", (1, 4)),
        ("a: 18446744073709551616\n", "number", (1, 4)),
        ("a: " + "9" * 100_000 + "\n", "number", (1, 4)),
        ('{"a": NaN}', "number", (1, 7)),
        ('{"a": -Infinity}', "number", (1, 7)),
        ("a: *x\n", "alias", (1, 4)),
        ("a: &x [1, *x]\n", "alias", (1, 11)),
    ],
)
def test_what_cannot_be_read_is_refused_where_it_stands(
    text: str | bytes, code: str, place: tuple[int, int]
) -> None:
    with pytest.raises(InvalidDefinitionError) as refused:
        load_document(text)
    (finding,) = refused.value.findings
    assert (finding.code, finding.line, finding.column) == (code, *place)


def test_mistakes_in_single_nodes_are_reported_together() -> None:
    found = parse("a: 1\na: 2\n<<: {}\n7: .inf\n").findings
    assert [each.code for each in found] == ["duplicate-key", "merge-key", "key", "number"]
    assert [each.pointer for each in found] == ["/a", "/<<", "", "/7"]


def test_every_value_keeps_its_place() -> None:
    document = parse("do:\n  - one:\n      set: {a/b: [1, ~x]}\n  - two: 2\n")
    places = {
        (): (1, 1),
        ("do",): (1, 1),
        ("do", 0): (2, 5),
        ("do", 0, "one"): (2, 5),
        ("do", 0, "one", "set"): (3, 7),
        ("do", 0, "one", "set", "a/b"): (3, 13),
        ("do", 0, "one", "set", "a/b", 1): (3, 22),
        ("do", 1, "two"): (4, 5),
        ("do", 1, "two", "missing"): (4, 5),
        ("do", 9): (1, 1),
    }
    assert {path: tuple(document.marks.locate(path)) for path in places} == places


def test_json_keeps_places_too() -> None:
    document = parse('{\r\n  "do": [\r\n    {"one": 1}, {"two": 2}]}')
    assert document.marks.locate(("do", 1, "two")) == (3, 18)


def test_what_an_alias_repeats_stands_where_its_anchor_does() -> None:
    document = parse("a: &x\n  b: 1\nc: *x\n")
    assert document.marks.locate(("c",)) == (3, 1)
    assert document.marks.locate(("c", "b")) == (2, 3)


BILLION_LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{below}'] * 9)}]\n"
    for below, name in zip("abcdef", "bcdefg", strict=True)
)
LONG = "x" * 100_000


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x: y\n" * 60_000, "too-large"),
        (b"#" * (256 * 1024 + 1), "too-large"),
        ("ü" * (128 * 1024 + 1), "too-large"),
        ("[" * 65 + "]" * 65, "too-deep"),
        ("[" * 200_000, "too-deep"),
        ('{"a":' * 40_000, "too-deep"),
        ("- " * 100_000, "too-deep"),
        ("{a: " * 60_000, "too-deep"),
        ("? " * 100_000, "key"),
        ("a: &a " + "[" * 40 + "]" * 40 + "\nb: " + "[" * 30 + "*a" + "]" * 30, "too-deep"),
        ("a: &a b\nc: [" + "*a, " * 65 + "]", "alias"),
        (BILLION_LAUGHS, "too-large"),
        (f"a: &a {LONG}\nb: [{', '.join(['*a'] * 20)}]", "too-large"),
    ],
)
@pytest.mark.timeout(10)
def test_bombs_are_refused_quickly(text: str | bytes, code: str) -> None:
    with pytest.raises(InvalidDefinitionError) as refused:
        load_document(text)
    assert refused.value.findings[-1].code == code


def test_the_deepest_allowed_document_loads() -> None:
    assert value("[" * 64 + "]" * 64)
    assert value("{a: " * 63 + "{}" + "}" * 63)


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "text",
    [
        "[" + "0," * 131_000 + "0]",
        "\n".join(f"- k{number}: v" for number in range(20_000)),
        "".join(f"- &a{number} x\n" for number in range(15_000)),
        "a: |\n" + " x\n" * 80_000,
        "1: x\n" * 50_000,
        '"' + "\\n" * 130_000 + '"',
    ],
)
def test_long_documents_take_linear_time(text: str) -> None:
    parse(text)


@settings(deadline=None)
@given(st.text() | st.binary())
def test_any_text_loads_or_is_refused(text: str | bytes) -> None:
    refused_or_loaded(text)


YAML_PIECES = st.sampled_from(
    [
        *("a", "b: ", "- ", "? ", ": ", "&x ", "*x", "!!str ", "!t ", "<<: ", "[", "]", "{", "}"),
        *(",", '"', "'", "\\", "|\n", ">-\n", "\n", "\n  ", "#", "---\n", "...", "%YAML 1.2\n"),
        *("~", ".nan", "0o7", "1e9", "true", "\t", "\r", "\u2028", "\ufeff", "é", "*", "\x00"),
    ]
)
JSON_PIECES = st.sampled_from(
    [
        *("{", "}", "[", "]", ",", ":", '"a"', '"b"', "1", "-2.5e3", "true", "null", " ", "\n"),
        *("\t", '"\\u0000"', '"\\ud800"', "NaN", "-Infinity", '"', "\\", "1e999", "'", "#", "//"),
    ]
)


@settings(deadline=None)
@given(st.lists(YAML_PIECES, max_size=40).map("".join) | st.lists(JSON_PIECES).map("".join))
def test_nearly_yaml_and_nearly_json_load_or_are_refused(text: str) -> None:
    refused_or_loaded(text)


def refused_or_loaded(text: str | bytes) -> None:
    try:
        document = parse(text)
    except InvalidDefinitionError as error:
        places = [(each.line, each.column) for each in error.findings]
    else:
        places = [(1, 1), *((each.line, each.column) for each in document.findings)]
        json.dumps(document.value, allow_nan=False).encode()
    assert places
    assert min(map(min, places)) >= 1


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])), inner
        )
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(JSON_VALUES)
def test_every_json_value_loads_as_itself(expected: Any) -> None:
    assert value(json.dumps(expected)) == expected
