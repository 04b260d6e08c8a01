"""Calls while nobody can say where requests may go: not sent, tried again, nobody's fault."""

from dataclasses import dataclass

import pytest
from sqlalchemy import text

from foundation.database import Database
from foundation.settings import EgressSettings
from security.egress import Egress, EgressUnknownError
from security.egress.rules import Rules
from security.sealing import Sealer
from tests.fixtures.hubs import build_toolhub
from toolhub.errors import NotNowError
from toolhub.protection import Protection
from toolhub.schemas import CallTool, Dialect, ServerRegistration, ToolDefinition

pytestmark = pytest.mark.anyio


@dataclass
class Unread:
    """Rules that cannot be read for a while."""

    away: bool = False

    async def of(self, tenant_id: str) -> Rules | None:
        if self.away:
            raise EgressUnknownError(f"The rules of {tenant_id} cannot be read.")
        return None

    def forget(self, tenant_id: str) -> None:
        pass


@pytest.mark.parametrize("dialect", [Dialect.MCP, Dialect.SEED_HTTP])
async def test_a_call_that_may_not_be_sent_now_is_not_sent_and_tried_again(
    database: Database, sealer: Sealer, good: str, dialect: Dialect
) -> None:
    rules = Unread()
    egress = Egress(EgressSettings(allow_networks=["127.0.0.0/8"]), rules)
    parts = build_toolhub(database, sealer, egress)
    tools = [ToolDefinition(name="book", input_schema={"type": "object"})]
    given = ServerRegistration(
        name="line",
        url=good,
        dialect=dialect,
        tools=tools if dialect is Dialect.SEED_HTTP else [],
        protection=Protection(breaker_window=1, breaker_min_calls=1),
    )
    await parts.registry.register("press", given)
    tool = "book" if dialect is Dialect.SEED_HTTP else "greet"
    call = CallTool(
        tenant_id="press", server="line", tool=tool, call_id="press/1/a", arguments={"name": "Kim"}
    )
    rules.away = True
    for _ in range(2):
        with pytest.raises(NotNowError, match="did not run") as caught:
            await parts.hub.call(call)
        assert caught.value.retryable
    assert (await parts.breakers.get("press", "line")).state == "closed"
    with database.session() as session:
        states = session.scalars(text("select state from mcp_ledger")).all()
    assert states == []
    await parts.aclose()
    await egress.aclose()
