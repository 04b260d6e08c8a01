"""Answers must be answers to what was asked.

The SDK drops a response with a foreign id and goes on waiting until the time is over. Here such a
response ends the call: the server is broken, and that is said at once.

A call that goes on has to have another id than before. Clients of the SDK live for one call here
and all begin with 1, so ids are moved on the way.
"""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from types import TracebackType
from typing import Final, Self, TypeAlias

from mcp.client import Transport
from mcp.client._transport import ReadStream, TransportStreams, WriteStream
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCError, JSONRPCRequest, JSONRPCResponse, RequestId

from toolhub.wire.watch import Watch

Received: TypeAlias = SessionMessage | Exception
# A client that lives for long has one request under way at a time, and few late answers to come.
_REMEMBERED: Final = 64


class StrayAnswerError(Exception):
    """A server answered a request that was never made."""


@asynccontextmanager
async def correlated(
    transport: Transport, watch: Watch, ids_after: int = 0
) -> AsyncIterator[TransportStreams]:
    """Open a transport and watch that its answers belong to its requests.

    Args:
        ids_after: The first request has the id behind this one.
    """
    async with transport as (read, write):
        asked: deque[str] = deque(maxlen=_REMEMBERED)
        yield _In(read, asked, watch, ids_after), _Out(write, asked, ids_after)


class _Out:
    """Notes the ids of requests."""

    def __init__(
        self, stream: WriteStream[SessionMessage], asked: deque[str], ids_after: int
    ) -> None:
        self._stream = stream
        self._asked = asked
        self._ids_after = ids_after

    async def send(self, item: SessionMessage, /) -> None:
        if isinstance(item.message, JSONRPCRequest):
            self._asked.append(str(_after(item.message.id, self._ids_after)))
            item = _moved(item, item.message, self._ids_after)
        await self._stream.send(item)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.aclose()


class _In:
    """Looks at the ids of answers."""

    def __init__(
        self, stream: ReadStream[Received], asked: deque[str], watch: Watch, ids_after: int
    ) -> None:
        self._ids_after = ids_after
        self._stream = stream
        self._asked = asked
        self._watch = watch

    async def receive(self) -> Received:
        return self._checked(await self._stream.receive())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Received:
        return self._checked(await self._stream.__anext__())

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _checked(self, item: Received) -> Received:
        if isinstance(item, Exception) or not self._asked:
            return item
        message = item.message
        if isinstance(message, JSONRPCError) and message.id is None:
            # Refused before its id was read: it can only mean the request that is waiting.
            message = message.model_copy(update={"id": self._asked[-1]})
            return _moved(item, message, -self._ids_after)
        if not isinstance(message, JSONRPCResponse | JSONRPCError):
            return item
        # A late answer to an earlier request of this call is fine: nobody waits for it.
        if str(message.id) not in self._asked:
            self._watch.broke(StrayAnswerError("the answer has the id of another request"))
            return item
        return _moved(item, message, -self._ids_after)


def _moved(
    item: SessionMessage, message: JSONRPCRequest | JSONRPCResponse | JSONRPCError, by: int
) -> SessionMessage:
    id_ = None if message.id is None else _after(message.id, by)
    return replace(item, message=message.model_copy(update={"id": id_}))


def _after(id_: RequestId, by: int) -> RequestId:
    return int(id_) + by if by else id_
