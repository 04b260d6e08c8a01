"""Changes programs and values at random, so that many are broken in some way or another."""

import re
from random import Random
from typing import Any, Final

_TOKEN: Final = re.compile(
    r'"(?:[^"\\]|\\.)*"|[$.@]?\w+|\s+|\?//=?|[-+*/%|=!<>/]=|//=?|.', re.DOTALL
)
_MAX_CHARS: Final = 3_000
# Changes after which it often still compiles.
_GENTLE: Final = 0.6
_SCRATCHED: Final = 0.05
# Tokens that can stand for each other; those of strings and numbers come last.
_CLASSES: Final = [
    line.split()
    for line in r"""
+ - * / % == != < <= > >= // and or | ,
|= = += -= *= /= %= //=
. .. .a .b .foo[] .[] .[0] .[1:2] .[-1:] .a? .[]? empty null true infinite nan {} [] [.] {a:.}
keys length add tojson fromjson tostream sort flatten reverse unique min floor sqrt not type explode
implode trim tonumber tostring ascii_downcase values recurse paths any all last first to_entries
from_entries transpose gmtime mktime todate @base64 @json @csv @sh @html @uri combinations
utf8bytelength error halt_error env fabs abs toarray getpath(["a"])
map path del first last limit(2;.) range select sort_by group_by walk map_values repeat error
with_entries isempty contains inside has test scan join ltrimstr recurse paths add pick any
"a" "\(.)" "" "(a+)+" "\(1,2)" "%Y" "é"
0 1 -1 1e9 0.5 1e999 999999999999999999999999999999
""".splitlines()
    if line
]
_STRINGS: Final = len(_CLASSES) - 2
_NUMBERS: Final = len(_CLASSES) - 1
_CLASS_OF: Final = {token: place for place, tokens in enumerate(_CLASSES) for token in tokens}
# Tokens of jq, pieces of programs, and what no lexer expects.
_TOKENS: Final = r"""
. .. .a .[] .[0] .[1:2] .a? ? // //= |= += -= *= /= %= = == != < <= > >= + - * / % | , ; :
( ) [ ] { } $x $ $__loc__ @base64 @csv @ \ \( " ' ` # as ?// reduce foreach if then elif else end
try catch label break def import include and or not __loc__ null true false empty error limit first
range recurse env input map select path getpath del 1e1000 -1e1000 0.1e-400 9223372036854775808 1.5
0x1F 1_000 1. .5 00 nan infinite -0 "\u00" "\ud800" "\(1" "\( \" [range(1e9)] repeat(.) tojson @sh
tostream gsub("";"x") test("(a+)+$") sub("(?<a>.)";.a) ltrimstr(1) implode fromjson gmtime mktime
strftime(1) todate splits(.) .[1e18] setpath([1e9];1) é 日本 😀
"""
_PHRASES: Final = """
def f: f; f
def f(g): g | f(g); f(.)
. as [$a, {b: $c}] |
label $l |
break $l
("x" * 1e8)
reduce range(99) as $i (.; [., .])
limit(-1; .)
"""
_PIECES: Final = (
    *_TOKENS.split(),
    *_PHRASES.strip().splitlines(),
    *("\0", "\x7f", "\ufeff", "\ud800", "\u2028", "\n", "\r", "\t", "# x\n", "\\\n"),
    *("1" * 400, "9" * 5_000, "a" * 300, "(" * 50, "[" * 50, ")" * 50, "{a:" * 30, "-" * 60),
    *("." * 9, "if . then " * 20, "try " * 40),
)
_VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, -1, 1.5, 1e308, -1e308, 5e-324, 2**53, 2**63, -(2**64), -0.0),
    *(10**400, float("nan"), float("inf"), float("-inf"), [float("nan")], list(range(50))),
    *("", "a", "\0", "\ud800", "😀", "é" * 50, "1" * 400, "nan", "[" * 500, '{"a":' * 200),
    *([], {}, [[]], [None], {"": None}, {"a": {"b": [1, {"c": 2}]}}, [0, [1, [2, [3]]]]),
    *("2015-03-05T23:51:47Z", {"\ud800": 1}, ["a", 1, None, [], {}]),
)


def mutated(program: str, others: list[str], random: Random) -> str:
    """Change a program in one to four places."""
    tokens = _TOKEN.findall(program)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        if random.random() < _GENTLE:
            _exchange(tokens, random)
        else:
            _change(tokens, others, random)
    text = "".join(tokens)
    if random.random() < _SCRATCHED:
        text = _scratched(text, random)
    return text[:_MAX_CHARS]


def _change(tokens: list[str], others: list[str], random: Random) -> None:
    place, other = random.randrange(len(tokens) + 1), random.randrange(len(tokens) + 1)
    start, end = sorted((place, min(other, place + 8)))
    match random.randrange(8):
        case 0:
            del tokens[start:end]
        case 1:
            tokens[start:start] = tokens[start:end]
        case 2 if tokens:
            one, two = random.randrange(len(tokens)), random.randrange(len(tokens))
            tokens[one], tokens[two] = tokens[two], tokens[one]
        case 3:
            tokens[place:place] = [random.choice(_PIECES)]
        case 4:
            tokens[start:end] = [random.choice(_PIECES)]
        case 5:
            tokens[place:place] = _TOKEN.findall(random.choice(others))[: random.randrange(12)]
        case 6:
            tokens[start:end] = random.choice(
                (["("], ["[", *tokens[start:end], "]"], ["(", *tokens[start:end], ")?"], ["try "])
            )
        case _:
            tokens[place:place] = [random.choice("|,;"), random.choice(others)]


def _exchange(tokens: list[str], random: Random) -> None:
    """Put another token of the same class in the place of one; strings and numbers as well."""
    place = random.randrange(len(tokens)) if tokens else 0
    for index in (*range(place, len(tokens)), *range(place)):
        token = tokens[index]
        number = _CLASS_OF.get(token)
        if number is None and token.startswith('"'):
            number = _STRINGS
        elif number is None and token.isdigit():
            number = _NUMBERS
        if number is not None:
            tokens[index] = random.choice(_CLASSES[number])
            return


def _scratched(text: str, random: Random) -> str:
    place = random.randrange(len(text) + 1)
    behind = place + random.choice((0, 0, 1, 2))
    put = chr(random.choice((random.randrange(128), random.randrange(0x110000))))
    return text[:place] + put + text[behind:]


def some_value(values: list[Any], random: Random) -> Any:
    """Choose a value, change it a little, or take one that is odd."""
    match random.randrange(6):
        case 0:
            return random.choice(_VALUES)
        case 1:
            return [random.choice(_VALUES), random.choice(values)]
        case 2:
            return {
                "a": random.choice(_VALUES),
                "b": random.choice(values),
                "foo": random.choice(_VALUES),
            }
        case _:
            return random.choice(values)
