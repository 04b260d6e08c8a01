"""Values as text: JSON the way jq prints it, and the short and masked forms for messages."""

import re
from collections.abc import Iterator
from json.encoder import encode_basestring
from math import copysign
from sys import float_info
from typing import Any, Final

_KINDS: Final[dict[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
# jq cuts the dump of a value in a message to this many bytes.
_DUMP_BYTES: Final = 29
# Doubles hold all integers below this.
_EXACT: Final = 2**53
# Larger integers have no double; Python would spell them digit by digit.
_MAX_SPELLED_BITS: Final = 1024
MAX_PRINT_NESTING: Final = 10_000
_LETTERS: Final = re.compile(r"[^\W\d_]")
_DIGITS: Final = re.compile(r"\d")
_MASKED_CHARS: Final = 24


def kind(value: Any) -> str:
    """Name the type of a value as jq does."""
    return _KINDS[type(value)]


def number_text(number: float) -> str:
    """Spell a number as jq 1.7 does: shortest digits, `1e+17` from seventeen zeros on."""
    if type(number) is int:
        if number.bit_length() <= _MAX_SPELLED_BITS:
            return str(number)
        number = float_info.max if number > 0 else -float_info.max
    spelled = repr(number)
    # Most numbers: Python spells them with the same digits, and without an exponent.
    if "e" not in spelled and spelled[-2:] != ".0" and spelled[-1].isdigit():
        return spelled
    if number != number:  # noqa: PLR0124 - NaN
        return "null"
    number = max(min(number, float_info.max), -float_info.max)
    mantissa, _, exponent = f"{number!r}".partition("e")
    sign = "-" if copysign(1.0, number) < 0 else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    if fraction == "0" and not exponent and abs(number) < _EXACT:
        # A number that was written as `1.0` stays so; computed ones are integers already.
        return f"{sign}{whole.lstrip('-')}.0" if number else f"{sign}0"
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    leading = len(whole + fraction) - len((whole + fraction).lstrip("0"))
    point = len(whole) + int(exponent or 0) - leading
    digits = digits.rstrip("0") or "0"
    return sign + _placed(digits, point)


def _placed(digits: str, point: int) -> str:
    """Put the decimal point behind `point` digits, or use an exponent, as jq's dtoa does."""
    if point <= -4 or point > len(digits) + 15:  # noqa: PLR2004 - the bounds of jq's dtoa
        power = point - 1
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{digits[0]}{fraction}e{'-' if power < 0 else '+'}{abs(power):02d}"
    if point <= 0:
        return f"0.{'0' * -point}{digits}"
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return f"{digits[:point]}.{digits[point:]}"


def string_text(text: str) -> str:
    """Spell a string as JSON."""
    spelled = encode_basestring(text)
    return spelled.replace("\x7f", "\\u007f") if "\x7f" in spelled else spelled


def scalar_text(value: Any) -> str:
    """Spell a value that is neither array nor object."""
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    return string_text(value) if type(value) is str else number_text(value)


def json_parts(value: Any, limit: int | None = None) -> Iterator[str]:
    """Spell a value piece by piece, so that whoever reads can stop or count.

    Objects keep the order of their keys. Deeper than 10,000 levels jq writes a note instead. With
    `limit` texts are cut to so many characters: for who stops there anyway.
    """
    stack: list[tuple[Iterator[Any], str]] = []
    pending = value
    while True:
        if type(pending) is list and pending:
            yield "["
            stack.append((iter(pending), "]"))
            separator = ""
        elif type(pending) is dict and pending:
            yield "{"
            stack.append((iter(pending.items()), "}"))
            separator = ""
        else:
            yield (
                "[]"
                if type(pending) is list
                else "{}"
                if type(pending) is dict
                else scalar_text(pending)
            )
            separator = ","
        while stack:
            items, end = stack[-1]
            item: Any = next(items, _END)
            if item is _END:
                yield end
                stack.pop()
                separator = ","
                continue
            if end == "}":
                key, item = item
                yield separator
                yield f"{string_text(key)}:" if limit is None else f"{string_text(key[:limit])}:"
            elif separator:
                yield separator
            if len(stack) > MAX_PRINT_NESTING and type(item) in (list, dict):
                yield '"<skipped: too deep>"'
                separator = ","
                continue
            pending = item if limit is None or type(item) is not str else item[:limit]
            break
        else:
            return


_END: Final = object()


def short_dump(value: Any) -> str:
    """Spell a value as jq does in its messages: at most 29 bytes, the end replaced by dots."""
    text = ""
    if type(value) is str:
        value = value[: _DUMP_BYTES + 1]
    for part in json_parts(value, _DUMP_BYTES + 1):
        text += part
        if len(text) > _DUMP_BYTES:
            break
    raw = text.encode(errors="replace")
    if len(raw) <= _DUMP_BYTES:
        return text
    close = {'"': '"', "[": "]", "{": "}"}.get(text[0], "")
    keep = _DUMP_BYTES - 3 - len(close)
    return f"{raw[:keep].decode(errors='ignore')}...{close}"


def described(value: Any) -> str:
    """Name kind and content of a value, as jq's own messages do: `string ("abc")`."""
    return f"{kind(value)} ({short_dump(value)})"


def masked(value: Any) -> str:
    """Describe a value without giving its content away: messages are kept in histories and logs.

    The shape of a text remains, so that a comma instead of a point can be seen.
    """
    match value:
        case str():
            shape = _DIGITS.sub("9", _LETTERS.sub("x", value[:_MASKED_CHARS]))
            rest = f"... ({len(value):,} characters)" if len(value) > _MASKED_CHARS else ""
            return f'string "{shape}"{rest}'
        case list():
            return f"array of {len(value):,}"
        case dict():
            keys = ", ".join(str(key)[:_MASKED_CHARS] for key in list(value)[:5])
            more = ", ..." if len(value) > 5 else ""  # noqa: PLR2004 - as many as fit a sentence
            return f"object with the keys {keys}{more}" if value else "empty object"
        case None | bool():
            return scalar_text(value)
        case _:
            return f"number {number_text(value)}"
