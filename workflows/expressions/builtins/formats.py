"""jq's formats: `@csv`, `@base64` and the like, which make a text safe for another language."""

import re
from base64 import b32decode, b32encode
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from workflows.expressions.builtins.text import (
    QuotingError,
    encoded,
    is_container,
    to_json,
    to_text,
)
from workflows.expressions.errors import OperandError, Value
from workflows.expressions.meter import Run
from workflows.expressions.printing import scalar_text

_BAD_PERCENT: Final = re.compile("%(?![0-9a-fA-F]{2})")
_NOT_BASE64: Final = re.compile("[^A-Za-z0-9+/]")
_NOT_BASE32: Final = re.compile("[^A-Z2-7]")
# What jq takes for one character, valid or not: a truncated one swallows the end of the data.
_SEQUENCE: Final = re.compile(
    rb"(?:[\xc2-\xf4]|[\xe0-\xf4].|[\xf0-\xf4]..)\Z"
    rb"|[\xc2-\xdf][\x80-\xbf]?|[\xe0-\xef][\x80-\xbf]{0,2}|[\xf0-\xf4][\x80-\xbf]{0,3}|.",
    re.DOTALL,
)
# So many digits more than whole groups of eight end in the middle of a byte.
_UNFINISHED: Final = frozenset({1, 3, 6})
# Python writes percent signs and base 32 byte by byte.
_SLOW_CHARS_PER_UNIT: Final = 3

# Below it a text is small enough to be joined unchecked.
_CHECKED_LENGTH: Final = 1_000_000

# What replaces what. NUL is spelled `\0` in all of them.
_Escapes = tuple[tuple[str, str], ...]
_CSV: Final[_Escapes] = (("\0", "\\0"), ('"', '""'))
_TSV: Final[_Escapes] = (
    ("\\", "\\\\"),
    ("\0", "\\0"),
    ("\t", "\\t"),
    ("\r", "\\r"),
    ("\n", "\\n"),
)
_SH: Final[_Escapes] = (("\0", "\\0"), ("'", "'\\''"))
_HTML: Final[_Escapes] = (
    ("\0", "\\0"),
    ("&", "&amp;"),
    ("<", "&lt;"),
    (">", "&gt;"),
    ("'", "&apos;"),
    ('"', "&quot;"),
)


def _escaped(run: Run, text: str, escapes: _Escapes) -> str:
    run.charge_text(len(text))
    for bad, good in escapes:
        if bad in text:
            run.charge_text(len(text) + text.count(bad) * (len(good) - 1))
            text = text.replace(bad, good)
    return text


def _row(run: Run, row: list[Value], separator: str, quote: str, escapes: _Escapes) -> str:
    cells: list[str] = []
    length = 0
    for item in row:
        run.charge(5 if type(item) is str else 9)
        if is_container(item):
            raise OperandError("{} is not valid in a csv row", item)
        if type(item) is str:
            cell = f"{quote}{_escaped(run, item, escapes)}{quote}"
        elif item is None or item != item:  # noqa: PLR0124 - NaN is an empty cell too
            cell = ""
        else:
            cell = scalar_text(item)
        length += len(cell) + 1
        run.charge_text(length if length > _CHECKED_LENGTH else 0)
        cells.append(cell)
    return separator.join(cells)


def csv(run: Run, value: Value) -> str:
    """Make a row of comma-separated values; texts are in quotation marks."""
    if type(value) is not list:
        raise OperandError("{} cannot be csv-formatted, only array", value)
    return _row(run, value, ",", '"', _CSV)


def tsv(run: Run, value: Value) -> str:
    """Make a row of values with tabulators between them."""
    if type(value) is not list:
        raise OperandError("{} cannot be tsv-formatted, only array", value)
    return _row(run, value, "\t", "", _TSV)


def html(run: Run, value: Value) -> str:
    """Escape what has a meaning in HTML and XML."""
    return _escaped(run, to_text(run, value), _HTML)


def sh(run: Run, value: Value) -> str:
    """Quote for a POSIX shell; an array becomes several words."""
    words: list[str] = []
    length = 0
    for item in value if type(value) is list else [value]:
        run.charge(5 if type(item) is str else 9)
        if is_container(item):
            raise OperandError("{} can not be escaped for shell", item)
        word = f"'{_escaped(run, item, _SH)}'" if type(item) is str else scalar_text(item)
        length += len(word) + 1
        run.charge_text(length if length > _CHECKED_LENGTH else 0)
        words.append(word)
    return " ".join(words)


def uri(run: Run, value: Value) -> str:
    """Escape all but letters, digits and `-_.~` with percent signs."""
    text = to_text(run, value)
    run.charge(len(text) * (1 if text.isascii() else 4) // _SLOW_CHARS_PER_UNIT)
    result = quote_from_bytes(encoded(text), safe="-_.~")
    run.charge_text(len(result))
    return result


def urid(run: Run, value: Value) -> str:
    """Undo percent signs."""
    text = to_text(run, value)
    run.charge(len(text) // _SLOW_CHARS_PER_UNIT)
    if _BAD_PERCENT.search(text) is None:
        try:
            return unquote_to_bytes(encoded(text)).decode()
        except UnicodeDecodeError:
            pass
    raise OperandError("{} is not a valid uri encoding", text)


def base64(run: Run, value: Value) -> str:
    """Encode the UTF-8 of a text."""
    data = encoded(to_text(run, value))
    run.charge_text(len(data) // 3 * 4)
    return b2a_base64(data, newline=False).decode()


def base64d(run: Run, value: Value) -> str:
    """Decode; bytes that are not UTF-8 become U+FFFD."""
    text = to_text(run, value)
    run.charge_text(len(text))
    digits = text.partition("=")[0]
    if _NOT_BASE64.search(digits):
        raise OperandError("{} is not valid base64 data", text)
    if len(digits) % 4 == 1:
        raise OperandError("{} trailing base64 byte found", text)
    return _decoded(run, a2b_base64(digits + "=" * (-len(digits) % 4)))


def base32(run: Run, value: Value) -> str:
    """Encode the UTF-8 of a text."""
    data = encoded(to_text(run, value))
    run.charge(len(data) // _SLOW_CHARS_PER_UNIT)
    run.charge_text(len(data) // 5 * 8)
    return b32encode(data).decode()


def base32d(run: Run, value: Value) -> str:
    """Decode; bytes that are not UTF-8 become U+FFFD."""
    text = to_text(run, value)
    run.charge(len(text) // _SLOW_CHARS_PER_UNIT)
    digits = text.rstrip("=")
    if _NOT_BASE32.search(digits):
        raise OperandError("{} is not valid base32 data", text)
    # What does not fill a byte any more does not count.
    digits = digits[: len(digits) - (len(digits) % 8 in _UNFINISHED)]
    return _decoded(run, b32decode(digits + "=" * (-len(digits) % 8)))


def _decoded(run: Run, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        run.charge(4 * len(data))
        return _SEQUENCE.sub(_mended, data).decode()


def _mended(found: re.Match[bytes]) -> bytes:
    try:
        found[0].decode()
    except UnicodeDecodeError:
        return b"\xef\xbf\xbd"
    return found[0]


FORMATS: Final[Mapping[str, Callable[[Run, Value], str]]] = {
    "text": to_text,
    "json": to_json,
    "csv": csv,
    "tsv": tsv,
    "html": html,
    "uri": uri,
    "urid": urid,
    "sh": sh,
    "base64": base64,
    "base64d": base64d,
    "base32": base32,
    "base32d": base32d,
}


def format_(run: Run, value: Value, name: Value) -> Value:
    """Apply the format of this name."""
    if type(name) is not str:
        raise OperandError("{} is not a valid format", name)
    if name not in FORMATS:
        raise QuotingError("{} is not a valid format", name)
    return FORMATS[name](run, value)


FUNCTIONS: Final[Mapping[tuple[str, int], Callable[..., Value]]] = {("format", 1): format_}
