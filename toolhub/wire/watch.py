"""Seeing what the MCP SDK hides: HTTP status, Retry-After, and why a connection broke.

The SDK turns all of that into a few JSON-RPC codes, and swallows a break in the middle of an event
stream. The watch sits below it, at the transport of one call, and ends the call at once when the
exchange has broken, before the SDK starts to reconnect.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import anyio
import httpx2
from typing_extensions import override

from toolhub.logins.challenges import challenge_of

_ACCEPTED: Final = 202
# How the SDK begins what wants an answer; notifications have no id.
_REQUEST: Final = b'{"jsonrpc":"2.0","id":'
# How the SDK spells the notification with which servers of 2025 are told to stop.
_STOP: Final = b'{"jsonrpc":"2.0","method":"notifications/cancelled"'
_MAX_CHALLENGE: Final = 4096
_REDIRECTS: Final = range(300, 400)


def _nothing() -> None:
    pass


@dataclass
class Watch:
    """What one call has shown so far."""

    status: int | None = None
    content_type: str = ""
    retry_after: str | None = None
    www_authenticate: str | None = None
    location: str | None = None
    fault: Exception | None = None
    refused: bool = False
    told_to_stop: anyio.Event = field(default_factory=anyio.Event)
    end_call: Callable[[], None] = field(default=_nothing, repr=False)

    def answered(self, request: httpx2.Request, response: httpx2.Response) -> None:
        """Note an answer; what answers a notification says nothing about the call."""
        content = _content(request)
        if content.startswith(_STOP):
            self.told_to_stop.set()
        if response.status_code == _ACCEPTED and not content.startswith(_REQUEST):
            return
        self.status = response.status_code
        self.content_type = response.headers.get("content-type", "").partition(";")[0].strip()
        self.retry_after = response.headers.get("retry-after")
        self.www_authenticate = (
            response.headers.get("www-authenticate", "")[:_MAX_CHALLENGE] or None
        )
        self.location = None
        if self._wants_another_credential():
            # The SDK would go on and ask in the manner of 2025, and lose what was wanted.
            self.refused = True
            self.end_call()
        if response.status_code in _REDIRECTS:
            self.location = response.headers.get("location", "").partition("?")[0][:500]

    def _wants_another_credential(self) -> bool:
        if self.status == HTTPStatus.FORBIDDEN:
            return challenge_of(self.www_authenticate).lacks_scope
        return self.status == HTTPStatus.UNAUTHORIZED

    def broke(self, fault: Exception) -> None:
        """Note the first fault and end the call."""
        self.fault = self.fault or fault
        self.end_call()


def _content(request: httpx2.Request) -> bytes:
    """Return what is sent; of a request that follows a redirect only the stream is there."""
    try:
        return request.content
    except httpx2.RequestNotRead:
        return b"".join(request.stream) if isinstance(request.stream, httpx2.ByteStream) else b""


class WatchedTransport(httpx2.AsyncBaseTransport):
    """Reports the POSTs of one call: messages travel in nothing else."""

    def __init__(self, transport: httpx2.AsyncBaseTransport, watch: Watch) -> None:
        self._transport = transport
        self._watch = watch

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method != "POST":
            return await self._transport.handle_async_request(request)
        try:
            response = await self._transport.handle_async_request(request)
        except Exception as fault:
            self._watch.broke(fault)
            raise
        self._watch.answered(request, response)
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _WatchedBody(response.stream, self._watch)
        return response

    @override
    async def aclose(self) -> None:
        await self._transport.aclose()


class _WatchedBody(httpx2.AsyncByteStream):
    def __init__(self, body: httpx2.AsyncByteStream, watch: Watch) -> None:
        self._body = body
        self._watch = watch

    @override
    async def __aiter__(self) -> AsyncGenerator[bytes]:
        chunks = self._body.__aiter__()
        try:
            async for chunk in chunks:
                yield chunk
        except Exception as fault:
            self._watch.broke(fault)
            raise
        finally:
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()

    @override
    async def aclose(self) -> None:
        await self._body.aclose()
