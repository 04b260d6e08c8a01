"""One request over a client of the SDK, however it travels: facts instead of exceptions."""

import asyncio
from typing import Any, Final, Self

import anyio
import httpx2
from mcp import Client, MCPError
from mcp.client.session import IncomingMessage
from mcp.types import (
    REQUEST_TIMEOUT,
    UNSUPPORTED_PROTOCOL_VERSION,
    CallToolRequest,
    ErrorData,
    Request,
    ToolListChangedNotification,
)
from mcp.types.methods import MONOLITH_REQUESTS
from mcp.types.version import MODERN_PROTOCOL_VERSIONS, is_version_at_least
from pydantic import ConfigDict, JsonValue, RootModel, ValidationError, model_validator

from foundation.errors import InvalidInputError, MillwrightError
from foundation.json import JsonObject
from toolhub.schemas import OnProgress
from toolhub.wire.exchange import (
    Exchange,
    Message,
    ProgramError,
    UnreadableAnswerError,
    VersionMismatchError,
)
from toolhub.wire.tasks import TASK_REQUESTS
from toolhub.wire.watch import Watch

# After the result is here: the time for closing streams and sessions politely.
GOODBYE_S: Final = 2.0
CLIENT: Final = ("millwright", "1")
# What a server, or what is between, can do to a call. Anything else is a defect of ours.
EXPECTED: Final = (
    MCPError,
    httpx2.HTTPError,
    MillwrightError,
    ProgramError,
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


class Call:
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
            await self.let_it_stop(client)
            raise
        except MCPError as error:
            # Servers use this code, too; theirs does not come exactly when the time is over.
            overdue = anyio.current_time() >= began + timeout_s
            self.timed_out = overdue and error.code == REQUEST_TIMEOUT
            if self.timed_out:
                await self.let_it_stop(client)
            raise
        self.result = answer.root

    async def let_it_stop(self, client: Client) -> None:
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
            www_authenticate=self.watch.www_authenticate,
            location=self.watch.location,
            rpc_code=rpc.code if rpc else None,
            rpc_message=_said(rpc) if rpc else "",
            fault=fault,
            timed_out=self.timed_out or (broken_off and fault is None and not self.watch.refused),
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


def refuse_older(spoken: str, oldest: str | None) -> None:
    """Hold a server to the oldest version that will do.

    Raises:
        VersionMismatchError: It speaks an older one.
    """
    if oldest is not None and not is_version_at_least(spoken, oldest):
        raise VersionMismatchError(f"the server speaks {spoken}")


def _said(rpc: ErrorData) -> str:
    """Return a server's own words, and the versions it speaks where that is what it refuses."""
    supported = rpc.data.get("supported") if isinstance(rpc.data, dict) else None
    if rpc.code != UNSUPPORTED_PROTOCOL_VERSION or not isinstance(supported, list):
        return rpc.message
    return f"{rpc.message}; the server speaks {', '.join(map(str, supported))}"


def protocol_of(client: Client) -> JsonObject:
    """Return what was negotiated, for the registry."""
    server = client.server_info
    return {
        "version": client.protocol_version,
        "server_name": server.name if server else None,
        "server_version": server.version if server else None,
    }


def innermost(error: BaseException) -> Exception:
    """Look through the groups that task groups make; each holds the one failure of this call."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ValidationError):
        return UnreadableAnswerError(_problems(error))
    if not isinstance(error, Exception):
        raise error
    return error


def expected(error: Exception, *, negotiating: bool) -> Exception:
    """Name the one failure for which the SDK has no type: a version that it does not know."""
    if negotiating and isinstance(error, RuntimeError):
        return VersionMismatchError(str(error))
    return error


def _problems(error: ValidationError) -> str:
    """Say what is wrong without the values, which may be anything."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'/'.join(map(str, one['loc']))}: {one['msg']}" for one in found[:5])
