"""Run a definition on a real Temporal server, and replay what happened."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Replayer, Worker

from activities.approvals import ApprovalActivities
from activities.definitions import (
    DefinitionActivities,
    Engine,
    LoadDefinition,
    LoadedDefinition,
)
from activities.events import EventActivities
from activities.grpc import GrpcActivities
from activities.grpc.channels import Channels
from activities.http import HttpActivities
from activities.logins import Authenticator
from foundation.blobs import BlobStore
from foundation.database import Database
from foundation.errors import NotFoundError
from foundation.json import JsonObject, JsonValue, digest
from foundation.settings import EgressSettings, EventSettings, TemporalSettings
from foundation.temporal import connect
from security.accounts.people import PeopleInMemory
from security.egress import UNRULED, Egress
from security.sealing import Sealer
from tests.fixtures.polling import pause
from workflows.approvals.inbox import Inbox
from workflows.approvals.service import Approvals
from workflows.approvals.wiring import Connections, build_approvals
from workflows.definition import PreparedDefinition, prepare
from workflows.events.service import Events, Published
from workflows.events.wiring import build_events
from workflows.instances.progress import everything
from workflows.interpreter.lifecycle import HandedOver
from workflows.interpreter.types import (
    ENGINE,
    PROGRESS_QUERY,
    Progress,
    StartInput,
    TaskEvent,
    TaskState,
)
from workflows.interpreter.workflow import Interpreter
from workflows.runs.pages import PageTokens
from workflows.secrets import SecretOpener, SecretsInMemory

HEAD = """
document: { dsl: '1.0.3', namespace: tests, name: sample, version: '1.0.0' }
"""


def always(tasks: str) -> str:
    """Begin a definition that does these tasks at its end, whatever happens."""
    return HEAD.replace(
        "'1.0.0' }", f"'1.0.0', metadata: {{ millwright: {{ finally: {tasks} }} }} }}"
    )


@dataclass
class Ended:
    """How an instance ended: with an output or with an error object, after how many runs."""

    progress: Progress
    output: Any = None
    error: Any = None
    compensation: Any = None
    runs: int = 1

    def names(self, state: TaskState) -> list[str]:
        return [event.name for event in self.progress.events if event.state == state]

    @property
    def kind(self) -> str:
        """Last part of the error's type."""
        return str(self.error["type"]).rpartition("/")[2]


@dataclass
class Shelf:
    """The catalogue of one test, in memory."""

    published: dict[tuple[str, str, str], PreparedDefinition] = field(default_factory=dict)

    def load(self, request: LoadDefinition) -> LoadedDefinition:
        key = (request.tenant_id, request.namespace, request.name)
        found = self.published.get(key)
        if found is None:
            raise NotFoundError(f"There is no definition {request.namespace}.{request.name}.")
        return LoadedDefinition(
            version=found.version, hash=found.hash, document=found.document, engine=ENGINE
        )


@dataclass
class Runner:
    """Starts definitions for one tenant."""

    client: Client
    task_queue: str
    tenant: str
    shelf: Shelf = field(default_factory=Shelf)
    events_desk: Events | None = None
    approvals: Approvals | None = None
    people: PeopleInMemory = field(default_factory=PeopleInMemory)

    @property
    def inbox(self) -> Inbox:
        """What people see."""
        return self.decisions.inbox

    @property
    def decisions(self) -> Approvals:
        """How people decide."""
        assert self.approvals is not None
        return self.approvals

    async def send(self, *events: dict[str, Any]) -> Published:
        """Publish events; what they leave out is filled in."""
        assert self.events_desk is not None
        filled = [
            {"specversion": "1.0", "id": uuid4().hex, "source": "/tests", **event}
            for event in events
        ]
        return await self.events_desk.publish(self.tenant, filled)

    def publish(self, name: str, tasks: str, head: str = HEAD) -> None:
        """Publish a definition that others can run."""
        prepared = prepare(head.replace("name: sample", f"name: {name}") + tasks)
        self.shelf.published[self.tenant, prepared.namespace, prepared.name] = prepared

    async def start(
        self,
        tasks: str,
        value: Any = None,
        engine: Engine = ENGINE,
        by: str | None = None,
        *,
        memo: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> WorkflowHandle[Any, Any]:
        prepared = prepare(tasks if tasks.lstrip().startswith("document:") else HEAD + tasks)
        return await self.client.start_workflow(
            f"{prepared.namespace}.{prepared.name}",
            StartInput(
                tenant_id=self.tenant,
                input=value,
                definition_hash=prepared.hash,
                document=prepared.document,
                engine=engine,
            ),
            id=f"{self.tenant}/{prepared.namespace}/{prepared.name}/{key or uuid4().hex}",
            task_queue=self.task_queue,
            memo=memo or ({"started_by": by} if by else None),
        )

    async def start_older(self, document: JsonObject) -> WorkflowHandle[Any, Any]:
        """Start what an older version has published, and this one would not."""
        return await self.client.start_workflow(
            "tests.older",
            StartInput(
                tenant_id=self.tenant,
                input=None,
                definition_hash=digest(document),
                document=document,
                engine=ENGINE,
            ),
            id=f"{self.tenant}/tests/older/{uuid4().hex}",
            task_queue=self.task_queue,
        )

    async def __call__(self, tasks: str, value: Any = None) -> Ended:
        """Run to the end, then replay the history: the same code must take the same way again."""
        handle = await self.start(tasks, value)
        ended = await self.ended(handle)
        ended.runs = await self.replay(handle)
        return ended

    async def replay(self, handle: WorkflowHandle[Any, Any]) -> int:
        """Replay all runs of an instance; return how many it took."""
        replayer = Replayer(
            # A busy machine is slow, and that is no deadlock.
            debug_mode=True,
            workflows=[Interpreter],
            data_converter=self.client.data_converter,
        )
        run_id, runs = handle.first_execution_run_id, 0
        while run_id:
            history = await self.client.get_workflow_handle(
                handle.id, run_id=run_id
            ).fetch_history()
            await replayer.replay_workflow(history)
            last = history.events[-1].workflow_execution_continued_as_new_event_attributes
            run_id, runs = last.new_execution_run_id, runs + 1
        return runs

    async def ended(self, handle: WorkflowHandle[Any, Any]) -> Ended:
        output = error = compensation = None
        try:
            output = await handle.result()
        except WorkflowFailureError as failure:
            if not isinstance(failure.cause, ApplicationError):
                raise
            error, *compensations = failure.cause.details
            compensation = compensations[0] if compensations else None
        return Ended(await self.progress(handle), output, error, compensation)

    async def until(
        self, handle: WorkflowHandle[Any, Any], condition: Callable[[Progress], bool]
    ) -> None:
        """Ask until it is so; the test's own timeout ends a vain wait."""
        while not condition(await self.progress(handle)):
            await pause()

    async def task_failure(self, handle: WorkflowHandle[Any, Any]) -> str:
        """Wait until a workflow task has failed; return why."""
        while True:
            async for event in handle.fetch_history_events():
                if event.HasField("workflow_task_failed_event_attributes"):
                    return event.workflow_task_failed_event_attributes.failure.message
            await pause()

    async def progress(self, handle: WorkflowHandle[Any, Any]) -> Progress:
        found: Progress = await handle.query(PROGRESS_QUERY, 0, result_type=Progress)
        return found

    async def events(self, handle: WorkflowHandle[Any, Any]) -> list[TaskEvent]:
        """Return the events of all runs."""
        run_id = (await handle.describe()).run_id
        told = await everything(self.client, handle.id, run_id)
        assert told is not None
        return told.events


SECRETS: dict[str, JsonValue] = {
    "planted": "s3cr3t-plant-key",
    "pair": {"username": "press-user", "password": "pa55-w0rd!"},
    "shouted": "S3CR3T-CANARY-77",
    "foreign": "geheim-wörter",
    "odd": "Pass wörd/x=1",
}


@pytest.fixture
async def run(
    temporal: Client,
    task_queue: str,
    tenant: str,
    stub_hosts: dict[str, str],
    shared_database: Database,
) -> AsyncIterator[Runner]:
    async with working(temporal, task_queue, tenant, stub_hosts, shared_database) as runner:
        yield runner


@pytest.fixture
async def restless(
    restless_address: str,
    task_queue: str,
    tenant: str,
    stub_hosts: dict[str, str],
    shared_database: Database,
    blobs: BlobStore,
) -> AsyncIterator[Runner]:
    """Runs that go on as new ones after every twenty events."""
    client = await connect(TemporalSettings(address=restless_address), blobs=blobs)
    async with working(client, task_queue, tenant, stub_hosts, shared_database) as runner:
        yield runner


@asynccontextmanager
async def working(
    client: Client,
    task_queue: str,
    tenant: str,
    stub_hosts: dict[str, str],
    database: Database,
    planted: Mapping[str, JsonValue] = SECRETS,
    max_response_bytes: int = EgressSettings().max_response_bytes,
) -> AsyncIterator[Runner]:
    egress = Egress(
        EgressSettings(
            allow_networks=["127.0.0.0/8"],
            host_map=stub_hosts,
            max_response_bytes=max_response_bytes,
        ),
        UNRULED,
    )
    secrets = {(tenant, name): value for name, value in planted.items()}
    opener = SecretOpener(SecretsInMemory(secrets))
    channels, logins = Channels(egress), Authenticator(egress)
    http = HttpActivities(egress, opener, logins)
    grpc = GrpcActivities(egress, channels, opener, logins)
    shelf = Shelf()
    definitions = DefinitionActivities(shelf)
    events = build_events(database, client, EventSettings())
    desk = EventActivities(events)
    people = PeopleInMemory()
    connections = Connections(database, client, people)
    decisions = build_approvals(connections, Sealer(bytes(32)), PageTokens(bytes(32)))
    approvals = ApprovalActivities(decisions.inbox.desk)
    async with Worker(
        client,
        task_queue=task_queue,
        workflows=[Interpreter, HandedOver],
        activities=[
            definitions.load_definition,
            grpc.grpc_call,
            http.http_call,
            http.openapi_call,
            approvals.show,
            desk.take,
            desk.close,
            desk.publish,
            desk.publish_all,
        ],
    ):
        yield Runner(client, task_queue, tenant, shelf, events, decisions, people)
    await events.aclose()
    await logins.aclose()
    await channels.aclose()
    await egress.aclose()
