"""Connecting to addresses that were checked, never to names.

A name is resolved once; every address of it is checked and one that passed is dialled, so a name
that changes its mind between check and connection gains nothing.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import Final, TypeAlias

import anyio
import httpcore2
import httpx2
import structlog
from typing_extensions import override

from security.egress.errors import EgressRefusedError
from security.egress.public_addresses import Network, is_public, plain

_log = structlog.get_logger(__name__)

# Answers with the addresses of a host name, as text.
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]

# Common servers close an idle connection after 5 s. Giving it up before they do avoids sending a
# request into a connection that is just being closed, after which nobody knows whether it arrived.
_KEEP_ALIVE_S: Final = 3.0
_MAX_CONNECTIONS: Final = 500
_MAX_IDLE: Final = 100
# Of the addresses of one name; each gets its share of the connect timeout.
_MAX_TRIED: Final = 4


class GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that were checked, never to names."""

    def __init__(
        self, allowed: Sequence[Network], resolve: Resolve, network: httpcore2.AsyncNetworkBackend
    ) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._network = network

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        addresses = self._permitted(host, await self._look_up(host, port, timeout))
        share = timeout / len(addresses) if timeout else timeout
        *others, last = addresses
        for address in others:
            try:
                return await self._network.connect_tcp(
                    address, port, share, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                _log.debug("connect_failed", host=host, address=address, reason=str(error))
        return await self._network.connect_tcp(last, port, share, local_address, socket_options)

    async def address(self, host: str, port: int, seconds: float) -> str:
        """Return the first address of a host that may be dialled."""
        return self._permitted(host, await self._look_up(host, port, seconds))[0]

    async def _look_up(self, host: str, port: int, seconds: float | None) -> Sequence[str]:
        try:
            return [str(ip_address(host))]  # an address needs no resolver, and no thread for it
        except ValueError:
            pass
        try:
            with anyio.fail_after(seconds):
                return await self._resolve(host, port)
        except TimeoutError:
            raise httpcore2.ConnectTimeout(f"Looking up {host} took too long") from None

    def _permitted(self, host: str, addresses: Sequence[str]) -> list[str]:
        good = [address for address in addresses if self._permits(address)][:_MAX_TRIED]
        if good:
            return good
        # The message does not tell where an inside name points to; the log does.
        _log.warning("egress_refused", host=host, addresses=list(addresses))
        raise EgressRefusedError(
            f"The host '{host}' is not on the public internet, so no request was sent to it. If "
            "this installation may reach it, add its network to MILLWRIGHT_EGRESS_ALLOW_NETWORKS, "
            'for example ["10.20.30.0/24"].'
        )

    def _permits(self, text: str) -> bool:
        address = plain(text)
        return is_public(address) or any(address in network for network in self._allowed)


class Pool(httpx2.AsyncHTTPTransport):
    """The shared connections."""

    def __init__(self, network: httpcore2.AsyncNetworkBackend) -> None:
        # Without super().__init__(): the pool it builds dials by name and cannot be told otherwise.
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpx2.create_ssl_context(),  # 25 ms: once per process, not per client
            max_connections=_MAX_CONNECTIONS,
            max_keepalive_connections=_MAX_IDLE,
            keepalive_expiry=_KEEP_ALIVE_S,
            network_backend=network,
        )


async def resolve_by_system(host: str, port: int) -> list[str]:
    """Ask the system's resolver, in a thread of the event loop's pool."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError(f"The name {host} does not resolve") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
