"""MCP over Streamable HTTP, with the official SDK: one client per call over shared connections.

A client of its own keeps a failing call from taking others with it (the SDK ends every request of a
client when one breaks) and keeps credentials apart. What a client costs is saved elsewhere: the
connections are shared, and the negotiated version is known, so nothing is asked before the call.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Self

import anyio
import httpx2
from mcp import Client, MCPError
from mcp.client.session import IncomingMessage
from mcp.client.streamable_http import streamable_http_client
from mcp.types import (
    REQUEST_TIMEOUT,
    UNSUPPORTED_PROTOCOL_VERSION,
    CallToolRequest,
    ErrorData,
    Implementation,
    Request,
    ToolListChangedNotification,
)
from mcp.types.methods import MONOLITH_REQUESTS
from mcp.types.version import MODERN_PROTOCOL_VERSIONS, is_version_at_least
from pydantic import ConfigDict, JsonValue, RootModel, ValidationError, model_validator

from foundation.errors import InvalidInputError, MillwrightError
from foundation.json import JsonObject
from security.egress import Egress
from toolhub.schemas import OnProgress
from toolhub.wire.correlation import correlated
from toolhub.wire.exchange import (
    Destination,
    Exchange,
    Message,
    UnreadableAnswerError,
    VersionMismatchError,
)
from toolhub.wire.tasks import TASK_REQUESTS, TASKS
from toolhub.wire.watch import Watch, WatchedTransport

# After the result is here: the time for closing streams and sessions politely.
GOODBYE_S: Final = 2.0
# The outer clock decides; this one only frees a socket nobody waits for any more.
_SLACK_S: Final = 5.0
CLIENT: Final = ("millwright", "1")
# What a server, or the network between, can do to a call. Anything else is a defect of ours.
_EXPECTED: Final = (
    MCPError,
    httpx2.HTTPError,
    MillwrightError,
    UnreadableAnswerError,
    VersionMismatchError,
)


class RawResult(RootModel[dict[str, JsonValue]]):
    """A result as it came, in the spelling of the protocol."""

    # The SDK's parser lets through what JSON does not have.
    model_config = ConfigDict(allow_inf_nan=False)


class RawToolResult(RawResult):
    """The result of a tool: the SDK takes one without content for a question back."""

    @model_validator(mode="after")
    def _has_content(self) -> Self:
        complete = self.root.get("resultType", "complete") == "complete"
        if complete and not isinstance(self.root.get("content"), list):
            raise ValueError("'content' is not a list")
        return self


class StreamableHttp:
    """The adapter for servers that speak MCP."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress

    async def send(self, to: Destination, message: Message) -> Exchange:
        """Exchange one message; negotiate before it when the version is not known yet."""
        request = as_request(message)
        call = _Call()
        with anyio.move_on_after(message.timeout_s) as scope:
            call.watch.end_call = scope.cancel
            try:
                async with self._client(to, message, call) as client:
                    _refuse_older(client.protocol_version, to.oldest)
                    call.protocol = _protocol(client)
                    call.requested = True
                    # From here on the SDK keeps the time: it tells the server when it is over.
                    left_s = scope.deadline - anyio.current_time()
                    scope.deadline += GOODBYE_S
                    await call.run(client, request, message.on_progress, left_s)
                    scope.deadline = anyio.current_time() + GOODBYE_S
            except Exception as error:  # noqa: BLE001 - groups of groups; looked through below
                call.error = _expected(_innermost(error), negotiating=not call.requested)
        if call.error is not None and not isinstance(call.error, _EXPECTED):
            raise call.error
        return call.exchange(broken_off=scope.cancelled_caught)

    @asynccontextmanager
    async def _client(
        self, to: Destination, message: Message, call: "_Call"
    ) -> AsyncIterator[Client]:
        transport = self._egress.transport(max_bytes=message.max_bytes, per_event=True)
        name, version = message.client or CLIENT
        async with (
            httpx2.AsyncClient(
                transport=WatchedTransport(transport, call.watch),
                headers={**message.headers, **to.headers},
                timeout=self._egress.timeout(message.timeout_s + _SLACK_S),
                trust_env=False,
            ) as http,
            Client(
                correlated(
                    # The transport counts; a second limit would only hide which one was hit.
                    streamable_http_client(to.endpoint, http_client=http, max_sse_event_size=None),
                    call.watch,
                ),
                mode=_mode(to.version),
                cache=None,
                message_handler=call.heard,
                client_info=Implementation(name=name, version=version),
                extensions=[TASKS] if message.takes_tasks else None,
            ) as client,
        ):
            yield client


class _Call:
    """What one call has come to so far."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.requested = False
        self.result: JsonObject | None = None
        self.protocol: JsonObject | None = None
        self.error: Exception | None = None
        self.timed_out = False
        self.tools_changed = False

    async def heard(self, message: IncomingMessage) -> None:
        """Take note of what the server says unasked."""
        self.tools_changed |= isinstance(message, ToolListChangedNotification)

    async def run(
        self,
        client: Client,
        request: Request[Any, Any],
        on_progress: OnProgress | None,
        timeout_s: float,
    ) -> None:
        """Send the request and wait for its result.

        Raises:
            MCPError: What the server, or the SDK for it, answers instead.
        """
        began = anyio.current_time()
        try:
            answer = await client.session.send_request(
                request,
                RawToolResult if isinstance(request, CallToolRequest) else RawResult,
                request_read_timeout_seconds=timeout_s,
                progress_callback=on_progress,
            )
        except asyncio.CancelledError:
            await self._let_it_stop(client)
            raise
        except MCPError as error:
            # Servers use this code, too; theirs does not come exactly when the time is over.
            overdue = anyio.current_time() >= began + timeout_s
            self.timed_out = overdue and error.code == REQUEST_TIMEOUT
            if self.timed_out:
                await self._let_it_stop(client)
            raise
        self.result = answer.root

    async def _let_it_stop(self, client: Client) -> None:
        """Give the message that tells a server of 2025 to stop the time to get there.

        Newer servers see it when the connection closes.
        """
        if self.watch.fault is None and client.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            with anyio.move_on_after(GOODBYE_S / 2, shield=True):
                await self.watch.told_to_stop.wait()

    def exchange(self, *, broken_off: bool) -> Exchange:
        """Return the facts; a call that ended without a fault ended because of the time."""
        rpc = self.error.error if isinstance(self.error, MCPError) else None
        fault = self.watch.fault or (None if rpc else self.error)
        return Exchange(
            result=self.result,
            requested=self.requested,
            status=self.watch.status,
            content_type=self.watch.content_type,
            retry_after=self.watch.retry_after,
            location=self.watch.location,
            rpc_code=rpc.code if rpc else None,
            rpc_message=_said(rpc) if rpc else "",
            fault=fault,
            timed_out=self.timed_out or (broken_off and fault is None),
            protocol=self.protocol,
            tools_changed=self.tools_changed,
        )


def as_request(message: Message) -> Request[Any, Any]:
    """Build the SDK's request.

    Raises:
        InvalidInputError: When the parameters are not what the method takes.
    """
    model = TASK_REQUESTS.get(message.method) or MONOLITH_REQUESTS[message.method]
    try:
        return model.model_validate({"method": message.method, "params": message.params})
    except ValidationError as error:
        raise InvalidInputError(
            f"These are not parameters of '{message.method}': {_problems(error)}."
        ) from error


def _mode(version: str | None) -> str:
    """Choose how to negotiate: not at all when a version without sessions is known."""
    if version is None:
        return "auto"
    return version if version in MODERN_PROTOCOL_VERSIONS else "legacy"


def _refuse_older(spoken: str, oldest: str | None) -> None:
    if oldest is not None and not is_version_at_least(spoken, oldest):
        raise VersionMismatchError(f"the server speaks {spoken}")


def _said(rpc: ErrorData) -> str:
    """Return a server's own words, and the versions it speaks where that is what it refuses."""
    supported = rpc.data.get("supported") if isinstance(rpc.data, dict) else None
    if rpc.code != UNSUPPORTED_PROTOCOL_VERSION or not isinstance(supported, list):
        return rpc.message
    return f"{rpc.message}; the server speaks {', '.join(map(str, supported))}"


def _protocol(client: Client) -> JsonObject:
    server = client.server_info
    return {
        "version": client.protocol_version,
        "server_name": server.name if server else None,
        "server_version": server.version if server else None,
    }


def _innermost(error: BaseException) -> Exception:
    """Look through the groups that task groups make; each holds the one failure of this call."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ValidationError):
        return UnreadableAnswerError(_problems(error))
    if not isinstance(error, Exception):
        raise error
    return error


def _expected(error: Exception, *, negotiating: bool) -> Exception:
    """Name the one failure for which the SDK has no type: a version that it does not know."""
    if negotiating and isinstance(error, RuntimeError):
        return VersionMismatchError(str(error))
    return error


def _problems(error: ValidationError) -> str:
    """Say what is wrong without the values, which may be anything."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'/'.join(map(str, one['loc']))}: {one['msg']}" for one in found[:5])
