"""Who asks for a token while another one finds out that it is refused gives nobody the old one."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from security.authority.tokens import Token
from toolhub.logins.service import Logins
from toolhub.logins.types import PersonLogin, Registered
from toolhub.wire.exchange import Destination, Exchange

pytestmark = pytest.mark.anyio

CRM = Registered(tenant_id="press", server_id="1", version="1", person=PersonLogin())
TO = Destination(tenant_id="press", label="crm", endpoint="https://crm.example/mcp", registered=CRM)


@dataclass
class Agreed:
    """Has an old token, which nobody takes any more, until it is told so."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def token(self, _: Registered, __: str, refused: str | None) -> Token:
        self.asked.set()
        if refused is not None:
            return Token("new", 10.0)
        await self.gate.wait()
        return Token("old", 10.0)

    async def reloaded(self, to: Destination, _: Registered) -> Destination:
        return to


async def test_a_token_that_is_refused_is_not_handed_out_again() -> None:
    agreed: Any = Agreed()
    logins = Logins(agreed, agreed, agreed)
    held = Destination(
        tenant_id="press",
        label="crm",
        endpoint=TO.endpoint,
        headers={"Authorization": "Bearer old"},
        registered=CRM,
        token=Token("old", 10.0),
    )
    asking = asyncio.create_task(logins.ready(TO))
    await agreed.asked.wait()
    renewing = asyncio.create_task(logins.again(held, Exchange(status=401)))
    for _ in range(10):
        await asyncio.sleep(0)  # until it waits for what the other one has asked for
    agreed.gate.set()
    other = await renewing
    assert other is not None
    assert other.headers == {"Authorization": "Bearer new"}
    await asking
    await logins.aclose()
