"""Durations as seconds: `PT30S`, `{minutes: 5}`. Days have 24 hours; months and years no length."""

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from workflows.definition.findings import shown

# Longer than any run; shorter than what a timer cannot hold.
MAX_SECONDS: Final = 100 * 366 * 86_400
# How long a local call may take. While it runs the worker holds the whole instance: no clock, no
# decision and no cancellation reaches it, and Temporal gives up on a worker after 10 s.
MAX_LOCAL_S: Final = 5.0
_PART: Final[Mapping[str, float]] = {
    "days": 86_400,
    "hours": 3_600,
    "minutes": 60,
    "seconds": 1,
    "milliseconds": 0.001,
}
_NUMBER: Final = r"([0-9]+(?:\.[0-9]+)?)"
_ISO_8601: Final = re.compile(
    rf"P(?!$)(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    rf"(?:T(?=[0-9])(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?"
)
_ISO_SECONDS: Final = (7 * 86_400, 86_400, 3_600, 60, 1)


def duration_seconds(duration: object) -> float:
    """Return the length of a duration in seconds.

    Args:
        duration: ISO 8601 text, an object such as `{"minutes": 5}`, or its model.

    Raises:
        ValueError: When it is no duration, has months or years, is negative or too long.
    """
    try:
        seconds = _length(duration)
    except OverflowError:  # longer than any number is large
        seconds = math.inf
    if not 0 <= seconds <= MAX_SECONDS:
        raise ValueError("A duration must be between 0 and 100 years.")
    return seconds


def _length(duration: object) -> float:
    match duration:
        case str():
            return _of_text(duration)
        case BaseModel():
            return _of_parts(duration.__dict__)
        case Mapping():
            return _of_parts(duration)
        case _:
            raise ValueError("A duration is text such as PT30S or an object such as {seconds: 30}.")


def _of_text(text: str) -> float:
    match = _ISO_8601.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{shown(text)} is not an ISO 8601 duration. Write PT30S, PT5M, PT1H30M or P1D."
        )
    years, months, *parts = match.groups()
    if years or months:
        raise ValueError("Months and years have no fixed length. Use days or weeks: P30D, P4W.")
    return math.fsum(
        float(part) * seconds
        for part, seconds in zip(parts, _ISO_SECONDS, strict=True)
        if part is not None
    )


def _of_parts(parts: Mapping[Any, object]) -> float:
    if not parts:
        raise ValueError("A duration needs days, hours, minutes, seconds or milliseconds.")
    return math.fsum(_seconds(name, amount) for name, amount in parts.items())


def _seconds(name: object, amount: object) -> float:
    if not isinstance(name, str) or name not in _PART:
        raise ValueError(f"{shown(str(name))} is no part of a duration: {', '.join(_PART)}.")
    match amount:
        case bool():
            pass
        case int() | float():
            return amount * _PART[name]
        case _:
            pass
    raise ValueError(f"The {name} of a duration must be a number.")
