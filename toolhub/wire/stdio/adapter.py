"""The adapter for servers that are programs on this machine."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
from mcp import MCPError
from mcp.types import Request

from foundation.errors import InvalidInputError
from foundation.settings import StdioSettings
from toolhub.hiding import progress_without_secrets, without_secrets
from toolhub.wire.exchange import (
    Destination,
    Exchange,
    Message,
    ProgramError,
    ProgramNotAllowedError,
    UnreadableAnswerError,
)
from toolhub.wire.session import (
    EXPECTED,
    GOODBYE_S,
    Call,
    as_request,
    expected,
    innermost,
    protocol_of,
    refuse_older,
)
from toolhub.wire.stdio.commands import Allowed, Commands
from toolhub.wire.stdio.pool import Pool, Server


class Stdio:
    """MCP over the pipes of programs that the installation lists.

    Args:
        settings: The list.
        max_bytes: Longest message of a server, where a request does not say otherwise.

    Raises:
        InvalidInputError: When the list is not right.
    """

    def __init__(self, settings: StdioSettings, max_bytes: int) -> None:
        self.commands = Commands(settings)
        self._pool = Pool(settings)
        self._max_bytes = max_bytes

    async def aclose(self) -> None:
        """End all programs."""
        await self._pool.aclose()

    async def send(self, to: Destination, message: Message) -> Exchange:
        """Exchange one message, with a process that has nothing else to do meanwhile.

        Raises:
            InvalidInputError: The parameters are not what the method takes.
        """
        request = as_request(message)
        if to.program is None:
            raise InvalidInputError(f"'{to.label}' has an address and is no program.")
        try:
            allowed = self.commands.allowed(to.program)
        except ProgramNotAllowedError as fault:
            return Exchange(fault=fault)
        message = replace(
            message, on_progress=progress_without_secrets(message.on_progress, allowed.mask)
        )
        take = partial(self._pool.take, to.program, allowed, to.version)
        call = Call()
        with anyio.move_on_after(message.timeout_s) as scope:
            try:
                await self._asked(
                    call, scope, take=take, oldest=to.oldest, message=message, request=request
                )
            except Exception as error:  # noqa: BLE001 - groups of groups; looked through below
                call.error = expected(innermost(error), negotiating=not call.requested)
        if call.error is not None and not isinstance(call.error, EXPECTED):
            raise call.error
        return await _without(allowed, call.exchange(broken_off=scope.cancelled_caught))

    async def _asked(
        self,
        call: Call,
        scope: anyio.CancelScope,
        *,
        take: Callable[[], Awaitable[Server]],
        oldest: str | None,
        message: Message,
        request: Request[Any, Any],
    ) -> None:
        server = await take()
        whole = False
        try:
            client = await server.client()
            refuse_older(client.protocol_version, oldest)
            call.watch, call.protocol = server.watch, protocol_of(client)
            server.watch.end_call = scope.cancel
            server.meter.begin(message.max_bytes or self._max_bytes)
            call.requested = True
            # From here on the SDK keeps the time: it tells the server when it is over.
            left_s = scope.deadline - anyio.current_time()
            scope.deadline += GOODBYE_S
            await call.run(client, request, message.on_progress, left_s)
            whole = True
        except MCPError:
            whole = not call.timed_out  # an answer, too, unless the process is broken
            raise
        finally:
            # One that was not asked anything yet may go on starting: for the next call.
            self._pool.give_back(server, whole=whole or not call.requested)
            call.tools_changed, server.tools_changed = server.tools_changed, False


async def _without(allowed: Allowed, exchange: Exchange) -> Exchange:
    """Take the secrets of a command out of all that its program says."""
    mask, fault = allowed.mask, exchange.fault
    if mask.is_empty:
        return exchange
    if isinstance(fault, ProgramError | UnreadableAnswerError):
        fault = type(fault)(mask.cut_text(str(fault)))
    result, protocol = exchange.result, exchange.protocol
    return replace(
        exchange,
        result=None if result is None else await without_secrets(result, mask),
        protocol=None if protocol is None else mask.members(protocol),
        rpc_message=mask.cut_text(exchange.rpc_message),
        fault=fault,
    )
