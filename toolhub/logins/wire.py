"""A wire that logs in, for everything that is sent to servers: calls, discovery, checks, tasks."""

from dataclasses import replace

import anyio

from foundation.errors import UnavailableError
from security.mask import Mask
from toolhub.hiding import progress_without_secrets, without_secrets
from toolhub.logins.service import Logins
from toolhub.outcome import LOGIN_FAULTS
from toolhub.wire.exchange import Destination, Exchange, Message, Wire


class LoggedIn:
    """Sends with what a destination logs in with; once more, where that was the only fault.

    A server that answers 401 or 403 has not run anything.
    """

    def __init__(self, wire: Wire, logins: Logins) -> None:
        self._wire = wire
        self._logins = logins

    async def send(self, to: Destination, message: Message) -> Exchange:
        """Exchange one message."""
        if to.registered is None:
            return await self._wire.send(to, message)
        try:
            to = await self._logins.ready(to)
        except LOGIN_FAULTS as fault:
            return Exchange(fault=fault)
        until = anyio.current_time() + message.timeout_s
        exchange = await self._sent(to, message)
        tried: set[int] = set()
        while exchange.status in {401, 403} - tried and exchange.result is None:
            tried.add(exchange.status)
            left_s = until - anyio.current_time()
            if left_s <= 0:
                break
            try:
                other = await self._logins.again(to, exchange)
            except LOGIN_FAULTS as fault:
                return replace(exchange, fault=fault, requested=False)
            except UnavailableError:
                break  # our database is away, and the refusal is a good answer
            if other is None:
                break
            to = other
            exchange = await self._sent(to, replace(message, timeout_s=left_s))
        return exchange

    async def _sent(self, to: Destination, message: Message) -> Exchange:
        told = progress_without_secrets(message.on_progress, to.mask)
        exchange = await self._wire.send(to, replace(message, on_progress=told))
        return await _cleaned(exchange, to.mask)


async def _cleaned(exchange: Exchange, mask: Mask) -> Exchange:
    """Take our own credential out of all that a server has said."""
    if mask.is_empty:
        return exchange
    wanted, location, fault = exchange.www_authenticate, exchange.location, exchange.fault
    if fault is not None and mask.cut_text(str(fault)) != str(fault):
        parts = [mask.cut_text(part) if isinstance(part, str) else part for part in fault.args]
        fault.args = (*parts,)
    return replace(
        exchange,
        result=None if exchange.result is None else await without_secrets(exchange.result, mask),
        www_authenticate=None if wanted is None else mask.cut_text(wanted),
        location=None if location is None else mask.cut_text(location),
        rpc_message=mask.cut_text(exchange.rpc_message),
    )
