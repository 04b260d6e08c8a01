"""`schedule.after`: the next instance begins some time after the one before has ended."""

from itertools import pairwise

import pytest

from activities.schedules import TriggerKind
from tests.triggers.conftest import Plant

pytestmark = pytest.mark.anyio

SECOND = "{ after: { seconds: 1 } }"
NAP = "do: [ { nap: { wait: { milliseconds: 500 } } } ]"
FAULT = "do: [ { stop: { raise: { error: { type: 'https://e.com', status: 400 } } } } ]"


async def ends(plant: Plant, count: int) -> list[tuple[float, float]]:
    """Return when the first ones began and ended."""
    found = (await plant.started(count + 1))[:count]
    described = [await plant.client.get_workflow_handle(each.id).describe() for each in found]
    return [
        (each.start_time.timestamp(), each.close_time.timestamp())
        for each in described
        if each.close_time
    ]


@pytest.mark.parametrize("tasks", [NAP, FAULT])
async def test_it_starts_at_once_and_again_after_the_pause_however_it_ended(
    plant: Plant, tasks: str
) -> None:
    await plant.publish("1.0.0", SECOND, tasks)
    (_, first), (second, later), (third, _) = await ends(plant, 3)
    assert second - first >= 1
    assert third - later >= 1
    await plant.publish("2.0.0", "")
    await plant.ended(TriggerKind.AFTER)
    assert await plant.replay(TriggerKind.AFTER) == 1


async def test_a_new_version_takes_over_without_a_second_instance_at_the_same_time(
    plant: Plant,
) -> None:
    await plant.publish("1.0.0", "{ after: P1D }", NAP)
    await plant.started(1)
    await plant.publish("2.0.0", SECOND, NAP)
    (_, first), (second, _) = await ends(plant, 2)
    assert second - first >= 1
    assert (await plant.versions(3))[:3] == ["1.0.0", "2.0.0", "2.0.0"]


async def test_instances_follow_each_other_across_the_runs_of_what_starts_them(
    restless: Plant,
) -> None:
    await restless.publish("1.0.0", SECOND, NAP)
    spans = await ends(restless, 4)
    for (_, ended), (began, _) in pairwise(spans):
        assert began - ended >= 1
    assert await restless.replay(TriggerKind.AFTER) > 1
