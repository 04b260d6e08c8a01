"""MCP servers for tests: a good one made with the SDK, one of the time before discovery, a bad one.

All run in threads of the test process, on loopback, on a port of their own.
"""

import asyncio
import json
import socket
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.types import ToolAnnotations
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

MODERN = "2026-07-28"
TWENTY_MB = 20 * 1024 * 1024


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Run an application; yield its base address."""
    with serving_at(lambda _base: app) as base:
        yield base


@contextmanager
def serving_at(make: Callable[[str], ASGIApp]) -> Iterator[str]:
    """Run an application that has to know its base address; yield that."""
    listener = socket.create_server(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = make(base)
    config = uvicorn.Config(app, log_level="critical", lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield base
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@dataclass
class Seen:
    """What a server was sent, written down by its own thread."""

    methods: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    ran: Counter[str] = field(default_factory=Counter)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def clear(self) -> None:
        self.methods.clear()
        self.headers.clear()
        self.bodies.clear()
        self.ran.clear()


class Noting:
    """Writes down each request before the application sees it."""

    def __init__(self, app: ASGIApp, seen: Seen) -> None:
        self.app = app
        self.seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        method = json.loads(body)["method"] if body else scope["method"]
        self.seen.methods.append(method)
        self.seen.bodies.append(json.loads(body) if body else {})
        self.seen.headers.append({k.decode(): v.decode() for k, v in scope["headers"]})
        given = False

        async def again() -> Any:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, again, send)


class Sum(BaseModel):
    total: int
    items: list[int]


def good_server(seen: Seen) -> ASGIApp:  # noqa: C901 - a list of small tools
    """A server as the SDK makes it, for both eras of the protocol."""
    mcp = MCPServer("good")

    @mcp.tool(annotations=ToolAnnotations(read_only_hint=True))
    def add(a: int, b: int) -> Sum:
        """Add two numbers."""
        seen.ran["add"] += 1
        return Sum(total=a + b, items=[a, b])

    @mcp.tool(structured_output=False)
    def greet(name: str) -> str:
        """Say hello."""
        return f"Hello, {name}!"

    @mcp.tool(structured_output=False)
    def several() -> list[str]:
        """Answer with two blocks."""
        return ["one", "two"]

    @mcp.tool()
    def fail(why: str) -> str:
        """Always fail."""
        seen.ran["fail"] += 1
        raise ValueError(why)

    @mcp.tool(structured_output=False)
    async def slow(seconds: float, ctx: Context) -> str:
        """Take a while and report progress."""
        seen.ran["slow"] += 1
        steps = max(1, int(seconds / 0.05))
        try:
            for step in range(steps):
                await ctx.report_progress(step + 1, steps, f"step {step + 1}")
                await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            seen.cancelled.set()
            raise
        return "done"

    @mcp.tool(structured_output=False)
    def big(size: int) -> str:
        """Answer with that many characters."""
        seen.ran["big"] += 1
        return "x" * size

    @mcp.resource("sheet://{name}")
    def sheet(name: str) -> str:
        return f"cells of {name}"

    @mcp.prompt()
    def ask(topic: str) -> str:
        return f"Tell me about {topic}"

    return Noting(mcp.streamable_http_app(), seen)


class Changing:
    """A server of the SDK whose one tool, `write_cell`, becomes another one while it runs."""

    def __init__(self) -> None:
        self.seen = Seen()
        self.mcp = MCPServer("changing")
        self.names: list[str] = []
        self.offer(self.write)

    def write(self, path: str, value: int = 0) -> str:
        self.seen.ran["write_cell"] += 1
        return f"{path}={value}"

    def offer(
        self,
        function: Callable[..., Any],
        description: str = "Write one cell.",
        name: str = "write_cell",
        annotations: ToolAnnotations | None = None,
    ) -> None:
        """Offer this instead of all that was offered."""
        self.withdraw()
        self.more(function, description, name, annotations)

    def more(
        self,
        function: Callable[..., Any],
        description: str,
        name: str,
        annotations: ToolAnnotations | None = None,
    ) -> None:
        """Offer this too."""
        self.mcp.add_tool(
            function,
            name=name,
            description=description,
            annotations=annotations,
            structured_output=False,
        )
        self.names.append(name)

    def withdraw(self) -> None:
        """Offer nothing."""
        for name in self.names:
            self.mcp.remove_tool(name)
        self.names.clear()

    @property
    def app(self) -> ASGIApp:
        return Noting(self.mcp.streamable_http_app(), self.seen)


def without_discovery(app: ASGIApp) -> ASGIApp:
    """Make a server one of 2025: it knows nothing of the stateless protocol."""

    async def legacy(scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", []))
        if headers.get(b"mcp-protocol-version") == MODERN.encode():
            refusal = PlainTextResponse("Bad Request: Unsupported protocol version", 400)
            await refusal(scope, receive, send)
            return
        await app(scope, receive, send)

    return legacy


def tool(name: str = "t", **more: Any) -> dict[str, Any]:
    return {"name": name, "inputSchema": {"type": "object"}, **more}


def bad_server(seen: Seen) -> ASGIApp:
    """A server whose address says how it misbehaves: `/<call>/mcp` or `/tools/<list>/mcp`."""

    async def mcp(request: Request) -> Response:
        body = await request.json()
        seen.methods.append(body["method"])
        seen.headers.append(dict(request.headers))
        way = request.path_params["way"]
        if body["method"] == "server/discover":
            return _result(body, supportedVersions=[MODERN], capabilities={"tools": {}}, **_CACHED)
        if body["method"] == "tools/list":
            tools = [tool(), tool("safe", annotations={"readOnlyHint": True}), *_SPECIAL]
            return _result(body, tools=tools, **_CACHED)
        seen.ran[body["params"]["name"]] += 1
        if way == "hang":
            return await _hang(request, seen)
        if way not in _WAYS:
            return _status(int(way))
        answer: Response = await _WAYS[way](body, seen)
        return answer

    async def listing(request: Request) -> Response:
        body = await request.json()
        seen.methods.append(body["method"])
        if body["method"] == "server/discover":
            return _result(body, supportedVersions=[MODERN], capabilities={"tools": {}}, **_CACHED)
        if body["method"] == "tools/call":
            return _result(body, content=[], structuredContent=body["params"]["arguments"])
        answer: Response = _LISTS[request.path_params["way"]](body)
        return answer

    async def seed(request: Request) -> Response:
        body = await request.json()
        seen.headers.append(dict(request.headers))
        seen.bodies.append(body)
        seen.ran[body["method"]] += 1
        return await _seed(body)

    return Starlette(
        routes=[
            *_of_one_version(seen),
            Route("/{way}/mcp", mcp, methods=["POST"]),
            Route("/tools/{way}/mcp", listing, methods=["POST"]),
            Route("/seed/mcp/tools/call", seed, methods=["POST"]),
        ]
    )


def _of_one_version(seen: Seen) -> list[Route]:
    """Servers that speak one version: one that a handshake gives, or one from the future."""

    async def old(request: Request) -> Response:
        body = await request.json()
        seen.methods.append(body["method"])
        match body["method"]:
            case "initialize":
                about = {"name": "old", "version": "1"}
                spoken = request.path_params["version"]
                return _result(body, protocolVersion=spoken, capabilities={}, serverInfo=about)
            case "notifications/initialized":
                return Response(status_code=202)
            case "tools/list":
                return _result(body, tools=[tool("t")])
            case _:
                refuse = _rpc_error(-32601, "Method not found")
                refusal: Response = await refuse(body, seen)
                return refusal

    async def new(request: Request) -> Response:
        body = await request.json()
        seen.methods.append(body["method"])
        error = {
            "code": -32022,
            "message": "Unsupported protocol version",
            "data": {"supported": [request.path_params["version"]], "requested": MODERN},
        }
        return JSONResponse({"jsonrpc": "2.0", "id": body["id"], "error": error}, 400)

    return [
        Route("/old/{version}/mcp", old, methods=["POST", "DELETE"]),
        Route("/new/{version}/mcp", new, methods=["POST"]),
    ]


_CACHED: dict[str, Any] = {"ttlMs": 0, "cacheScope": "public"}
_SPECIAL = [
    tool("promises", outputSchema={"type": "object", "required": ["n"]}),
    tool(
        "routed",
        inputSchema={
            "type": "object",
            "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
        },
    ),
]


def _result(body: dict[str, Any], **fields: Any) -> JSONResponse:
    answer = {"resultType": "complete", **fields}
    return JSONResponse({"jsonrpc": "2.0", "id": body["id"], "result": answer})


def _status(code: int) -> Response:
    headers = {"retry-after": "7"} if code in {429, 503} else {}
    return PlainTextResponse("no", status_code=code, headers=headers)


async def _ok(body: dict[str, Any], _seen: Seen) -> Response:
    return _result(body, content=[{"type": "text", "text": "fine"}])


async def _html(_body: dict[str, Any], _seen: Seen) -> Response:
    return HTMLResponse("<html><body>Please log in</body></html>")


async def _hang(request: Request, seen: Seen) -> Response:
    """Answer nothing until the caller has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    seen.cancelled.set()
    return Response()


async def _echo(body: dict[str, Any], _seen: Seen) -> Response:
    return _result(body, content=[], structuredContent=body["params"]["arguments"])


def _wrapped(body: dict[str, Any], piece: bytes, times: int) -> AsyncIterator[bytes]:
    async def pieces() -> AsyncIterator[bytes]:
        start = json.dumps({"jsonrpc": "2.0", "id": body["id"]})[:-1]
        yield f'{start}, "result": {{"content": [{{"type": "text", "text": "'.encode()
        for _ in range(times):
            yield piece
        yield b'"}]}}'

    return pieces()


async def _big_json(body: dict[str, Any], _seen: Seen) -> Response:
    pieces = _wrapped(body, b"x" * 65536, TWENTY_MB // 65536)
    return StreamingResponse(pieces, media_type="application/json")


async def _big_sse(body: dict[str, Any], _seen: Seen) -> Response:
    async def event() -> AsyncIterator[bytes]:
        yield b"id: 1\nevent: message\ndata: "
        async for piece in _wrapped(body, b"x" * 65536, TWENTY_MB // 65536):
            yield piece
        yield b"\n\n"

    return StreamingResponse(event(), media_type="text/event-stream")


async def _cut_json(_body: dict[str, Any], _seen: Seen) -> Response:
    async def half() -> AsyncIterator[bytes]:
        yield b'{"jsonrpc": "2.0", '
        raise ConnectionResetError

    return StreamingResponse(half(), media_type="application/json")


async def _cut_sse(_body: dict[str, Any], _seen: Seen) -> Response:
    async def half() -> AsyncIterator[bytes]:
        yield b'id: 7\nevent: message\ndata: {"jsonrpc": "2.0", '
        raise ConnectionResetError

    return StreamingResponse(half(), media_type="text/event-stream")


async def _ended_sse(_body: dict[str, Any], _seen: Seen) -> Response:
    async def nothing() -> AsyncIterator[bytes]:
        yield b": hello\n\n"

    return StreamingResponse(nothing(), media_type="text/event-stream")


async def _wrong_id(_body: dict[str, Any], _seen: Seen) -> Response:
    return _result({"id": "somebody-else"}, content=[])


async def _not_json(_body: dict[str, Any], _seen: Seen) -> Response:
    return Response(b'{"jsonrpc": ', media_type="application/json")


async def _not_a_result(body: dict[str, Any], _seen: Seen) -> Response:
    return _result(body, content="text")


async def _nan(body: dict[str, Any], _seen: Seen) -> Response:
    text = json.dumps(
        {
            "jsonrpc": "2.0",
            "id": body["id"],
            "result": {
                "resultType": "complete",
                "content": [],
                "structuredContent": {"n": float("nan")},
            },
        }
    )
    return Response(text, media_type="application/json")


async def _redirect(_body: dict[str, Any], _seen: Seen) -> Response:
    return RedirectResponse("http://169.254.169.254/latest/meta-data?token=t0p", status_code=307)


async def _question(body: dict[str, Any], _seen: Seen) -> Response:
    needed = {"resultType": "input_required", "requestState": "s", "inputRequests": {}}
    return JSONResponse({"jsonrpc": "2.0", "id": body["id"], "result": needed})


def _rpc_error(code: int, message: str, status: int = 200) -> Any:
    async def answer(body: dict[str, Any], _seen: Seen) -> Response:
        error = {"code": code, "message": message}
        return JSONResponse({"jsonrpc": "2.0", "id": body["id"], "error": error}, status)

    return answer


async def _leak(_body: dict[str, Any], seen: Seen) -> Response:
    given = seen.headers[-1].get("authorization", "")
    error = {"code": -32602, "message": f"cannot use {given} here"}
    return JSONResponse({"jsonrpc": "2.0", "id": _body["id"], "error": error})


async def _guarded(body: dict[str, Any], seen: Seen) -> Response:
    if seen.headers[-1].get("authorization") != "Bearer second":
        return _status(401)
    return _result(body, content=[])


async def _echo_headers(body: dict[str, Any], seen: Seen) -> Response:
    text = json.dumps(seen.headers[-1])
    return _result(body, content=[{"type": "text", "text": text}])


async def _accepted(_body: dict[str, Any], _seen: Seen) -> Response:
    return Response(status_code=202)


_WAYS: dict[str, Any] = {
    "ok": _ok,
    "echo": _echo,
    "html": _html,
    "big-json": _big_json,
    "big-sse": _big_sse,
    "cut-json": _cut_json,
    "cut-sse": _cut_sse,
    "ended-sse": _ended_sse,
    "wrong-id": _wrong_id,
    "not-json": _not_json,
    "not-a-result": _not_a_result,
    "nan": _nan,
    "redirect": _redirect,
    "question": _question,
    "accepted": _accepted,
    "leak": _leak,
    "echo-headers": _echo_headers,
    "guarded": _guarded,
    "bad-params": _rpc_error(-32602, "no such argument", 400),
    "internal": _rpc_error(-32603, "boom"),
    "own-code": _rpc_error(4711, "out of paper"),
}


def _many(body: dict[str, Any]) -> Response:
    return _result(body, tools=[tool(f"t{n}") for n in range(10_000)], **_CACHED)


def _paged(body: dict[str, Any]) -> Response:
    page = int(body["params"].get("cursor", "0"))
    cursor = {"nextCursor": str(page + 1)} if page < 4 else {}
    return _result(body, tools=[tool(f"t{page}")], **cursor, **_CACHED)


def _endless(body: dict[str, Any]) -> Response:
    return _result(body, tools=[], nextCursor="again", **_CACHED)


def _twice(body: dict[str, Any]) -> Response:
    return _result(body, tools=[tool("t"), tool("t")], **_CACHED)


def _hostile_schemas(body: dict[str, Any]) -> Response:
    deep: dict[str, Any] = {"type": "object"}
    for _ in range(70):
        deep = {"type": "object", "properties": {"a": deep}}
    twice = {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}
    schemas = {
        "deep": deep,
        "remote": {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:1/s.json"}}},
        "file": {"type": "object", "$ref": "file:///etc/passwd"},
        "wide": {"type": "object", "properties": {f"p{n}": {} for n in range(6_000)}},
        "lookahead": {"type": "object", "properties": {"a": {"pattern": "^(?=x).*$"}}},
        "invalid": {"type": "object", "properties": {"a": {"type": "number-ish"}}},
        "nul": {"type": "object", "description": "a\x00b"},
        "header": {"type": "object", "properties": {"a": {"type": "string", "x-mcp-header": ""}}},
        "slow-pattern": {
            "type": "object",
            "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}},
        },
        "explosive": {"type": "object", "properties": {"a": twice}},
        "good": {"type": "object"},
    }
    tools = [tool(name, inputSchema=schema) for name, schema in schemas.items()]
    return _result(body, tools=tools, **_CACHED)


def _bad_name(body: dict[str, Any]) -> Response:
    return _result(body, tools=[tool("two words\n")], **_CACHED)


def _not_tools(body: dict[str, Any]) -> Response:
    return _result(body, tools="none", **_CACHED)


_LISTS: dict[str, Any] = {
    "many": _many,
    "paged": _paged,
    "endless": _endless,
    "twice": _twice,
    "hostile": _hostile_schemas,
    "bad-name": _bad_name,
    "not-tools": _not_tools,
}


async def _seed(body: dict[str, Any]) -> Response:
    match body["method"]:
        case "read":
            return JSONResponse({"rows": [1, 2, 3], "asked": body["params"]})
        case "html":
            return HTMLResponse("<html>log in</html>")
        case "wrong":
            return JSONResponse({"rows": "none"})
        case "busy":
            return _status(429)
        case "nan" | "endless" as way:
            number = {"nan": "NaN", "endless": "[1e999]"}[way]
            return Response(f'{{"rows": {number}}}', media_type="application/json")
        case _:
            return _status(500)
