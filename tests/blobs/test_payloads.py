"""Large payloads of workflows: where they are kept, and who may read them."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import pytest
from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.common import RawValue
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    PayloadCodec,
    WorkflowSerializationContext,
)
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import Worker
from typing_extensions import override

from foundation.blobs import BlobStore, open_store
from foundation.payloads import Blobs, PayloadLostError, data_converter
from foundation.settings import BlobSettings, TemporalSettings
from foundation.temporal import connect
from workflows.interpreter.attributes import TENANT

pytestmark = pytest.mark.anyio

TEXT = "x" * 300_000
made: list[int] = []


@activity.defn(name="blobs-double")
async def double(text: str) -> str:
    made.append(len(text))
    return text + text


@workflow.defn(name="blobs-doubling", sandboxed=False)
class Doubling:
    @workflow.run
    async def run(self, text: str) -> str:
        workflow.upsert_search_attributes(
            [TENANT.value_set(workflow.info().workflow_id.partition("/")[0])]
        )
        result: str = await workflow.execute_activity(
            double, text, start_to_close_timeout=timedelta(seconds=30)
        )
        return result


@workflow.defn(name="blobs-waiting", sandboxed=False)
class Waiting:
    def __init__(self) -> None:
        self.done = False

    @workflow.signal
    def finish(self) -> None:
        self.done = True

    @workflow.run
    async def run(self, text: str) -> int:
        workflow.upsert_search_attributes(
            [TENANT.value_set(workflow.info().workflow_id.partition("/")[0])]
        )
        await workflow.wait_condition(lambda: self.done)
        return len(text)


@pytest.fixture
def store(settings: BlobSettings) -> BlobStore:
    return open_store(settings)


def worker(client: Client, task_queue: str) -> Worker:
    return Worker(client, task_queue=task_queue, workflows=[Doubling, Waiting], activities=[double])


async def start(
    client: Client, task_queue: str, tenant: str, argument: Any = TEXT, kind: str = "blobs-doubling"
) -> WorkflowHandle[Any, Any]:
    return await client.start_workflow(
        kind, argument, id=f"{tenant}/a/b/{uuid4().hex}", task_queue=task_queue
    )


async def first_payload(handle: WorkflowHandle[Any, Any]) -> Payload:
    history = await handle.fetch_history()
    found: Payload = history.events[0].workflow_execution_started_event_attributes.input.payloads[0]
    return found


async def cause(handle: WorkflowHandle[Any, Any]) -> ApplicationError:
    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    error = failed.value.__cause__
    if isinstance(error, ActivityError):
        error = error.__cause__
    assert isinstance(error, ApplicationError)
    return error


async def test_inputs_arguments_and_results_travel_through_either_store(
    temporal_address: str, task_queue: str, tenant: str, store: BlobStore
) -> None:
    client = await connect(TemporalSettings(address=temporal_address), blobs=store)
    async with worker(client, task_queue):
        handle = await start(client, task_queue, tenant)
        assert len(await handle.result()) == 2 * len(TEXT)
    assert len((await first_payload(handle)).data) < 400
    assert await store.tenants() == [tenant]


async def test_a_reference_to_another_tenants_blob_is_refused(
    temporal_address: str, task_queue: str, tenant: str, folder: BlobSettings
) -> None:
    client = await connect(TemporalSettings(address=temporal_address), blobs=open_store(folder))
    async with worker(client, task_queue):
        victim = await start(client, task_queue, tenant)
        await victim.result()
        stolen = RawValue(await first_payload(victim))
        plain = await connect(TemporalSettings(address=temporal_address))
        thief = await start(plain, task_queue, f"{tenant}-2", stolen)
        assert (await cause(thief)).type == "blob-refused"
        # Its own blob is whose it says.
        again = await start(plain, task_queue, tenant, stolen)
        assert len(await client.get_workflow_handle(again.id).result()) == 2 * len(TEXT)


async def test_a_missing_blob_ends_the_run_and_is_named(
    temporal_address: str, task_queue: str, tenant: str, folder: BlobSettings
) -> None:
    store = open_store(folder)
    client = await connect(TemporalSettings(address=temporal_address), blobs=store)
    handle = await start(client, task_queue, tenant)
    (day,) = await store.days(tenant)
    assert await store.delete(tenant, day) == 1
    async with worker(client, task_queue):
        error = await cause(handle)
    assert (error.type, error.non_retryable) == ("blob-missing", True)
    assert f"{tenant}/{day}/" in error.message


async def test_a_damaged_blob_ends_the_run_and_is_named(
    temporal_address: str, task_queue: str, tenant: str, folder: BlobSettings
) -> None:
    client = await connect(TemporalSettings(address=temporal_address), blobs=open_store(folder))
    handle = await start(client, task_queue, tenant)
    (path,) = (folder.folder / tenant).glob("*/*")
    path.write_bytes(b"something else")
    async with worker(client, task_queue):
        assert (await cause(handle)).type == "blob-damaged"
    with pytest.raises(PayloadLostError, match="is damaged"):
        await client.data_converter.with_context(_context(client, handle)).decode(
            [await first_payload(handle)]
        )


async def test_a_worker_with_another_store_leaves_the_run_to_one_with_the_right_one(
    temporal_address: str, task_queue: str, tenant: str, folder: BlobSettings, tmp_path: Path
) -> None:
    right = await connect(TemporalSettings(address=temporal_address), blobs=open_store(folder))
    empty = open_store(BlobSettings(folder=tmp_path / "empty"))
    wrong = await connect(TemporalSettings(address=temporal_address), blobs=empty)
    handle = await start(right, task_queue, tenant)
    async with worker(wrong, task_queue):
        assert "give all processes the same" in (await task_failure(handle)).lower()
    async with worker(right, task_queue):
        assert len(await handle.result()) == 2 * len(TEXT)


async def test_what_was_done_is_not_done_again_because_its_answer_cannot_be_kept(
    temporal_address: str, task_queue: str, tenant: str, folder: BlobSettings
) -> None:
    client = await connect(TemporalSettings(address=temporal_address), blobs=open_store(folder))
    made.clear()
    # Small enough to need no store, and twice as long as what is kept in the history.
    handle = await start(client, task_queue, tenant, "x" * 60_000)
    folder.folder.mkdir(exist_ok=True)
    (folder.folder / tenant).write_text("in the way")
    async with worker(client, task_queue):
        error = await cause(handle)
    assert (made, error.type, error.non_retryable) == ([60_000], "unavailable", True)
    assert "The call was made" in error.message


def test_a_tenant_has_one_converter_and_no_other_tenant_has_it(folder: BlobSettings) -> None:
    def of(workflow_id: str, activity_id: str | None = None) -> DataConverter:
        if activity_id is None:
            return whole.with_context(WorkflowSerializationContext("default", workflow_id))
        return whole.with_context(
            ActivitySerializationContext(
                namespace="default",
                activity_id=activity_id,
                activity_type="http-call",
                activity_task_queue="millwright",
                workflow_id=workflow_id,
                workflow_type="a.b",
                is_local=False,
            )
        )

    whole = data_converter(open_store(folder))
    ours, theirs = of("acme/a/b/1"), of("other/a/b/1")
    assert of("acme/a/b/2", "/do/0/call") is ours
    assert of("other/a/b/2", "/do/0/call") is theirs
    storages = [each.external_storage for each in (ours, theirs, whole)]
    drivers = [storage.drivers[0] for storage in storages if storage is not None]
    tenants = [driver.tenant_id for driver in drivers if isinstance(driver, Blobs)]
    assert tenants == ["acme", "other", None]


class Backwards(PayloadCodec):
    """Stands for encryption."""

    @override
    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [
            Payload(metadata={"encoding": b"backwards"}, data=each.SerializeToString()[::-1])
            for each in payloads
        ]

    @override
    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [Payload.FromString(each.data[::-1]) for each in payloads]


async def test_what_a_codec_hides_is_hidden_in_the_store_too(
    temporal_address: str, task_queue: str, tenant: str, folder: BlobSettings
) -> None:
    client = await Client.connect(
        temporal_address, data_converter=data_converter(open_store(folder), codec=Backwards())
    )
    secret = "s3cr3t " * 50_000
    async with worker(client, task_queue):
        handle = await start(client, task_queue, tenant, secret)
        assert await handle.result() == secret * 2
    contents = [path.read_bytes() for path in (folder.folder / tenant).glob("*/*")]
    assert len(contents) == 2
    assert not any(b"s3cr3t" in content for content in contents)


async def task_failure(handle: WorkflowHandle[Any, Any]) -> str:
    while True:
        for event in (await handle.fetch_history()).events:
            if event.HasField("workflow_task_failed_event_attributes"):
                return event.workflow_task_failed_event_attributes.failure.message
        await anyio.sleep(0.05)


def _context(client: Client, handle: WorkflowHandle[Any, Any]) -> WorkflowSerializationContext:
    return WorkflowSerializationContext(namespace=client.namespace, workflow_id=handle.id)
