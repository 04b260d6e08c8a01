"""Errors say where, what and which key was missing, and give no content away."""

from typing import Any

import pytest

from workflows.expressions import (
    ExpressionError,
    ExpressionSyntaxError,
    UnknownFunctionError,
    compile_expression,
)


def error_of(program: str, value: Any, **variables: Any) -> str:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(program).evaluate(value, variables)
    return str(caught.value)


@pytest.mark.parametrize(
    ("program", "value", "hint"),
    [
        (
            ".line.limits.max * 2",
            {"line": {"id": 1, "name": "P1"}},
            '.line.limits.max: ".limits" is missing in .line (keys: id, name). ',
        ),
        (".items | map(.x)", {}, '.items: ".items" is missing in . (it is empty). '),
        (".items[]", {"item": 1}, '.items: ".items" is missing in . (keys: item). '),
        (".a.b | tonumber", {"a": {"b": None}}, ".a.b is null. "),
        (".a.b.c - 1", {"a": {"b": None}}, ".a.b.c: .a.b is null. "),
        (".rows[7].x - 1", {"rows": [1]}, ".rows[7].x: .rows has only 1 items. "),
        ("-.a", {}, '.a: ".a" is missing in . (it is empty). '),
        ('.a["b c"] - 1', {"a": {}}, '.a["b c"]: "["b c"]" is missing in .a (it is empty). '),
        ("1 - .x", {"y": 2}, '.x: ".x" is missing in . (keys: y). '),
    ],
)
def test_the_key_that_was_missing_is_named(program: str, value: Any, hint: str) -> None:
    assert error_of(program, value).startswith(hint)


def test_a_variable_is_followed_as_well() -> None:
    said = error_of("$context.limit - 1", None, context={"limits": 1})
    assert said.startswith('$context.limit: ".limit" is missing in $context (keys: limits). ')


@pytest.mark.parametrize(
    ("program", "value", "marked"),
    [
        (".a + (.b - 1)", {"a": 1, "b": "x"}, ".b - 1"),
        ("[.[] | .x]", [1], ".x"),
        ("map(tonumber)", ["x"], "tonumber"),
        ("if .a then .b[0] else 1 end", {"a": 1, "b": {}}, ".b[0]"),
        ("[1, @base64d]", "####", "@base64d"),
        ("walk(error)", 1, "error"),
        ("[.] | combinations", 1, "combinations"),
        (".a = 1", [], ".a = 1"),
        (". as [$x] | $x", "text", ". as [$x] | $x"),
        ("sort_by(.x)", [1], ".x"),
    ],
)
def test_the_place_is_marked(program: str, value: Any, marked: str) -> None:
    *_, line, carets = error_of(program, value).split("\n")
    start = carets.index("^")
    assert line[start : start + carets.count("^")] == marked


def test_long_expressions_are_cut_around_the_place() -> None:
    padding = " + ".join(["1"] * 100)
    *_, line, carets = error_of(f"{padding} + .a + {padding}", "x").split("\n")
    assert len(line) < 200
    assert line[carets.index("^") :].startswith(".a")


def test_carets_are_as_wide_as_korean_is() -> None:
    *_, line, carets = error_of('"불량률" - .a', {"a": 1}).split("\n")
    assert line == '    "불량률" - .a'
    assert carets == "    " + "^" * 13


SECRET = "Kim Min-su 010-1234-5678"


@pytest.mark.parametrize(
    "program",
    [
        ". + 1",
        "tonumber",
        "[.] | implode",
        "{} | has([$x])",
        ". as [$a] | $a",
        ".a",
        "keys",
        "{(.): 1} | .[$x] | error",
        "fromjson",
        'strptime("%Y")',
        "@base64d | fromjson",
        'path(. + "x" | .[0])',
        "path(ascii_downcase)",
        "[{a: .}] | sort_by(.a[0])",
        "test($x)",
        "error({name: .})",
        "error([.])",
        "{a: 1} | .[[$x]]",
        "ltrimstr(1)",
        "implode",
        ". * {}",
        "{} * .",
        "splits(1)",
        '[., 1] | join("") | tonumber',
        "@json | fromjson | tonumber",
        "date",
        "mktime",
        "limit(.; 1)",
        "range(.)",
        "[.] | @sh | tonumber",
        "{a: .} | @csv",
        "[{a: .}] | @csv",
        "toboolean",
        "bsearch(1)",
        "setpath(.; 1)",
        "getpath(.)",
        "delpaths(.)",
        "from_entries",
        "[{key: [.]}] | from_entries",
        "gsub(.; [1])",
        '$x | sub("K"; 1)',
        "{(. , 1): 2}",
        "@uri | @urid | tonumber",
        '"\\(.)" | tonumber',
        "utf8bytelength | .a",
        "[.] | contains(1)",
    ],
)
def test_values_are_masked(program: str) -> None:
    try:
        compile_expression(program).evaluate(SECRET, {"x": SECRET})
    except ExpressionError as error:
        said = str(error)
        assert not any(part in said for part in ("Kim", "Min", "010", "5678"))


def test_what_the_author_says_is_told_as_it_is() -> None:
    assert error_of('error("No limit for \\(.line)")', {"line": "P1"}).startswith("No limit for P1")
    assert len(error_of('error("x" * 100000)', None)) < 1_000


@pytest.mark.parametrize(
    ("program", "says", "marked"),
    [
        ("(.a", "')' is expected", ""),
        (".a ~ .b", "'~' means nothing here", "~"),
        ("1 == 2 == 3", "'==' is not expected here", "=="),
        ('"\\x"', "'\\x' is no escape", "\\x"),
        ("break $x", "no 'label $x'", "break $x"),
        ("@base65", "'@base65' is no format", "@base65"),
        ("", "The expression is empty", ""),
        ("a::b", "names a module", "a::b"),
    ],
)
def test_what_is_no_jq_is_refused_with_a_place(program: str, says: str, marked: str) -> None:
    with pytest.raises(ExpressionSyntaxError) as caught:
        compile_expression(program)
    *_, line, carets = str(caught.value).split("\n")
    assert says in str(caught.value)
    start = carets.index("^")
    assert line[start : start + carets.count("^")].startswith(marked)


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("now", "Use $workflow.startedAt"),
        ("env.HOME", "$secrets"),
        ("input", "there is one input only"),
        ("slect(.a)", "Did you mean 'select'?"),
        ("map(.a; .b)", "'map' takes 1 arguments"),
    ],
)
def test_unknown_functions_say_what_to_use(program: str, says: str) -> None:
    with pytest.raises(UnknownFunctionError) as caught:
        compile_expression(program)
    assert says in str(caught.value)


def test_a_program_sees_jqs_own_words_and_all_of_the_value() -> None:
    caught = compile_expression("try (. + 1) catch .").evaluate("secret", {})
    assert caught == 'string ("secret") and number (1) cannot be added'
