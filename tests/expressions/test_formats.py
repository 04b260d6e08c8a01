import math

import pytest

from workflows.expressions.builtins.formats import FORMATS, FUNCTIONS
from workflows.expressions.errors import JqError, Stop, Value
from workflows.expressions.meter import Run

AWKWARD = "!()<>&'\"\t"


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("text", AWKWARD, AWKWARD),
        ("text", [1], "[1]"),
        ("json", AWKWARD, '"!()<>&\'\\"\\t"'),
        ("csv", [1, AWKWARD, None, True, math.nan], '1,"!()<>&\'""\t",,true,'),
        ("tsv", [1, "a\tb\n\r\\", None], "1\ta\\tb\\n\\r\\\\\t"),
        ("html", AWKWARD, "!()&lt;&gt;&amp;&apos;&quot;\t"),
        ("html", {"a": "<"}, "{&quot;a&quot;:&quot;&lt;&quot;}"),
        ("uri", AWKWARD + "\u03bc-_.~", "%21%28%29%3C%3E%26%27%22%09%CE%BC-_.~"),
        ("urid", "%CE%BC+a", "\u03bc+a"),
        ("sh", AWKWARD, "'!()<>&'\\''\"\t'"),
        ("sh", [1, "a b", None], "1 'a b' null"),
        ("base64", "foóbar\n", "Zm/Ds2Jhcgo="),
        ("base64d", "Zm/Ds2Jhcgo=", "foóbar\n"),
        ("base64d", "YW", "a"),
        ("base64d", "", ""),
        ("base64d", "4pyT////", "✓\ufffd\ufffd\ufffd"),
        ("base32", "This is", "KRUGS4ZANFZQ===="),
        ("base32d", "KRUGS4ZANFZQ====", "This is"),
        ("base32d", "KRUGS4ZANFZQ", "This is"),
    ],
)
def test_formats_make_text_safe(name: str, value: Value, result: str) -> None:
    assert FORMATS[name](Run({}), value) == result
    assert FUNCTIONS["format", 1](Run({}), value, name) == result


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("csv", "a", 'string ("a") cannot be csv-formatted, only array'),
        ("tsv", 1, "number (1) cannot be tsv-formatted, only array"),
        ("csv", [[1]], "array ([1]) is not valid in a csv row"),
        ("sh", {}, "object ({}) can not be escaped for shell"),
        ("urid", "%zz", 'string ("%zz") is not a valid uri encoding'),
        ("urid", "%ff", 'string ("%ff") is not a valid uri encoding'),
        ("base64d", "a b", 'string ("a b") is not valid base64 data'),
        ("base64d", "YWJjZ", 'string ("YWJjZ") trailing base64 byte found'),
        ("base32d", "1", 'string ("1") is not valid base32 data'),
        ("zip", "a", "zip is not a valid format"),
        (1, "a", "number (1) is not a valid format"),
    ],
)
def test_what_a_format_does_not_take_is_complained_of(
    name: Value, value: Value, words: str
) -> None:
    with pytest.raises(JqError) as caught:
        FUNCTIONS["format", 1](Run({}), value, name)
    assert caught.value.value == words


@pytest.mark.parametrize("name", ["base64", "base32", "uri"])
def test_decoding_undoes_encoding(name: str) -> None:
    text = "".join(map(chr, range(0x20, 0x300))) + "😀"
    assert FORMATS[f"{name}d"](Run({}), FORMATS[name](Run({}), text)) == text


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_is_charged(name: str) -> None:
    long = "a" * 1_000_000
    value = [long] if name in {"csv", "tsv", "text"} else long
    with pytest.raises(Stop):
        FORMATS[name](Run({}, fuel=100), value)
