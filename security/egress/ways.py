"""The one place from which requests leave this installation on somebody's behalf.

Who may be asked: public addresses and the networks that the settings allow, as far as neither the
installation's rules about hosts nor those of the tenant say otherwise. Addresses are checked where
connections are made (`network`), rules at every request.

Connections are shared. Everything that could carry one caller's secrets to another (headers,
cookies) lives in the client, and `client()` makes a new one each time, which costs microseconds.
Tenants that may reach networks which others may not have connections of their own: who uses one
that is open already is asked nothing.

Left out: who may call which address (that is a matter of permissions), and following redirects: a
client that follows them comes back here with each hop.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Final, cast

import httpcore2
import httpx2
import structlog
from typing_extensions import override

from foundation.errors import InvalidInputError, UpstreamError
from foundation.settings import EgressSettings
from security.egress.addresses import check_parsed, check_url, host_name, is_host, is_port, port_of
from security.egress.errors import EgressRefusedError
from security.egress.network import GuardedNetwork, Pool, Resolve, resolve_by_system
from security.egress.public_addresses import Network
from security.egress.rules import Rules, RuleSource, read_rules
from security.response_bodies import ACCEPTED_ENCODING, capped

_log = structlog.get_logger(__name__)

_SETTINGS: Final = "MILLWRIGHT_EGRESS_"


@dataclass(frozen=True)
class _Roads:
    """Connections into some networks."""

    guard: GuardedNetwork
    pool: Pool


class Egress:
    """The ways out of one process, for one event loop.

    Args:
        rules: What tenants have said about hosts.
        resolve: Looks names up; tests hand in their own.
        network: Dials; tests hand in one that records instead.

    Raises:
        InvalidInputError: When the settings name a network, a rule or a mapped address wrongly.
    """

    def __init__(
        self,
        settings: EgressSettings,
        rules: RuleSource,
        *,
        resolve: Resolve | None = None,
        network: httpcore2.AsyncNetworkBackend | None = None,
    ) -> None:
        self._settings = settings
        self._rules = rules
        self._resolve = resolve or resolve_by_system
        self._network = network or cast(httpcore2.AsyncNetworkBackend, httpcore2.AnyIOBackend())
        self._mapped = {host: _mapped_address(host, to) for host, to in settings.host_map.items()}
        self._own_rules = _rules_of_settings(settings)
        self._allowed = _networks("ALLOW_NETWORKS", settings.allow_networks)
        self._granted = {
            tenant_id: (*self._allowed, *_networks("TENANT_NETWORKS", texts))
            for tenant_id, texts in settings.tenant_networks.items()
        }
        self._roads: dict[tuple[Network, ...], _Roads] = {}

    async def of(self, tenant_id: str) -> "WayOut":
        """Return the way out of a tenant, as its rules are now.

        Raises:
            EgressUnknownError: Nobody knows what the tenant's rules are.
        """
        rules = await self._rules.of(tenant_id)
        roads = self._into(self._granted.get(tenant_id, self._allowed))
        return self._way(roads, *([] if rules is None else [rules]))

    def forget(self, tenant_id: str) -> None:
        """Look a tenant's rules up again at its next request: they have changed."""
        self._rules.forget(tenant_id)

    def own(self) -> "WayOut":
        """Return the way to what the operator has named: no tenant has a say in it."""
        return self._way(self._into(self._allowed))

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

    async def aclose(self) -> None:
        """Close all connections, at the end of the process."""
        for roads in self._roads.values():
            await roads.pool.aclose()

    def _way(self, roads: _Roads, *rules: Rules) -> "WayOut":
        return WayOut(self, roads, self._mapped, (self._own_rules, *rules))

    def _into(self, allowed: tuple[Network, ...]) -> _Roads:
        roads = self._roads.get(allowed)
        if roads is None:
            guard = GuardedNetwork(allowed, self._resolve, self._network)
            roads = self._roads[allowed] = _Roads(guard, Pool(guard))
        return roads


class WayOut:
    """The way out for requests of one tenant, or of the operator."""

    def __init__(
        self,
        egress: Egress,
        roads: _Roads,
        mapped: Mapping[str, httpx2.URL],
        rules: Sequence[Rules],
    ) -> None:
        self._egress = egress
        self._roads = roads
        self._mapped = mapped
        self._rules = rules

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
        limit = self._egress.max_response_bytes if max_bytes is None else max_bytes
        return _Guarded(self, self._roads.pool, limit, per_event=per_event)

    def timeout(self, seconds: float | None = None) -> httpx2.Timeout:
        """Return the timeouts of one exchange; connecting has a bound of its own."""
        return self._egress.timeout(seconds)

    async def address(self, scheme: str, host: str, port: int) -> tuple[str, int]:
        """Return where to connect for a host, for protocols that are not HTTP.

        The address was checked: dial it, not the name, and keep the name for TLS.

        Args:
            scheme: What will be spoken, as rules name it: grpc, mqtt, mqtts.
            host: A name or an address.
            port: Where.

        Raises:
            EgressRefusedError: When this installation does not connect there.
            UpstreamError: When nobody says what the name resolves to.
        """
        if not is_host(host.encode()) or not is_port(port):
            raise EgressRefusedError(f"'{host[:100]}', port {port}: nobody can be reached there.")
        self.check(scheme, host_name(host), port)
        target = self._mapped.get(host.lower())
        if target is not None:
            host, port = target.host, target.port or port
        connect_s = self._egress.connect_timeout_s
        try:
            address = await self._roads.guard.address(host, port, connect_s)
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
            raise UpstreamError(f"{error}.") from error
        return address, port

    def check(self, scheme: str, host: str, port: int) -> None:
        """Hold a connection to the rules.

        Args:
            scheme: What will be spoken, as rules name it.
            host: As `host_name` spells it.
            port: Where.

        Raises:
            EgressRefusedError: A rule is against it; the message names the rule.
        """
        for rules in self._rules:
            if refusal := rules.refusal(scheme, host, port):
                _log.info("egress_refused_by_rule", scheme=scheme, host=host, port=port)
                raise EgressRefusedError(refusal)

    def check_request(self, request: httpx2.Request) -> None:
        """Hold a request to what all have to be like, and to the rules.

        Raises:
            EgressRefusedError: Names what is against it.
        """
        url = request.url
        check_parsed(url)
        # Servers behind one address look at this name, not at whom we have looked up.
        if request.headers.get("host", "").lower() != url.netloc.decode().lower():
            raise EgressRefusedError(
                f"A request to '{url.host}' cannot carry the header 'Host' of another one. Write "
                "the host into the address."
            )
        # Of a body whose end two headers tell differently somebody may read two requests.
        if "transfer-encoding" in request.headers and "content-length" in request.headers:
            raise EgressRefusedError(
                "A request cannot carry both 'Content-Length' and 'Transfer-Encoding': leave them "
                "out, they are written from the body."
            )
        self.check(url.scheme, host_name(url.raw_host.decode()), port_of(url))

    def routed(self, request: httpx2.Request) -> httpx2.Request:
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


class _Guarded(httpx2.AsyncBaseTransport):
    """One client's way to the shared connections. `aclose` leaves them open."""

    def __init__(self, way: WayOut, pool: Pool, limit: int, *, per_event: bool) -> None:
        self._way = way
        self._pool = pool
        self._limit = limit
        self._per_event = per_event

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._way.check_request(request)
        request.headers["Accept-Encoding"] = ACCEPTED_ENCODING
        response = await self._pool.handle_async_request(self._way.routed(request))
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


def _networks(setting: str, texts: Sequence[str]) -> tuple[Network, ...]:
    try:
        return tuple(map(ip_network, texts))
    except ValueError as error:
        raise InvalidInputError(
            f"{_SETTINGS}{setting}: {error}. Write networks like 10.20.30.0/24."
        ) from error


def _rules_of_settings(settings: EgressSettings) -> Rules:
    rules = Rules(
        whose="this installation",
        change=f"An operator can change that: {_SETTINGS}ALLOW_HOSTS, {_SETTINGS}DENY_HOSTS.",
    )
    try:
        return replace(
            rules, allow=read_rules(settings.allow_hosts), deny=read_rules(settings.deny_hosts)
        )
    except InvalidInputError as error:
        raise InvalidInputError(
            f"{_SETTINGS}ALLOW_HOSTS or {_SETTINGS}DENY_HOSTS: {error.message}"
        ) from error


def _mapped_address(host: str, text: str) -> httpx2.URL:
    try:
        return check_url(text)
    except EgressRefusedError as error:
        raise InvalidInputError(f"{_SETTINGS}HOST_MAP for '{host}': {error}") from error
