"""Numbers are exact, keys keep their order, and nobody changes what somebody else may see."""

import copy
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.expressions import (
    ExpressionError,
    OutOfFuelError,
    TooLargeError,
    compile_expression,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.text("ab", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4)
    ),
    max_leaves=12,
)
CHANGING = [
    ".. |= .",
    ".[]? |= [.]",
    "(.a, .b)? = 1",
    ".a? += 1",
    "del(..)?",
    "del(.[0]?, .a?)",
    "walk(.)",
    "to_entries?",
    "map_values([.])?",
    "with_entries(.value = 1)?",
    "sort?",
    "reverse?",
    "reduce (1, 2) as $x (.; . + [$x])?",
    "reduce (1, 2) as $x (.; . + {b: $x})?",
    "reduce ('a', 'b') as $x (.; .[$x] = $x)?".replace("'", '"'),
    "reduce ('a', 'b') as $x (.; .[$x] |= [.])?".replace("'", '"'),
    "reduce ('a', 'b') as $x (.; .[$x] |= empty)?".replace("'", '"'),
    "reduce ('a', 'a') as $x ({}; .[$x] += [1])".replace("'", '"'),
    "foreach (1, 2) as $x (.; . + [$x])?",
    "[., .] | .[0] |= [.]",
    ". as $v | [$v, ($v | map(1))?, $v]",
    "add?",
    "unique?",
    "flatten?",
    "transpose?",
    "group_by(.)?",
    "setpath(['a']; 1)?".replace("'", '"'),
    "pick(.a)?",
    "[.[]?] | . + .",
    "tostream",
]


@given(JSON, st.sampled_from(CHANGING))
def test_the_input_is_never_changed(value: Any, program: str) -> None:
    before = copy.deepcopy(value)
    outputs = compile_expression(program).stream(value, {"v": value})
    results: list[tuple[Any, Any]] = []
    with suppress(ExpressionError):
        results.extend((result, copy.deepcopy(result)) for result in outputs)
    assert repr(value) == repr(before)
    # An output must not be changed by what comes after it, either.
    for result, copied in results:
        assert repr(result) == repr(copied)


@pytest.mark.parametrize(
    ("program", "output"),
    [
        ("reduce range(3) as $i ([]; . + [$i]) as $x | $x + [9] | $x", [0, 1, 2]),
        (
            "[range(2)] as $s | reduce range(2) as $i ($s; . + [$i]) | [., $s]",
            [[0, 1, 0, 1], [0, 1]],
        ),
        ("[foreach range(3) as $i ([]; . + [$i])]", [[0], [0, 1], [0, 1, 2]]),
        ("reduce range(2) as $i ({}; .a = . )", {"a": {"a": {}}}),
        ("reduce range(2) as $i ([]; . + [.])", [[], [[]]]),
        ("reduce range(3) as $i ({}; .[$i | tostring] = ([.] | length))", {"0": 1, "1": 1, "2": 1}),
        ("[limit(2; reduce range(2) as $i ([], [7]; . + [$i]))]", [[0, 1], [7, 0, 1]]),
        (
            "[1] as $a | [reduce (1, 2) as $i ($a; . + [$i]), reduce 3 as $i ($a; . + [$i]), $a]",
            [[1, 1, 2], [1, 3], [1]],
        ),
        ('reduce ("a", "b", "a") as $k ({}; .[$k] += 1)', {"a": 2, "b": 1}),
        ('reduce ("a", "b") as $k ({"a": 1}; .[$k] |= empty)', {}),
        ('reduce ("a", "b") as $k ({}; .[$k] //= 5)', {"a": 5, "b": 5}),
        ("reduce range(4) as $i ([]; if $i == 2 then empty else . + [$i] end)", [3]),
    ],
)
def test_what_a_loop_builds_is_its_own(program: str, output: Any) -> None:
    assert compile_expression(program).evaluate(None, {}) == output


@pytest.mark.parametrize(
    ("program", "value", "output"),
    [
        (". + 0", 2**53 + 1, 2**53 + 1),
        (". * 3", 2**60, 3 * 2**60),
        (". - 1", -(2**63) + 1, -(2**63)),
        (". + 1", 2**63 - 1, float(2**63)),
        (". * .", 2**40, float(2**80)),
        ("10 / 5", None, 2),
        ("1 / 3", None, 1 / 3),
        ("2.5 * 2", None, 5),
        ("1e3", None, 1000.0),
        ("9007199254740993 == 9007199254740992", None, False),
        ("7 % 3, -7 % 3, 7 % -3 | tojson", None, "1"),
        ("infinite | tojson", None, "1.7976931348623157e+308"),
        ("nan | tojson", None, "null"),
        ("[nan] == [nan]", None, False),
        ("nan < 0", None, True),
        ("[.[] | tostring]", [1.0, 1, 1e17, 1.5e16, 1e-7, -0.0, 0.1], None),
    ],
)
def test_numbers(program: str, value: Any, output: Any) -> None:
    found = compile_expression(program).evaluate(value, {})
    if output is None:
        assert found == ["1.0", "1", "1e+17", "15000000000000000", "1e-07", "-0", "0.1"]
    else:
        assert (type(found), found) == (type(output), output)


def test_a_computed_integer_is_one() -> None:
    assert str(
        compile_expression("[6 / 3, 0.5 + 0.5, (4 | sqrt), -0.5 - 0.5]").evaluate(None, {})
    ) == ("[2, 1, 2, -1]")
    assert math.isnan(compile_expression("nan").evaluate(None, {}))  # type: ignore[arg-type]


def test_keys_keep_their_order() -> None:
    program = "{b: 1, a: 2} + {c: 3, b: 4} | .a = 5 | with_entries(.value += 1) | del(.c) | .c = 0"
    assert list(compile_expression(program).evaluate(None, {})) == ["b", "a", "c"]  # type: ignore[arg-type]


def test_true_is_not_one() -> None:
    program = "[true == 1, ([1] | index(true)), ([true, 1] | unique | length), 1 == 1.0]"
    assert compile_expression(program).evaluate(None, {}) == [False, None, 2, True]


@pytest.mark.parametrize(
    ("program", "value", "output"),
    [
        ("(.id | select(.)) = 0", None, None),
        ("(.a | select(.b)) = 3", {"x": 1}, {"x": 1}),
        ("(.a | select(.b)).c |= 3", {"a": {}}, {"a": {}}),
        ("(.[] | select(. > 1)) = 0", [1, 2], [1, 0]),
        ("(.[] | select(. > 1)) |= empty", {"a": 1, "b": 2}, {"a": 1}),
        (".a = null", {}, {"a": None}),
        ("select(false) = 1", 5, 5),
        (".a |= empty", None, None),
        ("(.a[] | select(.x).y) += 1", {"a": [{"x": 1}, {}]}, {"a": [{"x": 1, "y": 1}, {}]}),
    ],
)
def test_what_is_not_selected_is_not_touched(program: str, value: Any, output: Any) -> None:
    assert compile_expression(program).evaluate(value, {}) == output


@pytest.mark.parametrize(
    ("program", "value", "outputs"),
    [
        ("[.[].a?]", [1, {"a": 2}], [[2]]),
        ("[.[][]?]", [1, [2]], [[2]]),
        ("[.[][0]?]", [{}, [2]], [[2]]),
        ("[.[].a?.b?]", [1, {"a": {"b": 3}}], [[3]]),
        (".[].a? |= 5", [1, {"a": 2}], [[1, {"a": 5}]]),
        ("[..[0]?]", {"a": {"b": {"c": 1}}, "c": [1]}, [[1]]),
        ("[(.a.b.c)?]", 1, [[]]),
        ("try (.a.b.c?) catch 0", 1, [0]),
        ("[.[.k]?]", {"k": "z", "z": 4}, [[4]]),
        ("[.[1:.n]?]", {"n": 1}, [[]]),
        ("def f($a): a; [f(1, 2)]", None, [[1, 2, 1, 2]]),
        ("def f($a; b): a + b; [f(1, 2; 3, 4)]", None, [[4, 5, 5, 6, 4, 5, 5, 6]]),
        ("reduce range(3) as $i ([]; . + [. as $x | $x])", None, [[[], [[]], [[], [[]]]]]),
        ("reduce range(2) as $i ({}; .a = (. as $x | $x))", None, [{"a": {"a": {}}}]),
        ("[skip(1.5; 1, 2, 3)]", None, [[2, 3]]),
    ],
)
def test_what_a_reader_of_the_manual_expects(program: str, value: Any, outputs: Any) -> None:
    assert compile_expression(program).outputs(value) == outputs


@pytest.mark.parametrize(
    ("program", "value"),
    [
        ('getpath(range(60) | ["a"]) |= [., .]', {"a": 1}),
        ('getpath(range(1000) | ["a"]) |= [.]', {"a": 1}),
        ('("x" * 2000000) | [' + ".," * 150 + ".]", None),
        ("[range(5000)] | [" + ".," * 200 + ".]", None),
        ('[range(30000) | "' + "x" * 12_000 + '"]', None),
        ("[.[] | $big]", [0] * 100),
    ],
)
def test_no_result_is_larger_than_it_may_be(program: str, value: Any) -> None:
    with pytest.raises((TooLargeError, OutOfFuelError)):
        compile_expression(program).evaluate(value, {"big": list(range(5000))})


def test_growth_from_task_to_task_is_bounded() -> None:
    value: Any = 1
    with pytest.raises(TooLargeError):  # noqa: PT012 - one of them is the last
        for _ in range(100):
            value = compile_expression("[., ., .]").evaluate(value, {})
    value = 1
    with pytest.raises(TooLargeError):  # noqa: PT012 - one of them is the last
        for _ in range(200):
            value = compile_expression("[.]").evaluate(value, {})


def test_what_a_caller_does_to_a_result_is_not_seen_by_the_next() -> None:
    for program in ("[1, [2]]", '{"a": [1]}', "$__loc__", "builtins"):
        expression = compile_expression(program)
        first: Any = expression.evaluate(None, {})
        before = copy.deepcopy(first)
        first.clear()
        assert expression.evaluate(None, {}) == before
