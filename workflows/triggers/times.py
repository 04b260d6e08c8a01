"""`every` and `cron` as a schedule of Temporal, which belongs to its definition."""

from datetime import timedelta
from typing import Final

from temporalio.client import Schedule as TemporalSchedule

from workflows.definition import Definition, duration_seconds
from workflows.definition.cron import written
from workflows.interpreter.types import StartInput
from workflows.runs.launch import Published, summary, title
from workflows.runs.names import RunName
from workflows.schedules.translation import Requesters, to_temporal
from workflows.schedules.types import Interval, Overlap, ScheduleSettings

# Temporal appends the time. A caller's key has no colon, so the two never meet.
KEY: Final = "schedule:at"


def has_times(definition: Definition) -> bool:
    """Tell whether a definition starts at certain times."""
    schedule = definition.schedule
    return schedule is not None and not (schedule.every is None and schedule.cron is None)


def settings_of(
    definition: Definition, *, paused: bool = False, note: str = ""
) -> ScheduleSettings:
    """Return the settings of the schedule that a definition has.

    Args:
        paused: Somebody has paused it; a new version does not change that.
        note: Why.
    """
    schedule, more = definition.schedule, definition.document.millwright.schedule
    every = duration_seconds(schedule.every) if schedule and schedule.every is not None else None
    cron = schedule.cron if schedule else None
    return ScheduleSettings(
        version=definition.document.version,
        cron=[written(cron)] if cron is not None else [],
        intervals=[Interval(every=timedelta(seconds=every))] if every is not None else [],
        time_zone=more.time_zone if more else "UTC",
        overlap=Overlap(more.overlap) if more else Overlap.ALLOW_ALL,
        paused=paused,
        note=note,
    )


def temporal_schedule(
    tenant_id: str,
    found: Published,
    settings: ScheduleSettings,
    task_queue: str,
    requesters: Requesters,
) -> TemporalSchedule:
    """Spell it for Temporal."""
    # Not the definition itself: each run pins what its worker has, also years later.
    start = StartInput(tenant_id=tenant_id, version=found.version)
    line = summary(f"{title(found)} {found.version} (schedule)")
    run = RunName(found.namespace, found.name, KEY)
    return to_temporal(settings, run, start, line, task_queue, requesters=requesters)
