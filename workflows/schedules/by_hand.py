"""Who lets a schedule begin runs out of turn is noted before they begin: they are no four eyes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import floor
from typing import Final

from temporalio.client import Client, Schedule, ScheduleDescription

from foundation.errors import UnavailableError
from workflows.interpreter.requesters import Asked, asked_once_more, is_noted
from workflows.schedules.changing import change_schedule
from workflows.schedules.translation import action_of, requesters_of

# Temporal says when a run is begun, by its own clock.
CLOCKS_DIFFER: Final = timedelta(minutes=1)


async def note_now(client: Client, temporal_id: str, subject: str) -> None:
    """Note who has a run begun now.

    Raises:
        ConflictError: When others change the schedule all the time; nothing has begun.
        UnavailableError: When the clocks of Temporal and of this machine differ too much: then it
            could not be told who has begun which run.
    """
    now = datetime.now(UTC)
    seen = await note(client, temporal_id, subject, now - CLOCKS_DIFFER, now + CLOCKS_DIFFER)
    noted_at = seen.info.last_updated_at
    if noted_at is None or abs(noted_at - now) > CLOCKS_DIFFER / 2:
        raise UnavailableError(
            f"It is {now:%Y-%m-%dT%H:%M:%SZ} here and {noted_at} at Temporal. Nothing has begun: "
            "with four eyes it would not be known who has begun it. Set the clocks (NTP)."
        )


async def note(
    client: Client, temporal_id: str, subject: str, since: datetime, until: datetime
) -> ScheduleDescription:
    """Note who has the runs of a time begun; return the schedule.

    Raises:
        ConflictError: When others change the schedule all the time; nothing has begun.
    """
    asked = Asked(by=subject, since=floor(since.timestamp()), until=until.timestamp())

    async def revise(now: ScheduleDescription) -> Schedule:
        known = await requesters_of(client, now)
        if is_noted(asked, known.asked):
            # Written all the same: when it was says what the clock of Temporal says.
            noted = known
        else:
            noted = replace(known, asked=asked_once_more(known.asked, asked))
        action = action_of(now)
        memo = {**(action.memo or {}), **noted.memo()}
        return replace(now.schedule, action=replace(action, memo=memo))

    return await change_schedule(client, temporal_id, revise)
