"""Schedules: make, look at, change, pause, run now, go through the past again, delete."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from millwright_client.calls.reading import given, nothing, one, page, path
from millwright_client.exchange import Call, Flow, ask
from millwright_client.models import Interval, Page, Schedule, ScheduleSummary


def create(
    namespace: str,
    name: str,
    *,
    id: str | None = None,  # noqa: A002 - its name in the API
    cron: list[str] | None = None,
    intervals: list[Interval] | None = None,
    time_zone: str | None = None,
    **settings: Any,
) -> Flow[Schedule]:
    """Make a schedule.

    Args:
        cron: Expressions of five fields, read in `time_zone`.
        settings: version, input, start_at, end_at, jitter, overlap, catchup_window,
            pause_on_failure, paused, note; as `POST /schedules` has them.
    """
    body = given(
        id=id,
        namespace=namespace,
        name=name,
        cron=cron,
        intervals=intervals,
        time_zone=time_zone,
    )
    return ask(Call("POST", "/schedules", one(Schedule), json=_spelled({**body, **settings})))


def list_(
    *, page_size: int | None = None, page_token: str | None = None
) -> Flow[Page[ScheduleSummary]]:
    """List schedules. One that was made a moment ago may be missing yet."""
    params = given(page_size=page_size, page_token=page_token)
    return ask(Call("GET", "/schedules", page(ScheduleSummary), params=params, safe=True))


def get(schedule_id: str) -> Flow[Schedule]:
    """Look at one schedule."""
    return ask(Call("GET", path("schedules", schedule_id), one(Schedule), safe=True))


def update(schedule_id: str, **changes: Any) -> Flow[Schedule]:
    """Change a schedule: what is left out stays, None goes back to the default."""
    where = path("schedules", schedule_id)
    return ask(Call("PATCH", where, one(Schedule), json=_spelled(changes), safe=True))


def delete(schedule_id: str) -> Flow[None]:
    """Delete a schedule; its runs stay."""
    return ask(Call("DELETE", path("schedules", schedule_id), nothing))


def pause(schedule_id: str, note: str = "") -> Flow[Schedule]:
    """Begin no more runs until it is resumed."""
    return ask(_act(schedule_id, "pause", {"note": note}, safe=True))


def resume(schedule_id: str, note: str = "") -> Flow[Schedule]:
    """Begin runs again."""
    return ask(_act(schedule_id, "resume", {"note": note}, safe=True))


def trigger(schedule_id: str, overlap: str | None = None) -> Flow[Schedule]:
    """Begin a run now; `recent_runs` of the schedule show it in a moment."""
    return ask(_act(schedule_id, "trigger", given(overlap=overlap)))


def backfill(
    schedule_id: str, start_at: datetime, end_at: datetime, overlap: str | None = None
) -> Flow[Schedule]:
    """Begin the runs that were due in a time, both ends included."""
    body = given(start_at=start_at, end_at=end_at, overlap=overlap)
    return ask(_act(schedule_id, "backfill", _spelled(body)))


def _act(
    schedule_id: str, verb: str, body: Mapping[str, Any], *, safe: bool = False
) -> Call[Schedule]:
    where = path("schedules", f"{schedule_id}:{verb}")
    return Call("POST", where, one(Schedule), json=body, safe=safe)


def _spelled(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Spell times and durations as JSON has them; the input of a run stays as it is."""
    return {name: value if name == "input" else _json(value) for name, value in settings.items()}


def _json(value: Any) -> Any:
    match value:
        case Interval():
            return {"every": _json(value.every), "offset": _json(value.offset)}
        case timedelta():
            return value.total_seconds()
        case datetime():
            return value.isoformat()
        case list():
            return [_json(each) for each in value]
        case _:
            return value
