"""Whether servers answer: found out by one process every minute, without calling a tool."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from foundation.database import Database
from security.egress import Egress
from security.sealing import SealBrokenError, Sealer
from tests.fixtures.hubs import build_toolhub
from tests.toolhub.servers import Changing, Seen, serving
from toolhub.breaker.types import Mode
from toolhub.errors import RegistrationError, UnknownServerError
from toolhub.health.sweeping import sweep
from toolhub.protection import BreakerChange
from toolhub.schemas import Dialect, ServerRegistration, ServerStatus, ToolDefinition
from toolhub.sweeping import Due
from toolhub.wiring import ToolhubParts

pytestmark = pytest.mark.anyio


async def register(parts: ToolhubParts, url: str, name: str = "excel") -> None:
    await parts.registry.register("press", ServerRegistration(name=name, url=url))


def make_due(database: Database) -> None:
    with database.session() as session:
        session.execute(text("update mcp_checks set due_at = now()"))


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_a_server_of_either_era_that_answers_is_healthy_and_runs_nothing(
    parts: ToolhubParts, good: str, legacy: str, good_seen: Seen, legacy_seen: Seen, era: str
) -> None:
    await register(parts, good if era == "modern" else legacy)
    seen = good_seen if era == "modern" else legacy_seen
    seen.clear()
    found = await parts.health.check("press", "excel")
    assert (found.healthy, found.error, found.problem) == (True, None, None)
    assert found.latency_ms is not None
    assert found.checked_at is not None
    assert ("server/discover" if era == "modern" else "ping") in seen.methods
    assert not {"tools/call", "tools/list"} & {*seen.methods}


async def test_a_server_that_went_away_is_not_healthy_and_comes_back(
    parts: ToolhubParts, changing: Changing, good: str
) -> None:
    with serving(changing.app) as url:
        await register(parts, f"{url}/mcp")
    found = await parts.health.check("press", "excel")
    assert (found.healthy, found.error) == (False, "mcp-server-unreachable")
    assert "'excel'" in (found.problem or "")
    assert (await parts.health.overview("press")).items == [found]
    with parts.registry._database.session() as session:
        session.execute(text("update mcp_servers set url = :url"), {"url": good})
    assert (await parts.health.check("press", "excel")).healthy


async def test_a_server_that_was_never_asked_is_checked_on_demand_and_may_refuse_us(
    parts: ToolhubParts,
) -> None:
    closed = Route("/mcp", lambda _: PlainTextResponse("who are you?", 401), methods=["POST"])
    with serving(Starlette(routes=[closed])) as url:
        given = ServerRegistration(name="excel", url=f"{url}/mcp", discover=False)
        await parts.registry.register("press", given)
        found = await parts.health.check("press", "excel")
    assert (found.healthy, found.error) == (False, "mcp-credential-refused")


async def test_registered_servers_are_checked_by_one_of_all_processes(
    parts: ToolhubParts, database: Database, sealer: Sealer, egress: Egress, changing: Changing
) -> None:
    with serving(changing.app) as url:
        await register(parts, f"{url}/mcp")
        changing.seen.clear()
        replicas = [build_toolhub(database, sealer, egress).health for _ in range(5)]
        checked = await asyncio.gather(*map(sweep, replicas))
        assert sorted(checked) == [0, 0, 0, 0, 1]
        assert changing.seen.methods.count("server/discover") == 1
        assert await sweep(parts.health) == 0
        make_due(database)
        assert await sweep(parts.health) == 1
    (info,) = (await parts.health.overview("press")).items
    assert info.healthy
    with database.session() as session:
        due = session.execute(text("select due_at - checked_at from mcp_checks")).scalar_one()
    assert timedelta(seconds=59) < due <= timedelta(seconds=61)


async def test_a_server_whose_checker_died_is_checked_by_another_one(
    parts: ToolhubParts, database: Database, good: str
) -> None:
    await register(parts, good)
    assert parts.health.take() == Due("press", "excel")  # and then dies
    assert parts.health.take() is None
    make_due(database)
    assert await sweep(parts.health) == 1


async def test_the_list_shows_breakers_quarantine_and_what_was_never_checked(
    parts: ToolhubParts, changing: Changing, changing_url: str
) -> None:
    await register(parts, changing_url)
    changing.offer(lambda file: file)
    await parts.registry.refresh("press", "excel")
    change = BreakerChange(mode=Mode.OPEN)
    await parts.breakers.put("press", "excel", change, by="somebody")
    unasked = ServerRegistration(name="jira", url="https://jira.example/mcp", discover=False)
    await parts.registry.register("press", unasked)
    first = await parts.health.overview("press", page_size=1)
    (excel,) = first.items
    assert (excel.quarantined, excel.breaker_mode, excel.healthy) == (1, "open", None)
    second = await parts.health.overview("press", page_token=first.next_page_token)
    (jira,) = second.items
    assert (jira.server, jira.status, jira.checked_at) == ("jira", "undiscovered", None)
    assert (await parts.health.overview("forge")).items == []


async def test_a_server_whose_credential_does_not_open_is_not_healthy(
    parts: ToolhubParts, database: Database, egress: Egress, good: str, good_seen: Seen
) -> None:
    credential = {"kind": "bearer", "token": "k3y-of-the-line"}
    given = ServerRegistration.model_validate(
        {"name": "excel", "url": good, "credential": credential}
    )
    await parts.registry.register("press", given)
    assert (await parts.health.check("press", "excel")).healthy
    other_key = build_toolhub(database, Sealer(bytes(32)), egress)
    good_seen.clear()
    make_due(database)
    assert await sweep(other_key.health) == 1
    (found,) = (await parts.health.overview("press")).items
    assert (found.healthy, found.error, found.latency_ms) == (False, "seal-broken", None)
    assert "MILLWRIGHT_SECURITY_MASTER_KEY" in (found.problem or "")
    assert good_seen.methods == []
    with pytest.raises(SealBrokenError):
        await other_key.registry.refresh("press", "excel")
    assert parts.registry.get("press", "excel").status == ServerStatus.FAILING


async def test_what_cannot_be_checked_says_so(parts: ToolhubParts) -> None:
    with pytest.raises(UnknownServerError):
        await parts.health.check("press", "excel")
    plain = ServerRegistration(
        name="gauges",
        url="https://gauges.example",
        dialect=Dialect.SEED_HTTP,
        tools=[ToolDefinition(name="read")],
    )
    await parts.registry.register("press", plain)
    with pytest.raises(RegistrationError, match="calls of tools only"):
        await parts.health.check("press", "gauges")
    assert await sweep(parts.health) == 0
