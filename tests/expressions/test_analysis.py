"""What is known of an expression before it runs."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.expressions import ExpressionError, compile_expression, fuel_spent


@pytest.mark.parametrize(
    ("program", "reads"),
    [
        (".a.b > 5", {".a.b"}),
        (
            ".lines[] | select(.rate > 1) | {a: .name, b: $context.x.y}",
            {".lines[].rate", ".lines[].name", "$context.x.y"},
        ),
        (". as {a: $x, b: [$y]} | $x.z + $y", {".a.z", ".b[0]"}),
        ("map(.k.l)", {".[].k.l"}),
        (".a[.i].c", {".i", ".a[].c"}),
        (".a as $v | .b | $v.c", {".a.c"}),
        ("if .a then .b else .c end", {".a", ".b", ".c"}),
        ("first(.x[]).y", {".x[]", ".x[].y"}),
        (".a // .b | .c", {".a.c", ".b.c"}),
        ('"\\(.a) \\($workflow.input.q)"', {".a", "$workflow.input.q"}),
        ("reduce .items[] as $i (0; . + $i.n)", {".items[].n"}),
        # Nobody can say what these run on.
        ("def f(g): g; f(.a)", set()),
        ("to_entries | .[0].key", {}),
        ("{a: 1} | .a", {}),
        ("[.a] | .[0].b", {".a"}),
        (".a = .b", {".b"}),
    ],
)
def test_paths_that_are_certainly_read(program: str, reads: set[str]) -> None:
    found = {str(each) for each in compile_expression(program).analysis().reads}
    assert found >= set(reads)
    if not reads:
        assert found <= {"."}


def test_variables_from_outside_are_known() -> None:
    program = "def f($a): $a + $b; . as [$x] | [f($x), $context.y] | reduce .[] as $z (0; . + $z)"
    assert compile_expression(program).variables == {"b", "context"}


@pytest.mark.parametrize(
    ("program", "secret"),
    [
        ("$secrets.key", True),
        ("if $secrets.a == 1 then 1 else 2 end", True),
        ('"Bearer \\($authorization.parameter)"', True),
        (".secrets.key", False),
        ("1 as $secrets | $secrets", False),
    ],
)
def test_a_secret_that_flows_in_is_seen(program: str, secret: bool) -> None:
    assert compile_expression(program).analysis().secret is secret


LEAVES = st.sampled_from([".a", ".b.c", ".", "1", '"x"', "$v", "null", ".a[0]"])
BOUNDED = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds("({} | {})".format, inner, inner),
        st.builds("({} // {})".format, inner, inner),
        st.builds("({} and {})".format, inner, inner),
        st.builds("(if {} then {} else {} end)".format, inner, inner, inner),
        st.builds("({} > 3)".format, inner),
        st.builds("({} == 1)".format, inner),
        st.builds("({} + 1)".format, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{a: {}, b: {}}}".format, inner, inner),
        st.builds("({} as $v | {})".format, inner, inner),
        st.builds("({} | length)".format, inner),
        st.builds("[{} > 1, {} == 2]".format, inner, inner),
        st.builds("(-{})".format, inner),
    ),
    max_leaves=10,
)


@given(BOUNDED, st.sampled_from([None, {"a": [1, 2], "b": {"c": 5}}, {"a": "x" * 5000, "b": 1}]))
def test_a_bound_on_cost_holds(program: str, value: Any) -> None:
    expression = compile_expression(program)
    bound = expression.analysis().cost
    if bound is None:
        # It holds its input, so what it gives has to be weighed.
        assert any(sign in program for sign in ("[", "{", "+", "//", "if", " as "))
        return
    before = fuel_spent()
    with suppress(ExpressionError):  # what an error costs is bounded as well
        expression.evaluate(value, {"v": {"a": 1}})
    assert fuel_spent() - before <= bound


@pytest.mark.parametrize(
    "program",
    [
        ".[]",
        "map(1)",
        "[range(3)]",
        ". == $x",
        ".a + .b",
        "tojson",
        "def f: f; f",
        "sort",
        "..",
        ".a |= 1",
        "reduce 1 as $x (0; 1)",
        'test("a")',
        "repeat(1)",
        ".a * 3",
        "[.a[1:2]]",
    ],
)
def test_no_bound_is_claimed_where_work_depends_on_data(program: str) -> None:
    assert compile_expression(program).analysis().cost is None
