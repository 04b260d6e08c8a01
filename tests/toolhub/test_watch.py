"""What a server says to other messages of a call says nothing about the call."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from security.egress import Egress
from tests.toolhub.servers import serving
from toolhub.outcome import Executed, Kind, classify
from toolhub.wire.exchange import Destination, Message
from toolhub.wire.streamable_http import StreamableHttp

pytestmark = pytest.mark.anyio


@dataclass
class Asking:
    """A server of 2025 that asks something while it runs a tool, and does not like the answer.

    Attributes:
        refuses_with: Its status for answers of the client.
        breaks: The connection breaks after that, before the result.
    """

    refuses_with: int
    breaks: bool
    ran: int = 0
    refused: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: Request) -> Response:
        if request.method != "POST":
            return Response(status_code=405)
        message = json.loads(await request.body())
        match message.get("method"):
            case "initialize":
                result = {
                    "protocolVersion": "2025-06-18",
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "press", "version": "1"},
                }
                return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "result": result})
            case "tools/call":
                self.ran += 1
                return StreamingResponse(self.stream(message["id"]), media_type="text/event-stream")
            case None:
                self.refused.set()
                return Response(status_code=self.refuses_with, headers={"Location": "/other"})
            case _:
                return Response(status_code=202)

    async def stream(self, id_: object) -> AsyncIterator[str]:
        yield self.event({"id": 77, "method": "ping"})
        await self.refused.wait()
        if self.breaks:
            raise ConnectionResetError("the server falls over")
        yield self.event({"id": id_, "result": {"content": []}})

    def event(self, message: dict[str, object]) -> str:
        return f"event: message\ndata: {json.dumps({'jsonrpc': '2.0', **message})}\n\n"


@pytest.mark.parametrize("breaks", [False, True])
@pytest.mark.parametrize("status", [302, 401, 403, 429, 503])
async def test_who_refuses_the_answer_to_a_ping_runs_the_tool_all_the_same(
    egress: Egress, status: int, breaks: bool
) -> None:
    server = Asking(status, breaks)
    app = Starlette(routes=[Route("/mcp", server.answer, methods=["GET", "POST", "DELETE"])])
    with serving(app) as url:
        to = Destination(
            tenant_id="press", label="press", endpoint=f"{url}/mcp", version="2025-06-18"
        )
        call = Message(
            method="tools/call", params={"name": "weld", "arguments": {}}, timeout_s=20.0
        )
        exchange = await StreamableHttp(egress).send(to, call)
    outcome = classify(exchange, repeatable=False)
    assert server.ran == 1
    if breaks:
        assert (outcome.kind, outcome.executed) == (Kind.BROKEN_OFF, Executed.UNKNOWN)
        assert not outcome.retryable
    else:
        assert (outcome.kind, outcome.executed) == (Kind.ANSWERED, Executed.YES)
