"""`schedule.on`: each event, or each set of events, starts one instance."""

from typing import Any

import anyio
import pytest

from tests.triggers.conftest import Plant
from tests.triggers.patience import eventually

pytestmark = pytest.mark.anyio

ONE = "{ on: { one: { with: { type: part } } } }"
BOTH = "{ on: { all: [ { with: { type: door } }, { with: { type: light } } ] } }"


def numbered(kind: str, *numbers: int) -> list[dict[str, Any]]:
    return [{"type": kind, "data": number} for number in numbers]


async def test_each_event_starts_one_instance_with_an_array_of_it_as_input(plant: Plant) -> None:
    await plant.publish("1.0.0", ONE)
    await plant.listens()
    for number in range(3):
        await plant.send({"type": "part", "data": {"n": number}}, {"type": "other"})
    assert await plant.outputs(3) == [[{"n": 0}], [{"n": 1}], [{"n": 2}]]
    assert await plant.versions(3) == ["1.0.0"] * 3
    assert await plant.replay() == 1


async def test_any_of_several_filters_starts_one(plant: Plant) -> None:
    schedule = """{ on: { any: [
        { with: { type: temperature, data: '${ .celsius > 80 }' } },
        { with: { type: alarm } } ] } }"""
    await plant.publish("1.0.0", schedule)
    await plant.send(
        {"type": "temperature", "data": {"celsius": 70}},
        {"type": "temperature", "data": {"celsius": 90}},
        {"type": "alarm", "data": 1},
    )
    assert await plant.outputs(2) == [[1], [{"celsius": 90}]]


async def test_all_filters_need_an_event_of_their_own_and_each_event_counts_once(
    plant: Plant,
) -> None:
    await plant.publish("1.0.0", BOTH)
    await plant.send(*numbered("door", 1, 2), *numbered("light", 3))
    await plant.send(*numbered("light", 4), *numbered("door", 5))
    # The second door came when the first set was still open: it began the next one.
    assert await plant.outputs(2) == [[1, 3], [2, 4]]
    assert await plant.replay() == 1


async def test_events_of_a_set_correlate_with_each_other_and_sets_do_not_wait_for_each_other(
    plant: Plant,
) -> None:
    schedule = """{ read: envelope, on: { all: [
        { with: { type: door }, correlate: { room: { from: .room } } },
        { with: { type: light }, correlate: { room: { from: .room } } } ] } }"""
    await plant.publish("1.0.0", schedule, "do: [ { keep: { set: { got: '${ map(.room) }' } } } ]")
    await plant.send({"type": "door", "room": "c"}, {"type": "door", "room": "a"})
    await plant.send({"type": "light", "room": "b"}, {"type": "light", "room": "a"})
    await plant.send({"type": "door", "room": "b"})
    assert await plant.outputs(2) == [["a", "a"], ["b", "b"]]


async def test_events_correlate_with_what_the_schedule_expects(plant: Plant) -> None:
    schedule = """{ read: envelope, on: { one: { with: { type: part },
        correlate: { line: { from: .line, expect: '${ "wing-" + "7" }' } } } } }"""
    await plant.publish("1.0.0", schedule, "do: [ { keep: { set: { got: '${ .[0].line }' } } } ]")
    await plant.send({"type": "part", "line": "wing-6"}, {"type": "part", "line": "wing-7"})
    assert await plant.outputs(1) == ["wing-7"]
    history = await plant.trigger().fetch_history()
    taken = [
        event.activity_task_completed_event_attributes.result.payloads[0].data
        for event in history.events
        if event.HasField("activity_task_completed_event_attributes")
    ]
    # What is decided at the door does not come here.
    assert not [each for each in taken if b"wing-6" in each]


async def test_until_says_how_many_events_one_instance_takes(plant: Plant) -> None:
    schedule = "{ on: { any: [ { with: { type: part } } ], until: 'length == 3' } }"
    await plant.publish("1.0.0", schedule)
    await plant.send(*numbered("part", *range(7)))
    assert await plant.outputs(2) == [[0, 1, 2], [3, 4, 5]]


async def test_until_may_be_an_event_of_another_kind(plant: Plant) -> None:
    schedule = """{ on: { any: [ { with: { type: part } } ],
        until: { one: { with: { type: shift.over } } } } }"""
    await plant.publish("1.0.0", schedule)
    await plant.send(*numbered("part", 1, 2), {"type": "shift.over"}, *numbered("part", 3))
    await plant.send({"type": "shift.over"}, {"type": "shift.over"})
    assert await plant.outputs(3) == [[1, 2], [3], []]


async def test_an_event_that_came_before_the_definition_starts_nothing(plant: Plant) -> None:
    await plant.send(*numbered("part", 1))
    await plant.publish("1.0.0", ONE)
    await plant.send(*numbered("part", 2))
    assert await plant.outputs(1) == [[2]]


async def test_an_event_that_nothing_can_be_made_of_does_not_keep_others_from_starting(
    plant: Plant,
) -> None:
    schedule = "{ on: { any: [ { with: { type: part } } ], until: '.[0] + 1 > 0' } }"
    await plant.publish("1.0.0", schedule)
    await plant.send({"type": "part", "data": "no number"}, *numbered("part", 2))
    assert await plant.outputs(1) == [[2]]


async def test_instances_and_events_outlive_the_runs_of_what_starts_them(restless: Plant) -> None:
    tasks = """
do:
  - nap: { wait: { milliseconds: 100 } }
  - keep: { set: { got: '${ . }' } }
"""
    await restless.publish("1.0.0", ONE, tasks)
    async with anyio.create_task_group() as group:

        async def send(first: int) -> None:
            for number in range(first, first + 5):
                await restless.send(*numbered("part", number))

        for first in (0, 5, 10, 15):
            group.start_soon(send, first)
    got = [each[0] for each in await restless.outputs(20)]
    assert sorted(got) == list(range(20))
    await eventually(restless.replay, lambda runs: runs > 1)
    assert len(await restless.instances()) == 20
