"""Reading answers into dataclasses."""

from datetime import UTC, datetime, timedelta

import pytest

from millwright_client.decoding import decode, duration
from millwright_client.errors import MillwrightProtocolError
from millwright_client.models import Instance, TaskRun

INSTANCE = {
    "id": "a.b.c",
    "namespace": "a",
    "name": "b",
    "version": None,
    "status": "RUNNING",
    "started_at": "2026-11-22T10:00:00.5Z",
    "ended_at": None,
    "web_ui": "http://ui",
    "input": {"any": ["thing", 1, None]},
    "tasks": [
        {"reference": "/do/0/a", "iteration": "", "name": "a", "kind": "set", "state": "running"}
    ],
    "member of a later release": 1,
}


def test_an_answer_is_read_with_its_types() -> None:
    instance = decode(Instance, INSTANCE)
    assert instance.started_at == datetime(2026, 11, 22, 10, 0, 0, 500_000, tzinfo=UTC)
    assert instance.tasks == [TaskRun("/do/0/a", "", "a", "set", "running")]
    assert (instance.input, instance.ended) == ({"any": ["thing", 1, None]}, False)


@pytest.mark.parametrize(
    "change", [{"id": 7}, {"started_at": "yesterday"}, {"tasks": {}}, {"tasks": [1]}]
)
def test_an_answer_of_other_types_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(MillwrightProtocolError, match="no Instance of the Millwright API"):
        decode(Instance, {**INSTANCE, **change})


def test_a_missing_member_is_refused() -> None:
    with pytest.raises(MillwrightProtocolError, match="status"):
        decode(Instance, {k: v for k, v in INSTANCE.items() if k != "status"})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT0S", 0), ("PT1H", 3600), ("P1DT2H3M4.5S", 93784.5), ("P366D", 31_622_400)],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "1h", "P1Y", "PT-1S"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        duration(text)
