"""Durations in seconds."""

import pytest

from workflows.definition import DurationParts, duration_seconds


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        ("PT30S", 30),
        ("PT0S", 0),
        ("PT0.25S", 0.25),
        ("PT1H30M", 5400),
        ("P1D", 86_400),
        ("P2W", 14 * 86_400),
        ("P1W1DT1H1M1S", 8 * 86_400 + 3661),
        ("P0.5D", 43_200),
        ({"minutes": 5}, 300),
        ({"days": 1, "hours": 1, "minutes": 1, "seconds": 1, "milliseconds": 500}, 90_061.5),
        (DurationParts(seconds=3, milliseconds=1), 3.001),
    ],
)
def test_durations_have_a_length(duration: object, seconds: float) -> None:
    assert duration_seconds(duration) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("duration", "message"),
    [
        ("P1M", "no fixed length"),
        ("P1Y", "no fixed length"),
        ("PT", "not an ISO 8601 duration"),
        ("P", "not an ISO 8601 duration"),
        ("30s", "not an ISO 8601 duration"),
        ("", "not an ISO 8601 duration"),
        ("PT1S\n", "not an ISO 8601 duration"),
        ("-PT1S", "not an ISO 8601 duration"),
        ("PT" + "9" * 400 + "S", "between 0 and 100 years"),
        ({}, "needs days"),
        ({"weeks": 1}, "no part of a duration"),
        ({"seconds": "5"}, "must be a number"),
        ({"seconds": True}, "must be a number"),
        ({"seconds": -1}, "between 0 and 100 years"),
        ({"days": 10**30}, "between 0 and 100 years"),
        ({"days": 10**400}, "between 0 and 100 years"),
        ({"milliseconds": 10**400}, "between 0 and 100 years"),
        ("P" + "9" * 303 + "WT" + "9" * 305 + "H", "between 0 and 100 years"),
        ({"seconds": float("nan")}, "between 0 and 100 years"),
        (5, "A duration is text"),
        (None, "A duration is text"),
    ],
)
def test_what_has_no_length_is_refused(duration: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        duration_seconds(duration)
