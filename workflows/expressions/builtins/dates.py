"""jq's dates, in UTC and in English whatever the machine is set to, and without a clock.

A "broken-down time" is an array: year, month from 0, day, hours, minutes, seconds with their
fraction, day of the week from Sunday = 0, day of the year from 0. Formats are those of glibc.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import floor, isfinite
from typing import Final, NamedTuple

from workflows.expressions.builtins.text import QuotingError, encoded
from workflows.expressions.errors import JqError, OperandError, Value
from workflows.expressions.meter import Run
from workflows.expressions.values import is_number, number, to_double

_DAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_DAY: Final = 86_400
# C keeps the parts of a time in ints; what does not fit is out of range.
_MAX_INT: Final = 2**31 - 1
_ISO: Final = "%Y-%m-%dT%H:%M:%SZ"
_YEAR_ZERO: Final = 1900
# jq gives strftime so many bytes more than the format has; more is an error.
_ROOM: Final = 100
# Reading or writing one directive.
_DIRECTIVE_UNITS: Final = 24


# --- Calendar ---------------------------------------------------------------------------------


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _month_starts(year: int) -> list[int]:
    """Give the day of the year on which each month begins, and the length of the year."""
    starts = [0]
    for days in (31, 29 if _is_leap(year) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31):
        starts.append(starts[-1] + days)
    return starts


def _days_before(year: int) -> int:
    """Count the days from 1970 to the beginning of a year."""
    past = year - 1
    return past * 365 + past // 4 - past // 100 + past // 400 - 719_162


class _Time(NamedTuple):
    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    weekday: int
    yearday: int


def _broken_down(seconds: int) -> _Time:
    days, rest = divmod(seconds, _DAY)
    year = 1970 + days * 400 // 146_097
    while days < _days_before(year):
        year -= 1
    while days >= _days_before(year + 1):
        year += 1
    yearday = days - _days_before(year)
    starts = _month_starts(year)
    month = next(month for month in range(12) if yearday < starts[month + 1])
    minutes, second = divmod(rest, 60)
    return _Time(
        year,
        month,
        yearday - starts[month] + 1,
        minutes // 60,
        minutes % 60,
        second,
        (days + 4) % 7,
        yearday,
    )


def _seconds(parts: Sequence[int]) -> int:
    """Count the seconds since 1970. Parts that are too large or negative carry over."""
    year, month, day, hour, minute, second = parts
    year, month = year + month // 12, month % 12
    days = _days_before(year) + _month_starts(year)[month] + day - 1
    return days * _DAY + hour * 3600 + minute * 60 + second


def _parts(value: list[Value], complaint: str) -> list[int]:
    """Take up to six parts out of a broken-down time; missing ones are zero."""
    parts: list[int] = []
    for index, part in enumerate(value[:8]):
        if not is_number(part) or part != part:  # noqa: PLR0124 - NaN
            raise JqError(complaint)
        # Years are cut off as C keeps them: counted from 1900.
        origin = _YEAR_ZERO if index == 0 else 0
        bounded = max(min(part, 2.0**53), -(2.0**53)) - origin
        parts.append(origin + max(min(int(bounded), _MAX_INT), -_MAX_INT - 1))
    return (parts + [_YEAR_ZERO, 0, 0, 0, 0, 0][len(parts) :])[:6]


# --- Seconds and broken-down times ------------------------------------------------------------


def gmtime(_run: Run, value: Value) -> Value:
    """Break seconds since 1970 down."""
    if not is_number(value):
        raise JqError("gmtime() requires numeric inputs")
    seconds = to_double(value)
    if not isfinite(seconds) or abs(seconds) >= 2.0**63:
        raise JqError("error converting number of seconds since epoch to datetime")
    time = _broken_down(int(seconds))
    if abs(time.year) > _MAX_INT:
        raise JqError("error converting number of seconds since epoch to datetime")
    parts: list[Value] = [*time]
    parts[5] = number(time.second + (seconds - floor(seconds)))
    return parts


def mktime(_run: Run, value: Value) -> Value:
    """Count the seconds since 1970 of a broken-down time."""
    if type(value) is not list:
        raise JqError("mktime requires array inputs")
    seconds = _seconds(_parts(value, "mktime requires parsed datetime inputs"))
    if abs(_broken_down(seconds).year) > _MAX_INT:
        raise JqError("invalid gmtime representation")
    return number(seconds)


# --- Writing ----------------------------------------------------------------------------------

_SPEC: Final = re.compile(r"%(?P<flags>[-_0^#+]*)(?P<width>[0-9]*)[EO]?(?P<kind>.)", re.DOTALL)


def _week(time: _Time, first: int) -> int:
    """Number the week of the year; weeks begin on the day `first`, days before belong to 0."""
    return (time.yearday + 7 - (time.weekday - first) % 7) // 7


def _iso_week(time: _Time) -> tuple[int, int]:
    """Give year and week of ISO 8601."""
    week = (time.yearday - (time.weekday - 1) % 7 + 10) // 7
    if week < 1:
        days = 366 if _is_leap(time.year - 1) else 365
        before = time._replace(year=time.year - 1, yearday=time.yearday + days)
        return before.year, _iso_week(before)[1]
    days = 366 if _is_leap(time.year) else 365
    thursday = time.yearday - (time.weekday - 1) % 7 + 3
    return (time.year + 1, 1) if thursday >= days else (time.year, week)


class _Number(NamedTuple):
    of: Callable[[_Time], int]
    width: int = 2
    fill: str = "0"


_NUMBERS: Final[Mapping[str, _Number]] = {
    "C": _Number(lambda time: time.year // 100),
    "d": _Number(lambda time: time.day),
    "e": _Number(lambda time: time.day, fill=" "),
    "g": _Number(lambda time: _iso_week(time)[0] % 100),
    "G": _Number(lambda time: _iso_week(time)[0], width=1),
    "H": _Number(lambda time: time.hour),
    "I": _Number(lambda time: (time.hour - 1) % 12 + 1),
    "j": _Number(lambda time: time.yearday + 1, width=3),
    "k": _Number(lambda time: time.hour, fill=" "),
    "l": _Number(lambda time: (time.hour - 1) % 12 + 1, fill=" "),
    "m": _Number(lambda time: time.month + 1),
    "M": _Number(lambda time: time.minute),
    "s": _Number(lambda time: _seconds(time[:6]), width=1),
    "S": _Number(lambda time: time.second),
    "u": _Number(lambda time: (time.weekday - 1) % 7 + 1, width=1),
    "U": _Number(lambda time: _week(time, 0)),
    "V": _Number(lambda time: _iso_week(time)[1]),
    "w": _Number(lambda time: time.weekday, width=1),
    "W": _Number(lambda time: _week(time, 1)),
    "y": _Number(lambda time: time.year % 100),
    "Y": _Number(lambda time: time.year, width=1),
}
_TEXTS: Final[Mapping[str, Callable[[_Time], str]]] = {
    "a": lambda time: _DAYS[time.weekday][:3],
    "A": lambda time: _DAYS[time.weekday],
    "b": lambda time: _MONTHS[time.month][:3],
    "B": lambda time: _MONTHS[time.month],
    "h": lambda time: _MONTHS[time.month][:3],
    "n": lambda _: "\n",
    "p": lambda time: "AM" if time.hour < 12 else "PM",  # noqa: PLR2004 - noon
    "P": lambda time: "am" if time.hour < 12 else "pm",  # noqa: PLR2004 - noon
    "t": lambda _: "\t",
    "z": lambda _: "+0000",
    "Z": lambda _: "GMT",
    "%": lambda _: "%",
}
_COMPOSED: Final[Mapping[str, str]] = {
    "c": "%a %b %e %H:%M:%S %Y",
    "D": "%m/%d/%y",
    "F": "%Y-%m-%d",
    "r": "%I:%M:%S %p",
    "R": "%H:%M",
    "T": "%H:%M:%S",
    "x": "%m/%d/%y",
    "X": "%H:%M:%S",
}


def strftime(run: Run, value: Value, form: Value) -> Value:
    """Write a time, given in seconds or broken down."""
    if is_number(value):
        value = gmtime(run, value)
    elif type(value) is not list:
        raise JqError("strftime/1 requires parsed datetime inputs")
    if type(form) is not str:
        raise JqError("strftime/1 requires a string format")
    seconds = _seconds(_parts(value, "strftime/1 requires parsed datetime inputs"))
    time = _broken_down(seconds)
    if abs(time.year) > _MAX_INT:
        raise JqError("invalid gmtime representation")
    run.charge_text(len(form))
    room = len(encoded(form)) + _ROOM
    for found in _SPEC.finditer(form):
        parts = 6 if found["kind"] in _COMPOSED else 1
        run.charge(parts * _DIRECTIVE_UNITS + min(int(found["width"][:9] or 0), room) // 8)
    text = _SPEC.sub(lambda found: _written(time, found, room), form)
    if len(encoded(text)) >= room:
        raise JqError("strftime/1: unknown system failure")
    return text


def _written(time: _Time, found: re.Match[str], room: int) -> str:
    kind, flags = found["kind"], found["flags"]
    # A text that fills the room is an error anyway.
    width = min(int(found["width"][:9] or 0), room)
    if kind in _NUMBERS:
        return _padded_number(_NUMBERS[kind], _NUMBERS[kind].of(time), flags, width)
    if kind in _COMPOSED:
        text = _SPEC.sub(lambda inner: _written(time, inner, room), _COMPOSED[kind])
    elif kind in _TEXTS:
        text = _TEXTS[kind](time)
    else:
        return found.group()
    if "#" in flags and kind in "pZ":
        text = text.lower()
    elif kind != "P" and ("^" in flags or ("#" in flags and kind in "aAbBh")):
        text = text.upper()
    return text if "-" in flags else text.rjust(width, "0" if "0" in flags else " ")


def _padded_number(spec: _Number, value: int, flags: str, width: int) -> str:
    fill = spec.fill
    for flag in flags:
        fill = {"-": "", "_": " ", "0": "0", "+": "0"}.get(flag, fill)
    digits = str(abs(value))
    sign = "-" if value < 0 else ""
    size = max(width, spec.width if not width else 0) - len(sign)
    if fill == " ":
        return (sign + digits).rjust(size + len(sign))
    return sign + (digits.rjust(size, "0") if fill else digits)


def todate(run: Run, value: Value) -> Value:
    """Write seconds since 1970 as ISO 8601."""
    return strftime(run, value, _ISO)


# --- Reading ----------------------------------------------------------------------------------


class _Mismatch(Exception):  # noqa: N818 - becomes a JqError that quotes both texts
    """The text is not of this format."""


# What a broken-down time has where a text says nothing about it; C's initial values in jq.
_NO_WEEKDAY: Final = 8
_NO_YEARDAY: Final = 367


@dataclass(slots=True)
class _Reading:
    """How far a text has been read, and what it said."""

    text: str
    at: int = 0
    year: int = _YEAR_ZERO
    month: int = 0
    day: int = 0
    hour: int = 0
    minute: int = 0
    second: int = 0
    weekday: int = _NO_WEEKDAY
    yearday: int = _NO_YEARDAY
    afternoon: bool = False
    twelve: bool = False
    century: int | None = None
    in_century: bool = False
    week: tuple[int, int] | None = None
    # Parts that have been said, by the name of their field.
    said: set[str] = field(default_factory=set)

    def skip_blanks(self) -> None:
        while self.text[self.at : self.at + 1] in _BLANKS:
            self.at += 1

    def literal(self, char: str) -> None:
        if self.text[self.at : self.at + 1] != char:
            raise _Mismatch
        self.at += 1

    def numeral(self, low: int, high: int, digits: int) -> int:
        self.skip_blanks()
        start = self.at
        value = 0
        while self.at - start < digits and self.text[self.at : self.at + 1] in _DIGITS:
            value = value * 10 + int(self.text[self.at])
            self.at += 1
            if value * 10 > high:
                break
        if self.at == start or not low <= value <= high:
            raise _Mismatch
        return value

    def name(self, names: tuple[str, ...]) -> int:
        rest = self.text[self.at : self.at + 9].lower()
        for index, name in enumerate(names):
            for form in (name, name[:3]):
                if rest.startswith(form.lower()):
                    self.at += len(form)
                    return index
        raise _Mismatch


_BLANKS: Final = frozenset(" \t\n\v\f\r")
_DIGITS: Final = frozenset("0123456789")


class _Field(NamedTuple):
    """A directive that is a number: its bounds, its field, what is added, what it tells."""

    low: int
    high: int
    digits: int
    name: str
    add: int = 0
    says: tuple[str, ...] = ()


_FIELDS: Final[Mapping[str, _Field]] = {
    "d": _Field(1, 31, 2, "day", says=("day", "date")),
    "H": _Field(0, 23, 2, "hour"),
    "j": _Field(1, 366, 3, "yearday", -1, ("yearday",)),
    "m": _Field(1, 12, 2, "month", -1, ("month", "date")),
    "M": _Field(0, 59, 2, "minute"),
    "S": _Field(0, 61, 2, "second"),
    "w": _Field(0, 6, 1, "weekday", says=("weekday",)),
}
_SAME: Final[Mapping[str, str]] = {"e": "d", "k": "H", "l": "I", "h": "b", "B": "b", "A": "a"}
# Read for their form; what they say is not used.
_UNUSED: Final[Mapping[str, tuple[int, int, int]]] = {
    "g": (0, 99, 2),
    "V": (0, 53, 2),
}


def strptime(run: Run, value: Value, form: Value) -> Value:
    """Read a time from a text; what is left behind a blank is added as a last item."""
    if type(value) is not str or type(form) is not str:
        raise JqError("strptime/1 requires string inputs and arguments")
    run.charge_text(len(value))
    run.charge(_DIRECTIVE_UNITS + 2 * len(form) + len(value) // 16)
    reading = _Reading(value)
    try:
        _read(run, reading, form)
        _complete(reading)
    except _Mismatch:
        raise QuotingError('date "{}" does not match format "{}"', value, form) from None
    rest = value[reading.at :]
    if rest and rest[0] not in _BLANKS:
        raise QuotingError('date "{}" does not match format "{}"', value, form)
    parts: list[Value] = [
        reading.year,
        reading.month,
        reading.day,
        reading.hour,
        reading.minute,
        reading.second,
        reading.weekday,
        reading.yearday,
    ]
    return [*parts, rest] if rest else parts


def _read(run: Run, reading: _Reading, form: str) -> None:
    at = 0
    while at < len(form):
        char = form[at]
        at += 1
        if char in _BLANKS:
            reading.skip_blanks()
        elif char != "%":
            reading.literal(char)
        else:
            while form[at : at + 1] and form[at] in "-_0^#EO":
                at += 1
            run.charge(_DIRECTIVE_UNITS)
            _directive(run, reading, form[at : at + 1])
            at += 1


def _directive(run: Run, reading: _Reading, kind: str) -> None:
    kind = _SAME.get(kind, kind)
    if kind in _COMPOSED:
        _read(run, reading, _COMPOSED[kind])
    elif kind in _FIELDS:
        spec = _FIELDS[kind]
        setattr(reading, spec.name, reading.numeral(spec.low, spec.high, spec.digits) + spec.add)
        reading.said.update(spec.says)
    elif kind in _UNUSED:
        reading.numeral(*_UNUSED[kind])
    elif kind in _READERS:
        _READERS[kind](reading)
    else:
        raise _Mismatch


def _read_weekday(reading: _Reading) -> None:
    reading.weekday = reading.name(_DAYS)
    reading.said.add("weekday")


def _read_weekday_number(reading: _Reading) -> None:
    reading.weekday = reading.numeral(1, 7, 1) % 7
    reading.said.add("weekday")


def _read_month(reading: _Reading) -> None:
    reading.month = reading.name(_MONTHS)
    reading.said |= {"month", "date"}


def _read_century(reading: _Reading) -> None:
    reading.century = reading.numeral(0, 99, 2)
    reading.said.add("date")


def _read_year(reading: _Reading) -> None:
    reading.year = reading.numeral(0, 9999, 4)
    reading.century, reading.in_century = None, False
    reading.said.add("date")


def _read_short_year(reading: _Reading) -> None:
    short = reading.numeral(0, 99, 2)
    # POSIX: 69 to 99 are of the twentieth century.
    reading.year = short + (1900 if short >= 69 else 2000)  # noqa: PLR2004
    reading.in_century = True
    reading.said.add("date")


def _read_twelve(reading: _Reading) -> None:
    reading.hour = reading.numeral(1, 12, 2) % 12
    reading.twelve = True


def _read_half(reading: _Reading) -> None:
    half = reading.text[reading.at : reading.at + 2].lower()
    if half not in {"am", "pm"}:
        raise _Mismatch
    reading.at += 2
    reading.afternoon = half == "pm"


def _read_seconds(reading: _Reading) -> None:
    start = reading.at
    while reading.text[reading.at : reading.at + 1] in _DIGITS and reading.at - start < 16:  # noqa: PLR2004 - enough for every year
        reading.at += 1
    if reading.at == start:
        raise _Mismatch
    time = _broken_down(int(reading.text[start : reading.at]))
    for name, part in zip(_Time._fields, time, strict=True):
        setattr(reading, name, part)


def _read_iso_year(reading: _Reading) -> None:
    start = reading.at
    while reading.text[reading.at : reading.at + 1] in _DIGITS:
        reading.at += 1
    # It says nothing without the week, which glibc does not use either.
    if reading.at == start:
        raise _Mismatch


def _read_week(first: int) -> Callable[[_Reading], None]:
    def read(reading: _Reading) -> None:
        reading.week = (reading.numeral(0, 53, 2), first)

    return read


_OFFSET: Final = re.compile(r" *(?:Z|[+-](?P<hours>[0-9]{2})(?::?(?P<minutes>[0-9]{2}))?)")


def _read_offset(reading: _Reading) -> None:
    found = _OFFSET.match(reading.text, reading.at)
    # jq looks at its form only.
    if found is None or int(found["minutes"] or 0) > 59 or int(found["hours"] or 0) > 14:  # noqa: PLR2004
        raise _Mismatch
    reading.at = found.end()


def _read_zone(reading: _Reading) -> None:
    reading.skip_blanks()
    while reading.text[reading.at : reading.at + 1] not in _BLANKS | {""}:
        reading.at += 1


_READERS: Final[Mapping[str, Callable[[_Reading], None]]] = {
    "a": _read_weekday,
    "b": _read_month,
    "C": _read_century,
    "G": _read_iso_year,
    "I": _read_twelve,
    "n": _Reading.skip_blanks,
    "p": _read_half,
    "s": _read_seconds,
    "t": _Reading.skip_blanks,
    "u": _read_weekday_number,
    "U": _read_week(0),
    "W": _read_week(1),
    "y": _read_short_year,
    "Y": _read_year,
    "z": _read_offset,
    "Z": _read_zone,
    "%": lambda reading: reading.literal("%"),
}


def _complete(reading: _Reading) -> None:
    """Work out what follows from what was said."""
    said = reading.said
    if reading.twelve and reading.afternoon:
        reading.hour += 12
    if reading.century is not None:
        within = reading.year % 100 if reading.in_century else 0
        reading.year = reading.century * 100 + within
    if "date" in said and "weekday" not in said:
        if not {"month", "day"} <= said and "yearday" in said:
            _date_of_yearday(reading)
        reading.weekday = _weekday(reading.year, reading.month, reading.day)
    if "date" in said and "yearday" not in said:
        reading.yearday = _month_starts(reading.year)[reading.month] + reading.day - 1
    if reading.week is not None and "weekday" in said:
        _date_of_week(reading, *reading.week)


def _weekday(year: int, month: int, day: int) -> int:
    return (_days_before(year) + _month_starts(year)[month] + day + 3) % 7


def _date_of_yearday(reading: _Reading) -> None:
    starts = _month_starts(reading.year)
    month = next((month for month in range(12) if reading.yearday < starts[month + 1]), 11)
    if "month" not in reading.said:
        reading.month = month
    if "day" not in reading.said:
        reading.day = reading.yearday - starts[month] + 1


def _date_of_week(reading: _Reading, week: int, first: int) -> None:
    january = _weekday(reading.year, 0, 1)
    if "yearday" not in reading.said:
        until = (7 - (january - first)) % 7
        reading.yearday = until + (week - 1) * 7 + (reading.weekday - first + 7) % 7
    if not {"month", "day"} <= reading.said:
        _date_of_yearday(reading)


def fromdate(run: Run, value: Value) -> Value:
    """Read ISO 8601 into seconds since 1970."""
    return mktime(run, strptime(run, value, _ISO))


def dateadd(_run: Run, value: Value, _unit: Value, count: Value) -> Value:
    """Add seconds; jq has never looked at the unit."""
    if value is None or count is None:
        return count if value is None else value
    if is_number(value) and is_number(count):
        return number(to_double(value) + to_double(count))
    raise OperandError("{} and {} cannot be added", value, count)


def datesub(_run: Run, value: Value, _unit: Value, count: Value) -> Value:
    """Subtract seconds; jq has never looked at the unit."""
    if is_number(value) and is_number(count):
        return number(to_double(value) - to_double(count))
    raise OperandError("{} and {} cannot be subtracted", value, count)


FUNCTIONS: Final[Mapping[tuple[str, int], Callable[..., Value]]] = {
    ("gmtime", 0): gmtime,
    ("mktime", 0): mktime,
    ("strptime", 1): strptime,
    ("strftime", 1): strftime,
    ("todate", 0): todate,
    ("todateiso8601", 0): todate,
    ("date", 0): todate,
    ("fromdate", 0): fromdate,
    ("fromdateiso8601", 0): fromdate,
    ("dateadd", 2): dateadd,
    ("datesub", 2): datesub,
}
