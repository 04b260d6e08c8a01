"""Our own credential is in nothing that a server says, however the server spells it."""

import base64
import json
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from foundation.database import Database
from foundation.json import JsonValue
from foundation.settings import StdioCommand, StdioSettings
from security.egress import Egress
from security.sealing import Sealer
from tests.fixtures.hubs import build_toolhub
from tests.toolhub.servers import MODERN, serving
from toolhub.errors import ToolFailedError
from toolhub.hub import ToolHub
from toolhub.registry import Registry
from toolhub.schemas import CallTool, ServerRegistration
from toolhub.wiring import ToolhubParts

pytestmark = pytest.mark.anyio

TOKEN = "k3y/of>the?line"
SPELLED = [
    json.dumps({"key": TOKEN}).replace("/", "\\/"),
    "".join(f"\\u{ord(letter):04x}" for letter in TOKEN),
    "".join(f"&#{ord(letter)};" for letter in TOKEN),
    base64.urlsafe_b64encode(f"Bearer {TOKEN}".encode()).decode(),
    "k3y%2Fof>the%3Fline",
]


async def _answer(request: Request) -> JSONResponse:
    body = await request.json()
    result: dict[str, Any] = {"resultType": "complete"}
    match body["method"]:
        case "server/discover":
            result |= {"supportedVersions": [MODERN], "capabilities": {"tools": {}}}
        case "tools/list":
            told = f"I was given {TOKEN}"
            tool = {"name": "say", "description": told, "inputSchema": {"type": "object"}}
            result |= {"tools": [tool]}
        case _:
            result |= body["params"]["arguments"]
    hints = {"ttlMs": 60_000, "cacheScope": "private"}
    return JSONResponse({"jsonrpc": "2.0", "id": body["id"], "result": {**hints, **result}})


@pytest.fixture
def parrot() -> Iterator[str]:
    """Endpoint of a server whose tool answers with the result that it is given."""
    with serving(Starlette(routes=[Route("/mcp", _answer, methods=["POST"])])) as url:
        yield f"{url}/mcp"


@pytest.fixture
async def registered(registry: Registry, parrot: str) -> None:
    given = {"name": "parrot", "url": parrot, "credential": {"kind": "bearer", "token": TOKEN}}
    await registry.register("press", ServerRegistration.model_validate(given))


async def said(hub: ToolHub, **result: JsonValue) -> JsonValue:
    call = CallTool(tenant_id="press", server="parrot", tool="say", arguments=result)
    return (await hub.call(call)).value


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("spelled", SPELLED)
async def test_a_result_has_it_in_no_spelling(hub: ToolHub, spelled: str) -> None:
    found = await said(hub, content=[{"type": "text", "text": f"<{spelled}>"}])
    assert isinstance(found, str)
    assert "[redacted]" in found
    assert len(found) < len(f"<{spelled}>")


@pytest.mark.usefixtures("registered")
async def test_a_result_has_it_in_no_name(hub: ToolHub) -> None:
    found = await said(hub, content=[], structuredContent={"seen": [{TOKEN: 1}]})
    assert found == {"seen": [{"[redacted]": 1}]}


@pytest.mark.usefixtures("registered")
async def test_a_message_has_no_half_of_it(hub: ToolHub) -> None:
    halves = [f"I was given {TOKEN[:7]}", f"{TOKEN[7:]} just now"]
    content: list[JsonValue] = [{"type": "text", "text": half} for half in halves]
    with pytest.raises(ToolFailedError) as caught:
        await said(hub, isError=True, content=content)
    assert "I was given [redacted] [redacted] just now" in caught.value.message


@pytest.mark.usefixtures("registered")
async def test_the_description_of_a_tool_does_not_have_it(registry: Registry) -> None:
    assert registry.get_tool("press", "parrot", "say").description == "I was given [redacted]"


@pytest.fixture
async def programs(
    database: Database, sealer: Sealer, egress: Egress
) -> AsyncIterator[ToolhubParts]:
    """A hub with programs that say so much that only a part of it is kept."""
    last_words = "sys.stderr.write(os.environ['TOKEN'] + '.' * 390)"
    garbage = "print('.' * 90 + os.environ['TOKEN'], flush=True); sys.stdin.read()"
    begin = "import os, sys; sys.stdin.readline(); "
    commands = {
        name: StdioCommand(
            argv=[sys.executable, "-c", begin + code],
            tenants=["*"],
            secrets={"TOKEN": SecretStr(TOKEN)},
        )
        for name, code in {"dying": last_words, "chatty": garbage}.items()
    }
    made = build_toolhub(database, sealer, egress, stdio=StdioSettings(commands=commands))
    yield made
    await made.aclose()


@pytest.mark.parametrize("command", ["dying", "chatty"])
async def test_what_is_kept_of_a_program_has_no_half_of_it(
    programs: ToolhubParts, command: str
) -> None:
    given = {"name": "odd", "url": f"stdio:{command}", "dialect": "stdio", "discover": False}
    registration = ServerRegistration.model_validate(given)
    await programs.registry.register("press", registration, may_programs=True)
    found = await programs.health.check("press", "odd")
    assert found.problem is not None
    assert "....[redacted]" in found.problem or "[redacted]...." in found.problem
    assert "of>the" not in found.problem
