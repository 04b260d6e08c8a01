"""Events stay until they are used: sets that are open outlive the run that keeps them."""

from typing import Final

import pytest
from sqlalchemy import select

from foundation.database import Database
from tests.triggers.conftest import Plant
from tests.triggers.patience import eventually
from tests.triggers.test_on_events import BOTH, ONE, numbered
from workflows.events.models import EventDelivery
from workflows.interpreter.tasks.schedule import events

pytestmark = pytest.mark.anyio

TAKEN: Final = "activity_task_completed_event_attributes"
BEGUN: Final = "child_workflow_execution_started_event_attributes"
WAITING = "do: [ { w: { wait: PT1H } } ]"


async def takes(plant: Plant, count: int) -> None:
    """Wait until the run that is there has asked for events so often, and waits for more.

    Before that it has asked once what to follow.
    """

    async def look() -> int:
        history = await plant.trigger().fetch_history()
        return sum(each.HasField(TAKEN) for each in history.events)

    await eventually(look, lambda found: found >= count + 1)
    await plant.listens()


def kept(database: Database, tenant: str) -> list[int]:
    """Return how many events each subscription has not used."""
    with database.session() as session:
        found = select(EventDelivery.name).where(EventDelivery.tenant_id == tenant)
        names = list(session.scalars(found))
    return [names.count(each) for each in sorted(set(names))]


async def test_a_set_that_is_open_when_somebody_stops_it_is_completed_by_who_begins_again(
    plant: Plant,
) -> None:
    await plant.publish("1.0.0", BOTH)
    await takes(plant, 1)
    await plant.send(*numbered("door", 1))
    await takes(plant, 2)
    await plant.send(*numbered("door", 2))
    await takes(plant, 3)
    await plant.send(*numbered("door", 3))
    await takes(plant, 4)
    await plant.trigger().terminate()
    await plant.sweep()
    await takes(plant, 1)
    await plant.send(*numbered("light", 4, 5))
    assert await plant.outputs(2) == [[1, 4], [2, 5]]
    # What has been used does not come again, what has not does.
    await takes(plant, 2)
    await plant.send(*numbered("door", 6))
    await takes(plant, 3)
    await eventually_kept(plant, 2)
    await plant.trigger().terminate()
    await plant.sweep()
    await takes(plant, 1)
    await plant.send(*numbered("light", 7, 8))
    assert await plant.outputs(4) == [[1, 4], [2, 5], [3, 7], [6, 8]]


async def test_a_set_that_goes_on_under_the_next_version_outlives_who_is_stopped_there(
    plant: Plant,
) -> None:
    await plant.publish("1.0.0", BOTH)
    await takes(plant, 1)
    await plant.send(*numbered("door", 1))
    await takes(plant, 2)
    await plant.publish("1.1.0", BOTH)
    await plant.send(*numbered("door", 2))
    await eventually_kept(plant, 2)
    await plant.trigger().terminate()
    await plant.sweep()
    await takes(plant, 1)
    await plant.send(*numbered("light", 3, 4))
    assert await plant.outputs(2) == [[1, 3], [2, 4]]
    assert await plant.versions(2) == ["1.1.0", "1.1.0"]


async def eventually_kept(plant: Plant, count: int) -> None:
    """Wait until so many events are not used, all for the same subscription."""

    async def look() -> list[int]:
        return kept(plant.database, plant.tenant)

    await eventually(look, lambda found: found == [count])
    await plant.listens()


async def test_a_set_that_is_given_up_with_its_schedule_leaves_nothing_behind(
    plant: Plant,
) -> None:
    await plant.publish("1.0.0", BOTH)
    await takes(plant, 1)
    await plant.send(*numbered("door", 1))
    await takes(plant, 2)
    await plant.publish("1.1.0", ONE)
    await plant.send(*numbered("part", 2))
    assert await plant.outputs(1) == [[2]]
    await plant.publish("1.2.0", "")
    await plant.ended()
    assert kept(plant.database, plant.tenant) == []


async def test_what_starts_instances_goes_on_as_a_new_run_when_many_of_them_run(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MAX_INSTANCES", 3)
    await plant.publish("1.0.0", ONE, WAITING)
    await plant.listens()
    for number in range(8):
        await plant.send(*numbered("part", number))
        await plant.started(number + 1)
    found = await plant.started(8)
    assert all(each.close_time is None for each in found)
    most = 0
    query = f"WorkflowId = '{plant.trigger().id}'"
    async for each in plant.client.list_workflows(query):
        handle = plant.client.get_workflow_handle(each.id, run_id=each.run_id)
        history = await handle.fetch_history()
        most = max(most, sum(event.HasField(BEGUN) for event in history.events))
    assert most == 3
    assert await plant.replay() == 3
    for each in found:
        await plant.client.get_workflow_handle(each.id).terminate()
