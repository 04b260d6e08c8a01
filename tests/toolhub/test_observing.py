"""What operators see of calls: spans, metrics, the way of a trace to the server; no payloads."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
from anyio import to_thread
from opentelemetry.trace import SpanKind, StatusCode
from sqlalchemy import text

from foundation.database import Database
from foundation.errors import MillwrightError
from foundation.json import JsonValue
from foundation.settings import McpSettings, TelemetrySettings
from security.egress import Egress
from security.sealing import Sealer
from tests.fixtures.hubs import build_toolhub
from tests.fixtures.telemetry import Told, traceparent
from tests.toolhub.servers import Seen
from toolhub.breaker.types import State
from toolhub.calls.schemas import CallFilter, CallInfo
from toolhub.metrics import Metrics
from toolhub.policies.types import ToolPolicy
from toolhub.protection import Protection
from toolhub.refreshing.sweeping import sweep
from toolhub.schemas import CallOrigin, CallTool, McpRequest, ServerRegistration
from toolhub.wiring import ToolhubParts

pytestmark = pytest.mark.anyio

FEW = {"breaker_window": 2, "breaker_min_calls": 2}


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def parts(
    database: Database, sealer: Sealer, egress: Egress, told: Told
) -> AsyncIterator[ToolhubParts]:
    made = build_toolhub(database, sealer, egress, telemetry=told.telemetry)
    yield made
    await made.aclose()


async def register(parts: ToolhubParts, name: str, url: str, **numbers: float) -> None:
    protection = Protection.model_validate(numbers)
    await parts.registry.register(
        "press", ServerRegistration(name=name, url=url, protection=protection)
    )


@pytest.fixture
async def registered(parts: ToolhubParts, good: str) -> None:
    await register(parts, "good", good)


def call(tool: str, /, server: str = "good", **arguments: JsonValue) -> CallTool:
    return CallTool(tenant_id="press", server=server, tool=tool, arguments=arguments)


async def failing(parts: ToolhubParts, wanted: CallTool) -> str:
    with pytest.raises(MillwrightError) as caught:
        await parts.hub.call(wanted)
    return caught.value.code


async def only_logged(parts: ToolhubParts) -> CallInfo:
    await parts.log.aclose()
    (found,) = parts.calls.list("press", CallFilter()).items
    return found


@pytest.mark.usefixtures("registered")
async def test_a_call_is_a_span_that_the_server_and_the_log_can_be_matched_with(
    parts: ToolhubParts, told: Told, good_seen: Seen
) -> None:
    good_seen.clear()
    await parts.hub.call(replace(call("add", a=1, b=2), origin=CallOrigin(attempt=2)))
    span = told.span("tools/call add")
    assert (span.kind, span.status.status_code) == (SpanKind.CLIENT, StatusCode.UNSET)
    assert dict(span.attributes or {}) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "add",
        "mcp.method.name": "tools/call",
        "millwright.attempt": 2,
        "millwright.mcp.executed": "yes",
        "millwright.mcp.server": "good",
        "millwright.tenant": "press",
    }
    parent = traceparent(span)
    place = good_seen.methods.index("tools/call")
    assert good_seen.headers[place]["traceparent"] == parent
    meta = good_seen.bodies[place]["params"]["_meta"]
    assert meta["traceparent"] == parent
    assert (await only_logged(parts)).trace_id == parent.split("-")[1]


async def test_a_server_of_2025_is_told_of_the_trace_too(
    parts: ToolhubParts, told: Told, legacy: str, legacy_seen: Seen
) -> None:
    await register(parts, "old", legacy)
    legacy_seen.clear()
    await parts.hub.call(call("add", server="old", a=1, b=2))
    parent = traceparent(told.span("tools/call add"))
    place = legacy_seen.methods.index("tools/call")
    assert legacy_seen.headers[place]["traceparent"] == parent
    assert legacy_seen.bodies[place]["params"]["_meta"]["traceparent"] == parent


async def seed_server(parts: ToolhubParts, bad: str) -> None:
    given = {
        "name": "excel",
        "url": f"{bad}/seed",
        "dialect": "seed-http",
        "tools": [{"name": "read", "input_schema": {"type": "object"}}],
    }
    await parts.registry.register("press", ServerRegistration.model_validate(given))


async def test_a_server_of_the_simple_dialect_gets_the_header(
    parts: ToolhubParts, told: Told, bad: str, bad_seen: Seen
) -> None:
    await seed_server(parts, bad)
    await parts.hub.call(call("read", server="excel"))
    parent = traceparent(told.span("tools/call read"))
    assert bad_seen.headers[0]["traceparent"] == parent


@pytest.mark.usefixtures("registered")
async def test_without_telemetry_nothing_is_sent_along_and_nothing_is_logged_of_it(
    database: Database, sealer: Sealer, egress: Egress, good_seen: Seen
) -> None:
    silent = build_toolhub(database, sealer, egress)
    good_seen.clear()
    await silent.hub.call(call("add", a=1, b=2))
    place = good_seen.methods.index("tools/call")
    assert "traceparent" not in good_seen.headers[place]
    assert "traceparent" not in good_seen.bodies[place]["params"]["_meta"]
    assert (await only_logged(silent)).trace_id is None
    await silent.aclose()


async def test_a_request_by_address_is_a_span_that_does_not_name_the_address(
    parts: ToolhubParts, told: Told, good: str, good_seen: Seen
) -> None:
    await parts.hub.request(McpRequest(tenant_id="press", url=good, method="tools/list"))
    parent = traceparent(told.span("tools/list"))
    assert good_seen.headers[-1]["traceparent"] == parent
    assert told.numbers("millwright_mcp_calls") == {("succeeded", "", "press"): 1}
    assert "127.0.0.1" not in told.text()


@pytest.mark.usefixtures("registered")
async def test_calls_are_counted_by_how_they_ended(
    parts: ToolhubParts, told: Told, bad: str
) -> None:
    await register(parts, "cut", f"{bad}/cut-json/mcp")
    await parts.hub.call(call("add", a=1, b=2))
    await parts.hub.call(replace(call("add", a=1, b=2), origin=CallOrigin(attempt=3)))
    codes = [
        await failing(parts, call("add", a=1, b="two")),
        await failing(parts, call("fail", why="x")),
        await failing(parts, call("t", server="cut")),
        await failing(parts, call("no-such-tool")),
    ]
    assert told.numbers("millwright_mcp_calls") == {
        ("succeeded", "good", "press"): 2,
        (codes[0], "good", "press"): 1,
        (codes[1], "good", "press"): 1,
        (codes[2], "cut", "press"): 1,
        (codes[3], "", "press"): 1,
    }
    assert told.numbers("millwright_mcp_call_retries") == {("good", "press"): 1}
    times = told.points("millwright_mcp_call_duration")
    assert {labels: point.count for labels, point in times.items()} == {
        ("good", "press"): 4,
        ("cut", "press"): 1,
    }
    assert times["good", "press"].sum < 60, "seconds"


async def test_what_something_stood_in_for_is_told(
    parts: ToolhubParts, told: Told, bad: str
) -> None:
    await register(parts, "busy", f"{bad}/429/mcp")
    for tool, fallback in (
        ("t", {"kind": "static", "value": "a payload"}),
        ("safe", {"kind": "last-good", "max_age_s": 60}),
    ):
        policy = ToolPolicy.model_validate({"fallback": fallback})
        await to_thread.run_sync(partial(parts.policies.put, by="a"), "press", "busy", tool, policy)
    await parts.hub.call(call("t", server="busy"))
    await failing(parts, call("safe", server="busy"))
    assert told.numbers("millwright_mcp_fallbacks") == {
        ("static", "degraded", "busy", "press"): 1,
        ("last-good", "mcp-fallback", "busy", "press"): 1,
    }
    assert told.numbers("millwright_mcp_calls") == {
        ("mcp-server-busy", "busy", "press"): 1,
        ("mcp-throttled", "busy", "press"): 1,
    }
    span = told.span("tools/call t")
    assert (span.attributes or {})["millwright.mcp.fallback"] == "static"
    assert span.status.status_code is StatusCode.ERROR
    assert "a payload" not in told.text()


async def test_what_breakers_do_is_told(parts: ToolhubParts, told: Told, bad: str) -> None:
    await register(parts, "line", f"{bad}/500/mcp", **FEW)
    await failing(parts, call("t", server="line"))
    assert told.numbers("millwright_mcp_breaker_state") == {("line", "press"): 0}
    await failing(parts, call("t", server="line"))
    await failing(parts, call("t", server="line"))
    assert told.numbers("millwright_mcp_breaker_state") == {("line", "press"): 2}
    assert told.numbers("millwright_mcp_breaker_transitions") == {("line", "press", "open"): 1}
    assert told.numbers("millwright_mcp_rejections") == {("line", "press", "open"): 1}


async def test_an_address_is_no_label(
    database: Database, sealer: Sealer, egress: Egress, bad: str, told: Told
) -> None:
    numbers = McpSettings.model_validate(FEW)
    parts = build_toolhub(database, sealer, egress, protection=numbers, telemetry=told.telemetry)
    request = McpRequest(
        tenant_id="press", url=f"{bad}/500/mcp", method="tools/call", params={"name": "t"}
    )
    for _ in range(3):
        with pytest.raises(MillwrightError):
            await parts.hub.request(request)
    assert told.numbers("millwright_mcp_breaker_state") == {}
    assert told.numbers("millwright_mcp_breaker_transitions") == {("", "press", "open"): 1}
    assert told.numbers("millwright_mcp_rejections") == {("", "press", "open"): 1}
    await parts.aclose()


@pytest.mark.usefixtures("registered")
async def test_what_the_ledger_does_is_told(parts: ToolhubParts, told: Told) -> None:
    once = replace(call("greet", name="Kim"), call_id="c")
    await parts.hub.call(once)
    await parts.ledger.drain()
    await parts.hub.call(once)
    assert told.numbers("millwright_mcp_ledger_claims") == {("sent",): 1, ("known",): 1}
    assert told.numbers("millwright_mcp_ledger_settled") == {("done",): 1}


@pytest.mark.usefixtures("registered")
async def test_refreshes_are_counted(parts: ToolhubParts, told: Told, database: Database) -> None:
    await parts.registry.refresh("press", "good")
    with database.session() as session:
        session.execute(text("update mcp_refreshes set due_at = now()"))
    assert await sweep(parts.registry, parts.refreshes) == 1
    assert told.numbers("millwright_mcp_refreshes") == {("succeeded", "good", "press"): 2}


async def test_servers_for_which_there_is_no_room_share_their_metrics(
    database: Database, sealer: Sealer, egress: Egress, good: str
) -> None:
    told = Told(TelemetrySettings(max_servers=1))
    parts = build_toolhub(database, sealer, egress, telemetry=told.telemetry)
    for name in ("first", "second", "third"):
        await register(parts, name, good)
        await parts.hub.call(call("add", server=name, a=1, b=2))
    assert told.numbers("millwright_mcp_calls") == {
        ("succeeded", "first", "press"): 1,
        ("succeeded", "_other", "_other"): 2,
    }
    assert set(told.numbers("millwright_mcp_breaker_state")) == {
        ("first", "press"),
        ("_other", "_other"),
    }
    await parts.aclose()


@pytest.mark.usefixtures("registered")
async def test_nothing_that_was_sent_or_answered_is_in_spans_and_metrics(
    parts: ToolhubParts, told: Told, bad: str, capfd: pytest.CaptureFixture[str]
) -> None:
    canary = "kim.minsu@plant.example 010-1234-5678"
    await register(parts, "cut", f"{bad}/cut-json/mcp")
    await parts.hub.call(call("greet", name=canary))
    for wanted in (
        call("fail", why=canary),
        call("add", a=1, b=canary),
        call(canary),
        call("add", server=canary),
        replace(call("t", server="cut", why=canary), call_id=canary, idempotency_key=canary),
    ):
        await failing(parts, wanted)
    request = McpRequest(
        tenant_id="press",
        url=f"{bad}/500/mcp?who={quote(canary)}",
        method="tools/call",
        params={"name": canary, "arguments": {canary: canary}},
        headers={"x-who": canary},
    )
    with pytest.raises(MillwrightError):
        await parts.hub.request(request)
    told_of = told.text()
    assert len(told.spans()) >= 5
    for part in (canary, "minsu", "1234-5678"):
        assert part not in told_of
        assert part not in "".join(capfd.readouterr())
    assert json.dumps(canary)[1:-1] not in told_of


def test_every_metric_is_documented_and_every_documented_one_is_told() -> None:
    told = Told()
    metrics = Metrics(told.telemetry)
    metrics.ended("press", "excel", "succeeded", 0.1, attempt=2)
    metrics.fell_back("press", "excel", "static", "degraded")
    metrics.rejected("press", "excel", "open")
    metrics.moved("press", "excel", State.OPEN)
    metrics.claimed("sent")
    metrics.settled("done")
    with metrics.refreshing("press", "excel"):
        pass
    text = (Path(__file__).parents[2] / "docs/how-to/observe.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(millwright_mcp_\w+)` \| (.*?) \|", text, re.MULTILINE)
    documented = {
        re.sub("_(total|seconds)$", "", name): set(re.findall(r"`(\w+)`", labels))
        for name, labels in rows
    }
    assert told.labels() == documented
