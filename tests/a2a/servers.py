"""Agents that misbehave as their address says, with cards of their own.

`/<way>/card` is the card, `/<way>/rpc` the agent.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

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
from starlette.types import ASGIApp

from tests.fixtures.agents import Asked, Noting

FOREIGN = "http://foreign.example"
WORKING: dict[str, Any] = {"kind": "task", "id": "t-1", "status": {"state": "working"}}
DONE: dict[str, Any] = {
    "kind": "status-update",
    "taskId": "t-1",
    "status": {"state": "completed"},
    "final": True,
}


def bad_agent(asked: Asked) -> ASGIApp:
    """A server of such agents."""

    async def card(request: Request) -> Response:
        way = request.path_params["way"]
        base = f"{str(request.base_url).rstrip('/')}/{way}/rpc"
        return _CARDS[way](base) if way in _CARDS else JSONResponse({"url": base})

    async def rpc(request: Request) -> Response:
        body = await request.json()
        way = request.path_params["way"]
        if way == "hang":
            while (await request.receive())["type"] != "http.disconnect":
                pass
        if way.isdigit():
            headers = {"retry-after": "7"} if way in {"429", "503"} else {}
            return PlainTextResponse("no", int(way), headers)
        if way in _STREAMS:
            return StreamingResponse(_STREAMS[way](body), media_type="text/event-stream")
        answer: Response = _WAYS[way](body)
        return answer

    return Noting(
        Starlette(
            routes=[
                Route("/{way}/card", card),
                Route("/{way}/.well-known/agent-card.json", card),
                Route("/{way}/rpc", rpc, methods=["POST"]),
            ]
        ),
        asked,
    )


def _answer(body: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": body["id"], **fields}


def _ok(body: dict[str, Any]) -> Response:
    return JSONResponse(_answer(body, result={"asked": body["method"]}))


def _error(code: int, message: str, status: int = 200) -> Any:
    def answer(body: dict[str, Any]) -> Response:
        error = {"code": code, "message": message}
        return JSONResponse(_answer(body, error=error), status)

    return answer


def _event(body: dict[str, Any], result: Any) -> str:
    return f"data: {json.dumps(_answer(body, result=result))}\n\n"


async def _stream_ok(body: dict[str, Any]) -> AsyncIterator[str]:
    yield ": hello\n\n"
    yield _event(body, WORKING)
    yield _event(body, DONE)


async def _stream_empty(_body: dict[str, Any]) -> AsyncIterator[str]:
    yield ": hello\n\n"


async def _stream_unfinished(body: dict[str, Any]) -> AsyncIterator[str]:
    yield _event(body, WORKING)


async def _stream_cut(body: dict[str, Any]) -> AsyncIterator[str]:
    yield _event(body, WORKING)
    raise ConnectionResetError


async def _stream_cut_late(body: dict[str, Any]) -> AsyncIterator[str]:
    yield _event(body, {"kind": "message", "parts": []})
    raise ConnectionResetError


async def _stream_open(body: dict[str, Any]) -> AsyncIterator[str]:
    yield _event(body, DONE)
    await asyncio.Event().wait()


async def _stream_error(body: dict[str, Any]) -> AsyncIterator[str]:
    yield _event(body, WORKING)
    yield f"data: {json.dumps(_answer(body, error={'code': -32603, 'message': 'boom'}))}\n\n"


async def _stream_endless(body: dict[str, Any]) -> AsyncIterator[str]:
    for _ in range(2_000):
        yield _event(body, WORKING)


async def _stream_large(body: dict[str, Any]) -> AsyncIterator[str]:
    for _ in range(100):
        yield _event(body, {**WORKING, "history": ["x" * 100_000]})


_STREAMS: dict[str, Any] = {
    "stream": _stream_ok,
    "stream-empty": _stream_empty,
    "stream-unfinished": _stream_unfinished,
    "stream-cut": _stream_cut,
    "stream-cut-late": _stream_cut_late,
    "stream-open": _stream_open,
    "stream-error": _stream_error,
    "stream-endless": _stream_endless,
    "stream-large": _stream_large,
}
_WAYS: dict[str, Any] = {
    "ok": _ok,
    "html": lambda _body: HTMLResponse("<html>log in</html>"),
    "not-json": lambda _body: Response(b'{"jsonrpc": ', media_type="application/json"),
    "nan": lambda body: Response(f'{{"jsonrpc":"2.0","id":"{body["id"]}","result":NaN}}'),
    "wrong-id": lambda body: JSONResponse({**_answer(body, result={}), "id": "other"}),
    "nothing": lambda body: JSONResponse(_answer(body)),
    "redirect": lambda _body: RedirectResponse(f"{FOREIGN}/rpc?token=t0p", 307),
    "not-found": _error(-32001, "Task not found"),
    "own-code": _error(4711, "out of\n paper\x07."),
    "error-400": _error(-32602, "no such parameter", 400),
    "error-503": _error(-32603, "later", 503),
    "large": lambda body: JSONResponse(_answer(body, result={"text": "x" * 2_000_000})),
}
_CARDS: dict[str, Any] = {
    "foreign": lambda _base: JSONResponse({"url": f"{FOREIGN}/rpc"}),
    "two-homes": lambda base: JSONResponse(
        {
            "url": f"{FOREIGN}/rpc",
            "additionalInterfaces": [
                {"url": base.replace("two-homes", "ok"), "transport": "JSONRPC"}
            ],
        }
    ),
    "grpc": lambda base: JSONResponse({"url": base, "preferredTransport": "GRPC"}),
    "old": lambda base: JSONResponse({"url": base, "protocolVersion": "0.1.0"}),
    "future": lambda base: JSONResponse(
        {
            "supportedInterfaces": [
                {"url": base, "protocolBinding": "JSONRPC", "protocolVersion": "2.0"}
            ]
        }
    ),
    "tenant": lambda base: JSONResponse(
        {
            "supportedInterfaces": [
                {
                    "url": base.replace("tenant", "ok"),
                    "protocolBinding": "JSONRPC",
                    "protocolVersion": "1.0",
                    "tenant": "press-shop",
                }
            ]
        }
    ),
    "list": lambda _base: JSONResponse([]),
    "no-url": lambda _base: JSONResponse({"url": 5}),
    "no-interfaces": lambda _base: JSONResponse({"supportedInterfaces": {}}),
    "page": lambda _base: HTMLResponse("<html>"),
    "text": lambda base: PlainTextResponse(json.dumps({"url": base.replace("text", "ok")})),
    "away": lambda _base: PlainTextResponse("later", 503, {"retry-after": "7"}),
    "secret": lambda _base: PlainTextResponse("who are you?", 401),
    "moved": lambda _base: RedirectResponse(f"{FOREIGN}/card", 302),
    "local": lambda _base: JSONResponse({"url": "http://169.254.169.254/latest/meta-data"}),
    "file": lambda _base: JSONResponse({"url": "file:///etc/passwd"}),
    "nowhere": lambda _base: JSONResponse({"url": "http://127.0.0.1:9/rpc"}),
}
