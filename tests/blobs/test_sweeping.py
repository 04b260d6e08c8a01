"""The blobs that are swept, and those that somebody needs still."""

from datetime import UTC, datetime, timedelta, tzinfo
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution as Execution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleSpec,
    WorkflowExecution,
)
from temporalio.converter import WorkflowSerializationContext
from typing_extensions import override

from foundation.blobs import BlobStore, keys, open_store
from foundation.errors import ConflictError
from foundation.settings import BlobSettings, TemporalSettings
from foundation.temporal import connect
from tests.blobs.test_payloads import TEXT, start, worker
from tests.fixtures.polling import pause
from workflows.interpreter.attributes import TENANT
from workflows.runs.names import trigger_id
from workflows.runs.sweeping import beginning, sweep

pytestmark = pytest.mark.anyio

KEEP_DAYS = 30
TODAY = datetime.now(UTC).date()
LATER = TODAY + timedelta(days=KEEP_DAYS + 3)


async def test_sweeping_leaves_what_a_known_run_needs(
    temporal_address: str, task_queue: str, tenant: str, folder: BlobSettings
) -> None:
    store = open_store(folder)
    client = await connect(TemporalSettings(address=temporal_address), blobs=store)
    async with worker(client, task_queue):
        handle = await start(client, task_queue, tenant, kind="blobs-waiting")
        await seen(client, tenant, handle.id)
        (swept,) = await sweep(store, client, KEEP_DAYS, LATER)
        assert (swept.blobs, swept.blocked_by) == (0, handle.id)
        await handle.signal("finish")
        assert await handle.result() == len(TEXT)


async def test_sweeping_leaves_the_inputs_of_schedules(
    temporal_address: str, task_queue: str, tenant: str, folder: BlobSettings
) -> None:
    store = open_store(folder)
    client = await connect(TemporalSettings(address=temporal_address), blobs=store)
    action = ScheduleActionStartWorkflow(
        "blobs-doubling", TEXT, id=f"{tenant}/a/b/c", task_queue=task_queue
    )
    handle = await client.create_schedule(
        f"{tenant}/c", Schedule(action=action, spec=ScheduleSpec())
    )
    await listed(client, handle.id)
    (swept,) = await sweep(store, client, KEEP_DAYS, LATER)
    assert (swept.blobs, len(await store.days(tenant))) == (0, 1)
    await handle.delete()


async def test_sweeping_leaves_what_something_needs_that_no_tenant_finds(
    temporal_address: str, task_queue: str, tenant: str, folder: BlobSettings
) -> None:
    """What starts instances carries no tenant to be found by, and lives longest of all."""
    store = open_store(folder)
    client = await connect(TemporalSettings(address=temporal_address), blobs=store)
    other = f"{tenant}-two"
    handle = await client.start_workflow(
        "anything", TEXT, id=trigger_id(tenant, "a", "b", "on"), task_queue=task_queue
    )
    alone = await client.start_workflow("anything", "", id=f"{other}/a/b/c", task_queue=task_queue)
    await put_once(client, other)
    await only(client, tenant, 1)
    await only(client, other, 1)
    swept = {each.tenant_id: each for each in await sweep(store, client, KEEP_DAYS, LATER)}
    assert (swept[tenant].blobs, swept[tenant].blocked_by) == (0, handle.id)
    await alone.terminate()
    await handle.terminate()


async def test_a_run_that_was_reset_began_when_the_one_before_did(
    temporal_address: str, task_queue: str, tenant: str, folder: BlobSettings
) -> None:
    client = await connect(TemporalSettings(address=temporal_address), blobs=open_store(folder))
    async with worker(client, task_queue):
        handle = await start(client, task_queue, tenant, kind="blobs-waiting")
        await seen(client, tenant, handle.id)
        (before,) = await only(client, tenant, 1)
        await handle.signal("finish")
        await handle.result()
        events = (await handle.fetch_history()).events
        completed = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        await client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=client.namespace,
                workflow_execution=Execution(workflow_id=handle.id, run_id=before.run_id),
                workflow_task_finish_event_id=next(
                    each.event_id for each in events if each.event_type == completed
                ),
                request_id=uuid4().hex,
            )
        )
        runs = await only(client, tenant, 2)
    (again,) = [each for each in runs if each.run_id != before.run_id]
    assert again.start_time > before.start_time
    first, later = [await beginning(client, each) for each in (before, again)]
    assert first is not None
    assert first == later
    assert len(first.needs) == 1
    assert first.at < again.start_time


async def test_sweeping_leaves_the_input_of_a_run_whose_schedule_is_gone(
    temporal_address: str,
    task_queue: str,
    tenant: str,
    folder: BlobSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = open_store(folder)
    client = await connect(TemporalSettings(address=temporal_address), blobs=store)
    with monkeypatch.context() as past:
        past.setattr(keys, "datetime", LongAgo)
        schedule = await client.create_schedule(
            f"{tenant}/c",
            Schedule(
                action=ScheduleActionStartWorkflow(
                    "blobs-waiting", TEXT, id=f"{tenant}/a/b/c", task_queue=task_queue
                ),
                spec=ScheduleSpec(),
            ),
        )
        await put_once(client, tenant)
    (day,) = await store.days(tenant)
    assert day < TODAY - timedelta(days=KEEP_DAYS)
    await schedule.trigger()
    (run,) = await only(client, tenant, 1)
    await schedule.delete()
    (swept,) = await sweep(store, client, KEEP_DAYS, TODAY)
    # Of the two of that day, what the run was given stays.
    assert swept.blobs == 1
    async with worker(client, task_queue):
        handle = client.get_workflow_handle(run.id)
        await handle.signal("finish")
        assert await handle.result() == len(TEXT)


async def test_sweeping_deletes_what_belongs_to_no_run(
    temporal_address: str, tenant: str, folder: BlobSettings
) -> None:
    store = open_store(folder)
    client = await connect(TemporalSettings(address=temporal_address), blobs=store)
    await put_once(client, tenant)
    assert await sweep(store, client, KEEP_DAYS, datetime.now(UTC).date()) == []
    (swept,) = await sweep(store, client, KEEP_DAYS, LATER)
    assert (swept.tenant_id, swept.blobs, swept.blocked_by) == (tenant, 1, None)
    assert await store.days(tenant) == []


async def test_sweeping_earlier_than_temporal_forgets_is_refused(
    temporal: Client, blobs: BlobStore
) -> None:
    with pytest.raises(ConflictError, match="MILLWRIGHT_BLOBS_KEEP_DAYS"):
        await sweep(blobs, temporal, 1, LATER)


async def listed(client: Client, schedule_id: str) -> None:
    """Wait until the schedule is in the list of all."""
    while True:
        if schedule_id in [each.id async for each in await client.list_schedules()]:
            return
        await pause()


async def seen(client: Client, tenant: str, workflow_id: str) -> None:
    """Wait until a search finds the run."""
    while True:
        query = f"{TENANT.name} = '{tenant}'"
        if [each.id async for each in client.list_workflows(query)] == [workflow_id]:
            return
        await pause()


class LongAgo(datetime):
    """A clock that is two months late."""

    @classmethod
    @override
    def now(cls, tz: tzinfo | None = None) -> "LongAgo":
        return cls.fromtimestamp((datetime.now(tz) - timedelta(days=60)).timestamp(), tz)


async def put_once(client: Client, tenant: str) -> None:
    """Put a blob that no run and no schedule needs."""
    context = WorkflowSerializationContext(
        namespace=client.namespace, workflow_id=f"{tenant}/a/b/none"
    )
    await client.data_converter.with_context(context).encode(["y" * len(TEXT)])


async def only(client: Client, tenant: str, count: int) -> list[WorkflowExecution]:
    """Wait until so many runs of the tenant are found."""
    query = f"WorkflowId STARTS_WITH '{tenant}/'"
    while len(found := [each async for each in client.list_workflows(query)]) < count:
        await pause()
    return found
