"""Of processes that ask one server at the same time, what the last one to begin finds holds."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from foundation.database import Database
from tests.fixtures.polling import pause
from tests.toolhub.servers import Changing, serving, without_discovery
from toolhub.errors import ServerChangedError
from toolhub.health.sweeping import sweep as check
from toolhub.refreshing.sweeping import sweep
from toolhub.schemas import ServerRegistration
from toolhub.sweeping import AT_ONCE
from toolhub.wiring import ToolhubParts

pytestmark = pytest.mark.anyio


class Holding:
    """Keeps answers back that are ready, so that they are old when they come."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.held = 0
        self._room = 0
        self._status = 200
        self._go = threading.Event()

    def hold(self, room: int = 1) -> None:
        """Keep the next answers back."""
        self._room = room

    def let_go(self, status: int = 200) -> None:
        self._room, self._status = 0, status
        self._go.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def later(message: Message) -> None:
            if message["type"] == "http.response.start" and self._room:
                self._room -= 1
                self.held += 1
                while not self._go.is_set():
                    await pause()
                message["status"] = self._status
            await send(message)

        await self.app(scope, receive, later)


@pytest.fixture
def holding(changing: Changing) -> Holding:
    return Holding(changing.app)


@pytest.fixture
def held_url(holding: Holding) -> Iterator[str]:
    with serving(holding) as url:
        yield f"{url}/mcp"
        holding.let_go()


@pytest.fixture
def old_url(holding: Holding) -> Iterator[str]:
    """Endpoint of a server of 2025, which does not say how long its list holds."""
    with serving(without_discovery(holding)) as url:
        yield f"{url}/mcp"
        holding.let_go()


async def register(parts: ToolhubParts, url: str, name: str = "excel") -> None:
    await parts.registry.register("press", ServerRegistration(name=name, url=url))


async def held(holding: Holding, count: int = 1) -> None:
    while holding.held < count:
        await pause()


def execute(database: Database, statement: str) -> None:
    with database.session() as session:
        session.execute(text(statement))


def make_due(database: Database) -> None:
    past = "update mcp_refreshes set refreshed_at = now() - interval '1 h', due_at = now()"
    execute(database, past)


def due(database: Database) -> tuple[datetime, datetime]:
    with database.session() as session:
        row = session.execute(text("select refreshed_at, due_at from mcp_refreshes")).one()
        return row[0], row[1]


def tools(parts: ToolhubParts) -> set[str]:
    return {tool.name for tool in parts.registry.find_tools("press").items}


async def test_a_list_that_comes_late_does_not_replace_a_newer_one(
    parts: ToolhubParts,
    another: ToolhubParts,
    database: Database,
    changing: Changing,
    holding: Holding,
    held_url: str,
) -> None:
    await register(parts, held_url)
    make_due(database)
    holding.hold()
    late = asyncio.create_task(sweep(parts.registry, parts.refreshes))
    await held(holding)
    changing.more(changing.write, "Write another cell.", "write_other")
    make_due(database)  # the time of whoever asks is over
    assert await sweep(another.registry, another.refreshes) == 1
    assert tools(another) == {"write_cell", "write_other"}
    planned = due(database)
    holding.let_go()
    assert await late == 1
    assert tools(another) == {"write_cell", "write_other"}
    assert due(database) == planned


async def test_a_list_that_a_person_asked_for_is_not_replaced_by_an_older_one(
    parts: ToolhubParts,
    another: ToolhubParts,
    database: Database,
    changing: Changing,
    holding: Holding,
    held_url: str,
) -> None:
    await register(parts, held_url)
    holding.hold()
    late = asyncio.create_task(parts.registry.refresh("press", "excel"))
    await held(holding)
    changing.more(changing.write, "Write another cell.", "write_other")
    make_due(database)
    assert await sweep(another.registry, another.refreshes) == 1
    holding.let_go()
    with pytest.raises(ServerChangedError):
        await late
    assert tools(another) == {"write_cell", "write_other"}


async def test_a_server_that_could_not_be_asked_is_not_failing_once_another_process_could(
    parts: ToolhubParts,
    another: ToolhubParts,
    database: Database,
    holding: Holding,
    held_url: str,
) -> None:
    await register(parts, held_url)
    make_due(database)
    holding.hold()
    late = asyncio.create_task(sweep(parts.registry, parts.refreshes))
    await held(holding)
    make_due(database)
    assert await sweep(another.registry, another.refreshes) == 1
    holding.let_go(500)
    await late
    assert another.registry.get("press", "excel").status == "ready"


async def test_what_a_server_says_while_it_is_asked_is_not_forgotten(
    parts: ToolhubParts, database: Database, holding: Holding, old_url: str
) -> None:
    await register(parts, old_url)
    make_due(database)
    holding.hold()
    asked = asyncio.create_task(sweep(parts.registry, parts.refreshes))
    await held(holding)
    with database.session() as session:
        server_id = session.execute(text("select server_id from mcp_refreshes")).scalar_one()
    parts.refreshes.hasten("press", server_id)
    assert await sweep(parts.registry, parts.refreshes) == 0, "one asks it already"
    holding.let_go()
    await asked
    # What is said comes about tools of which nobody knows whether the list had them already.
    refreshed, again = due(database)
    assert again - refreshed == timedelta(minutes=1)
    make_due(database)
    assert await sweep(parts.registry, parts.refreshes) == 1
    refreshed, again = due(database)
    assert again - refreshed == timedelta(minutes=5)


async def test_a_process_takes_no_more_than_it_asks(
    parts: ToolhubParts,
    another: ToolhubParts,
    database: Database,
    holding: Holding,
    held_url: str,
) -> None:
    for number in range(AT_ONCE + 1):
        await register(parts, held_url, f"excel-{number}")
    make_due(database)
    holding.hold(AT_ONCE)
    busy = asyncio.create_task(sweep(parts.registry, parts.refreshes))
    await held(holding, AT_ONCE)
    assert await sweep(another.registry, another.refreshes) == 1
    holding.let_go()
    assert await busy == AT_ONCE


async def test_a_process_checks_no_more_than_it_has_taken(
    parts: ToolhubParts,
    another: ToolhubParts,
    database: Database,
    holding: Holding,
    held_url: str,
) -> None:
    for number in range(AT_ONCE + 1):
        await register(parts, held_url, f"excel-{number}")
    execute(database, "update mcp_checks set due_at = now()")
    holding.hold(AT_ONCE)
    busy = asyncio.create_task(check(parts.health))
    await held(holding, AT_ONCE)
    assert await check(another.health) == 1
    holding.let_go()
    assert await busy == AT_ONCE
