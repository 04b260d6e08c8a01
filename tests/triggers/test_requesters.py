"""Four eyes: whoever wants a run that a schedule starts is none of those who may approve it."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import anyio
import pytest

from activities.schedules import TriggerKind
from foundation.errors import UnavailableError
from tests.triggers.conftest import Plant
from tests.triggers.patience import eventually
from tests.triggers.test_on_events import ONE, numbered
from tests.triggers.test_times import DAILY, OWN
from workflows.interpreter.requesters import wanted_by
from workflows.schedules.translation import requesters_of
from workflows.schedules.types import Backfill, NewSchedule, Overlap, ScheduleChanges

pytestmark = pytest.mark.anyio
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def wanted(plant: Plant, count: int) -> list[list[str]]:
    """Wait for so many runs; return who wanted each, as an approval in it will read."""
    found: list[list[str]] = []
    for each in await plant.started(count):
        # What is begun by hand twice within a second has one id.
        handle = plant.client.get_workflow_handle(each.id, run_id=each.run_id)
        described = await handle.describe()
        found.append(wanted_by(await described.memo(), each.id))
    return found


async def test_whoever_made_or_changed_a_schedule_wanted_its_runs(plant: Plant) -> None:
    plant.commit("1.0.0", "")
    bo = replace(plant.principal, subject="bo")
    cy = replace(plant.principal, subject="cy")
    every = NewSchedule(id="s", namespace="tests", name="sample", cron=["@yearly"])
    await plant.schedules.create(plant.principal, every)
    await plant.schedules.update(bo, "s", ScheduleChanges(note="mine"))
    await plant.schedules.update(cy, "s", ScheduleChanges(note="no, mine"))
    await plant.client.get_schedule_handle(f"{plant.tenant}/s").trigger()
    assert await wanted(plant, 1) == [["ana", "cy"]]


async def test_whoever_ran_a_schedule_by_hand_wanted_the_runs_of_that_time_and_no_others(
    plant: Plant,
) -> None:
    plant.commit("1.0.0", "")
    bo = replace(plant.principal, subject="bo")
    cy = replace(plant.principal, subject="cy")
    every = NewSchedule(id="s", namespace="tests", name="sample", cron=["0 12 * * *"], input=7)
    await plant.schedules.create(plant.principal, every)
    await plant.schedules.trigger(bo, "s", Overlap.ALLOW_ALL)
    assert await wanted(plant, 1) == [["ana", "bo"]]
    await plant.schedules.backfill(cy, "s", Backfill(start_at=NOON, end_at=NOON))
    assert sorted(await wanted(plant, 2)) == [["ana", "bo"], ["ana", "cy"]]
    # The schedule is what it was, and changes by others make nobody forgotten.
    seen = await plant.schedules.get(plant.tenant, "s")
    assert (seen.schedule.cron, seen.schedule.input) == (["0 12 * * *"], 7)
    await plant.schedules.update(plant.principal, "s", ScheduleChanges(note="x", input=8))
    next_day = NOON.replace(day=2)
    await plant.schedules.backfill(bo, "s", Backfill(start_at=NOON, end_at=next_day))
    # Of the first day a run has the id that was used before.
    assert (await wanted(plant, 4)).count(["ana", "bo", "cy"]) == 1
    assert (await wanted(plant, 4)).count(["ana", "bo"]) == 2


async def test_of_many_who_run_a_schedule_at_once_none_is_forgotten(plant: Plant) -> None:
    plant.commit("1.0.0", "")
    every = NewSchedule(id="s", namespace="tests", name="sample", cron=["@yearly"])
    await plant.schedules.create(plant.principal, every)
    names = [f"p{number}" for number in range(4)]

    async def presses(name: str) -> None:
        who = replace(plant.principal, subject=name)
        past = Backfill(start_at=NOON.replace(day=1), end_at=NOON)
        while True:
            with suppress(UnavailableError):
                await plant.schedules.backfill(who, "s", past)
                return

    async with anyio.create_task_group() as group:
        for name in names:
            group.start_soon(presses, name)
    described = await plant.client.get_schedule_handle(f"{plant.tenant}/s").describe()
    found = await requesters_of(plant.client, described)
    assert {each.by for each in found.asked} == set(names)


async def test_whoever_published_a_definition_wanted_what_it_starts_by_itself(
    plant: Plant,
) -> None:
    await plant.publish("1.0.0", DAILY)
    bo = replace(plant.principal, subject="bo")
    await plant.schedules.trigger(bo, OWN)
    assert await wanted(plant, 1) == [["ana", "bo"]]
    cy = plant.principal = replace(plant.principal, subject="cy")
    await plant.publish("2.0.0", DAILY, "do: []")
    await plant.schedules.trigger(cy, OWN, Overlap.ALLOW_ALL)
    assert ["bo", "cy"] in await wanted(plant, 2)
    await plant.publish("3.0.0", ONE)
    await plant.send(*numbered("part", 1))
    assert ["cy"] in await wanted(plant, 3)
    await plant.publish("4.0.0", "{ after: PT1H }")
    assert (await wanted(plant, 4)).count(["cy"]) == 2
    await plant.publish("5.0.0", "")
    await eventually(lambda: has_ended(plant), bool)


async def has_ended(plant: Plant) -> bool:
    return (await plant.trigger(TriggerKind.AFTER).describe()).close_time is not None
