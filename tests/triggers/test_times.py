"""`every` and `cron`: a schedule of Temporal that belongs to its definition."""

from datetime import UTC, datetime

import pytest

from foundation.errors import ConflictError, ForbiddenError, NotFoundError
from security.permissions import permissions_of
from security.principal import Principal
from tests.triggers.conftest import Plant
from workflows.schedules.types import Backfill, Overlap, ScheduleChanges

pytestmark = pytest.mark.anyio

OWN = "definition:tests.sample"
DAILY = "{ cron: '30 6 * * MON-FRI' }"


async def test_every_fires_whether_or_not_the_one_before_still_runs(plant: Plant) -> None:
    await plant.publish("1.0.0", "{ every: { seconds: 1 } }", "do: [ { nap: { wait: PT1H } } ]")
    found = await plant.started(3)
    assert await plant.versions(3) == ["1.0.0"] * len(found)
    assert all("/tests/sample/schedule:at-2" in each.id for each in found)
    for each in found:
        await plant.client.get_workflow_handle(each.id).terminate()


async def test_cron_is_read_in_the_time_zone_of_the_metadata(plant: Plant) -> None:
    metadata = "{ schedule: { timeZone: Asia/Seoul, overlap: skip } }"
    await plant.publish("1.0.0", DAILY, metadata=metadata)
    schedule = (await plant.schedules.get(plant.tenant, OWN)).schedule
    assert schedule.of_definition
    assert (schedule.cron, schedule.time_zone) == (["30 6 * * MON-FRI"], "Asia/Seoul")
    assert (schedule.overlap, schedule.version) == (Overlap.SKIP, "1.0.0")
    assert schedule.created_by == "ana"
    assert all(each.strftime("%H:%M") == "21:30" for each in schedule.next_runs)
    past = Backfill(
        start_at=datetime(2026, 11, 23, tzinfo=UTC),
        end_at=datetime(2026, 11, 25, tzinfo=UTC),
        overlap=Overlap.ALLOW_ALL,
    )
    await plant.schedules.backfill(plant.principal, OWN, past)
    assert await plant.outputs(2) == [None, None]


async def test_a_new_version_changes_it_and_leaves_it_paused(plant: Plant) -> None:
    await plant.publish("1.0.0", DAILY)
    await plant.schedules.pause(plant.tenant, OWN, "holidays")
    await plant.publish("1.1.0", "{ every: PT1H, cron: '@daily' }")
    schedule = (await plant.schedules.get(plant.tenant, OWN)).schedule
    assert (schedule.cron, [each.every.total_seconds() for each in schedule.intervals]) == (
        ["@daily"],
        [3600],
    )
    assert (schedule.version, schedule.paused, schedule.note) == ("1.1.0", True, "holidays")
    await plant.schedules.resume(plant.tenant, OWN)
    await plant.schedules.trigger(plant.principal, OWN)
    assert await plant.versions(1) == ["1.1.0"]


async def test_a_version_without_it_ends_it(plant: Plant) -> None:
    await plant.publish("1.0.0", DAILY)
    await plant.publish("2.0.0", "")
    with pytest.raises(NotFoundError):
        await plant.schedules.get(plant.tenant, OWN)


async def test_only_its_definition_changes_or_ends_it(plant: Plant) -> None:
    await plant.publish("1.0.0", DAILY)
    with pytest.raises(ConflictError, match="Publish the next version"):
        await plant.schedules.update(plant.principal, OWN, ScheduleChanges(cron=["@daily"]))
    with pytest.raises(ConflictError, match="without one to end it"):
        await plant.schedules.delete(plant.tenant, OWN)
    (line,) = [each for each in (await listed(plant)) if each == OWN]
    assert line == OWN


async def listed(plant: Plant) -> list[str]:
    while not (page := await plant.schedules.list(plant.tenant)).items:
        pass
    return [each.id for each in page.items if each.of_definition]


async def test_what_somebody_has_deleted_by_hand_is_made_again(plant: Plant) -> None:
    await plant.publish("1.0.0", DAILY)
    await plant.client.get_schedule_handle(f"{plant.tenant}/{OWN}").delete()
    await plant.sweep()
    assert (await plant.schedules.get(plant.tenant, OWN)).schedule.version == "1.0.0"


async def test_who_may_not_manage_schedules_publishes_no_other_schedule(plant: Plant) -> None:
    author = Principal(
        plant.tenant, "bo", "bo@e.com", frozenset({"x"}), permissions_of(["ai-engineer"])
    )
    manager, plant.principal = plant.principal, author
    with pytest.raises(ForbiddenError, match="schedule:manage"):
        plant.commit("1.0.0", DAILY)
    with pytest.raises(NotFoundError):
        plant.catalog.get(plant.tenant, "tests", "sample")
    plant.principal = manager
    plant.commit("1.0.0", DAILY)
    plant.principal = author
    # Other tasks under the same schedule are an author's own business.
    plant.commit("1.1.0", DAILY, "do: []")
    with pytest.raises(ForbiddenError):
        plant.commit("1.2.0", "")
