"""The log of calls: every call is in it, nothing of a payload is, and no call waits for it."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from temporalio.testing import ActivityEnvironment

from activities.logins import Authenticator
from activities.mcp import McpActivities, McpCall
from deploy.local.ports import free_port
from foundation.database import Database
from foundation.errors import InvalidInputError, MillwrightError
from foundation.json import JsonValue
from foundation.settings import DatabaseSettings
from security.egress import Egress
from security.sealing import Sealer
from tests.fixtures.polling import pause
from tests.toolhub.servers import Seen
from toolhub.calls.log import CallLog
from toolhub.calls.schemas import CallFilter, CallInfo, CallStatus
from toolhub.hub import ToolHub
from toolhub.schemas import CallOrigin, CallTool, ServerRegistration
from toolhub.wiring import ToolhubParts
from workflows.secrets import SecretOpener, SecretsInMemory

pytestmark = pytest.mark.anyio

ALL = CallFilter()


@pytest.fixture
async def registered(parts: ToolhubParts, good: str, bad: str) -> None:
    for name, url in {"good": good, "cut": f"{bad}/cut-json/mcp"}.items():
        await parts.registry.register("press", ServerRegistration(name=name, url=url))


def call(tool: str, /, server: str = "good", **arguments: JsonValue) -> CallTool:
    return CallTool(tenant_id="press", server=server, tool=tool, arguments=arguments)


async def logged(parts: ToolhubParts, wanted: CallFilter = ALL) -> list[CallInfo]:
    """Return the log once everything is in it."""
    await parts.log.aclose()
    return parts.calls.list("press", wanted).items


async def failing(hub: ToolHub, wanted: CallTool) -> None:
    with pytest.raises(MillwrightError):
        await hub.call(wanted)


@pytest.mark.usefixtures("registered")
async def test_a_call_is_logged_with_its_tool_its_caller_and_its_end(parts: ToolhubParts) -> None:
    origin = CallOrigin(instance_id="a.b.c", run_id="r", task="/do/0/x", attempt=2)
    began = datetime.now(tz=UTC)
    await parts.hub.call(replace(call("add", a=1, b=2), origin=origin, idempotency_key="k"))
    (found,) = await logged(parts)
    tool = parts.registry.get_tool("press", "good", "add")
    assert (found.server, found.tool, found.sha256) == ("good", "add", tool.sha256)
    assert (found.instance_id, found.run_id, found.task) == ("a.b.c", "r", "/do/0/x")
    assert (found.attempt, found.idempotency_key) == (2, "k")
    assert (found.status, found.executed, found.error) == ("succeeded", "yes", None)
    assert found.latency_ms is not None
    assert began <= found.started_at <= datetime.now(tz=UTC)


@pytest.mark.usefixtures("registered")
async def test_each_way_a_call_ends_is_told_apart(parts: ToolhubParts) -> None:
    hub = parts.hub
    await failing(hub, call("add", a=1, b="two"))
    await failing(hub, call("fail", why="no such sheet"))
    await failing(hub, call("t", server="cut"))
    await failing(hub, call("nothing-of-that-name"))
    told = [(each.tool, each.status, each.executed, each.error) for each in await logged(parts)]
    assert told == [
        ("t", "failed", "unknown", "tool-outcome-unknown"),
        ("fail", "failed", "yes", "tool-failed"),
        ("add", "failed", "no", "tool-input"),
    ]


@pytest.mark.usefixtures("registered")
async def test_what_goes_on_is_running_and_what_is_cancelled_is_so(
    parts: ToolhubParts, good_seen: Seen
) -> None:
    task = asyncio.create_task(parts.hub.call(call("slow", seconds=60)))
    while not (found := parts.calls.list("press", CallFilter(status=CallStatus.RUNNING)).items):
        await pause()
    while parts.calls.list("press", ALL).items[0].executed != "unknown":
        await pause()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (ended,) = await logged(parts)
    assert (ended.id, ended.status, ended.executed) == (found[0].id, "cancelled", "unknown")
    assert good_seen.ran["slow"] == 1


@pytest.mark.usefixtures("registered")
async def test_a_call_whose_end_nobody_tells_is_lost(
    parts: ToolhubParts, database: Database
) -> None:
    await parts.hub.call(call("greet", name="Kim"))
    await parts.log.aclose()
    gone = "update mcp_call_logs set status = 'running', due_at = now() - interval '1 s'"
    with database.session() as session:
        session.execute(text(gone))
    assert [each.status for each in parts.calls.list("press", ALL).items] == ["lost"]
    assert parts.calls.list("press", CallFilter(status=CallStatus.LOST)).items
    assert not parts.calls.list("press", CallFilter(status=CallStatus.RUNNING)).items


@pytest.mark.usefixtures("registered")
async def test_of_payloads_there_are_hashes_that_only_this_installation_can_make(
    parts: ToolhubParts, database: Database
) -> None:
    for name in ("s3cr3t-name", "s3cr3t-name", "other"):
        await parts.hub.call(call("greet", name=name))
    other, again, first = await logged(parts)
    assert first.arguments_hash == again.arguments_hash != other.arguments_hash
    assert first.result_hash == again.result_hash != other.result_hash
    with database.session() as session:
        rows = session.execute(text("select to_jsonb(mcp_call_logs) from mcp_call_logs")).all()
    assert "s3cr3t" not in json.dumps([list(row) for row in rows])
    elsewhere = CallLog(database, Sealer(bytes(32)).derive("mcp-call-hashes"))
    assert elsewhere._hash("press", {"name": "other"}) != other.arguments_hash
    assert parts.log._hash("press", {"name": "other"}) == other.arguments_hash
    assert parts.log._hash("forge", {"name": "other"}) != other.arguments_hash


@pytest.mark.usefixtures("registered")
async def test_the_log_is_filtered_paged_and_of_one_tenant(parts: ToolhubParts) -> None:
    for attempt in range(1, 6):
        origin = CallOrigin(instance_id="a.b.c", attempt=attempt)
        await parts.hub.call(replace(call("greet", name="Kim"), origin=origin))
    await parts.hub.call(call("add", a=1, b=2))
    await parts.log.aclose()
    seen, token = [], None
    while True:
        page = parts.calls.list(
            "press", CallFilter(instance_id="a.b.c"), page_size=2, page_token=token
        )
        seen += [each.attempt for each in page.items]
        if (token := page.next_page_token) is None:
            break
    assert seen == [5, 4, 3, 2, 1]
    newest, *_, oldest = parts.calls.list("press", ALL).items
    assert newest.tool == "add"
    for narrowed, count in (
        (CallFilter(server="good"), 6),
        (CallFilter(server="bad"), 0),
        (CallFilter(tool="add"), 1),
        (CallFilter(tool="a\0d"), 0),
        (CallFilter(since=newest.started_at), 1),
        (CallFilter(until=newest.started_at), 5),
        (CallFilter(until=oldest.started_at), 0),
        (CallFilter(status=CallStatus.FAILED), 0),
    ):
        assert len(parts.calls.list("press", narrowed).items) == count, narrowed
    assert parts.calls.list("forge", ALL).items == []
    for nonsense in ("x", "WyJhIiwiYiJd"):
        with pytest.raises(InvalidInputError, match="page_token"):
            parts.calls.list("press", ALL, page_token=nonsense)


@pytest.mark.usefixtures("registered")
async def test_old_calls_are_forgotten(parts: ToolhubParts, database: Database) -> None:
    await parts.hub.call(call("greet", name="Kim"))
    await parts.hub.call(call("add", a=1, b=2))
    await parts.log.aclose()
    with database.session() as session:
        session.execute(
            text("update mcp_call_logs set started_at = now() - interval '31 d' where tool='add'")
        )
    assert parts.calls.purge(timedelta(days=30)) == 1
    assert parts.calls.purge(timedelta(days=30)) == 0
    assert [each.tool for each in parts.calls.list("press", ALL).items] == ["greet"]


@pytest.mark.usefixtures("registered")
async def test_calls_go_on_while_the_log_cannot_be_written_and_are_written_later(
    parts: ToolhubParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/nothing"
    away = Database(DatabaseSettings(url=SecretStr(nowhere)))
    here = parts.log._database
    monkeypatch.setattr(parts.log, "_database", away)
    tried: list[None] = []
    monkeypatch.setattr("toolhub.calls.log.log.warning", lambda *_, **__: tried.append(None))
    await parts.hub.call(call("greet", name="Kim"))
    while not tried:
        await pause()
    await parts.hub.call(call("greet", name="Lee"))
    assert parts.calls.list("press", ALL).items == []
    monkeypatch.setattr(parts.log, "_database", here)
    assert len(await logged(parts)) == 2
    away.close()


@pytest.mark.usefixtures("registered")
async def test_an_activity_says_whose_call_it_is(parts: ToolhubParts, egress: Egress) -> None:
    activities = McpActivities(parts.hub, SecretOpener(SecretsInMemory()), Authenticator(egress))
    environment = ActivityEnvironment()
    environment.info = replace(
        environment.info,
        workflow_id="press/line/watch/order.47/11",
        workflow_run_id="run",
        activity_id="/do/0/add",
        attempt=3,
    )
    given = McpCall(tenant_id="press", server="good", tool="add", arguments={"a": 1, "b": 2})
    await environment.run(activities.mcp_call, given)
    (found,) = await logged(parts)
    assert (found.instance_id, found.run_id) == ("line.watch.order.47/11", "run")
    assert (found.task, found.attempt, found.called_by) == ("/do/0/add", 3, None)
    assert found.idempotency_key is not None


@pytest.mark.usefixtures("registered")
async def test_many_calls_are_written_in_few_batches(
    parts: ToolhubParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    really = parts.log._write

    def counting(rows: list[dict[str, object]]) -> None:
        batches.append(len(rows))
        really(rows)

    monkeypatch.setattr(parts.log, "_write", counting)
    await asyncio.gather(*(parts.hub.call(call("greet", name=str(n))) for n in range(40)))
    assert len(await logged(parts)) == 40
    assert len(batches) < 20
