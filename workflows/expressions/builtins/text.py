"""jq's functions on strings, and JSON as a string: read and written without recursion.

Offsets are in codepoints. Lone surrogates, which JSON can smuggle into a Python string, count as
U+FFFD wherever a text is encoded.
"""

import json
import re
from collections.abc import Callable, Mapping
from math import nan
from typing import Final

from typing_extensions import override

from workflows.expressions.errors import JqError, OperandError, Value
from workflows.expressions.meter import Run
from workflows.expressions.printing import json_parts, scalar_text
from workflows.expressions.values import MAX_INT, is_number, number, to_double

# What jq trims: the White_Space property of Unicode.
_WHITE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_REPLACEMENT: Final = 0xFFFD
_MAX_CODEPOINT: Final = 0x10FFFF
_MAX_ASCII: Final = 127
# Making a small Python object takes about as long as copying this many characters or items.
_OBJECTS_PER_UNIT: Final = 4
# One piece of JSON passes through a generator.
_PART_UNITS: Final = 2
# Below it a text is small enough to be joined unchecked.
_CHECKED_LENGTH: Final = 1_000_000
# jq's own bound; the key of a pair counts as a level.
_MAX_PARSE_NESTING: Final = 10_000
# `json.loads` recurses once per level; this many are safe in every thread.
_MAX_RECURSION: Final = 200
# Reading JSON in C takes about 10 ns a character, in Python about 100.
_READ_CHARS_PER_UNIT: Final = 2
# Digits beyond these cannot change a double, and reading them takes quadratic time.
_MAX_DIGITS: Final = 800
_MAX_INT_DIGITS: Final = 19

_NUMERAL: Final = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<whole>[0-9]+)(?P<point>\.(?P<part>[0-9]*))?|\.(?P<only>[0-9]+))"
    r"(?:[eE](?P<power>[+-]?[0-9]+))?"
)
_SPECIAL: Final = re.compile(r"([+-]?)(?:(s?nan0*)|inf(?:inity)?)", re.IGNORECASE)
_STRING: Final = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_JSON_STRING: Final = re.compile(_STRING, re.DOTALL)
_BRACKET: Final = re.compile(r"[\[\]{}]")
_TOKEN: Final = re.compile(
    rf"(?P<blank>[ \t\r\n]+)|(?P<text>{_STRING})|(?P<mark>[\[\]{{}},:])"
    r'|(?P<word>[^ \t\r\n"\[\]{},:]+)',
    re.DOTALL,
)
_ESCAPE: Final = re.compile(
    r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
    r"|\\u([0-9a-fA-F]{4})|\\(.)|([\x00-\x1f])",
    re.DOTALL,
)
_ESCAPED: Final[Mapping[str, str]] = {
    '"': '"',
    "\\": "\\",
    "/": "/",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
}
_MARKS: Final = frozenset("[]{},:")
_WORDS: Final[Mapping[str, Value]] = {"true": True, "false": False, "null": None}
_NOTHING: Final = object()


class QuotingError(OperandError):
    """An error that quotes texts as they are: `date "x" does not match`. Masked for persons."""

    __slots__ = ()

    @property
    @override
    def value(self) -> Value:
        """What `catch` sees: jq's own wording."""
        return self.template.format(*self.operands)


def sound(text: str) -> str:
    """Replace lone surrogates by U+FFFD, so that it can be encoded."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def encoded(text: str) -> bytes:
    """Encode as UTF-8, lone surrogates as U+FFFD."""
    return sound(text).encode()


def is_container(value: Value) -> bool:
    """Tell whether it is an array or an object."""
    return type(value) is list or type(value) is dict


# --- JSON -------------------------------------------------------------------------------------


def to_json(run: Run, value: Value) -> str:
    """Spell a value as JSON."""
    if not is_container(value):
        if type(value) is str:
            run.charge_text(len(value))
        elif type(value) is float:
            run.charge(_FLOAT_UNITS)
        text = scalar_text(value)
        run.charge_text(len(text))
        return sound(text)
    if _charge_parts(run, value):
        # In C, ten times as fast.
        text = _c_spelled(value)
        run.charge(len(text) >> 4)
        run.charge_text(len(text))
        return sound(text.replace("\x7f", "\\u007f"))
    parts: list[str] = []
    length = 0
    for part in json_parts(value):
        run.charge(_PART_UNITS + len(part) // 64)
        length += len(part)
        if length > _CHECKED_LENGTH:
            run.charge_text(length)
        parts.append(part)
    return sound("".join(parts))


_MAX_C_NESTING: Final = 100
_FLOAT_UNITS: Final = 4
# Python spells these numbers as jq does; those beyond, and -0.0, in another way.
_COMMON: Final = 1e15
_c_spelled: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, separators=(",", ":")
).encode


def _charge_parts(run: Run, value: Value) -> bool:
    """Charge for every part of a value, as often as it occurs.

    Returns:
        Whether Python's own encoder spells all of it as jq does.
    """
    level = [value]
    nesting = 0
    common = True
    while level:
        nesting += 1
        inner: list[Value] = []
        for container in level:
            items = container
            # Also fails when the texts before have used the budget up.
            run.charge(2 + len(container))
            if type(container) is dict:
                items = container.values()
                run.charge((sum(map(len, container)) >> 3) + len(container))
            for item in items:
                kind = type(item)
                if kind is str:
                    run.fuel -= len(item) >> 3
                elif kind is list or kind is dict:
                    inner.append(item)
                elif kind is float or kind is int:
                    if kind is float:
                        # Finding the shortest digits takes four times as long as anything else.
                        run.fuel -= _FLOAT_UNITS
                    if not -_COMMON < item < _COMMON or (item == 0 and kind is float):
                        common = False
        level = inner
    run.charge(0)
    return common and nesting <= _MAX_C_NESTING


def to_text(run: Run, value: Value) -> str:
    """Give a string as it is, anything else as JSON."""
    return value if type(value) is str else to_json(run, value)


def read_number(text: str) -> int | float | None:
    """Read a numeral the way jq does; None when it is none.

    Integers below 2^63 are exact. A fraction keeps its point, so that `1.0` prints as it was.
    """
    found = _NUMERAL.fullmatch(text)
    if found is None:
        special = _SPECIAL.fullmatch(text)
        if special is None:
            return None
        return nan if special[2] else float(special[1] + "inf")
    whole, part, power = found["whole"] or "", found["part"] or found["only"] or "", found["power"]
    if not part and power is None:
        whole = whole.lstrip("0") or "0"
        if whole == "0":
            return -0.0 if found["sign"] == "-" else 0
        if len(whole) <= _MAX_INT_DIGITS:
            exact = int(found["sign"] + whole)
            return exact if -MAX_INT <= exact < MAX_INT else to_double(exact)
    result = _double(found["sign"], whole, part, power or "0")
    return result if part and power is None else number(result)


def _double(sign: str, whole: str, part: str, power: str) -> float:
    digits = whole + part
    if len(digits) <= _MAX_DIGITS:
        return float(f"{sign}{whole}.{part or '0'}e{power[:20]}")
    significant = digits.lstrip("0")
    if not significant:
        return float(f"{sign}0")
    shift = int(power[:20]) - len(part) + max(len(significant) - _MAX_DIGITS, 0)
    sticky = "1" if significant[_MAX_DIGITS:].strip("0") else "0"
    return float(f"{sign}{significant[:_MAX_DIGITS]}{sticky}e{shift - 1}")


def _read_literal(text: str) -> int | float:
    """Read a numeral that JSON allows."""
    result = read_number(text)
    return nan if result is None else result


def fromjson(run: Run, value: Value) -> Value:
    """Read a JSON text."""
    if type(value) is not str:
        raise OperandError("{} only strings can be parsed", value)
    run.charge(1 + len(value) // _READ_CHARS_PER_UNIT)
    run.charge_items(value.count(","))
    run.charge(value.count(","))
    if "\\ud" not in value and "\\uD" not in value and _nesting(run, value) <= _MAX_RECURSION:
        try:
            return json.loads(
                sound(value),
                parse_int=_read_literal,
                parse_float=_read_literal,
                parse_constant=_read_literal,
            )
        except ValueError:
            # What jq also reads (`nan`, `.5`), or the words for what is wrong.
            pass
    run.charge(len(value))
    return _JsonReader(sound(value)).read()


def _nesting(run: Run, text: str) -> int:
    """Count the levels; brackets within strings do not count."""
    brackets = text.count("[") + text.count("{")
    if brackets <= _MAX_RECURSION:
        return brackets
    run.charge(2 * brackets + len(text) // _READ_CHARS_PER_UNIT)
    level = deepest = 0
    for bracket in _BRACKET.findall(_JSON_STRING.sub("", text)):
        level += 1 if bracket in "[{" else -1
        deepest = max(deepest, level)
    return deepest


class _Malformed(Exception):  # noqa: N818 - becomes a JqError once the place is known
    """The text is not JSON."""


class _JsonReader:
    """Reads token by token with a stack of its own, and words its complaints like jq."""

    def __init__(self, text: str) -> None:
        self._text = text
        # Arrays, objects, and above an object the key whose value comes next.
        self._stack: list[Value] = []
        self._next: Value = _NOTHING
        self._result: Value = _NOTHING
        self._extra = False

    def read(self) -> Value:
        """Read the one value of the text.

        Raises:
            JqError: When it is none, more than one, or nested too deeply.
        """
        at = 1 if self._text.startswith("\ufeff") else 0
        text = self._text = self._text[at:]
        at = 0
        while at < len(text):
            token = _TOKEN.match(text, at)
            if token is None:
                raise self._error("Unfinished string", None)
            at = token.end()
            # A word is complained of when the character behind it is read.
            seen = at + 1 if token.lastgroup == "word" else at
            try:
                self._take(token.lastgroup or "", token.group())
            except _Malformed as error:
                raise self._error(str(error), seen if seen <= len(text) else None) from None
            # A word ends with the character behind it, which may be wrong for another reason.
            if self._extra and not (token.lastgroup == "word" and text[at : at + 1] in _MARKS):
                raise QuotingError("Unexpected extra JSON values (while parsing '{}')", text)
        if self._stack:
            raise self._error("Unfinished JSON term", None)
        if self._result is _NOTHING:
            raise QuotingError("Expected JSON value (while parsing '{}')", self._text)
        return self._result

    def _error(self, problem: str, end: int | None) -> JqError:
        seen = self._text[:end]
        line = seen.count("\n") + 1
        column = len(encoded(seen[seen.rfind("\n") + 1 :]))
        place = f"{'at EOF ' if end is None else ''}at line {line}, column {column}"
        problem = problem.replace("{", "{{").replace("}", "}}")
        return QuotingError(f"{problem} {place} (while parsing '{{}}')", self._text)

    def _take(self, kind: str, token: str) -> None:
        if kind == "mark":
            self._mark(token)
        elif kind == "text":
            self._value(_unescaped(token[1:-1]))
        elif kind == "word":
            self._value(_word(token))
        if not self._stack and self._next is not _NOTHING:
            self._extra = self._result is not _NOTHING
            self._result, self._next = self._next, _NOTHING

    def _value(self, value: Value) -> None:
        if self._next is not _NOTHING:
            raise _Malformed("Expected separator between values")
        self._next = value

    def _mark(self, mark: str) -> None:
        match mark:
            case "[" | "{":
                if len(self._stack) >= _MAX_PARSE_NESTING:
                    raise _Malformed("Exceeds depth limit for parsing")
                if self._next is not _NOTHING:
                    raise _Malformed("Expected separator between values")
                self._stack.append([] if mark == "[" else {})
            case ":":
                self._colon()
            case ",":
                self._comma()
            case "]":
                self._close_array()
            case _:
                self._close_object()

    def _top(self) -> Value:
        return self._stack[-1] if self._stack else None

    def _colon(self) -> None:
        if self._next is _NOTHING:
            raise _Malformed("Expected string key before ':'")
        if type(self._top()) is not dict:
            raise _Malformed("':' not as part of an object")
        if type(self._next) is not str:
            raise _Malformed("Object keys must be strings")
        self._stack.append(self._next)
        self._next = _NOTHING

    def _comma(self) -> None:
        if self._next is _NOTHING:
            raise _Malformed("Expected value before ','")
        top = self._top()
        if top is None:
            raise _Malformed("',' not as part of an object or array")
        if type(top) is dict:
            raise _Malformed("Objects must consist of key:value pairs")
        self._store()

    def _store(self) -> None:
        top = self._stack[-1]
        if type(top) is list:
            top.append(self._next)
        else:
            self._stack.pop()
            self._stack[-1][top] = self._next
        self._next = _NOTHING

    def _close_array(self) -> None:
        top = self._top()
        if type(top) is not list:
            raise _Malformed("Unmatched ']'")
        if self._next is not _NOTHING:
            self._store()
        elif top:
            raise _Malformed("Expected another array element")
        self._next = self._stack.pop()

    def _close_object(self) -> None:
        top = self._top()
        if self._next is not _NOTHING and self._stack:
            if type(top) is not str:
                raise _Malformed("Objects must consist of key:value pairs")
            self._store()
        elif type(top) is not dict:
            raise _Malformed("Unmatched '}'")
        elif top:
            raise _Malformed("Expected another key-value pair")
        self._next = self._stack.pop()


def _word(token: str) -> Value:
    if token in _WORDS:
        return _WORDS[token]
    if token[0] in "tf" or token.startswith("nu"):
        raise _Malformed("Invalid literal")
    if token[0] == "'":
        raise _Malformed("Invalid string literal; expected \", but got '")
    result = read_number(token)
    if result is None:
        raise _Malformed("Invalid numeric literal")
    return result


def _unescaped(body: str) -> str:
    return _ESCAPE.sub(lambda found: _character(found, body), body)


def _character(found: re.Match[str], body: str) -> str:
    high, low, code, letter, control = found.groups()
    if high:
        return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00)
    if code:
        point = int(code, 16)
        if 0xD800 <= point <= 0xDBFF:  # noqa: PLR2004 - the first halves of surrogate pairs
            raise _Malformed("Invalid \\uXXXX\\uXXXX surrogate pair escape")
        return sound(chr(point))
    if control:
        raise _Malformed(
            "Invalid string: control characters from U+0000 through U+001F must be escaped"
        )
    if letter == "u":
        # Four characters are there, or there are not.
        short = len(encoded(body[found.end() :])) < 4  # noqa: PLR2004
        raise _Malformed(f"Invalid {'' if short else 'characters in '}\\uXXXX escape")
    if letter not in _ESCAPED:
        raise _Malformed("Invalid escape")
    return _ESCAPED[letter]


def tonumber(run: Run, value: Value) -> Value:
    """Read a numeral; numbers are what they are."""
    if is_number(value):
        return value
    if type(value) is str:
        run.charge_text(len(value))
        result = read_number(value)
        if result is not None:
            return result
    raise OperandError("{} cannot be parsed as a number", value)


def toboolean(_run: Run, value: Value) -> Value:
    """Read `true` or `false`; booleans are what they are."""
    if type(value) is bool:
        return value
    if value == "true":
        return True
    if value == "false":
        return False
    raise OperandError("{} cannot be parsed as a boolean", value)


# --- Characters -------------------------------------------------------------------------------


def ascii_downcase(run: Run, value: Value) -> Value:
    """Make the letters A to Z small; all others stay."""
    return _ascii_case(run, value, bytes.lower)


def ascii_upcase(run: Run, value: Value) -> Value:
    """Make the letters a to z large; all others stay."""
    return _ascii_case(run, value, bytes.upper)


def _ascii_case(run: Run, value: Value, change: Callable[[bytes], bytes]) -> str:
    if type(value) is not str:
        raise JqError("explode input must be a string")
    run.charge_text(len(value))
    if not value.isascii():
        run.charge(len(value) // 6)
    return change(encoded(value)).decode()


def ascii_(run: Run, value: Value) -> Value:
    """Give the character with this number below 128."""
    if is_number(value) and 0 <= value <= _MAX_ASCII:
        return implode(run, [value])
    raise JqError("ascii only takes integers from 0 to 127")


def explode(run: Run, value: Value) -> Value:
    """Give the codepoints of a text."""
    if type(value) is not str:
        raise JqError("explode input must be a string")
    run.charge_items(len(value))
    run.charge(len(value) // _OBJECTS_PER_UNIT)
    return [*map(ord, sound(value))]


def implode(run: Run, value: Value) -> Value:
    """Make a text of codepoints; what is none becomes U+FFFD."""
    if type(value) is not list:
        raise JqError("implode input must be an array")
    run.charge(2 * len(value))
    return "".join(map(_imploded, value))


def _imploded(point: Value) -> str:
    if not is_number(point) or point != point:  # noqa: PLR0124 - NaN
        raise OperandError("{} can't be imploded, unicode codepoint needs to be numeric", point)
    if not -1 < point <= _MAX_CODEPOINT:
        point = _REPLACEMENT
    return sound(chr(int(point)))


def utf8bytelength(run: Run, value: Value) -> Value:
    """Count the bytes of a text in UTF-8."""
    if type(value) is not str:
        raise OperandError("{} only strings have UTF-8 byte length", value)
    run.charge_text(len(value))
    return len(encoded(value))


# --- Ends -------------------------------------------------------------------------------------


def startswith(run: Run, value: Value, start: Value) -> bool:
    """Tell whether the text begins like this."""
    if type(value) is not str or type(start) is not str:
        raise JqError("startswith() requires string inputs")
    run.charge_text(len(start))
    return value.startswith(start)


def endswith(run: Run, value: Value, end: Value) -> bool:
    """Tell whether the text ends like this."""
    if type(value) is not str or type(end) is not str:
        raise JqError("endswith() requires string inputs")
    run.charge_text(len(end))
    return value.endswith(end)


def ltrimstr(run: Run, value: Value, start: Value) -> Value:
    """Take this away from the beginning, if it is there."""
    if not startswith(run, value, start):
        return value
    run.charge_text(len(value))
    return value[len(start) :]


def rtrimstr(run: Run, value: Value, end: Value) -> Value:
    """Take this away from the end, if it is there."""
    if not endswith(run, value, end):
        return value
    run.charge_text(len(value))
    return value[: len(value) - len(end)]


def trimstr(run: Run, value: Value, both: Value) -> Value:
    """Take this away from both ends."""
    return rtrimstr(run, ltrimstr(run, value, both), both)


def trim(run: Run, value: Value) -> Value:
    """Take white space away from both ends."""
    return _to_be_trimmed(run, value).strip(_WHITE)


def ltrim(run: Run, value: Value) -> Value:
    """Take white space away from the beginning."""
    return _to_be_trimmed(run, value).lstrip(_WHITE)


def rtrim(run: Run, value: Value) -> Value:
    """Take white space away from the end."""
    return _to_be_trimmed(run, value).rstrip(_WHITE)


def _to_be_trimmed(run: Run, value: Value) -> str:
    if type(value) is not str:
        raise JqError("trim input must be a string")
    # Each character is looked up among the white ones, for as long as it is one.
    run.charge(len(value) // 8)
    return value


# --- Parts ------------------------------------------------------------------------------------


def split(run: Run, value: Value, separator: Value) -> Value:
    """Cut a text at every occurrence of another."""
    if type(value) is not str or type(separator) is not str:
        raise JqError("split input and separator must be strings")
    return split_text(run, value, separator)


# Below this many characters Python searches in a way that may compare each place to the end.
_SHORT: Final = 30_000
_COMPARED_PER_UNIT: Final = 280


def charge_search(run: Run, text: str, sought: str) -> None:
    """Charge for looking for one text in another."""
    run.charge_text(len(text))
    if len(text) < _SHORT:
        run.charge(len(text) * min(len(sought), len(text)) // _COMPARED_PER_UNIT)


def split_text(run: Run, text: str, separator: str) -> list[Value]:
    """Cut a text at every occurrence of another; at the empty text into characters."""
    if not text:
        return []
    charge_search(run, text, separator)
    count = text.count(separator) + 1
    run.charge_items(count)
    run.charge(2 * count // _OBJECTS_PER_UNIT)
    return [*text.split(separator)] if separator else [*text]


def join(run: Run, value: Value, separator: Value) -> Value:
    """Put the texts of an array together; numbers and booleans are spelled, null is empty."""
    if not is_container(value):
        raise OperandError("Cannot iterate over {}", value)
    parts: list[str] = []
    length = 0
    for item in value if type(value) is list else value.values():
        run.charge(1 if type(item) is str else 7 + _FLOAT_UNITS)
        if parts and separator is not None:
            if type(separator) is not str:
                run.charge_text(length)
                raise OperandError("{} and {} cannot be added", "".join(parts), separator)
            parts.append(separator)
            length += len(separator)
        if is_container(item):
            run.charge(length // 16)
            raise OperandError("{} and {} cannot be added", "".join(parts), item)
        part = "" if item is None else item if type(item) is str else scalar_text(item)
        parts.append(part)
        length += len(part)
        if length > _CHECKED_LENGTH:
            run.charge_text(length)
    run.charge_text(length)
    return "".join(parts)


# jq's own bound; longer than our texts may be, but this error can be caught.
_MAX_REPEATED: Final = 2**31 - 1


def repeat_text(run: Run, text: str, count: Value) -> Value:
    """Put a text behind itself; null for less than zero times."""
    if not count >= 0:
        return None
    if not text or count < 1:
        return ""
    times = int(min(count, _MAX_REPEATED))
    if len(text) * times >= _MAX_REPEATED:
        raise JqError("Repeat string result too long")
    run.charge_text(len(text) * times)
    return text * times


def strindices(run: Run, value: Value, sought: Value) -> Value:
    """Find all places where a text occurs in another, also where they overlap."""
    if type(value) is not str:
        raise OperandError("{} cannot be searched, as it is not a string", value)
    if type(sought) is not str:
        raise OperandError("{} is not a string", sought)
    charge_search(run, value, sought)
    found: list[Value] = []
    at = value.find(sought) if sought else -1
    # Where it occurs it is compared from end to end.
    cost = 3 + len(sought) // 64 + (len(sought) if len(value) < _SHORT else 0)
    while at >= 0:
        run.charge(cost)
        found.append(at)
        at = value.find(sought, at + 1)
    run.charge_items(len(found))
    return found


FUNCTIONS: Final[Mapping[tuple[str, int], Callable[..., Value]]] = {
    ("tojson", 0): to_json,
    ("fromjson", 0): fromjson,
    ("tostring", 0): to_text,
    ("tonumber", 0): tonumber,
    ("toboolean", 0): toboolean,
    ("ascii_downcase", 0): ascii_downcase,
    ("ascii_upcase", 0): ascii_upcase,
    ("ascii", 0): ascii_,
    ("explode", 0): explode,
    ("implode", 0): implode,
    ("startswith", 1): startswith,
    ("endswith", 1): endswith,
    ("ltrimstr", 1): ltrimstr,
    ("rtrimstr", 1): rtrimstr,
    ("trimstr", 1): trimstr,
    ("trim", 0): trim,
    ("ltrim", 0): ltrim,
    ("rtrim", 0): rtrim,
    ("split", 1): split,
    ("join", 1): join,
    ("utf8bytelength", 0): utf8bytelength,
    ("_strindices", 1): strindices,
}
