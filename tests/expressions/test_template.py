"""Texts in which expressions stand: what they give, where their expressions end."""

from typing import Any

import pytest

from foundation.json import JsonValue
from workflows.expressions import (
    Embedded,
    ExpressionError,
    ExpressionSyntaxError,
    OutOfFuelError,
    TooLargeError,
    Version,
    compile_template,
    embedded_in,
    expression_in,
    pieces_of,
)

INPUT: dict[str, JsonValue] = {"name": "Kim", "line": 7, "big": 1e17, "list": [1, "a", None]}


def built(template: Any) -> JsonValue:
    return compile_template(template).evaluate(INPUT, {"who": "x"})


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain", "plain"),
        ("${ .line }", 7),
        ("\n ${ .list } ", [1, "a", None]),
        ("${.name}", "Kim"),
        ("Hello ${ .name }, line ${ .line }", "Hello Kim, line 7"),
        ("${ .name }${ .line }", "Kim7"),
        ("${ .line } ", 7),
        ("${ .line }!", "7!"),
        ("a ${ .big } b", "a 1e+17 b"),
        ("a ${ 1.5 } ${ true } ${ null } ${ .nothing }", "a 1.5 true null null"),
        ("a ${ .list } ${ {b: 1} }", 'a [1,"a",null] {"b":1}'),
        ("a ${ $who } b", "a x b"),
        ("a ${ empty } b", "a null b"),
        ("a ${ 1, 2 } b", "a 1 b"),
        ('a ${ "}" } b', "a } b"),
        ('a ${ {a: "{"} | .a } } b', "a { } b"),
        ('a ${ "\\({a: "}"} | .a)" } b', "a } b"),
        ("a ${ # } is no end\n .line } b", "a 7 b"),
        ('${ "${" }HOME}', "${HOME}"),
        ('costs 5$ or {5} or $ {5} ${ "a" }', "costs 5$ or {5} or $ {5} a"),
        ("${ .name } and ${ .line }", "Kim and 7"),
        ("한 ${ .name } 글", "한 Kim 글"),
    ],
)
def test_a_text_is_filled_in(text: str, result: JsonValue) -> None:
    assert built(text) == result


def test_only_values_are_evaluated_however_deep_they_are() -> None:
    assert built({"${ .a }": [{"b": "x ${ .line }"}, 5, None]}) == {
        "${ .a }": [{"b": "x 7"}, 5, None]
    }


def test_a_value_without_expressions_is_constant_and_the_same_every_time() -> None:
    template = compile_template("plain")
    assert template.constant
    assert template.variables == frozenset()
    assert not compile_template({"a": "b ${ $who }"}).constant
    assert compile_template({"a": ["${ $who }", "b ${ $what }"]}).variables == {"who", "what"}


@pytest.mark.parametrize("text", [".line", "${ .line }", " ${ .line }"])
def test_a_bare_text_is_an_expression_as_a_whole(text: str) -> None:
    assert compile_template(text, bare=True).evaluate(INPUT, {}) == 7


def test_a_bare_text_is_not_filled_in() -> None:
    with pytest.raises(ExpressionSyntaxError):
        compile_template("Line ${ .line }", bare=True)
    assert compile_template({"a": "Line ${ .line }"}, bare=True).evaluate(INPUT, {}) == {
        "a": "Line 7"
    }


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("${ .a }", ".a"),
        ("\t${.a}\n", ".a"),
        ("${ }", ""),
        ('${ "}" + "{" }', '"}" + "{"'),
        ("${ .a } and ${ .b }", None),
        ("${ .a } ${ .b ~ }", None),
        ("${ .a", None),
        ("a ${ .a }", None),
        ("${ .a } b", None),
        # No jq at all, but what was meant is plain; compiling it says what is wrong.
        ("${ .a ~ .b }", ".a ~ .b"),
        ("", None),
        ("$", None),
        ("${", None),
    ],
)
def test_one_expression_is_told_from_a_text_with_expressions(text: str, source: str | None) -> None:
    assert expression_in(text) == source


def test_expressions_are_found_with_their_places() -> None:
    text = 'a ${ .b } ${"}"} c'
    assert list(embedded_in(text)) == [Embedded(2, 9, ".b"), Embedded(10, 16, '"}"')]
    assert list(pieces_of(text)) == [
        "a ",
        Embedded(2, 9, ".b"),
        " ",
        Embedded(10, 16, '"}"'),
        " c",
    ]
    assert list(pieces_of("")) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a ${ .b", "'${' has no '}' that ends it"),
        ("a ${ {b: 1}", "'${' has no '}' that ends it"),
        ("${ .a } ${", "'${' has no '}' that ends it"),
        ('a ${ "b }', "This string has no end"),
        ("a ${ .b ~ .c } d", "'~' means nothing here"),
        ("a ${ } b", "The expression is empty"),
        ("a ${ .b | } b", "is not expected here"),
        ("${ .a } ${ now }", "'now' is not available"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ExpressionSyntaxError) as caught:
        compile_template(text)
    first, source, caret = str(caught.value).split("\n")
    assert message in first
    assert source.startswith("    ")
    assert caret.strip(" ^") == ""


def test_an_error_in_one_of_the_expressions_is_the_error_of_the_whole() -> None:
    with pytest.raises(ExpressionError, match="cannot be added"):
        built("a ${ .line } b ${ .name + 1 }")


def test_a_text_cannot_grow_beyond_the_bound_of_texts() -> None:
    with pytest.raises(TooLargeError, match="2,000,000 are allowed"):
        built('${ "x" * 1900000 } ${ "x" * 1900000 }')


def test_the_expressions_of_one_value_share_a_budget() -> None:
    burn = "${ [range(3000)] | length }"
    assert built([burn] * 20) == [3000] * 20
    with pytest.raises(OutOfFuelError, match="together"):
        built([burn] * 3000)
    # What was burnt before does not count.
    assert built([burn] * 20) == [3000] * 20


def test_a_template_keeps_the_version_it_was_compiled_for() -> None:
    small = Version("small-of-tests", fuel=1_000)
    text = "a ${ [range(2000)] | length } b"
    with pytest.raises(OutOfFuelError):
        compile_template(text, version=small).evaluate(None, {})
    assert compile_template(text).evaluate(None, {}) == "a 2000 b"
