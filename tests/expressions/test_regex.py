import contextlib

import pytest

from workflows.expressions.builtins.regex import FUNCTIONS, LISTS
from workflows.expressions.errors import JqError, Stop, Value
from workflows.expressions.meter import FUEL, Run


def outputs(name: str, value: Value, *arguments: Value) -> list[Value]:
    return LISTS[name, len(arguments)](Run({}), value, *arguments)


def call(name: str, value: Value, *arguments: Value) -> Value:
    return FUNCTIONS[name, len(arguments)](Run({}), value, *arguments)


def offsets(value: str, pattern: str, flags: str = "g") -> list[tuple[int, int]]:
    return [(each["offset"], each["length"]) for each in outputs("match", value, pattern, flags)]


def complaint(name: str, value: Value, *arguments: Value) -> Value:
    with pytest.raises(JqError) as caught:
        {**LISTS, **FUNCTIONS}[name, len(arguments)](Run({}), value, *arguments)
    return caught.value.value


def test_a_match_is_described_with_its_captures() -> None:
    assert outputs("match", "xab", "(a)(?<name>b)?(?<none>z)?") == [
        {
            "offset": 1,
            "length": 2,
            "string": "ab",
            "captures": [
                {"offset": 1, "length": 1, "string": "a", "name": None},
                {"offset": 2, "length": 1, "string": "b", "name": "name"},
                {"offset": -1, "length": 0, "string": None, "name": "none"},
            ],
        }
    ]


def test_keys_have_jqs_order() -> None:
    (found,) = outputs("match", "a", "(a)(z)?")
    assert list(found) == ["offset", "length", "string", "captures"]
    assert [list(each) for each in found["captures"]] == [
        ["offset", "length", "string", "name"],
        ["offset", "string", "length", "name"],
    ]


@pytest.mark.parametrize(
    ("text", "pattern", "flags", "found"),
    [
        ("aa", "", "g", [(0, 0), (1, 0), (2, 0)]),
        ("aab", "a*", "g", [(0, 2), (2, 0), (3, 0)]),
        ("aa", "|a", "gn", [(0, 1), (1, 1)]),
        ("a aaa", "a+", "l", [(2, 3)]),
        ("aé日😀b", "😀|b", "g", [(3, 1), (4, 1)]),
        ("é😀b", "", "g", [(0, 0), (1, 0), (2, 0), (3, 0)]),
        # ^ and $ are the ends of the text, as in Perl ...
        ("a\nb\n", "^", "g", [(0, 0)]),
        ("a\nb\n", "$", "g", [(3, 0), (4, 0)]),
        ("a\nb", "a$", "g", []),
        ("a\nb\n", r"b\Z", "g", [(2, 1)]),
        ("a\nb\n", r"b\z", "g", []),
        ("a\nb\n", r"\s*$", "g", [(3, 1), (4, 0)]),
        ("a\nb\n", r".\n?[^x]$", "g", [(0, 3)]),
        ("é\nb\n", r"[^x]$", "g", [(2, 1), (3, 1)]),
        # ... unless (?m) makes them those of lines.
        ("a\nb\nc", "(?m)^.$", "g", [(0, 1), (2, 1), (4, 1)]),
        ("a\nb", "a.b", "", []),
        ("a\nb", "a.b", "s", []),
        ("a\nb", "a.b", "p", [(0, 3)]),
        ("a\nb", "(?s)a.b", "", [(0, 3)]),
        ("aB", "AB", "i", [(0, 2)]),
        ("aB", r"\p{Lu}", "i", [(1, 1)]),
        ("a b", r"a [ ] b # a comment", "x", [(0, 3)]),
        ("a{,3}", "a{,3}", "", [(0, 5)]),
        ("a.b", r"\Qa.b\E", "", [(0, 3)]),
        ("\r\n", r"\R", "g", [(0, 2)]),
        ("x]", "[]x]", "g", [(0, 1), (1, 1)]),
        ("é", r"\w", "", [(0, 1)]),
        ("\u0663", r"\d", "", [(0, 1)]),
        ("\u00a0", r"\s", "", [(0, 1)]),
        ("é1", "[[:alpha:]]", "g", [(0, 1)]),
        ("é1", "[^[:alpha:]]", "g", [(1, 1)]),
        ("aaaa", "(?:a{1}){2}", "g", [(0, 2), (2, 2)]),
        ("ab", r"a\bb|\Ba", "g", []),
    ],
)
def test_patterns_mean_what_they_mean_in_jq(
    text: str, pattern: str, flags: str, found: list[tuple[int, int]]
) -> None:
    assert offsets(text, pattern, flags) == found


def test_texts_are_tested() -> None:
    assert call("test", "abc", "B") is False
    assert call("test", "abc", "B", "i") is True
    assert call("test", "abc", ["B", "i"]) is True


def test_named_captures_become_an_object() -> None:
    assert outputs("capture", "12:34", r"(?<h>\d+):(?<m>\d+)(?<s>:)?") == [
        {"h": "12", "m": "34", "s": None}
    ]
    assert outputs("capture", "ab", ["(?<x>[a-z])", "g"]) == [{"x": "a"}, {"x": "b"}]


def test_names_may_be_given_twice_and_in_any_language() -> None:
    assert outputs("capture", "ab", "(?<größe>a)(?<größe>b)") == [{"größe": "b"}]


def test_scanning_gives_texts_or_captures() -> None:
    assert outputs("scan", "abAB", "b", "i") == ["b", "B"]
    assert outputs("scan", "abc", "(b)(c)") == [["b", "c"]]


def test_texts_are_split_at_matches() -> None:
    assert outputs("splits", "aXbxc", "x", "i") == ["a", "b", "c"]
    assert outputs("splits", "", "") == ["", ""]
    assert call("split", "abc", "", None) == ["", "a", "b", "c", ""]


@pytest.mark.parametrize(
    ("name", "value", "arguments", "words"),
    [
        ("test", 1, ("a",), "number (1) cannot be matched, as it is not a string"),
        ("test", "a", ([],), "array not a string or array"),
        ("match", "a", (1,), "number not a string or array"),
        ("match", "a", (1, None), "number (1) is not a string"),
        ("match", "a", ("a", 1), "number (1) is not a string"),
        ("match", "a", ("a", "gq"), "gq is not a valid modifier string"),
        ("scan", "a", ("a", 1), 'string ("g") and number (1) cannot be added'),
        ("splits", "a", ("a", 1), 'number (1) and string ("g") cannot be added'),
        ("test", "a", ("(",), "Regex failure: end pattern with unmatched parenthesis"),
        ("test", "a", (")",), "Regex failure: unmatched close parenthesis"),
        ("test", "a", ("[a",), "Regex failure: premature end of char-class"),
        ("test", "a", ("[]",), "Regex failure: empty char-class"),
        ("test", "a", ("[z-a]",), "Regex failure: empty range in char class"),
        ("test", "a", ("*",), "Regex failure: target of repeat operator is not specified"),
        ("test", "a", ("^*",), "Regex failure: target of repeat operator is invalid"),
        ("test", "a", ("a{2,1}",), "Regex failure: upper is smaller than lower in repeat range"),
        ("test", "a", ("a\\",), "Regex failure: end pattern at escape"),
        ("test", "a", ("(?P<x>a)",), "Regex failure: undefined group option"),
        ("test", "a", ("[[:x:]]",), "Regex failure: invalid POSIX bracket type"),
    ],
)
def test_mistakes_are_complained_of_in_jqs_words(
    name: str, value: Value, arguments: tuple[Value, ...], words: str
) -> None:
    assert complaint(name, value, *arguments) == words


@pytest.mark.parametrize(
    ("pattern", "instead"),
    [
        (r"(a)\1", "compare the captures"),
        ("a(?=b)", "take a capture"),
        ("(?<!a)b", "take a capture"),
        ("(?>a)b", "use (?:...)"),
        ("a++b", "use an ordinary one"),
    ],
)
def test_what_is_not_regular_is_refused_with_a_way_out(pattern: str, instead: str) -> None:
    words = complaint("test", "a", pattern)
    assert words.startswith("Regex failure: ")
    assert words.endswith(instead)


def test_word_boundaries_beside_other_letters_are_refused_instead_of_wrong() -> None:
    assert call("test", "a foo b", r"\bfoo\b") is True
    assert "know ASCII letters only" in complaint("test", "an Äpfeln", r"\bÄpfeln\b")


def test_long_patterns_are_refused() -> None:
    assert "1,000 are allowed" in complaint("test", "a", "a" * 1_001)


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    complaint("test", "é", "(?i)[[:alpha:]]{1000}" * 10)
    assert capfd.readouterr() == ("", "")


HOSTILE = [
    "(?:a{0,100}){0,10}b$",
    "(a{0,30}){0,30}",
    "((((a{0,10}){0,10}){0,10}))*",
    "(a|b)*a(a|b){12}c",
    "(?:a|b)*a(?:a|b){100}c",
    "(x+x+)+y",
    "a(?:.*c)?",
    "(?:.*b|a)c|a",
    r"\p{L}" * 190,
    r"(?i)[\p{L}\p{M}]{400}",
    "",
]


@pytest.mark.parametrize("pattern", HOSTILE)
@pytest.mark.parametrize("text", ["a" * 2_000, "ab" * 500_000, "aé" * 10_000])
@pytest.mark.parametrize("flags", ["", "g", "gl", "gn"])
def test_no_pattern_takes_more_than_the_budget(pattern: str, text: str, flags: str) -> None:
    # How long that is, `make bench` measures.
    run = Run({})
    with contextlib.suppress(Stop, JqError):
        LISTS["match", 2](run, text, pattern, flags)
    assert run.fuel < FUEL


def test_ordinary_work_is_cheap() -> None:
    run = Run({})
    for _ in range(5_000):
        FUNCTIONS["test", 1](run, "INFO line 17 is down", r"line \d+")
    assert run.fuel > FUEL * 0.25
    run = Run({})
    lines = "INFO user=anna id=4711\n" * 500
    assert len(LISTS["match", 2](run, lines, r"id=(\d+)", "g")) == 500
    assert run.fuel > FUEL * 0.25


def test_the_same_work_costs_the_same_whether_cached_or_not() -> None:
    spent = []
    for _ in range(2):
        run = Run({})
        FUNCTIONS["test", 1](run, "abc", "[a-c]+ never seen before")
        FUNCTIONS["test", 1](run, "abc", "[a-c]+ never seen before")
        spent.append(FUEL - run.fuel)
    assert spent[0] == spent[1]
