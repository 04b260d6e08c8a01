"""The other side of every call, in one process: it writes down what it is asked to do, at once.

`python -m tests.durability.witness HTTP_PORT GRPC_PORT FILE`. What is to be counted carries a tag,
`step-<name>@<run>`, somewhere in the request.
"""

import asyncio
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
import uvicorn
from mcp.server import MCPServer
from mcp.types import ToolAnnotations
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override

from tests.fixtures.agents import Asked, agent
from tests.fixtures.grpc_line import HOST, Line
from tests.fixtures.protos import FOLDER

TAG: Final = re.compile(r"step-[a-z0-9-]+@[a-z0-9]+")


class Diary:
    """What was asked, and how often."""

    def __init__(self, file: Path) -> None:
        self.count: Counter[str] = Counter()
        self._file = file

    def note(self, text: str) -> None:
        """Write down the tags of one request."""
        for tag in sorted(set(TAG.findall(text))):
            self.count[tag] += 1
            with self._file.open("a", encoding="ascii") as file:
                file.write(f"{tag}\n")


class Noting:
    """Writes down each request before the application sees it; questions about it are none."""

    def __init__(self, app: ASGIApp, diary: Diary) -> None:
        self.app = app
        self.diary = diary

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == "/done":
            await self.app(scope, receive, send)
            return
        body = scope["query_string"].decode().replace("%40", "@")

        async def noted() -> Any:
            nonlocal body
            message = await receive()
            body += message.get("body", b"").decode(errors="replace")
            return message

        if scope["method"] == "GET":
            self.diary.note(body)
            await self.app(scope, receive, send)
            return
        # Read in full first: some applications never ask for the end.
        parts = []
        while True:
            parts.append(await noted())
            if not parts[-1].get("more_body"):
                break
        self.diary.note(body)

        async def again() -> Any:
            return parts.pop(0) if parts else await receive()

        await self.app(scope, again, send)


class NotingLine(Line):
    """A press line that writes down what it stops."""

    def __init__(self, diary: Diary) -> None:
        super().__init__()
        self.diary = diary

    @override
    async def stop(self, request: Any, context: Any) -> Any:
        self.diary.note(request.press)
        return await super().stop(request, context)


@dataclass(frozen=True)
class Pages:
    """What answers to plain HTTP."""

    port: int
    diary: Diary

    async def echo(self, request: Request) -> Response:
        """Give the tag back."""
        return JSONResponse({"tag": _tag(request.query_params["tag"])})

    async def do(self, request: Request) -> Response:
        return JSONResponse({"tag": _tag((await request.body()).decode())})

    async def done(self, request: Request) -> Response:
        """Tell whether something was done; whoever asks has to believe it."""
        tag = request.query_params["tag"]
        return JSONResponse({"tag": tag}, status_code=200 if self.diary.count[tag] else 404)

    async def flaky(self, request: Request) -> Response:
        """Fail once."""
        tag = request.query_params["tag"]
        return JSONResponse({"tag": tag}, status_code=500 if self.diary.count[tag] == 1 else 200)

    async def proto(self, request: Request) -> Response:
        return Response((FOLDER / request.path_params["path"]).read_bytes())

    async def openapi(self, _: Request) -> Response:
        return JSONResponse(_openapi(self.port))

    async def asyncapi(self, request: Request) -> Response:
        return JSONResponse(_asyncapi(self.port, request.query_params["broker"]))


def tools() -> Starlette:
    """An MCP server, with one tool that says it may be repeated and one that does not."""
    server = MCPServer("ledger")

    @server.tool()
    def record(tag: str) -> str:
        """Do something that must not be done twice."""
        return tag

    @server.tool(annotations=ToolAnnotations(idempotent_hint=True))
    def look(tag: str) -> str:
        """Do no harm."""
        return tag

    return server.streamable_http_app()


def application(port: int, diary: Diary) -> ASGIApp:
    """Everything that speaks HTTP."""
    pages, mcp = Pages(port, diary), tools()

    @asynccontextmanager
    async def living(_: Starlette) -> AsyncIterator[None]:
        async with mcp.router.lifespan_context(mcp):
            yield

    return Noting(
        Starlette(
            routes=[
                Route("/look", pages.echo),
                Route("/do", pages.do, methods=["POST"]),
                Route("/done", pages.done),
                Route("/flaky", pages.flaky),
                Route("/protos/{path:path}", pages.proto),
                Route("/openapi.json", pages.openapi),
                Route("/asyncapi.json", pages.asyncapi),
                Mount("/agent", agent(f"http://{HOST}:{port}/agent", Asked())),
                Mount("/", mcp),
            ],
            lifespan=living,
        ),
        diary,
    )


def _tag(text: str) -> str | None:
    found = TAG.search(text)
    return found.group() if found else None


def _openapi(port: int) -> dict[str, Any]:
    return {
        "openapi": "3.0.3",
        "info": {"title": "witness", "version": "1"},
        "servers": [{"url": f"http://{HOST}:{port}"}],
        "paths": {
            "/look": {
                "get": {
                    "operationId": "look",
                    "parameters": [{"name": "tag", "in": "query", "schema": {"type": "string"}}],
                    "responses": {"200": {"description": "seen"}},
                }
            },
        },
    }


def _asyncapi(port: int, broker: str) -> dict[str, Any]:
    return {
        "asyncapi": "2.6.0",
        "info": {"title": "witness", "version": "1"},
        "servers": {
            "witness": {"url": f"{HOST}:{port}", "protocol": "http"},
            "broker": {"url": f"{HOST}:{broker}", "protocol": "mqtt"},
        },
        "channels": {
            "do": {"servers": ["witness"], "publish": {}},
            "steps/{run}": {
                "servers": ["broker"],
                "parameters": {"run": {}},
                "subscribe": {"operationId": "steps"},
            },
        },
    }


async def serve(http_port: int, grpc_port: int, file: Path) -> None:
    """Answer until somebody kills the process."""
    diary = Diary(file)
    line = NotingLine(diary)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([line.handler()])
    server.add_insecure_port(f"{HOST}:{grpc_port}")
    await server.start()
    config = uvicorn.Config(
        application(http_port, diary), host=HOST, port=http_port, log_level="warning"
    )
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
