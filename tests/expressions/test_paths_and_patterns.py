"""Paths through functions and patterns, updates of what is missing, and who owns what comes out."""

import json
from typing import Any

import pytest

from foundation.json import JsonValue
from workflows.expressions import ExpressionError, TooLargeError, compile_expression
from workflows.expressions.errors import OutOfFuelError

ONES = "[" + ",".join(["1"] * 3_000) + "]"


def evaluated(source: str, value: JsonValue) -> Any:
    return compile_expression(source).evaluate(value, {})


@pytest.mark.parametrize(
    ("source", "value", "result"),
    [
        ("def f($x): .[$x]; path(f(.k))", {"k": "a", "a": 1}, ["a"]),
        ("def f($x): .[$x]; f(.k) = 9", {"k": "a", "a": 1}, {"k": "a", "a": 9}),
        (
            "def at($i): .l[$i]; at(.i).q += 1",
            {"l": [{"q": 5}, {"q": 6}], "i": 1},
            {"l": [{"q": 5}, {"q": 7}], "i": 1},
        ),
        ("def at($i): .l[$i]; del(at(.i))", {"l": [5, 6], "i": 1}, {"l": [5], "i": 1}),
        ("path(first(def f($n): .[$n]; f(length - 1)))", [1, 2], [1]),
        ("def f($x): if $x then .a else .b end; f(.) = 1", None, {"b": 1}),
        ('def f($x): if $x == {"k": 1} then .a else .b end; path(f(.))', {"k": 1}, ["a"]),
        ("[path(def f($x): .[$x]; f(.k, .l))]", {"k": "a", "l": "b"}, [["a"], ["b"]]),
        ("def f($x): if $x > 2 then .a else f($x + 1) end; path(f(0))", {}, ["a"]),
    ],
)
def test_a_parameter_is_a_value_also_in_a_path(
    source: str, value: JsonValue, result: JsonValue
) -> None:
    assert evaluated(source, value) == result


@pytest.mark.parametrize(
    ("source", "value", "result"),
    [
        ('{k: "a", a: 5} as {(.k): $x} | $x', {}, 5),
        (". as {b: {(.k): $x}} | $x", {"b": {"k": "q", "q": 7}}, 7),
        ('reduce ({k: "a", a: 5}, {k: "b", b: 6}) as {(.k): $x} (0; . + $x)', {}, 11),
        ("(. as {(.k): $x} | .a) = 5", {"k": "a", "a": 1}, {"k": "a", "a": 5}),
    ],
)
def test_a_key_in_a_pattern_sees_what_is_taken_apart(
    source: str, value: JsonValue, result: JsonValue
) -> None:
    assert evaluated(source, value) == result


@pytest.mark.parametrize(
    ("source", "value"),
    [
        (".a.b |= empty", {}),
        (".limits.max |= select(. != null)", {}),
        (".a[0].b |= empty", {}),
        (".[2].b |= empty", []),
        (".a.b |= empty", None),
    ],
)
def test_what_is_not_there_is_deleted_without_a_trace(source: str, value: JsonValue) -> None:
    assert evaluated(source, value) == value


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("try (reduce (1, 2) as $x ({a: 1}; .a //= $x.foo)) catch .", "Cannot index number"),
        ('try (reduce 1 as $x ({}; .["a" | error] = ("b" | error))) catch .', "b"),
        ('try (1 | .a)["x" | error] catch .', "x"),
    ],
)
def test_the_order_of_evaluation_is_that_of_jq(source: str, said: str) -> None:
    assert evaluated(source, None).startswith(said)


@pytest.mark.parametrize(
    "source",
    [
        f".[] = {ONES}",
        f"map(null + {ONES})",
        f"[.[] | null + {ONES}]",
        f"map({{}} * {{a: {ONES}}})",
        "[" + ", ".join(["."] * 999) + "]",
    ],
)
def test_what_is_repeated_is_counted(source: str) -> None:
    with pytest.raises((TooLargeError, OutOfFuelError)):
        evaluated(source, list(range(10_000)))


@pytest.mark.parametrize(
    "source",
    [
        ".limits + {tags: []}",
        "null + {tags: []}",
        "{} * {tags: []}",
        "{} + {tags: []}",
        "{tags: []}",
        ".a |= . + {tags: []} | .a",
    ],
)
def test_what_comes_out_belongs_to_whoever_gets_it(source: str) -> None:
    first = evaluated(source, {})
    first["tags"].append("changed")
    assert evaluated(source, {}) == {"tags": []}


@pytest.mark.parametrize("start", ["[]; . + ({})", "{{}}; .a = ({})"])
def test_a_state_that_grows_never_holds_itself(start: str) -> None:
    """The spread of this program is exactly as much as one that holds a variable would have."""
    held = "[.] | [.] | [.] | [.,.,.,.] | [.,.,.,.] | [.,.,.,.]"
    grown = evaluated(f"reduce 1 as $x ({start.format(held)})", None)
    assert json.loads(json.dumps(grown)) == grown


def test_an_error_that_cannot_be_told_is_still_one_of_ours() -> None:
    with pytest.raises(ExpressionError):
        evaluated("def f($x): .[$x]; f(.) = 1", {"a": 1})


@pytest.mark.parametrize(
    "source",
    [
        ".line.nope | ascii_downcase",
        '.line.nope | split(",")',
        ".line.nope | fromdate",
        '@csv "\\(.line.nope)"',
        ".line.nope -= 1",
    ],
)
def test_a_builtin_that_refuses_null_tells_which_key_is_missing(source: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluated(source, {"line": {"id": 1, "name": "x"}})
    assert '".nope" is missing in .line (keys: id, name)' in str(caught.value)
