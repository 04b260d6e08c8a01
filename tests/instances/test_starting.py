"""Starting instances: once per key, of what is published, with what fits."""

import pytest
from temporalio.client import Client

from foundation.errors import InvalidInputError, NotFoundError, TooLargeError
from tests.instances.conftest import NAME, NAMESPACE, Floor
from workflows.instances.types import Status
from workflows.interpreter.types import StartInput

pytestmark = pytest.mark.anyio


async def test_a_start_runs_the_definition_under_its_own_name(working: Floor) -> None:
    started = await working.start({"set": "done"}, key="order-4711")
    seen = await working.instances.look(working.tenant, started.id, wait_s=10)

    assert started.id == "press-line.defect-watch.order-4711"
    assert (started.status, started.created, started.version) == (Status.RUNNING, True, "1.0.0")
    assert seen.instance.output == "done"
    workflow_id = f"{working.tenant}/press-line/defect-watch/order-4711"
    description = await working.temporal.get_workflow_handle(workflow_id).describe()
    assert description.workflow_type == "press-line.defect-watch"
    assert await description.static_summary() == "Watch 1.0.0"
    labels = {pair.key.name: pair.value for pair in description.typed_search_attributes}
    assert labels["MillwrightTenant"] == working.tenant
    assert labels["MillwrightVersion"] == "1.0.0"


async def test_a_small_definition_travels_with_the_start(floor: Floor) -> None:
    started = await floor.start({"set": 1})
    assert (await argument(floor, started.id)).document == floor.shelf.kept[0].document


async def test_a_large_definition_stays_behind(floor: Floor) -> None:
    floor.shelf.publish(version="2.0.0", title="x" * 40_000)
    given = await argument(floor, (await floor.start({"set": 1})).id)
    assert (given.document, given.definition_hash) == (None, floor.shelf.kept[1].hash)


async def test_a_start_takes_the_newest_version_unless_one_is_named(floor: Floor) -> None:
    floor.shelf.publish(version="2.0.0")
    assert (await floor.start({"set": 1})).version == "2.0.0"
    assert (await floor.start({"set": 1}, version="1.0.0")).version == "1.0.0"


async def test_repeating_a_start_with_the_same_key_starts_one_run(floor: Floor) -> None:
    first = await floor.start({"hold": 1}, key="same")
    second = await floor.start({"hold": 1}, key="same")

    assert (second.id, second.created) == (first.id, False)
    history = await floor.temporal.get_workflow_handle(floor.workflow_id(first.id)).fetch_history()
    assert (
        sum(e.HasField("workflow_execution_started_event_attributes") for e in history.events) == 1
    )


async def test_repeating_a_start_after_the_end_finds_the_ended_run(working: Floor) -> None:
    first = await working.start({"set": 1}, key="same")
    await working.instances.look(working.tenant, first.id, wait_s=10)

    second = await working.start({"set": 1}, key="same")

    assert (second.id, second.created, second.status) == (first.id, False, Status.COMPLETED)


@pytest.mark.parametrize("more", [{"version": "1.0.0"}, {}])
async def test_a_key_is_not_taken_for_another_start(floor: Floor, more: dict[str, str]) -> None:
    await floor.start({"hold": 1}, key="same")
    with pytest.raises(InvalidInputError, match=r"key 'same' started .* before"):
        await floor.start({"hold": 1 if more else 2}, key="same", **more)


@pytest.mark.parametrize("key", ["", ".hidden", "a/b", "a:b", "ü", "x" * 129, "a b"])
async def test_a_key_has_plain_characters(floor: Floor, key: str) -> None:
    with pytest.raises(InvalidInputError, match="idempotency key"):
        await floor.start({"set": 1}, key=key)


async def test_an_input_over_four_megabytes_is_refused(floor: Floor) -> None:
    with pytest.raises(TooLargeError, match="4,000,000 are allowed"):
        await floor.start({"set": "x" * 4_000_000})


async def test_an_input_that_is_no_json_is_refused(floor: Floor) -> None:
    with pytest.raises(InvalidInputError, match="The input is not JSON"):
        await floor.start({"set": float("nan")})


async def test_an_unknown_definition_cannot_be_started(floor: Floor) -> None:
    with pytest.raises(NotFoundError, match=r"no definition press-line\.other"):
        await floor.instances.start(floor.principal, NAMESPACE, "other")
    with pytest.raises(NotFoundError):
        await floor.instances.start(floor.principal, NAMESPACE, NAME, version="9.9.9")


async def test_a_run_that_the_plain_temporal_client_started_is_an_instance_too(
    working: Floor, temporal_address: str
) -> None:
    plain = await Client.connect(temporal_address)
    output = await plain.execute_workflow(
        "press-line.defect-watch",
        {"tenant_id": working.tenant, "input": {"script": [{"set": 7}]}},
        id=f"{working.tenant}/press-line/defect-watch/by-hand",
        task_queue=working.task_queue,
    )
    seen = await working.instances.get(working.tenant, "press-line.defect-watch.by-hand")

    assert (output, seen.output, seen.status, seen.started_by) == (7, 7, Status.COMPLETED, None)
    with pytest.raises(InvalidInputError, match="key 'by-hand' started"):
        await working.start({"set": 7}, key="by-hand")


async def argument(floor: Floor, instance_id: str) -> StartInput:
    handle = floor.temporal.get_workflow_handle(floor.workflow_id(instance_id))
    history = await handle.fetch_history()
    payloads = history.events[0].workflow_execution_started_event_attributes.input.payloads
    decoded = await floor.temporal.data_converter.decode(payloads, [StartInput])
    start: StartInput = decoded[0]
    return start
