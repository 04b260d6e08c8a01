"""Servers are asked again for their tools when it is time: by one process, and nobody notices."""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from mcp.server import MCPServer
from mcp.server.caching import CacheHint
from mcp.server.mcpserver import Context
from sqlalchemy import text

from foundation.database import Database
from foundation.settings import ToolhubSettings
from security.egress import Egress
from security.sealing import Sealer
from tests.fixtures.hubs import build_toolhub
from tests.toolhub.servers import Changing, Noting, Seen, serving, without_discovery
from toolhub.errors import ToolQuarantinedError
from toolhub.refreshing.plan import Refreshes
from toolhub.refreshing.sweeping import sweep
from toolhub.schemas import CallTool, ServerRegistration
from toolhub.wiring import ToolhubParts

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


def times(database: Database) -> tuple[datetime, datetime]:
    """Return when the one server was asked, and when it will be."""
    with database.session() as session:
        asked, due = session.execute(text("select refreshed_at, due_at from mcp_refreshes")).one()
        return asked, due


def make_due(database: Database) -> None:
    """Let time pass: all servers were asked an hour before, and are due."""
    past = "update mcp_refreshes set refreshed_at = now() - interval '1 h', due_at = now()"
    with database.session() as session:
        session.execute(text(past))


async def register(parts: ToolhubParts, url: str) -> None:
    await parts.registry.register("press", ServerRegistration(name="excel", url=url))


@pytest.mark.parametrize(
    ("ttl", "after"),
    [
        (None, timedelta(seconds=300)),
        (timedelta(0), timedelta(seconds=60)),
        (timedelta(seconds=90), timedelta(seconds=90)),
        (timedelta(days=30), timedelta(days=1)),
    ],
)
def test_a_list_holds_as_long_as_it_says_within_bounds(
    database: Database, ttl: timedelta | None, after: timedelta
) -> None:
    assert Refreshes(database, ToolhubSettings()).after(ttl) == after


@pytest.fixture
def hinted() -> Iterator[str]:
    """Endpoint of a server whose list of tools holds for two hours."""
    mcp = MCPServer("hinted", cache_hints={"tools/list": CacheHint(ttl_ms=7_200_000)})
    with serving(Noting(mcp.streamable_http_app(), Seen())) as url:
        yield f"{url}/mcp"


async def test_a_server_is_asked_again_when_its_list_says(
    parts: ToolhubParts, database: Database, hinted: str
) -> None:
    await register(parts, hinted)
    asked, due = times(database)
    assert due - asked == 2 * HOUR
    assert await sweep(parts.registry, parts.refreshes) == 0
    make_due(database)
    assert await sweep(parts.registry, parts.refreshes) == 1
    asked, due = times(database)
    assert due - asked == 2 * HOUR


async def test_a_server_that_says_nothing_is_asked_again_after_a_while(
    parts: ToolhubParts, database: Database, legacy: str
) -> None:
    await register(parts, legacy)
    asked, due = times(database)
    assert due - asked == timedelta(minutes=5)


async def test_what_a_refresh_finds_is_judged_and_outdates_nobodys_view(
    parts: ToolhubParts, database: Database, changing: Changing, changing_url: str
) -> None:
    await register(parts, changing_url)
    before = parts.registry.get("press", "excel")
    changing.offer(lambda file: file)
    make_due(database)
    await sweep(parts.registry, parts.refreshes)
    with pytest.raises(ToolQuarantinedError):
        await parts.hub.call(CallTool(tenant_id="press", server="excel", tool="write_cell"))
    after = parts.registry.get("press", "excel")
    assert (after.etag, after.updated_at) == (before.etag, before.updated_at)
    assert after.discovered_at != before.discovered_at


async def test_of_many_processes_one_asks(
    parts: ToolhubParts,
    database: Database,
    sealer: Sealer,
    egress: Egress,
    changing: Changing,
    changing_url: str,
) -> None:
    await register(parts, changing_url)
    make_due(database)
    changing.seen.clear()
    replicas = [build_toolhub(database, sealer, egress) for _ in range(5)]
    asked = await asyncio.gather(*(sweep(each.registry, each.refreshes) for each in replicas))
    assert sorted(asked) == [0, 0, 0, 0, 1]
    assert changing.seen.methods.count("tools/list") == 1


async def test_a_server_whose_asker_died_is_asked_by_another_one(
    parts: ToolhubParts, database: Database, changing: Changing, changing_url: str
) -> None:
    await register(parts, changing_url)
    make_due(database)
    assert parts.refreshes.take() is not None  # and then dies
    assert parts.refreshes.take() is None
    make_due(database)
    changing.seen.clear()
    assert await sweep(parts.registry, parts.refreshes) == 1
    assert changing.seen.methods.count("tools/list") == 1


async def test_a_server_that_does_not_answer_keeps_its_tools_and_is_asked_again(
    parts: ToolhubParts, database: Database, changing: Changing
) -> None:
    with serving(changing.app) as url:
        await register(parts, f"{url}/mcp")
    make_due(database)
    assert await sweep(parts.registry, parts.refreshes) == 1
    server = parts.registry.get("press", "excel")
    assert (server.status, server.tool_count, server.version) == ("failing", 1, 1)
    with database.session() as session:
        due = session.execute(text("select due_at - now() from mcp_refreshes")).scalar_one()
    assert timedelta(0) < due <= timedelta(seconds=60)


@pytest.fixture
def telling(changing: Changing) -> Iterator[str]:
    """Endpoint of a server of 2025 whose tool says that the tools have changed."""

    async def write(context: Context) -> str:
        await context.session.send_tool_list_changed()
        await asyncio.sleep(0.05)
        return "written"

    changing.offer(write)
    with serving(without_discovery(changing.app)) as url:
        yield f"{url}/mcp"


async def test_a_server_that_says_its_tools_have_changed_is_asked_soon(
    parts: ToolhubParts, database: Database, telling: str
) -> None:
    await register(parts, telling)
    call = CallTool(tenant_id="press", server="excel", tool="write_cell")
    asked, due = times(database)
    # What it says reaches us beside the answer, and sometimes after it, when nobody listens.
    while times(database) == (asked, due):
        assert (await parts.hub.call(call)).value == "written"
    # Not at once: one that says so with every call must not be asked with every call.
    assert times(database) == (asked, asked + timedelta(minutes=1))
    assert await sweep(parts.registry, parts.refreshes) == 0
    with database.session() as session:
        session.execute(text("update mcp_refreshes set refreshed_at = now() - interval '1 h'"))
    while await sweep(parts.registry, parts.refreshes) == 0:
        await parts.hub.call(call)


async def test_a_server_that_says_nothing_new_is_not_hurried(
    parts: ToolhubParts, database: Database, legacy: str
) -> None:
    await register(parts, legacy)
    before = times(database)
    call = CallTool(tenant_id="press", server="excel", tool="greet", arguments={"name": "Kim"})
    await parts.hub.call(call)
    assert times(database) == before
