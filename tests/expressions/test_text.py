import math

import pytest

from workflows.expressions.builtins.text import FUNCTIONS, repeat_text, split_text
from workflows.expressions.errors import JqError, NoFuel, TooBig, Value
from workflows.expressions.meter import Run


def call(name: str, value: Value, *arguments: Value) -> Value:
    return FUNCTIONS[name, len(arguments)](Run({}), value, *arguments)


def complaint(name: str, value: Value, *arguments: Value) -> Value:
    with pytest.raises(JqError) as caught:
        call(name, value, *arguments)
    return caught.value.value


@pytest.mark.parametrize(
    ("name", "value", "arguments", "result"),
    [
        ("tojson", [1, "a\x7f", None, {"b": 1.5}], (), '[1,"a\\u007f",null,{"b":1.5}]'),
        ("tostring", "a", (), "a"),
        ("tostring", ["a"], (), '["a"]'),
        ("toboolean", "true", (), True),
        ("ascii_downcase", "AÉ", (), "aÉ"),
        ("ascii_upcase", "useful but not for é", (), "USEFUL BUT NOT FOR é"),
        ("ascii", 65, (), "A"),
        ("explode", "a😀", (), [97, 128512]),
        ("implode", [-1, 0, 1.9, 55296, 1114112, 97], (), "\ufffd\0\x01\ufffd\ufffda"),
        ("startswith", "abc", ("ab",), True),
        ("endswith", "abc", ("ab",), False),
        ("ltrimstr", "foobar", ("foo",), "bar"),
        ("rtrimstr", "foobar", ("bar",), "foo"),
        ("rtrimstr", "foo", ("",), "foo"),
        ("trimstr", "foobarfoo", ("foo",), "bar"),
        ("trim", "\u3000 a\u00a0", (), "a"),
        ("ltrim", " a ", (), "a "),
        ("rtrim", " a ", (), " a"),
        ("split", "a, b,c", (", ",), ["a", "b,c"]),
        ("split", "é日", ("",), ["é", "日"]),
        ("split", "", (",",), []),
        ("join", ["a", None, 1, True], (",",), "a,,1,true"),
        ("join", {"x": "a", "y": "b"}, ("-",), "a-b"),
        ("utf8bytelength", "é日", (), 5),
        ("_strindices", "ababa", ("aba",), [0, 2]),
        ("_strindices", "ßaßa", ("a",), [1, 3]),
        ("_strindices", "a", ("",), []),
    ],
)
def test_texts_are_handled_as_in_jq(
    name: str, value: Value, arguments: tuple[Value, ...], result: Value
) -> None:
    assert call(name, value, *arguments) == result


@pytest.mark.parametrize(
    ("name", "value", "arguments", "words"),
    [
        ("tonumber", "12a", (), 'string ("12a") cannot be parsed as a number'),
        ("tonumber", None, (), "null (null) cannot be parsed as a number"),
        ("toboolean", "yes", (), 'string ("yes") cannot be parsed as a boolean'),
        ("ascii", 128, (), "ascii only takes integers from 0 to 127"),
        ("explode", 1, (), "explode input must be a string"),
        ("implode", 1, (), "implode input must be an array"),
        (
            "implode",
            ["a"],
            (),
            'string ("a") can\'t be imploded, unicode codepoint needs to be numeric',
        ),
        ("startswith", 1, ("a",), "startswith() requires string inputs"),
        ("rtrimstr", "a", (1,), "endswith() requires string inputs"),
        ("trim", 1, (), "trim input must be a string"),
        ("split", "a", (1,), "split input and separator must be strings"),
        ("join", ["a", ["b"]], (",",), 'string ("a,") and array (["b"]) cannot be added'),
        ("join", ["a", "b"], (1,), 'string ("a") and number (1) cannot be added'),
        ("join", 1, (",",), "Cannot iterate over number (1)"),
        ("utf8bytelength", [], (), "array ([]) only strings have UTF-8 byte length"),
        ("_strindices", 1, ("a",), "number (1) cannot be searched, as it is not a string"),
        ("fromjson", 1, (), "number (1) only strings can be parsed"),
    ],
)
def test_wrong_types_are_complained_of_in_jqs_words(
    name: str, value: Value, arguments: tuple[Value, ...], words: str
) -> None:
    assert complaint(name, value, *arguments) == words


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", 2.0**63),
        ("1e2", 100),
        ("1.0", 1.0),
        (".5", 0.5),
        ("+1", 1),
        ("01", 1),
        ("-Infinity", -math.inf),
        ("1" + "0" * 5000 + "e-5000", 1),
        ("1" * 5000, math.inf),
    ],
)
def test_numerals_are_read(text: str, result: float) -> None:
    assert call("tonumber", text) == result
    assert call("fromjson", text) == result


def test_integers_stay_integers_and_points_stay_points() -> None:
    assert [type(call("tonumber", text)) for text in ("1", "1e0", "5.", "1.0", "-0")] == [
        int,
        int,
        int,
        float,
        float,
    ]


@pytest.mark.parametrize("text", ["nan", "NaN", "-nan", "sNaN"])
def test_nan_is_read(text: str) -> None:
    assert math.isnan(call("fromjson", text))


def test_json_is_read() -> None:
    text = ' {"a": [1, 2.5, null, true], "\\u00e9\\ud83d\\ude00": "\\udc00", "n": [nan]} '
    result = call("fromjson", text)
    assert list(result) == ["a", "é😀", "n"]
    assert result["a"] == [1, 2.5, None, True]
    assert result["é😀"] == "\ufffd"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Expected JSON value"),
        ("{'a': 1}", "Invalid string literal; expected \", but got ' at line 1, column 5"),
        ("[1,\n2,]", "Expected another array element at line 2, column 3"),
        ("[1 2]", "Expected separator between values at line 1, column 5"),
        ("1 2", "Unexpected extra JSON values"),
        ("[1", "Unfinished JSON term at EOF at line 1, column 2"),
        ('"a', "Unfinished string at EOF at line 1, column 2"),
        ('["é" 1]', "Expected separator between values at line 1, column 8"),
        ("NaN10", "Invalid numeric literal at EOF at line 1, column 5"),
        ('"\\ud800"', "Invalid \\uXXXX\\uXXXX surrogate pair escape at line 1, column 8"),
        ("{1:2}", "Object keys must be strings at line 1, column 3"),
    ],
)
def test_what_is_not_json_is_complained_of_with_its_place(text: str, words: str) -> None:
    assert complaint("fromjson", text) == f"{words} (while parsing '{text}')"


def test_complaints_for_persons_do_not_quote_the_text() -> None:
    with pytest.raises(JqError) as caught:
        call("fromjson", "{secret")
    assert "secret" not in caught.value.told()


def test_json_may_be_10000_levels_deep_and_not_deeper() -> None:
    value = call("fromjson", "[" * 10_000 + "]" * 10_000)
    assert call("tojson", value) == "[" * 10_000 + "]" * 10_000
    assert complaint("fromjson", "[" * 10_001).startswith("Exceeds depth limit for parsing")


def test_brackets_in_strings_are_no_levels() -> None:
    text = "[" * 9_000
    assert call("fromjson", f'["{text}"]') == [text]


def test_lone_surrogates_are_replaced_where_a_text_is_encoded() -> None:
    assert call("tojson", ["\ud800"]) == '["\ufffd"]'
    assert call("utf8bytelength", "\ud800") == 3
    assert call("explode", "\ud800") == [0xFFFD]


@pytest.mark.parametrize(
    ("count", "result"),
    [(3, "ababab"), (1.9, "ab"), (0.5, ""), (0, ""), (-1, None), (math.nan, None)],
)
def test_texts_are_repeated(count: float, result: Value) -> None:
    assert repeat_text(Run({}), "ab", count) == result


def test_repeating_nothing_is_no_work() -> None:
    assert repeat_text(Run({}), "", math.inf) == ""


def test_what_would_be_too_large_is_not_built() -> None:
    with pytest.raises(TooBig):
        repeat_text(Run({}), "x", 1e9)
    # Beyond what jq itself allows the program may catch it.
    for count in (math.inf, 10**400):
        with pytest.raises(JqError):
            repeat_text(Run({}), "x", count)
    with pytest.raises(TooBig):
        split_text(Run({}), "a" * 1_000_000, "a")


def test_work_is_charged_before_it_is_done() -> None:
    text = "a" * 1_000_000
    for name in ("tojson", "explode", "fromjson", "trim", "utf8bytelength", "ascii_upcase"):
        with pytest.raises((NoFuel, TooBig)):
            FUNCTIONS[name, 0](Run({}, fuel=1_000), text)


def test_inputs_are_not_changed() -> None:
    value = ["a", {"b": [1, None]}]
    for name in ("tojson", "tostring"):
        call(name, value)
    call("join", ["a", None], "-")
    assert value == ["a", {"b": [1, None]}]
