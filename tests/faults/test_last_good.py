"""The last good result of a tool: whose it is, how old it may be, how it is kept."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from foundation.database import Database
from tests.faults.falling import TENANT, call, decide, register, rest
from tests.faults.server import FaultServer
from toolhub import errors
from toolhub.breaker.types import Mode
from toolhub.fallbacks import last_good
from toolhub.fallbacks.models import McpLastResult
from toolhub.fallbacks.sweeping import sweep
from toolhub.protection import BreakerChange
from toolhub.schemas import CallTool, ToolResult
from toolhub.wiring import ToolhubParts

pytestmark = pytest.mark.anyio

LAST = {"kind": "last-good", "max_age_s": 60}
ANY = {**LAST, "any_arguments": True}


@pytest.fixture
async def fine(parts: ToolhubParts, faulty: FaultServer) -> str:
    await register(parts, "s", faulty.endpoint("fine"))
    return "s"


async def had(parts: ToolhubParts, asked: CallTool) -> ToolResult:
    """Call a tool, and wait until its answer is kept."""
    result = await parts.hub.call(asked)
    await parts.last_good.drain()
    return result


def rows(database: Database) -> list[McpLastResult]:
    with database.session() as session:
        return list(session.scalars(select(McpLastResult)))


def aged(database: Database, seconds: float) -> None:
    with database.session() as session:
        session.execute(update(McpLastResult).values(at=func.now() - timedelta(seconds=seconds)))


@pytest.mark.parametrize("tool", ["t", "safe"])
async def test_what_a_tool_answered_last_stands_in(
    parts: ToolhubParts, another: ToolhubParts, fine: str, tool: str, database: Database
) -> None:
    await decide(parts, fine, tool, LAST)
    await had(parts, call(fine, tool, arguments={"line": 3}))
    await rest(parts, fine)
    # Also what another process had.
    result = await another.hub.call(call(fine, tool, arguments={"line": 3}))
    assert (result.value, result.content) == ("fine", [{"type": "text", "text": "fine"}])
    assert result.fallback is not None
    assert (result.fallback.kind, result.fallback.at) == ("last-good", rows(database)[0].at)


async def test_answers_to_other_arguments_stand_in_only_where_that_is_decided(
    parts: ToolhubParts, fine: str
) -> None:
    await decide(parts, fine, "safe", LAST)
    await had(parts, call(fine, "safe", arguments={"line": 3}))
    await rest(parts, fine)
    with pytest.raises(errors.BreakerOpenError, match="no good result with these arguments"):
        await parts.hub.call(call(fine, "safe", arguments={"line": 4}))
    await decide(parts, fine, "safe", ANY)
    with pytest.raises(errors.BreakerOpenError, match="no good result of the last 60 s"):
        await parts.hub.call(call(fine, "safe", arguments={"line": 4}))  # kept before that
    await parts.breakers.put(TENANT, fine, BreakerChange(mode=Mode.AUTO), by="ana")
    await had(parts, call(fine, "safe", arguments={"line": 3}))
    await rest(parts, fine)
    assert (await parts.hub.call(call(fine, "safe", arguments={"line": 4}))).value == "fine"


async def test_an_answer_that_is_too_old_does_not_stand_in(
    parts: ToolhubParts, fine: str, database: Database
) -> None:
    await decide(parts, fine, "safe", LAST)
    await had(parts, call(fine, "safe"))
    await rest(parts, fine)
    aged(database, 59)
    assert (await parts.hub.call(call(fine, "safe"))).value == "fine"
    aged(database, 61)
    with pytest.raises(errors.BreakerOpenError, match="of the last 60 s"):
        await parts.hub.call(call(fine, "safe"))


async def test_what_the_ledger_knows_does_not_become_younger(
    parts: ToolhubParts, fine: str, database: Database
) -> None:
    await decide(parts, fine, "t", LAST)
    await had(parts, call(fine, "t", call_id="a", idempotency_key="order"))
    await parts.ledger.drain()
    aged(database, 30)
    before = rows(database)[0].at
    again = await had(parts, call(fine, "t", call_id="b", idempotency_key="order"))
    assert (again.value, rows(database)[0].at) == ("fine", before)


async def test_answers_are_those_of_one_tenant_one_server_and_one_tool(
    parts: ToolhubParts, faulty: FaultServer, fine: str
) -> None:
    await decide(parts, fine, "safe", ANY)
    await decide(parts, fine, "t", ANY)
    await had(parts, call(fine, "safe"))
    await rest(parts, fine)
    with pytest.raises(errors.BreakerOpenError):
        await parts.hub.call(call(fine, "t"))
    # The same name, registered anew.
    await asyncio.to_thread(parts.registry.delete, TENANT, fine)
    await register(parts, fine, faulty.endpoint("fine"))
    await decide(parts, fine, "safe", ANY)
    await rest(parts, fine)
    with pytest.raises(errors.BreakerOpenError):
        await parts.hub.call(call(fine, "safe"))


async def test_an_answer_of_the_tool_as_it_was_does_not_stand_in(
    parts: ToolhubParts, fine: str, database: Database
) -> None:
    await decide(parts, fine, "safe", LAST)
    await had(parts, call(fine, "safe"))
    with database.session() as session:
        session.execute(update(McpLastResult).values(sha256="0" * 64))
    await rest(parts, fine)
    with pytest.raises(errors.BreakerOpenError, match="no good result"):
        await parts.hub.call(call(fine, "safe"))


async def test_answers_are_sealed_and_go_with_their_server(
    parts: ToolhubParts, fine: str, database: Database
) -> None:
    await decide(parts, fine, "safe", LAST)
    await had(parts, call(fine, "safe", arguments={"line": "secret line"}))
    kept = rows(database)[0]
    told = " ".join(str(getattr(kept, column.key)) for column in McpLastResult.__table__.columns)
    assert "fine" not in told
    assert "line" not in told
    # Copied to another row it does not open.
    with database.session() as session:
        session.execute(update(McpLastResult).values(name="t"))
    await decide(parts, fine, "t", LAST)
    await rest(parts, fine)
    arguments = {"line": "secret line"}
    with database.session() as session:
        sha256 = session.scalar(text("select sha256 from mcp_tools where name = 't'"))
        session.execute(update(McpLastResult).values(sha256=sha256))
    with pytest.raises(errors.BreakerOpenError, match="cannot be opened"):
        await parts.hub.call(call(fine, "t", arguments=arguments))
    await asyncio.to_thread(parts.registry.delete, TENANT, fine)
    assert rows(database) == []


async def test_what_a_caller_hides_is_not_kept_for_others(parts: ToolhubParts, fine: str) -> None:
    def clean(value: Any) -> Any:
        return {"content": [{"type": "text", "text": "***"}]} if value else value

    await decide(parts, fine, "safe", ANY)
    assert (await had(parts, call(fine, "safe", clean=clean))).value == "fine"
    await rest(parts, fine)
    assert (await parts.hub.call(call(fine, "safe"))).value == "***"


async def test_nothing_is_kept_of_tools_that_do_not_want_it(
    parts: ToolhubParts, fine: str, database: Database
) -> None:
    await had(parts, call(fine, "safe"))
    assert rows(database) == []


async def test_old_answers_are_forgotten_and_those_that_nobody_wants_any_more(
    parts: ToolhubParts, fine: str, database: Database
) -> None:
    await decide(parts, fine, "safe", LAST)
    await decide(parts, fine, "t", LAST)
    await had(parts, call(fine, "safe"))
    await had(parts, call(fine, "t"))
    await sweep(parts.last_good)
    assert len(rows(database)) == 2
    await asyncio.to_thread(parts.policies.delete, TENANT, fine, "t", by="ana")
    await sweep(parts.last_good)
    assert [row.name for row in rows(database)] == ["safe"]
    aged(database, 61)
    await sweep(parts.last_good)
    assert rows(database) == []


async def test_of_each_tool_so_many_are_kept(
    parts: ToolhubParts, fine: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_good, "MAX_RESULTS", 2)
    await decide(parts, fine, "safe", LAST)
    await decide(parts, fine, "t", LAST)
    await had(parts, call(fine, "t"))
    for line in range(4):
        await had(parts, call(fine, "safe", arguments={"line": line}))
    await sweep(parts.last_good)
    assert sorted(row.name for row in rows(database)) == ["safe", "safe", "t"]
    await rest(parts, fine)
    assert (await parts.hub.call(call(fine, "safe", arguments={"line": 3}))).value == "fine"


async def test_an_answer_that_is_too_large_is_not_kept(
    parts: ToolhubParts, fine: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_good, "MAX_KEPT_BYTES", 10)
    await decide(parts, fine, "safe", LAST)
    await had(parts, call(fine, "safe"))
    assert rows(database) == []
