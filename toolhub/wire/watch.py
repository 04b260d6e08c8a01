"""Seeing what the MCP SDK hides: HTTP status, Retry-After, and why a connection broke.

The SDK turns all of that into a few JSON-RPC codes, and swallows a break in the middle of an event
stream. The watch sits below it, at the transport of one call, and ends the call at once when the
exchange has broken, before the SDK starts to reconnect.

Only the request itself tells whether it ran, and before it the negotiation. While it is under way
the client sends more (answers to a server's ping, notifications): that a server refuses these, or
cannot be reached with them, says nothing about the request.
"""

import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import anyio
import httpx2
from typing_extensions import override

from toolhub.logins.challenges import challenge_of

_ACCEPTED: Final = 202
# How the SDK begins what wants an answer; notifications have no id, and answers no method.
_REQUEST: Final = re.compile(rb'\{"jsonrpc":"2\.0","id":(?:-?[0-9]+|"[^"\\]*"),"method":"([^"]*)"')
_NOTIFICATION: Final = b'{"jsonrpc":"2.0","method":'
# How the SDK spells the notification with which servers of 2025 are told to stop.
_STOP: Final = b'{"jsonrpc":"2.0","method":"notifications/cancelled"'
_MAX_CHALLENGE: Final = 4096
_REDIRECTS: Final = range(300, 400)


def _nothing() -> None:
    pass


@dataclass
class Watch:
    """What one call has shown so far.

    Attributes:
        method: Of the request itself; None where nothing else is sent.
        is_sent: The request itself has left.
    """

    method: str | None = None
    is_sent: bool = False
    status: int | None = None
    content_type: str = ""
    retry_after: str | None = None
    www_authenticate: str | None = None
    location: str | None = None
    fault: Exception | None = None
    refused: bool = False
    told_to_stop: anyio.Event = field(default_factory=anyio.Event)
    end_call: Callable[[], None] = field(default=_nothing, repr=False)

    def counts(self, content: bytes) -> bool:
        """Tell whether what becomes of a message that is being sent is what becomes of the call."""
        if self.method is None:
            return True
        request = _REQUEST.match(content)
        if request and request[1].decode() == self.method:
            self.is_sent = True
            return True
        return not self.is_sent and (bool(request) or content.startswith(_NOTIFICATION))

    def answered(self, content: bytes, response: httpx2.Response) -> None:
        """Note the answer to a message that counts."""
        if response.status_code == _ACCEPTED and content.startswith(_NOTIFICATION):
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
        content = _content(request)
        if not self._watch.counts(content):
            response = await self._transport.handle_async_request(request)
            if content.startswith(_STOP):
                self._watch.told_to_stop.set()
            return response
        try:
            response = await self._transport.handle_async_request(request)
        except Exception as fault:
            self._watch.broke(fault)
            raise
        self._watch.answered(content, response)
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
