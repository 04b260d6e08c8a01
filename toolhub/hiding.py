"""Keeping our own credentials out of what servers say: a tool may echo what it was sent."""

import base64
from contextlib import suppress
from threading import Lock
from typing import Final

from cachetools import TTLCache, cached

from foundation.apart import apart
from foundation.json import JsonObject
from security.mask import Mask
from toolhub.schemas import OnProgress

REDACTED: Final = "[redacted]"
# A call has a new token now and then, and mostly the one of the call before.
_KEPT: Final = 1024
_KEPT_S: Final = 60.0
_SCHEMES: Final = ("basic", "bearer")


@cached(TTLCache(_KEPT, _KEPT_S), lock=Lock())
def mask_of(values: tuple[str, ...]) -> Mask:
    """Return what hides the values of headers, their credentials, the password of a Basic pair."""
    found: list[str] = []
    for value in values:
        scheme, _, credential = value.partition(" ")
        found.append(credential if scheme.lower() in _SCHEMES else value)
        if scheme.lower() == "basic":
            with suppress(ValueError):
                pair = base64.b64decode(credential, validate=True).decode()
                found += [pair, pair.partition(":")[2]]
    mask = Mask(REDACTED)
    mask.hide(found)
    return mask


async def without_secrets(answer: JsonObject, mask: Mask) -> JsonObject:
    """Take our own credential out of an answer: what a tool echoes must not reach the history."""
    return answer if mask.is_empty else await apart(answer, lambda: mask.members(answer))


def progress_without_secrets(told: OnProgress | None, mask: Mask) -> OnProgress | None:
    """Take our own credential out of what a server says while it works."""
    if told is None or mask.is_empty:
        return told

    async def clean(progress: float, total: float | None, message: str | None) -> None:
        # It may be one of many pieces.
        await told(progress, total, None if message is None else mask.cut_text(message))

    return clean
