import pytest

from workflows.expressions.builtins.dates import FUNCTIONS
from workflows.expressions.errors import JqError, Value
from workflows.expressions.meter import Run

BROKEN_DOWN = [2015, 2, 5, 23, 51, 47, 4, 63]


def call(name: str, value: Value, *arguments: Value) -> Value:
    return FUNCTIONS[name, len(arguments)](Run({}), value, *arguments)


def complaint(name: str, value: Value, *arguments: Value) -> Value:
    with pytest.raises(JqError) as caught:
        call(name, value, *arguments)
    return caught.value.value


@pytest.mark.parametrize(
    ("name", "value", "result"),
    [
        ("gmtime", 1425599507, BROKEN_DOWN),
        ("gmtime", 1425599507.25, [2015, 2, 5, 23, 51, 47.25, 4, 63]),
        ("gmtime", -1, [1969, 11, 31, 23, 59, 59, 3, 364]),
        ("gmtime", 253402300800, [10000, 0, 1, 0, 0, 0, 6, 0]),
        ("mktime", BROKEN_DOWN, 1425599507),
        ("mktime", [2024, 8, 21], 1726876800),
        ("mktime", [2024, 13, 1], 1738368000),
        ("mktime", [2024, 1, 30, 25, 61, 61], 1709344921),
        ("mktime", [1969, 11, 31, 23, 59, 59], -1),
        ("todate", 1425599507, "2015-03-05T23:51:47Z"),
        ("todateiso8601", 0, "1970-01-01T00:00:00Z"),
        ("date", 1.9, "1970-01-01T00:00:01Z"),
        ("fromdate", "2015-03-05T23:51:47Z", 1425599507),
        ("fromdateiso8601", "9999-12-31T23:59:59Z", 253402300799),
    ],
)
def test_times_are_converted_in_utc(name: str, value: Value, result: Value) -> None:
    assert call(name, value) == result


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%A, %B %d, %Y", "Thursday, March 05, 2015"),
        ("%a %b %e %I:%M %p %P %y", "Thu Mar  5 11:51 PM pm 15"),
        ("%j %U %W %u %w %V %G %g %C", "064 09 09 4 4 10 2015 15 20"),
        ("%c|%x|%X|%D", "Thu Mar  5 23:51:47 2015|03/05/15|23:51:47|03/05/15"),
        ("%F|%T|%R|%r", "2015-03-05|23:51:47|23:51|11:51:47 PM"),
        ("%s %Z %z%n%t%%", "1425599507 GMT +0000\n\t%"),
        ("%-d %_m %^b %#p %06Y %5H", "5  3 MAR pm 002015 00023"),
        ("%q %", "%q %"),
        ("é", "é"),
        ("", ""),
    ],
)
def test_times_are_written(form: str, text: str) -> None:
    assert call("strftime", BROKEN_DOWN, form) == text


def test_the_day_of_the_week_is_worked_out_anew() -> None:
    assert call("strftime", [2024, 1, 29, 0, 0, 0, 0, 0], "%a %j") == "Thu 060"


@pytest.mark.parametrize(
    ("date", "week"), [((2021, 0, 3), "2020-W53"), ((2024, 11, 30), "2025-W01")]
)
def test_iso_weeks_cross_the_year(date: tuple[int, int, int], week: str) -> None:
    assert call("strftime", [*date], "%G-W%V") == week


@pytest.mark.parametrize(
    ("text", "form", "result"),
    [
        ("2015-03-05T23:51:47Z", "%Y-%m-%dT%H:%M:%SZ", BROKEN_DOWN),
        ("Thursday, March 5, 2015", "%A, %B %d, %Y", [2015, 2, 5, 0, 0, 0, 4, 63]),
        ("thu MAR 05 15", "%a %b %d %y", [2015, 2, 5, 0, 0, 0, 4, 63]),
        ("2015 064", "%Y %j", [2015, 2, 5, 0, 0, 0, 4, 63]),
        ("2015 10 4", "%Y %W %w", [2015, 2, 12, 0, 0, 0, 4, 70]),
        ("19 70 1 2", "%C %y %m %d", [1970, 0, 2, 0, 0, 0, 5, 1]),
        ("12:00 AM 1 Jan 2000", "%I:%M %p %d %b %Y", [2000, 0, 1, 0, 0, 0, 6, 0]),
        ("2015-03-05 +01:00", "%F %z", [2015, 2, 5, 0, 0, 0, 4, 63]),
        ("1425599507", "%s", BROKEN_DOWN),
        ("2015-03-05 rest", "%F", [2015, 2, 5, 0, 0, 0, 4, 63, " rest"]),
    ],
)
def test_times_are_read(text: str, form: str, result: list[Value]) -> None:
    assert call("strptime", text, form) == result


@pytest.mark.parametrize(
    ("name", "value", "arguments", "words"),
    [
        ("gmtime", "a", (), "gmtime() requires numeric inputs"),
        ("mktime", 1, (), "mktime requires array inputs"),
        ("mktime", ["a", 1], (), "mktime requires parsed datetime inputs"),
        ("strftime", "a", ("%Y",), "strftime/1 requires parsed datetime inputs"),
        ("strftime", 0, ([],), "strftime/1 requires a string format"),
        ("strftime", 0, ("%999999999d",), "strftime/1: unknown system failure"),
        ("strptime", 1, ("%Y",), "strptime/1 requires string inputs and arguments"),
        ("strptime", "x", ("%Y",), 'date "x" does not match format "%Y"'),
        (
            "fromdate",
            "2015-13-05T23:51:47Z",
            (),
            'date "2015-13-05T23:51:47Z" does not match format "%Y-%m-%dT%H:%M:%SZ"',
        ),
        ("dateadd", "a", ("seconds", 1), 'string ("a") and number (1) cannot be added'),
    ],
)
def test_what_is_no_time_is_complained_of(
    name: str, value: Value, arguments: tuple[Value, ...], words: str
) -> None:
    assert complaint(name, value, *arguments) == words


@pytest.mark.parametrize("seconds", [1e18, -1e18, 1e300, 10**400, float("inf"), float("nan")])
def test_times_out_of_range_are_errors(seconds: float) -> None:
    words = "error converting number of seconds since epoch to datetime"
    assert complaint("gmtime", seconds) == words
    assert complaint("todate", seconds) == words


def test_years_out_of_range_are_errors() -> None:
    assert complaint("mktime", [1e99]) == "invalid gmtime representation"


def test_the_zone_of_the_machine_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert call("strftime", 0, "%c %Z %s") == "Thu Jan  1 00:00:00 1970 GMT 0"
    assert call("mktime", call("strptime", "0", "%s")) == 0


def test_every_day_is_written_and_read_back() -> None:
    for day in range(-800_000, 2_900_000, 997):
        text = call("todate", day * 86_400)
        if len(text) == len("2000-01-01T00:00:00Z") and text[0] != "-":
            assert call("fromdate", text) == day * 86_400


def test_seconds_are_added_and_subtracted() -> None:
    assert call("dateadd", 10, "seconds", 5) == 15
    assert call("datesub", 10, "seconds", 5) == 5
