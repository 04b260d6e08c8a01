"""The real thing, as far as the state machine needs it: Temporal, the interpreter, and REST.

It lives in an event loop of its own, in a thread: a state machine of Hypothesis is not async.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper
from temporalio.worker import Worker

from activities.approvals import ApprovalActivities
from activities.definitions import DefinitionActivities
from activities.events import EventActivities
from api import problems
from api.approvals.routes import router as approvals_router
from api.events.routes import router as events_router
from api.instances.routes import router as instances_router
from foundation.database import Database
from foundation.errors import UnauthenticatedError
from foundation.settings import EventSettings, TemporalSettings
from foundation.temporal import connect
from security.accounts.people import PeopleInMemory
from security.permissions import permissions_of
from security.principal import Principal
from security.sealing import Sealer
from tests.interpreter.conftest import Runner, Shelf
from workflows.approvals.service import Approvals
from workflows.approvals.wiring import Connections, build_approvals
from workflows.definition import PreparedDefinition, prepare
from workflows.events.service import Events
from workflows.events.wiring import build_events
from workflows.instances.service import Instances
from workflows.interpreter.types import TaskEvent
from workflows.interpreter.workflow import Interpreter
from workflows.runs.pages import PageTokens

SECRET = bytes(32)
# Each waits for as long as a person would.
TRIES = 4


class RefusedError(Exception):
    """REST says no."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(what)
        self.status = status


class Tokens:
    """Verifies `<tenant>:<name>`, an operator."""

    def verify(self, token: str) -> Principal:
        tenant, _, name = token.partition(":")
        if not name:
            raise UnauthenticatedError("The access token is not valid here.")
        roles = frozenset({"operator"})
        permissions = permissions_of(roles) | {"approval:read"}
        return Principal(tenant, name, f"{name}@plant.example", roles, permissions)


@dataclass
class OneVersion:
    """The catalogue: what a test has published last."""

    published: dict[tuple[str, str], PreparedDefinition] = field(default_factory=dict)

    def get(
        self, tenant_id: str, namespace: str, name: str, _version: str | None = None
    ) -> PreparedDefinition:
        return self.published[tenant_id, f"{namespace}.{name}"]


@dataclass(frozen=True)
class Parts:
    """What the routes find in the state of the application."""

    instances: Instances
    approvals: Approvals
    events: Events
    tokens: Tokens


@dataclass
class World:
    """One server, one worker that can be replaced, one front door."""

    client: Client
    task_queue: str
    catalogue: OneVersion
    parts: Parts
    http: httpx.AsyncClient
    cached: int
    worker: Worker | None = None
    working: "asyncio.Task[None] | None" = None

    async def work(self) -> None:
        """Let a worker be there, which knows no run."""
        approvals, desk = (
            ApprovalActivities(self.parts.approvals.inbox.desk),
            EventActivities(self.parts.events),
        )
        self.worker = Worker(
            self.client,
            task_queue=self.task_queue,
            workflows=[Interpreter],
            activities=[
                DefinitionActivities(Shelf()).load_definition,
                approvals.show,
                desk.take,
                desk.close,
                desk.publish,
            ],
            max_cached_workflows=self.cached,
        )
        self.working = asyncio.create_task(self.worker.run())

    async def rest(self) -> None:
        """Let the worker be gone."""
        if self.worker is not None and self.working is not None:
            await self.worker.shutdown()
            await self.working

    async def replace_worker(self) -> None:
        """Let another one take over, from the history alone."""
        await self.rest()
        await self.work()

    async def start(self, document: Mapping[str, Any]) -> "Real":
        """Publish a definition and start it."""
        tenant = f"tenant-{uuid4().hex[:12]}"
        prepared = prepare(json.dumps(document))
        self.catalogue.published[tenant, f"{prepared.namespace}.{prepared.name}"] = prepared
        real = Real(self, tenant)
        path = f"/workflows/{prepared.namespace}/{prepared.name}/instances"
        real.id = (await real.ask("POST", path, json={"input": {}}))["id"]
        return real


@dataclass
class Real:
    """One instance, through the eyes of REST."""

    world: World
    tenant: str
    id: str = ""

    @property
    def workflow_id(self) -> str:
        return f"{self.tenant}/{self.id.replace('.', '/', 2)}"

    async def ask(self, method: str, path: str, by: str = "ana", **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.tenant}:{by}", **more.pop("headers", {})}
        answer = await self.world.http.request(method, path, headers=headers, **more)
        if not answer.is_success:
            what = f"{method} {path}: {answer.status_code} {answer.text}"
            raise RefusedError(answer.status_code, what)
        return answer.json() if answer.content else None

    async def look(self) -> Any:
        return await self.ask("GET", f"/workflows/instances/{self.id}")

    async def told(self, verb: str) -> None:
        """Pause, resume or cancel it."""
        await self.insist(f"/workflows/instances/{self.id}:{verb}")

    async def send(self, type_: str, data: Any) -> None:
        event = {
            "specversion": "1.0",
            "id": uuid4().hex,
            "source": "/tests",
            "type": type_,
            "data": data,
        }
        headers = {"Content-Type": "application/cloudevents+json"}
        await self.ask("POST", "/events", json=event, headers=headers)

    async def decide(self, execution: str, by: str, approves: bool) -> None:
        waiting = (await self.look())["waiting_for"]
        (approval,) = [each["approval"] for each in waiting if each["execution"] == execution]
        shown = await self.ask("GET", f"/approvals/{approval}", by)
        verb = "approve" if approves else "reject"
        body = {"data_hash": shown["data_hash"]}
        await self.insist(f"/approvals/{approval}:{verb}", by, json=body)

    async def insist(self, path: str, by: str = "ana", **more: Any) -> None:
        """Say it again for as long as nobody answers in time: a worker had just gone.

        What is said again may have been taken before.
        """
        unsure = False
        for _ in range(TRIES):
            try:
                await self.ask("POST", path, by, **more)
            except RefusedError as error:
                if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
                    unsure = True
                    continue
                if not (unsure and error.status == HTTPStatus.CONFLICT):
                    raise
            return
        raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, f"Nobody took {path}.")

    async def skip(self, hours: float) -> None:
        """Let time pass."""
        handle = self.world.client.get_workflow_handle(self.workflow_id)
        # What has been waited for for so long began a moment ago.
        await TimeSkipper(self.world.client).fast_forward(handle, hours * 3_600 + 5)

    async def replayed(self) -> int:
        """Replay all runs; return how many there were."""
        handle = self.world.client.get_workflow_handle(self.workflow_id)
        async for event in handle.fetch_history_events():
            first = event.workflow_execution_started_event_attributes.first_execution_run_id
            break
        handle = self.world.client.get_workflow_handle(
            self.workflow_id, first_execution_run_id=first
        )
        return await Runner(self.world.client, self.world.task_queue, self.tenant).replay(handle)

    async def events(self) -> list[TaskEvent]:
        """Return what happened in all runs."""
        handle = self.world.client.get_workflow_handle(self.workflow_id)
        runner = Runner(self.world.client, self.world.task_queue, self.tenant)
        return await runner.events(handle)

    async def forget(self) -> None:
        """End it, if it has not ended."""
        if (await self.look())["status"] in {"PENDING", "RUNNING", "WAITING", "PAUSED"}:
            try:
                await self.world.client.get_workflow_handle(self.workflow_id).terminate()
            except RPCError as error:
                # It may end just now.
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise


@asynccontextmanager
async def world_at(address: str, database: Database, *, cached: int) -> AsyncIterator[World]:
    """Put the parts together.

    Args:
        cached: How many runs a worker remembers; with 0 it replays each time.
    """
    settings = TemporalSettings(address=address, task_queue=f"tests-{uuid4().hex[:12]}")
    client = await connect(settings)
    catalogue = OneVersion()
    people = PeopleInMemory()
    events = build_events(database, client, EventSettings())
    parts = Parts(
        Instances(client, catalogue, settings, PageTokens(SECRET)),
        build_approvals(Connections(database, client, people), Sealer(SECRET), PageTokens(SECRET)),
        events,
        Tokens(),
    )
    app = FastAPI()
    app.state.services = parts
    for router in (instances_router, approvals_router, events_router):
        app.include_router(router)
    problems.install(app)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://plant/api/v1", timeout=30
    ) as http:
        world = World(client, settings.task_queue, catalogue, parts, http, cached)
        await world.work()
        yield world
        await world.rest()
        await events.aclose()
