"""Cron expressions: what Temporal keeps a schedule with, read here so that mistakes are taught."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from workflows.definition.findings import did_you_mean, shown

MAX_CHARS: Final = 100
MACROS: Final = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")


class _Field(NamedTuple):
    """One of the five fields."""

    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()


_FIELDS: Final = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field(
        "month",
        1,
        12,
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    ),
    # 7 is Sunday too.
    _Field("day of week", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
# What one item of a field may be: `*`, `5`, `mon`, `1-5`, each perhaps with a step.
_ITEM: Final = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[0-9]+))?")
# Days of the longest February, and so on.
_LONGEST: Final = dict(enumerate((31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), start=1))
_DAYS: Final = frozenset({"day of month", "day of week"})
# What Quartz adds, and has no meaning here.
_QUARTZ: Final = re.compile(r"L|LW|[0-9]{1,2}W|[A-Za-z0-9]{1,3}[L]|[A-Za-z0-9]{1,3}#[0-9]|L-[0-9]+")
_INSTEAD: Final[Mapping[str, str]] = {
    "@every": "is an interval: use 'every' instead of 'cron'.",
    "@reboot": "is nothing that comes again.",
}


def written(cron: str) -> str:
    """Return an expression in the one spelling that is kept."""
    return " ".join(cron.split())


def understood(cron: str) -> str:
    """Return an expression as Temporal reads it: without `?`, and with one number for Sunday."""
    parts = written(cron).split()
    if len(parts) != len(_FIELDS):
        return written(cron)
    *most, day, month, weekday = parts
    days = ("*" if each == "?" else each for each in (day, weekday))
    return " ".join([*most, next(days), month, _with_one_sunday(next(days))])


def _with_one_sunday(part: str) -> str:
    return ",".join(each for item in part.split(",") for each in _days_of(item))


def _days_of(item: str) -> list[str]:
    """Spell out what counts up to 7."""
    match = _ITEM.fullmatch(item)
    if match is None or "7" not in (match["first"], match["last"]):
        return [item]
    field = _FIELDS[-1]
    first, last = (_number(field, match[each] or "7") for each in ("first", "last"))
    if first is None or last is None:
        return [item]
    return [str(day % 7) for day in range(first, last + 1, int(match["step"] or 1))]


def cron_problems(cron: str) -> Iterator[str]:
    """Say everything that is wrong with a cron expression."""
    text = written(cron)
    if len(text) > MAX_CHARS:
        yield f"A cron expression has at most {MAX_CHARS} characters, not {len(text)}."
    elif "TZ=" in text:
        yield (
            "A time zone is no part of the expression. Name it in "
            "document.metadata.millwright.schedule.timeZone."
        )
    elif text.startswith("@"):
        yield from _of_macro(text)
    else:
        yield from _of_fields(text)


def _of_macro(text: str) -> Iterator[str]:
    name, _, _ = text.partition(" ")
    if text in MACROS:
        return
    if name in _INSTEAD:
        yield f"'{name}' {_INSTEAD[name]}"
        return
    yield f"There is no {shown(text)}.{did_you_mean(text, MACROS)} Known: {', '.join(MACROS)}."


def _of_fields(text: str) -> Iterator[str]:
    parts = text.split()
    if len(parts) != len(_FIELDS):
        names = ", ".join(field.name for field in _FIELDS)
        more = " It begins with the minute, not with seconds." if len(parts) > len(_FIELDS) else ""
        yield f"{shown(text)} has {len(parts)} fields, a cron expression has five: {names}.{more}"
        return
    wrong = [
        f"{shown(item)} is no {field.name}: {reason}."
        for field, part in zip(_FIELDS, parts, strict=True)
        for item in part.split(",")
        if not (item == "?" and field.name in _DAYS) and (reason := _wrong(field, item))
    ]
    yield from wrong
    if not wrong and _never_comes(*parts[2:]):
        yield f"{shown(text)} never comes: no such month has that many days."


def _never_comes(day: str, month: str, weekday: str) -> bool:
    if weekday not in {"*", "?"}:
        return False  # comes by its weekday
    _, _, days, months, _ = _FIELDS
    first = min(_numbers(days, day))
    return all(first > _LONGEST[each] for each in _numbers(months, month))


def _numbers(field: _Field, part: str) -> Iterator[int]:
    """Spell out what a field that is right stands for."""
    for item in part.split(","):
        match = _ITEM.fullmatch(item)
        step = int(match["step"] or 1) if match else 1
        first = _number(field, match["first"] or "") if match else None
        last = _number(field, match["last"] or "") if match else None
        if first is not None and last is None:
            # With a step, a number is where it begins.
            last = field.high if match and match["step"] else first
        yield from range(first or field.low, (last or field.high) + 1, step)


def _wrong(field: _Field, item: str) -> str | None:
    if field.name in _DAYS and _QUARTZ.fullmatch(item.upper()) and item.lower() not in field.words:
        return "L, W and # are Quartz's own; name the days, or let the first task look at the date"
    match = _ITEM.fullmatch(item)
    if match is None:
        return "write a number, a range such as 1-5, or *, and after it perhaps a step such as /2"
    if match["step"] is not None and not 1 <= int(match["step"]) <= field.high:
        return f"a step is between 1 and {field.high}"
    bounds = [_number(field, text) for text in (match["first"], match["last"]) if text is not None]
    if None in bounds:
        words = f", or a name such as {field.words[0].upper()}" if field.words else ""
        return f"it is between {field.low} and {field.high}{words}"
    if len(bounds) > 1 and bounds != sorted(bounds):  # type: ignore[type-var]
        return "the range ends before it begins"
    return None


def _number(field: _Field, text: str) -> int | None:
    """Return what a number or a name stands for; None when it is out of bounds."""
    if text.lower() in field.words:
        return field.low + field.words.index(text.lower())
    if not (text.isascii() and text.isdigit() and len(text) <= 2):  # noqa: PLR2004 - digits
        return None
    return int(text) if field.low <= int(text) <= field.high else None
