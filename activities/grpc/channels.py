"""Connections to gRPC servers: to addresses that were checked, shared, and closed when idle.

A channel is kept for each address, not made for each call. Credentials travel with the call, so
calls of several tenants can share one. Everything by which gRPC could go elsewhere by itself is
off: its own resolver, proxies of the environment, settings that a name server hands out.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import grpc
import httpx2

from activities.http.errors import CallUnreachedError
from activities.patience import way_out
from security.egress import Egress

READY: Final = grpc.ChannelConnectivity.READY
FAILURE: Final = grpc.ChannelConnectivity.TRANSIENT_FAILURE
# The DSL has no word for TLS, so the port says it.
TLS_PORT: Final = 443
MAX_KEPT: Final = 100
KEEP_S: Final = 300.0
# What nobody calls gives its connection back sooner than its channel.
_IDLE_MS: Final = 60_000
# Arguments have to fit into a payload of Temporal, which is smaller.
_MAX_SENT_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """Where a channel goes.

    Attributes:
        address: Checked; it is what is dialled.
        host: What the server is called, for its certificate.
    """

    address: str
    port: int
    host: str
    authority: str
    tls: bool

    @property
    def uri(self) -> str:
        if ":" in self.address:
            return f"ipv6:[{self.address}]:{self.port}"
        return f"ipv4:{self.address}:{self.port}"


@dataclass(slots=True)
class _Kept:
    channel: grpc.aio.Channel
    users: int = 0
    used: float = field(default_factory=time.monotonic)


class Channels:
    """The channels of one process, for one event loop.

    Args:
        roots: Certificates (PEM) that servers are checked against; those of HTTP when left out.
    """

    def __init__(self, egress: Egress, *, roots: bytes | None = None) -> None:
        self._egress = egress
        self._roots = roots
        self.kept: dict[Target, _Kept] = {}

    @asynccontextmanager
    async def connected(
        self, tenant_id: str, host: str, port: int
    ) -> AsyncIterator[grpc.aio.Channel]:
        """Lend a channel that has a connection.

        Raises:
            CallUnreachedError: When there is none; nothing was sent.
            EgressRefusedError: When this installation does not connect there.
        """
        target = await self._target(tenant_id, host, port)
        kept = self.kept.get(target)
        if kept is None:
            kept = self.kept[target] = _Kept(self._opened(target))
        kept.users += 1
        try:
            await self._connect(kept.channel, target)
            yield kept.channel
        except CallUnreachedError:
            # gRPC would pause before it tries this one again; a new one is tried at once.
            if self.kept.get(target) is kept:
                del self.kept[target]
            raise
        finally:
            kept.users -= 1
            kept.used = time.monotonic()
            await self._close_unused(target, kept)

    async def aclose(self) -> None:
        """Close all, at the end of the process."""
        kept, self.kept = self.kept, {}
        for each in kept.values():
            await each.channel.close()

    async def _target(self, tenant_id: str, host: str, port: int) -> Target:
        # Also when there is a channel: it may be another tenant's, which may more.
        way = await way_out(self._egress, tenant_id)
        address, dialled = await way.address("grpc", host, port)
        tls = port == TLS_PORT
        return Target(address, dialled, host, host if tls else f"{host}:{port}", tls)

    def _opened(self, target: Target) -> grpc.aio.Channel:
        options = [
            ("grpc.default_authority", target.authority),
            ("grpc.enable_http_proxy", 0),
            ("grpc.service_config_disable_resolution", 1),
            # Attempts are counted in one place, which is not this.
            ("grpc.enable_retries", 0),
            # Otherwise equal channels share a connection, and with it the pause after a failure.
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.initial_reconnect_backoff_ms", 500),
            ("grpc.max_reconnect_backoff_ms", 1_000),
            ("grpc.client_idle_timeout_ms", _IDLE_MS),
            # No pings: every call has a deadline, and servers hang up on frequent ones.
            # Counted while an answer is unpacked: a gigabyte in a compressed megabyte is not made.
            ("grpc.max_receive_message_length", self._egress.max_response_bytes),
            ("grpc.max_send_message_length", _MAX_SENT_BYTES),
        ]
        if not target.tls:
            return grpc.aio.insecure_channel(target.uri, options)
        if self._roots is None:
            self._roots = roots_of_http()
        return grpc.aio.secure_channel(
            target.uri,
            grpc.ssl_channel_credentials(self._roots),
            [*options, ("grpc.ssl_target_name_override", target.host)],
        )

    async def _connect(self, channel: grpc.aio.Channel, target: Target) -> None:
        """Wait for a connection: what fails before there is one has certainly sent nothing."""
        try:
            async with asyncio.timeout(self._egress.connect_timeout_s):
                while (state := channel.get_state(try_to_connect=True)) != READY:
                    if state == FAILURE:
                        raise CallUnreachedError(f"{target.authority}: no connection.")
                    await channel.wait_for_state_change(state)
        except TimeoutError as error:
            raise CallUnreachedError(
                f"{target.authority}: no connection within {self._egress.connect_timeout_s:g} s."
            ) from error

    async def _close_unused(self, target: Target, given_back: _Kept) -> None:
        """Close what nobody has used for a while, the oldest of too many, and what was dropped."""
        until = time.monotonic() - KEEP_S
        idle = [name for name, kept in self.kept.items() if kept.users == 0]
        idle.sort(key=lambda name: self.kept[name].used)
        surplus = max(len(self.kept) - MAX_KEPT, 0)
        closing = [
            self.kept.pop(name)
            for index, name in enumerate(idle)
            if index < surplus or self.kept[name].used < until
        ]
        if given_back.users == 0 and self.kept.get(target) is not given_back:
            closing.append(given_back)
        for kept in closing:
            await kept.channel.close()


def roots_of_http() -> bytes | None:
    """Return the certificates that HTTP trusts, so that a plant's own authority serves for both."""
    found = httpx2.create_ssl_context().get_ca_certs(binary_form=True)
    return "".join(map(ssl.DER_cert_to_PEM_cert, found)).encode() or None
