"""Plain scalars by the core schema of YAML 1.2, which is what JSON's readers expect.

So `yes`, `1:30`, `1_000` and `2026-01-02` are text, `0o14` is twelve and `014` is fourteen.
"""

import math
import re
from collections.abc import Mapping
from typing import Final

from foundation.json import JsonScalar

_CONSTANTS: Final[Mapping[str, JsonScalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_STARTS_NUMBER: Final = frozenset("+-.0123456789")
_DECIMAL: Final = re.compile(r"[-+]?[0-9]+")
_OCTAL: Final = re.compile(r"0o[0-7]+")
_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_A_NUMBER: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
# What every JSON reader on the way to an activity keeps exactly.
_MIN_INTEGER: Final = -(2**63)
_MAX_INTEGER: Final = 2**64 - 1
_MAX_DIGITS: Final = 400


class NumberError(ValueError):
    """A number that JSON, or a reader of JSON on our way, cannot hold."""


def resolve(text: str) -> JsonScalar:
    """Read a plain scalar.

    Raises:
        NumberError: For infinities, not-a-number, and integers beyond 64 bits.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _STARTS_NUMBER:
        return text
    return _number(text)


def _number(text: str) -> JsonScalar:
    if _DECIMAL.fullmatch(text):
        return integer(text)
    if _OCTAL.fullmatch(text):
        return integer(text[2:], base=8)
    if _HEXADECIMAL.fullmatch(text):
        return integer(text[2:], base=16)
    if _FLOAT.fullmatch(text):
        return real(text)
    if _NOT_A_NUMBER.fullmatch(text):
        raise NumberError("Infinity and NaN are not numbers in JSON. Use null or a text.")
    return text


def integer(digits: str, *, base: int = 10) -> int:
    """Read an integer.

    Raises:
        NumberError: When it does not fit into 64 bits.
    """
    # Python reads long digit strings in quadratic time, and refuses very long ones by itself.
    value = int(digits, base) if len(digits) <= _MAX_DIGITS else _MAX_INTEGER + 1
    if not _MIN_INTEGER <= value <= _MAX_INTEGER:
        raise NumberError("An integer must fit into 64 bits. Put it in quotes to keep it as text.")
    return value


def real(text: str) -> float:
    """Read a floating-point number.

    Raises:
        NumberError: When it is too large to be one.
    """
    value = float(text)
    if not math.isfinite(value):
        raise NumberError("The number is too large. Put it in quotes to keep it as text.")
    return value
