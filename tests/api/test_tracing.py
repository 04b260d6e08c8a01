"""One trace from a request to the API through a run to an MCP server, with no payload in it."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import httpx2
import pytest
import structlog
from fastapi import FastAPI
from opentelemetry.sdk.trace import ReadableSpan
from temporalio.client import Client
from temporalio.worker import Replayer

from api.app import create_app
from api.services import Services
from api.wiring import build_services
from foundation import logs
from foundation.blobs import BlobStore
from foundation.database import Database
from foundation.payloads import data_converter
from foundation.settings import EgressSettings, LogSettings, Settings
from foundation.telemetry import OFF
from foundation.temporal import connect
from security.egress import UNRULED, Egress
from tests.api.people import Person
from tests.fixtures.polling import pause
from tests.fixtures.telemetry import Told, traceparent
from tests.interpreter.product import at_work
from tests.toolhub.servers import Seen, good_server, serving
from toolhub.calls.schemas import CallFilter
from workflows.interpreter.lifecycle import HandedOver
from workflows.interpreter.workflow import Interpreter

pytestmark = pytest.mark.anyio

INSTANCES = "/api/v1/workflows/instances"
TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"
# Callers choose it, and it is part of the id of the instance: logs name that, traces do not.
KEY = "order-of-park"
CANARY = "kim.minsu@plant.example"
DEFINITION = """
document: { dsl: '1.0.3', namespace: tests, name: traced, version: '1.0.0' }
do:
  - add: { call: mcp.tool, with: { server: line, tool: add, arguments: { a: 1, b: '${ .b }' } } }
  - fail:
      call: mcp.tool
      with: { server: line, tool: fail, arguments: { why: '${ $workflow.input.who }' } }
"""


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    made = Egress(EgressSettings(allow_networks=["127.0.0.0/8"]), UNRULED)
    yield made
    await made.aclose()


@pytest.fixture
async def client(settings: Settings, blobs: BlobStore, told: Told) -> Client:
    return await connect(settings.temporal, blobs=blobs, telemetry=told.telemetry)


@pytest.fixture
async def services(
    settings: Settings, database: Database, client: Client, egress: Egress, told: Told
) -> AsyncIterator[Services]:
    made = build_services(settings, database, client, egress, redis=None, telemetry=told.telemetry)
    yield made
    await made.hub_parts.log.aclose()


@pytest.fixture
def app(services: Services, told: Told) -> FastAPI:
    return create_app(services, services.settings, told.telemetry)


@dataclass
class Line:
    """A plant with one MCP server and a definition that uses it."""

    http: httpx2.AsyncClient
    admin: Person
    seen: Seen

    async def run(self, **headers: str) -> str:
        """Run the definition to its end; return the id of the instance."""
        started = await self.http.post(
            "/api/v1/workflows/tests/traced/instances",
            json={"input": {"b": 2, "who": CANARY}},
            headers={**self.admin.headers, "Idempotency-Key": f"{KEY}-{uuid4()}", **headers},
        )
        assert started.status_code == 202, started.text
        instance: str = started.json()["id"]
        while (await self.get(f"{INSTANCES}/{instance}"))["status"] in {"PENDING", "RUNNING"}:
            await pause()
        assert "tools/call" in self.seen.methods, await self.get(f"{INSTANCES}/{instance}")
        return instance

    async def get(self, where: str) -> dict[str, str]:
        answer = await self.http.get(where, headers=self.admin.headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, str] = answer.json()
        return found


@pytest.fixture
async def line(
    http: httpx2.AsyncClient,
    admin: Person,
    client: Client,
    settings: Settings,
    database: Database,
    told: Told,
) -> AsyncIterator[Line]:
    seen = Seen()
    with serving(good_server(seen)) as url:
        async with at_work(client, settings, database, telemetry=told.telemetry):
            server = {"name": "line", "url": f"{url}/mcp"}
            made = await http.post("/api/v1/mcp/servers", json=server, headers=admin.headers)
            assert made.status_code == 201, made.text
            yaml = {**admin.headers, "Content-Type": "application/yaml"}
            made = await http.post("/api/v1/workflows", content=DEFINITION, headers=yaml)
            assert made.status_code == 201, made.text
            yield Line(http, admin, seen)


async def test_a_trace_goes_from_the_request_through_the_run_to_the_server(
    line: Line, told: Told, services: Services
) -> None:
    await line.run(traceparent=CALLER)
    place = line.seen.methods.index("tools/call")
    sent = line.seen.headers[place]["traceparent"]
    mine = [span for span in told.spans() if traceparent(span).split("-")[1] == TRACE]
    by_id = {traceparent(span).split("-")[2]: span for span in mine}
    assert _path(by_id, sent.split("-")[2]) == [
        "tools/call add",
        "RunActivity:mcp-call",
        "StartActivity:mcp-call",
        "StartWorkflow:tests.traced",
        "POST /api/v1/workflows/{namespace}/{name}/instances",
    ]
    logged = services.calls.list(line.admin.tenant_id, CallFilter()).items
    while len(logged) < 2:  # written beside the calls
        await pause()
        logged = services.calls.list(line.admin.tenant_id, CallFilter()).items
    assert {each.trace_id for each in logged} == {TRACE}


def _path(by_id: dict[str, ReadableSpan], span_id: str) -> list[str]:
    """Return the names from a span up to the first of ours."""
    names = []
    while span := by_id.get(span_id):
        names.append(span.name)
        span_id = f"{span.parent.span_id:016x}" if span.parent else ""
    return names


@contextmanager
def logging_as_processes_do() -> Iterator[None]:
    root, activities = logging.getLogger(), logging.getLogger("temporalio.activity")
    before = root.handlers, root.level, [*activities.filters]
    logs.configure(LogSettings())
    # What is kept now would go to this place in all tests after this one.
    structlog.configure(cache_logger_on_first_use=False)
    theirs = logging.getLogger("mcp.server")  # the server of the test is in this process
    theirs.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        theirs.setLevel(logging.NOTSET)
        root.handlers, root.level, activities.filters = before
        structlog.reset_defaults()


async def test_a_run_leaves_no_payload_in_spans_metrics_and_logs(
    line: Line, told: Told, capfd: pytest.CaptureFixture[str]
) -> None:
    with logging_as_processes_do():
        await line.run()
    logged = capfd.readouterr().err
    assert "Completing activity as failed" in logged
    assert "[tool-failed]" in logged
    names = {span.name for span in told.spans()}
    assert {"tools/call fail", "CompleteWorkflow:tests.traced"} <= names
    assert "minsu" not in logged
    assert "minsu" not in told.text()
    assert KEY not in told.text()


async def test_a_run_with_traces_replays_where_there_are_none(
    line: Line, client: Client, blobs: BlobStore
) -> None:
    instance = await line.run()
    run = f"{line.admin.tenant_id}/{instance.replace('.', '/', 2)}"
    history = await client.get_workflow_handle(run).fetch_history()
    replayer = Replayer(
        workflows=[Interpreter, HandedOver], data_converter=data_converter(blobs), debug_mode=True
    )
    assert any("_tracer-data" in str(event) for event in history.events)
    await replayer.replay_workflow(history)


async def test_without_telemetry_a_trace_of_a_caller_is_not_taken_up(
    settings: Settings, database: Database, temporal: Client, egress: Egress, told: Told
) -> None:
    silent = build_services(settings, database, temporal, egress, redis=None, telemetry=OFF)
    app = create_app(silent, settings)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://api.test"
    ) as http:
        assert (await http.get("/healthz", headers={"traceparent": CALLER})).status_code == 200
    assert told.spans() == []
    await silent.hub_parts.log.aclose()


async def test_a_span_of_a_request_knows_its_route_and_not_its_address(
    http: httpx2.AsyncClient, admin: Person, told: Told
) -> None:
    answer = await http.get(f"{INSTANCES}/{CANARY}?who={CANARY}", headers=admin.headers)
    assert answer.status_code == 404
    lost = await http.get(f"/{CANARY}")
    assert lost.status_code == 404
    assert {
        (span.name, (span.attributes or {})["http.response.status_code"]) for span in told.spans()
    } >= {
        ("GET /api/v1/workflows/instances/{instance_id}", 404),
        ("GET", 404),
    }
    assert CANARY not in told.text()
