"""`schedule.on`: each event, or each set of events, starts one instance; none is lost."""

import pytest

from tests.triggers.conftest import Plant

pytestmark = pytest.mark.anyio

ONE = "{ on: { one: { with: { type: part } } } }"


async def test_each_event_starts_one_instance_with_an_array_of_it_as_input(plant: Plant) -> None:
    await plant.publish("1.0.0", ONE)
    await plant.listens()
    for number in range(3):
        await plant.send({"type": "part", "data": {"n": number}}, {"type": "other"})
    assert await plant.outputs(3) == [[{"n": 0}], [{"n": 1}], [{"n": 2}]]
    assert await plant.versions(3) == ["1.0.0"] * 3
    assert await plant.replay() == 1
