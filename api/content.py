"""What no request may carry, whatever the route: text and numbers that nothing behind us can keep.

PostgreSQL refuses NUL in text, UTF-8 has no lone surrogates, JSON has no NaN and no infinity.
Bodies that are not JSON are their route's own business.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError

# Levels of arrays and objects in a JSON body. Definitions have a lower bound of their own.
MAX_DEPTH: Final = 100

_JSON: Final = re.compile(r"application/(?:[\w.+-]+\+)?json\s*(?:;|$)", re.IGNORECASE)
# One scan tells bodies that need a closer look: an escaped or raw NUL or surrogate, a number that
# is none or overflows: by an exponent of three digits, or of two behind at least 210. Everything
# else is not parsed a second time.
_SUSPICIOUS: Final = re.compile(
    rb"\x00|\\u0000|\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]|NaN|Infinity|[eE]\+?[0-9]{3}|[0-9]{210}"
)
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_TEXT: Final = "holds a NUL or half a character (a lone surrogate), which cannot be stored"
_NUMBER: Final = "is not a finite number"
_DEPTH: Final = f"nests more than {MAX_DEPTH} levels"

_Steps = tuple[str | int, ...]


def is_json(content_type: str) -> bool:
    """Tell JSON and its kin (`application/problem+json`) from other media types."""
    return _JSON.match(content_type) is not None


async def refuse_unstorable(request: Request) -> None:
    """Check path, query and JSON body of one request; a dependency of the whole application.

    Raises:
        RequestValidationError: With every place that cannot be accepted.
    """
    findings: list[tuple[_Steps, str]] = [
        ((place, name), _TEXT)
        for place, values in (
            ("path", request.path_params.items()),
            ("query", request.query_params.multi_items()),
        )
        for name, value in values
        if _UNSTORABLE.search(str(value))
    ]
    if is_json(request.headers.get("content-type", "")):
        findings.extend((("body", *steps), why) for steps, why in _in_body(await request.body()))
    if findings:
        raise RequestValidationError(
            [{"type": "value_error", "loc": place, "msg": why} for place, why in findings]
        )


def _in_body(raw: bytes) -> Iterator[tuple[_Steps, str]]:
    if not _SUSPICIOUS.search(raw) and raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return
    try:
        value = json.loads(raw)
    except RecursionError:
        yield (), _DEPTH
    except ValueError:
        return  # Not JSON at all: whoever reads the body says so, with the place.
    else:
        yield from _in_value(value)


def _in_value(root: Any) -> Iterator[tuple[_Steps, str]]:
    pending: list[tuple[_Steps, Any]] = [((), root)]
    while pending:
        steps, value = pending.pop()
        if why := _refusal(value, len(steps)):
            yield steps, why
        elif isinstance(value, list):
            pending.extend(((*steps, index), item) for index, item in enumerate(value))
        elif isinstance(value, dict):
            pending.extend(((*steps, key), item) for key, item in value.items())


def _refusal(value: Any, depth: int) -> str | None:
    match value:
        case str() if _UNSTORABLE.search(value):
            return _TEXT
        case float() if not math.isfinite(value):
            return _NUMBER
        case list() | dict() if depth >= MAX_DEPTH:
            return _DEPTH
        case dict() if any(_UNSTORABLE.search(key) for key in value):
            return f"has a name that {_TEXT}"
    return None
