"""What starts itself by its own events comes to an end, and shows why."""

from typing import Any

import pytest
from temporalio.client import WorkflowExecution, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from foundation.errors import InvalidInputError
from foundation.json import JsonObject
from tests.triggers.conftest import Plant
from tests.triggers.test_on_events import ONE, numbered
from workflows.definition.generations import ATTRIBUTE, MAX_GENERATIONS, generation_of
from workflows.events.cloud_events import checked
from workflows.events.mqtt_binding import message_of
from workflows.interpreter import beginning

pytestmark = pytest.mark.anyio

AGAIN = "do: [ { again: { emit: { event: { with: { type: part, data: 1%s } } } } } ]"


async def test_a_definition_that_emits_what_starts_it_comes_to_an_end(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beginning, "MAX_GENERATIONS", 3)
    await plant.publish("1.0.0", ONE, AGAIN % "")
    await plant.send(*numbered("part", 1))
    found = await plant.started(4)
    ends = [await ended(plant, each) for each in found]
    assert [each[ATTRIBUTE] for each in ends[:3]] == [1, 2, 3]
    assert ends[3] == {"title": "Too many instances have led to this one"}
    # Nothing that was refused emits anything.
    await plant.listens()
    assert len(await plant.instances()) == 4


async def ended(plant: Plant, run: WorkflowExecution) -> Any:
    """Return the output, or the title of what it failed with."""
    try:
        return await plant.client.get_workflow_handle(run.id).result()
    except WorkflowFailureError as failed:
        why = failed.cause
        return {"title": why.details[0]["title"] if isinstance(why, ApplicationError) else why}


async def test_nobody_counts_from_the_beginning_by_writing_the_attribute(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beginning, "MAX_GENERATIONS", 2)
    await plant.publish("1.0.0", ONE, AGAIN % f", {ATTRIBUTE}: 0")
    await plant.send(*numbered("part", 1))
    found = await plant.started(3)
    ends = [await ended(plant, each) for each in found]
    assert [each.get(ATTRIBUTE) for each in ends] == [1, 2, None]


async def test_the_generation_outlives_brokers_and_headers(plant: Plant) -> None:
    sent: JsonObject = {
        "specversion": "1.0",
        "id": "1",
        "source": "/x",
        "type": "part",
        ATTRIBUTE: 20,
    }
    message = message_of(sent, plant.tenant, "plant", is_5=True)
    assert (ATTRIBUTE, "20") in message.properties
    # As it comes back: properties and headers are texts.
    back = dict(message.properties)
    assert generation_of(checked(dict(back))) == MAX_GENERATIONS
    await plant.publish("1.0.0", ONE)
    await plant.send({**back, "data": 1}, *numbered("part", 2))
    found = await plant.started(2)
    for each in found:
        await ended(plant, each)
    statuses = {
        (await plant.client.get_workflow_handle(each.id).describe()).status for each in found
    }
    assert statuses == {WorkflowExecutionStatus.FAILED, WorkflowExecutionStatus.COMPLETED}


@pytest.mark.parametrize("value", ["many", "-1", -2, "1.5", True, "", "1" * 10])
def test_an_event_with_a_generation_that_is_none_is_refused(value: object) -> None:
    event: Any = {"specversion": "1.0", "id": "1", "source": "/x", "type": "t", ATTRIBUTE: value}
    with pytest.raises(InvalidInputError, match=ATTRIBUTE):
        checked(event)
