"""Four eyes: whoever wants a run that a schedule starts is none of those who may approve it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from activities.schedules import TriggerKind
from tests.triggers.conftest import Plant
from tests.triggers.patience import eventually
from tests.triggers.test_on_events import ONE, numbered
from tests.triggers.test_times import DAILY, OWN
from workflows.interpreter.types import GONE_ON_BY
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
        found.append(await described.memo_value(GONE_ON_BY, None))
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


async def test_whoever_ran_a_schedule_by_hand_wanted_its_runs(plant: Plant) -> None:
    plant.commit("1.0.0", "")
    bo = replace(plant.principal, subject="bo")
    cy = replace(plant.principal, subject="cy")
    every = NewSchedule(id="s", namespace="tests", name="sample", cron=["0 12 * * *"], input=7)
    await plant.schedules.create(plant.principal, every)
    await plant.schedules.trigger(bo, "s", Overlap.ALLOW_ALL)
    assert await wanted(plant, 1) == [["ana", "bo"]]
    await plant.schedules.backfill(cy, "s", Backfill(start_at=NOON, end_at=NOON))
    assert ["ana", "bo", "cy"] in await wanted(plant, 2)
    # Who has done so before changes nothing, and the schedule is what it was.
    seen = await plant.schedules.get(plant.tenant, "s")
    assert (seen.schedule.cron, seen.schedule.input) == (["0 12 * * *"], 7)
    await plant.schedules.trigger(bo, "s", Overlap.ALLOW_ALL)
    assert (await plant.schedules.get(plant.tenant, "s")).etag == seen.etag
    # A change by somebody else does not make it forgotten.
    await plant.schedules.update(plant.principal, "s", ScheduleChanges(note="x", input=8))
    day = NOON.replace(day=2)
    await plant.schedules.backfill(bo, "s", Backfill(start_at=day, end_at=day))
    assert (await wanted(plant, 4)).count(["ana", "bo", "cy"]) == 3


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
