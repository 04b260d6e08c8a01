"""An API process that was started before Temporal: it says so, and works once that is there."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from activities.events.types import Take
from api.app import create_app
from api.services import Services
from api.wiring import build_services
from deploy.local.ports import LOOPBACK, free_port
from foundation.database import Database
from foundation.settings import Settings
from foundation.telemetry import OFF
from foundation.temporal import connect
from security.egress import Egress
from tests.api.people import Person
from tests.events.test_desk import interest

pytestmark = pytest.mark.anyio

NAMED = "/api/v1/workflows/instances/press-line.order.4711"
DEFINITION = """
document: { dsl: '1.0.3', namespace: press-line, name: order, version: '1.0.0' }
do: [ { a: { set: { n: 1 } } } ]
"""
YAML = {"Content-Type": "application/yaml"}
STRUCTURED = {"Content-Type": "application/cloudevents+json"}


@asynccontextmanager
async def road_to(address: str, port: int) -> AsyncIterator[None]:
    """Let Temporal be there at a port of ours."""

    ways: list[asyncio.Task[None]] = []

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()

    async def connect(up: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        host, _, there = address.rpartition(":")
        down, forth = await asyncio.open_connection(host, int(there))
        ways.extend(asyncio.create_task(way) for way in (carry(up, forth), carry(down, back)))

    server = await asyncio.start_server(connect, LOOPBACK, port)
    try:
        yield
    finally:
        server.close()
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
async def services(settings: Settings, database: Database, egress: Egress, port: int) -> Services:
    late = settings.temporal.model_copy(update={"address": f"{LOOPBACK}:{port}"})
    client = await connect(late, lazy=True)
    return build_services(settings, database, client, egress, redis=None, telemetry=OFF)


@pytest.fixture
async def early(services: Services, admin: Person) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=create_app(services, services.settings))
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://api.test", headers=admin.headers
    ) as client:
        answer = await client.post("/api/v1/workflows", content=DEFINITION, headers=YAML)
        assert answer.status_code == 201
        yield client


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v1/workflows/instances", None),
        ("GET", "/api/v1/workflows/instances/active", None),
        ("GET", NAMED, None),
        ("GET", f"{NAMED}/events", None),
        *(("POST", f"{NAMED}:{verb}", {}) for verb in ("cancel", "pause", "resume", "retry")),
        ("POST", f"{NAMED}:rerun", {"execution": "/do/0/a"}),
        ("POST", f"{NAMED}:terminate", {"reason": "enough"}),
        ("POST", "/api/v1/workflows/press-line/order/instances", {}),
        ("GET", "/api/v1/schedules", None),
        ("GET", "/api/v1/schedules/hourly", None),
        ("DELETE", "/api/v1/schedules/hourly", None),
        ("POST", "/api/v1/schedules/hourly:pause", {}),
    ],
)
async def test_what_needs_temporal_is_a_503_problem_until_it_is_there(
    early: httpx2.AsyncClient,
    temporal_address: str,
    port: int,
    method: str,
    path: str,
    body: object,
) -> None:
    answer = await early.request(method, path, json=body)
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    assert "Temporal" in answer.json()["detail"]
    async with road_to(temporal_address, port):
        answer = await early.request(method, path, json=body)
    assert answer.status_code in {200, 202, 204, 404}, answer.text


async def test_an_event_is_kept_though_nobody_can_be_woken_yet(
    early: httpx2.AsyncClient, services: Services, admin: Person
) -> None:
    """As when Temporal goes away later: the sweep of a worker wakes whoever waits."""
    waiting = Take(
        tenant_id=admin.tenant_id,
        workflow_id=f"{admin.tenant_id}/press-line/order/4711",
        name="paid",
        interests=[interest(type="a.b")],
    )
    await services.events.take(waiting)
    event = {"specversion": "1.0", "id": "1", "source": "/line/3", "type": "a.b"}
    answer = await early.post("/api/v1/events", content=json.dumps(event), headers=STRUCTURED)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "duplicates": 0})
    (arrival,) = (await services.events.take(waiting)).arrivals
    assert arrival.event["id"] == "1"
