"""The adapter for servers that are programs on this machine."""

from dataclasses import dataclass, replace
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


@dataclass(frozen=True)
class _Order:
    """What one call asks, whichever process is asked."""

    message: Message
    request: Request[Any, Any]
    oldest: str | None
    deadline: float


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
        deadline = anyio.current_time() + message.timeout_s
        order = _Order(message, request, to.oldest, deadline)
        take = partial(self._pool.take, to.program, allowed, to.version, until=deadline)
        while True:
            try:
                server = await take()
            except ProgramError as fault:
                return Exchange(fault=fault)
            is_kept, call = server.calls > 0, Call()
            exchange = await self._exchange(call, server, order)
            # One that was kept and had died, or broke, before it could read anything: another one.
            if not (is_kept and server.watch.fault and not exchange.requested):
                return await _without(allowed, exchange)

    async def _exchange(self, call: Call, server: Server, order: _Order) -> Exchange:
        with anyio.CancelScope(deadline=order.deadline) as scope:
            try:
                await self._asked(call, server, scope, order)
            except Exception as error:  # noqa: BLE001 - groups of groups; looked through below
                call.error = expected(innermost(error), negotiating=call.protocol is None)
        if call.error is not None and not isinstance(call.error, EXPECTED):
            raise call.error
        return call.exchange(broken_off=scope.cancelled_caught)

    async def _asked(
        self, call: Call, server: Server, scope: anyio.CancelScope, order: _Order
    ) -> None:
        asked = whole = False
        try:
            client = await server.client()
            refuse_older(client.protocol_version, order.oldest)
            call.watch, call.protocol = server.watch, protocol_of(client)
            server.watch.end_call = scope.cancel
            server.begin(order.message.max_bytes or self._max_bytes)
            asked = True
            # From here on the SDK keeps the time: it tells the server when it is over.
            left_s = scope.deadline - anyio.current_time()
            scope.deadline += GOODBYE_S
            await call.run(client, order.request, order.message.on_progress, left_s)
            whole = True
        except MCPError:
            whole = not call.timed_out  # an answer, too, unless the process is broken
            raise
        finally:
            call.requested = asked and server.inlet.was_heard()
            # One that was not asked anything yet may go on starting: for the next call.
            self._pool.give_back(server, whole=whole or not asked)
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
