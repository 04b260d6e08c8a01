"""Changes of a schedule at the same time: none undoes another."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from temporalio.client import Schedule, ScheduleDescription, ScheduleHandle
from typing_extensions import override

from foundation.errors import ChangedError, ConflictError, UnavailableError
from tests.fixtures.polling import pause
from tests.instances.conftest import NAME, NAMESPACE, Floor
from workflows.schedules import by_hand
from workflows.schedules.changing import change_schedule
from workflows.schedules.service import Schedules
from workflows.schedules.translation import requesters_of
from workflows.schedules.types import Backfill, NewSchedule, Overlap, ScheduleChanges

pytestmark = pytest.mark.anyio


@pytest.fixture
async def handle(floor: Floor, schedules: Schedules) -> ScheduleHandle:
    """A schedule `s` that begins nothing by itself."""
    new = NewSchedule(id="s", namespace=NAMESPACE, name=NAME, cron=["@yearly"])
    await schedules.create(floor.principal, new)
    return floor.temporal.get_schedule_handle(f"{floor.tenant}/s")


def noted(seen: ScheduleDescription, note: str) -> Schedule:
    return replace(seen.schedule, state=replace(seen.schedule.state, note=note))


async def test_what_comes_between_reading_and_changing_is_kept(
    floor: Floor, handle: ScheduleHandle
) -> None:
    read: list[bool] = []

    async def revise(seen: ScheduleDescription) -> Schedule:
        read.append(seen.schedule.state.paused)
        if len(read) == 1:
            await handle.pause()
        return noted(seen, "changed")

    await change_schedule(floor.temporal, handle.id, revise)
    state = (await handle.describe()).schedule.state
    assert (read, state.paused, state.note) == ([False, True], True, "changed")


async def test_a_change_that_others_always_overtake_is_refused(
    floor: Floor, handle: ScheduleHandle
) -> None:
    async def revise(seen: ScheduleDescription) -> Schedule:
        await handle.pause(note="theirs")
        return noted(seen, "ours")

    with pytest.raises(ConflictError, match="changed by others each time"):
        await change_schedule(floor.temporal, handle.id, revise)
    assert (await handle.describe()).schedule.state.note == "theirs"


async def test_nothing_is_changed_where_nothing_is_to_be(
    floor: Floor, handle: ScheduleHandle
) -> None:
    async def revise(_: ScheduleDescription) -> None:
        return None

    before = (await handle.describe()).raw_description.conflict_token
    await change_schedule(floor.temporal, handle.id, revise)
    assert (await handle.describe()).raw_description.conflict_token == before


async def test_all_who_begin_a_run_at_once_are_remembered(
    floor: Floor, handle: ScheduleHandle, schedules: Schedules
) -> None:
    people = [f"p{number}" for number in range(6)]
    await asyncio.gather(
        *(
            schedules.trigger(replace(floor.principal, subject=each), "s", Overlap.ALLOW_ALL)
            for each in people
        )
    )
    known = await requesters_of(floor.temporal, await handle.describe())
    assert sorted(each.by for each in known.asked) == people


async def test_a_pause_and_changes_at_once_all_hold(floor: Floor, schedules: Schedules) -> None:
    new = NewSchedule(id="t", namespace=NAMESPACE, name=NAME, cron=["@yearly"])
    await schedules.create(floor.principal, new)
    await asyncio.gather(
        schedules.update(floor.principal, "t", ScheduleChanges(input={"a": 1})),
        schedules.pause(floor.tenant, "t", "jam"),
        schedules.update(floor.principal, "t", ScheduleChanges(time_zone="Asia/Seoul")),
    )
    found = (await schedules.get(floor.tenant, "t")).schedule
    assert (found.input, found.time_zone, found.paused) == ({"a": 1}, "Asia/Seoul", True)


async def test_of_changes_of_one_version_one_is_made(
    floor: Floor, schedules: Schedules, handle: ScheduleHandle
) -> None:
    etag = (await schedules.get(floor.tenant, "s")).etag
    answers = await asyncio.gather(
        *(
            schedules.update(floor.principal, "s", ScheduleChanges(note=str(each)), etag=etag)
            for each in range(4)
        ),
        return_exceptions=True,
    )
    refused = [each for each in answers if isinstance(each, ChangedError)]
    made = [each.schedule.note for each in answers if not isinstance(each, BaseException)]
    assert len(refused) == 3
    assert made == [(await schedules.get(floor.tenant, "s")).schedule.note]
    assert handle.id.endswith("/s")


async def test_nothing_is_begun_by_hand_where_the_clocks_differ(
    floor: Floor, schedules: Schedules, handle: ScheduleHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run knows who has begun it by its time, which is Temporal's."""

    class Late(datetime):
        @classmethod
        @override
        def now(cls, tz: tzinfo | None = None) -> "Late":
            return cls.fromtimestamp(datetime.now(tz).timestamp() - 120, tz)

    monkeypatch.setattr(by_hand, "datetime", Late)
    with pytest.raises(UnavailableError, match="Set the clocks"):
        await schedules.trigger(floor.principal, "s")
    assert (await handle.describe()).info.num_actions == 0


async def test_a_run_begins_by_hand_long_after_a_backfill_that_reaches_beyond_it(
    floor: Floor, schedules: Schedules, handle: ScheduleHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_hand, "CLOCKS_DIFFER", timedelta(seconds=10))
    now, hours = datetime.now(UTC), timedelta(hours=8)
    await schedules.backfill(
        floor.principal, "s", Backfill(start_at=now - hours, end_at=now + hours)
    )
    while datetime.now(UTC) < now + timedelta(seconds=10):
        await pause()

    await schedules.trigger(floor.principal, "s")
    assert len((await requesters_of(floor.temporal, await handle.describe())).asked) == 1
