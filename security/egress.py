"""The one place from which requests leave this installation on somebody's behalf.

Who may be asked: public addresses, and the networks that the settings allow. A name is resolved
once; every address of it is checked and one that passed is dialled, so a name that changes its mind
between check and connection gains nothing. Host header, SNI and certificate check keep the name.

Connections are shared. Everything that could carry one caller's secrets to another (headers,
cookies) lives in the client, and `client()` makes a new one each time, which costs microseconds.

Left out: who may call which address (that is a matter of permissions), and following redirects: a
client that follows them comes back here with each hop.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Final, TypeAlias, cast

import anyio
import httpcore2
import httpx2
import structlog
from typing_extensions import override

from foundation.errors import ForbiddenError, InvalidInputError, UpstreamError
from foundation.settings import EgressSettings
from security.public_addresses import Network, is_public, plain
from security.response_bodies import ACCEPTED_ENCODING, capped

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
_LAST_PORT: Final = 65_535
_HOST: Final = re.compile(rb"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
# What no URL needs and what different parsers read differently.
_CONFUSING: Final = re.compile(r"[\x00-\x20\\\x7f-\xa0]")


class EgressRefusedError(ForbiddenError):
    """This installation does not send requests there."""

    code = "egress-refused"


class Egress:
    """The way out of one process, for one event loop.

    Args:
        resolve: Looks names up; tests hand in their own.
        network: Dials; tests hand in one that records instead.

    Raises:
        InvalidInputError: When the settings name a network or a mapped address wrongly.
    """

    def __init__(
        self,
        settings: EgressSettings,
        *,
        resolve: Resolve | None = None,
        network: httpcore2.AsyncNetworkBackend | None = None,
    ) -> None:
        self._settings = settings
        self._mapped = {host: _mapped_address(host, to) for host, to in settings.host_map.items()}
        self._guard = GuardedNetwork(
            [_network(text) for text in settings.allow_networks],
            resolve or resolve_by_system,
            network or cast(httpcore2.AsyncNetworkBackend, httpcore2.AnyIOBackend()),
        )
        self._pool = _Pool(self._guard)

    def client(
        self,
        *,
        timeout: float | None = None,
        max_bytes: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.AsyncClient:
        """Make a client for one caller over the shared connections. Closing it leaves those open.

        Args:
            timeout: Seconds to wait for each read or write; the setting when left out.
            max_bytes: Largest answer, after decompression; the setting when left out.
            headers: Sent with every request of this client.
        """
        return httpx2.AsyncClient(
            transport=self.transport(max_bytes=max_bytes),
            timeout=self.timeout(timeout),
            headers=headers,
            follow_redirects=False,
            trust_env=False,
        )

    def transport(
        self, *, max_bytes: int | None = None, per_event: bool = False
    ) -> httpx2.AsyncBaseTransport:
        """Make a guarded transport over the shared connections, for clients with wishes.

        Args:
            max_bytes: Largest answer, after decompression; the setting when left out.
            per_event: Count `max_bytes` for each server-sent event, not for the whole stream.
        """
        limit = self._settings.max_response_bytes if max_bytes is None else max_bytes
        return _Guarded(self._pool, self._mapped, limit, per_event=per_event)

    @property
    def max_response_bytes(self) -> int:
        """The largest answer that is read, for protocols that are not HTTP."""
        return self._settings.max_response_bytes

    @property
    def connect_timeout_s(self) -> float:
        """How long a connection may take, for protocols that are not HTTP."""
        return self._settings.connect_timeout_s

    def timeout(self, seconds: float | None = None) -> httpx2.Timeout:
        """Return the timeouts of one exchange; connecting has a bound of its own."""
        whole = self._settings.timeout_s if seconds is None else seconds
        return httpx2.Timeout(whole, connect=min(whole, self._settings.connect_timeout_s))

    async def address(self, host: str, port: int) -> tuple[str, int]:
        """Return where to connect for a host, for protocols that are not HTTP.

        The address was checked: dial it, not the name, and keep the name for TLS.

        Raises:
            EgressRefusedError: When this installation does not connect there.
            UpstreamError: When nobody says what the name resolves to.
        """
        if not _HOST.fullmatch(host.encode()) or not 0 < port <= _LAST_PORT:
            raise EgressRefusedError(f"'{host[:100]}', port {port}: nobody can be reached there.")
        target = self._mapped.get(host.lower())
        if target is not None:
            host, port = target.host, target.port or port
        try:
            address = await self._guard.address(host, port, self._settings.connect_timeout_s)
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
            raise UpstreamError(f"{error}.") from error
        return address, port

    async def aclose(self) -> None:
        """Close all connections, at the end of the process."""
        await self._pool.aclose()


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


class _Pool(httpx2.AsyncHTTPTransport):
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


class _Guarded(httpx2.AsyncBaseTransport):
    """One client's way to the shared connections. `aclose` leaves them open."""

    def __init__(
        self, pool: _Pool, mapped: Mapping[str, httpx2.URL], limit: int, *, per_event: bool
    ) -> None:
        self._pool = pool
        self._mapped = mapped
        self._limit = limit
        self._per_event = per_event

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        check_parsed(request.url)
        request.headers["Accept-Encoding"] = ACCEPTED_ENCODING
        response = await self._pool.handle_async_request(self._routed(request))
        try:
            return capped(
                response,
                method=request.method,
                limit=self._limit,
                host=request.url.host,
                per_event=self._per_event,
            )
        except BaseException:
            await response.aclose()
            raise

    def _routed(self, request: httpx2.Request) -> httpx2.Request:
        """Send mapped hosts elsewhere; path, Host header and everything else stay."""
        target = self._mapped.get(request.url.host)
        if target is None:
            return request
        url = request.url.copy_with(scheme=target.scheme, host=target.host, port=target.port)
        return httpx2.Request(
            request.method,
            url,
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )


async def resolve_by_system(host: str, port: int) -> list[str]:
    """Ask the system's resolver, in a thread of the event loop's pool."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError(f"The name {host} does not resolve") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def check_url(text: str) -> httpx2.URL:
    """Read an address somebody gave us to send requests to, before anything is stored or sent.

    Raises:
        EgressRefusedError: When it is not a plain http(s) URL without credentials.
    """
    if _CONFUSING.search(text):
        raise EgressRefusedError("A URL has no spaces, backslashes or control characters.")
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL as error:
        raise EgressRefusedError(f"This is not a URL: {error}.") from error
    check_parsed(url)
    return url


def check_parsed(url: httpx2.URL) -> None:
    """Refuse what no request of ours looks like.

    Raises:
        EgressRefusedError: Names what is wrong.
    """
    if url.scheme not in {"http", "https"}:
        raise EgressRefusedError(f"Requests go to http or https, not to '{url.scheme[:20]}:'.")
    if url.userinfo:
        raise EgressRefusedError(
            f"The URL for '{url.host}' carries a user name or password. Send credentials in the "
            "request's authentication instead."
        )
    if not _HOST.fullmatch(url.raw_host):
        raise EgressRefusedError("The URL names no host, or one with characters no host has.")
    if url.port is not None and not 0 < url.port <= _LAST_PORT:
        raise EgressRefusedError(f"There is no port {url.port}: ports are 1 to {_LAST_PORT}.")


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise InvalidInputError(
            f"MILLWRIGHT_EGRESS_ALLOW_NETWORKS: {error}. Write networks like 10.20.30.0/24."
        ) from error


def _mapped_address(host: str, text: str) -> httpx2.URL:
    try:
        return check_url(text)
    except EgressRefusedError as error:
        raise InvalidInputError(f"MILLWRIGHT_EGRESS_HOST_MAP for '{host}': {error}") from error
