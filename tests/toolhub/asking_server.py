"""A server of the SDK whose tools ask people, and one that asks what a test lets it ask."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from mcp.server import MCPServer
from mcp.server.mcpserver import Resolve
from mcp.server.mcpserver.resolve import Elicit
from mcp.types import ElicitResult
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from tests.toolhub.servers import Noting, Seen


class Line(BaseModel):
    """Which one it is to be."""

    line: Literal["north", "south"]
    seams: int = 1


class Sure(BaseModel):
    """Whether it is meant."""

    sure: bool


async def which_line() -> Elicit[Line]:
    return Elicit("Which line is free?", Line)


async def is_sure(line: Annotated[Line, Resolve(which_line)]) -> Elicit[Sure]:
    return Elicit(f"Really {line.line}?", Sure)


def sdk_server(seen: Seen) -> ASGIApp:
    """A server as the SDK makes it; its questions are answered in a later call."""
    mcp = MCPServer("asking")

    @mcp.tool()
    def weld(part: str, line: Annotated[Line, Resolve(which_line)]) -> dict[str, Any]:
        """Weld, where somebody says."""
        seen.ran["weld"] += 1
        return {"part": part, "line": line.line, "seams": line.seams}

    @mcp.tool()
    def scrap(
        line: Annotated[Line, Resolve(which_line)], sure: Annotated[Sure, Resolve(is_sure)]
    ) -> str:
        """Ask twice."""
        seen.ran["scrap"] += 1
        return f"{line.line} {sure.sure}"

    return Noting(mcp.streamable_http_app(), seen)


FORM = {"type": "object", "properties": {"line": {"type": "string"}}, "required": ["line"]}


def elicitation(message: str = "Which line?", **params: Any) -> dict[str, Any]:
    params = {"message": message, **(params or {"requestedSchema": FORM})}
    return {"method": "elicitation/create", "params": params}


@dataclass
class Asking:
    """Asks what it is told to, until there is no question left.

    Attributes:
        questions: `inputRequests` of each round; the last `state` of each is its number.
        refuses: It has forgotten what it asked.
        calls: Parameters of the calls.
        ids: Of their requests.
    """

    questions: list[dict[str, Any]] = field(default_factory=lambda: [{"who": elicitation()}])
    states: bool = True
    refuses: bool = False
    calls: list[dict[str, Any]] = field(default_factory=list)
    ids: list[Any] = field(default_factory=list)

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/mcp", self._answer, methods=["POST"])])

    async def _answer(self, request: Request) -> JSONResponse:
        body = await request.json()
        params = body.get("params", {})
        match body["method"]:
            case "server/discover":
                told = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
                return _complete(body, **told)
            case "tools/list":
                schema = {"type": "object", "properties": {"seam": {"type": "integer"}}}
                return _complete(body, tools=[{"name": "weld", "inputSchema": schema}])
            case _:
                self.calls.append(params)
                self.ids.append(body["id"])
                return self._called(body, params)

    def _called(self, body: dict[str, Any], params: dict[str, Any]) -> JSONResponse:
        round_ = int(params.get("requestState", "state 0").split()[1])
        if self.refuses and round_:
            error = {"code": -32602, "message": "I have forgotten that"}
            return JSONResponse({"jsonrpc": "2.0", "id": body["id"], "error": error})
        if round_ >= len(self.questions) or (not self.states and "inputResponses" in params):
            text = f"welded, attempt {len(self.calls)}"
            return _complete(body, content=[{"type": "text", "text": text}])
        asked = {"resultType": "input_required", "inputRequests": self.questions[round_]}
        if self.states:
            asked["requestState"] = f"state {round_ + 1}"
        return JSONResponse({"jsonrpc": "2.0", "id": body["id"], "result": asked})


def _complete(body: dict[str, Any], **result: Any) -> JSONResponse:
    told = {"resultType": "complete", "ttlMs": 0, "cacheScope": "public", **result}
    return JSONResponse({"jsonrpc": "2.0", "id": body["id"], "result": told})


def accepted(**content: Any) -> ElicitResult:
    return ElicitResult(action="accept", content=content)
