"""Around every request: its id, its log line, a bound on its body, the headers of every answer.

Pure ASGI, so that streams and cancellation pass through untouched.
"""

import re
import time
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import structlog
from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems

_log = structlog.get_logger(__name__)

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")

# What a browser must not do with answers of an API. HTTPS is the proxy's, and so is its header.
_HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# Swagger UI is a page: its script and style come from where FastAPI's template links to.
_DOCS_POLICY: Final = (
    "default-src 'none'; connect-src 'self'; frame-ancestors 'none'; "
    "img-src 'self' data: https://fastapi.tiangolo.com; "
    "script-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    "style-src 'unsafe-inline' https://cdn.jsdelivr.net"
)


class RequestContext:
    """Gives a request its id, answers for what nobody foresaw, and logs the outcome."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._handle(scope, receive, _Answer(send, scope["path"], request_id))

    async def _handle(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        began = time.perf_counter()
        try:
            await self._app(scope, receive, answer)
        except ClientDisconnect:
            # Nobody is left to answer; the log line says that there was no status.
            return
        except Exception as error:
            response = problems.unexpected_problem(Request(scope), error)
            if answer.status is not None:
                # Too late for a problem: break the connection, so that the client notices.
                raise
            await response(scope, receive, answer)
        finally:
            _log.info(
                "http_request",
                method=scope["method"],
                path=scope["path"],
                status=answer.status,
                duration_ms=round((time.perf_counter() - began) * 1000, 1),
            )


class _Answer:
    """The way back to the client; adds our headers when the answer begins."""

    def __init__(self, send: Send, path: str, request_id: str) -> None:
        self._send = send
        self._path = path
        self._request_id = request_id
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self._request_id
            if self._path == "/docs":
                headers["Content-Security-Policy"] = _DOCS_POLICY
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)


def _request_id(scope: Scope) -> str:
    """Take the caller's id if it can go into a log and a header as it is; make one otherwise."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


class BodyLimit:
    """Refuses bodies over a size: by the announced length at once, by counting while it streams."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _announced(scope) > self._max_bytes:
            response = await problems.protocol_problem(Request(scope), self._too_large())
            await response(scope, receive, send)
            return
        await self._app(scope, _Counted(receive, self._max_bytes, self._too_large()), send)

    def _too_large(self) -> HTTPException:
        return HTTPException(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"The body has more than the {self._max_bytes:,} bytes accepted. Send less.",
        )


class _Counted:
    """Counts what arrives. Raises the framework's own error, the one its body reader lets pass."""

    def __init__(self, receive: Receive, max_bytes: int, error: HTTPException) -> None:
        self._receive = receive
        self._left = max_bytes
        self._error = error

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise self._error
        return message


def _announced(scope: Scope) -> int:
    """Read Content-Length; a server has refused what is not a number before it comes here."""
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isdecimal() else 0
