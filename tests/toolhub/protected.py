"""An MCP server that takes tokens of an authorization server, and says whose (RFC 9728).

Written from the RFCs: a token for somebody else, without the scopes, or not known, is refused.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mcp.server import MCPServer
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.fixtures.token_server import TokenServer
from tests.toolhub.servers import Noting, Seen, serving_at, without_discovery

METADATA = "/.well-known/oauth-protected-resource"


@dataclass
class Protected:
    """What it wants, and what it has seen.

    Attributes:
        scopes: What a token has to have for anything.
        tool_scopes: What it has to have beside, to call tools.
        says: What it says of itself otherwise than it is.
        challenge: What it says beside, when it refuses.
        key: A key in the address that it takes instead of a token.
        refused: How many requests were refused, by status.
    """

    tokens: TokenServer
    base: str = ""
    scopes: set[str] = field(default_factory=set)
    tool_scopes: set[str] = field(default_factory=set)
    says: dict[str, Any] = field(default_factory=dict)
    silent: bool = False
    challenge: str = ""
    key: tuple[str, str] | None = None
    bearers: set[str] = field(default_factory=set)
    refused: list[int] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    seen: Seen = field(default_factory=Seen)

    @property
    def endpoint(self) -> str:
        return f"{self.base}/mcp"

    def refusal(self, request: Request, body: bytes) -> tuple[int, str] | None:
        """Return why a request is refused: status, and parameters of the challenge."""
        if self.key is not None:
            right = request.query_params.get(self.key[0]) == self.key[1]
            return None if right else (401, 'error="invalid_token"')
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token in self.bearers:
            return None
        about = self.tokens.good.get(token)
        if about is None or about["resource"] not in {self.endpoint, self.base}:
            return 401, 'error="invalid_token"'
        calls = b'"tools/call"' in body
        needed = self.scopes | (self.tool_scopes if calls else set())
        if not needed <= set((about["scope"] or "").split()):
            return 403, f'error="insufficient_scope", scope="{" ".join(sorted(needed))}"'
        return None

    def described(self) -> dict[str, Any]:
        about = {"resource": self.endpoint, "authorization_servers": [self.tokens.authority]}
        return {**about, **self.says}


def _tools(server: Protected) -> ASGIApp:
    mcp = MCPServer("protected")

    @mcp.tool(structured_output=False)
    def book(part: int) -> str:
        """Book a part; twice would be one too many."""
        server.seen.ran["book"] += 1
        return f"booked {part}"

    @mcp.tool(structured_output=False)
    def echo() -> str:
        """Repeat what came with the request."""
        return json.dumps([server.seen.headers[-1], server.queries[-1]])

    return mcp.streamable_http_app()


class _Door:
    def __init__(self, app: ASGIApp, server: Protected) -> None:
        self.app = app
        self.server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        answer = await self._answer(request)
        if answer is not None:
            await answer(scope, receive, send)
            return
        body = await request.body()
        given = False

        async def again() -> Any:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, again, send)

    async def _answer(self, request: Request) -> Response | None:
        server = self.server
        if request.url.path.startswith(METADATA):
            if server.silent or not request.url.path.endswith("/mcp"):
                return Response(status_code=404)
            return JSONResponse(server.described())
        server.queries.append(request.url.query)
        refusal = server.refusal(request, await request.body())
        if refusal is None:
            return None
        status, why = refusal
        server.refused.append(status)
        where = "" if server.silent else f', resource_metadata="{server.base}{METADATA}/mcp"'
        challenge = f'Bearer realm="mes", {why}{where}{server.challenge}'
        # As bad as it may be: it repeats what it was sent.
        said = {"said": json.dumps(dict(request.headers)), "query": request.url.query}
        return JSONResponse(said, status, headers={"WWW-Authenticate": challenge})


@contextmanager
def protected(tokens: TokenServer, *, legacy: bool = False) -> Iterator[Protected]:
    """Run such a server; one that knows only the protocol of 2025, or of both years."""
    server = Protected(tokens)

    def made(base: str) -> ASGIApp:
        server.base = base
        tokens.resources = {f"{base}/mcp", base}
        tools = Noting(_tools(server), server.seen)
        return _Door(without_discovery(tools) if legacy else tools, server)

    with serving_at(made):
        yield server


def credential(**more: Any) -> dict[str, Any]:
    """Return the client that the token server knows, as it is registered."""
    known = {"client_id": "basic:client", "client_secret": "b4sic:secret/+% ü"}
    return {"kind": "oauth2-client-credentials", **known, **more}
