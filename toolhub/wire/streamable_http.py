"""MCP over Streamable HTTP, with the official SDK: one client per call over shared connections.

A client of its own keeps a failing call from taking others with it (the SDK ends every request of a
client when one breaks) and keeps credentials apart. What a client costs is saved elsewhere: the
connections are shared, and the negotiated version is known, so nothing is asked before the call.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import Implementation
from mcp.types.version import MODERN_PROTOCOL_VERSIONS

from security.egress import Egress
from toolhub.wire.correlation import correlated
from toolhub.wire.exchange import Destination, Exchange, Message
from toolhub.wire.query_keys import KeyedTransport
from toolhub.wire.questions import not_here
from toolhub.wire.session import (
    CLIENT,
    EXPECTED,
    GOODBYE_S,
    Call,
    as_request,
    expected,
    innermost,
    protocol_of,
    refuse_older,
)
from toolhub.wire.tasks import TASKS
from toolhub.wire.watch import WatchedTransport

# The outer clock decides; this one only frees a socket nobody waits for any more.
_SLACK_S: Final = 5.0


class StreamableHttp:
    """The adapter for servers that speak MCP."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress

    async def send(self, to: Destination, message: Message) -> Exchange:
        """Exchange one message; negotiate before it when the version is not known yet."""
        request = as_request(message)
        call = Call()
        with anyio.move_on_after(message.timeout_s) as scope:
            call.watch.end_call = scope.cancel
            call.watch.method = message.method
            try:
                async with self._client(to, message, call) as client:
                    refuse_older(client.protocol_version, to.oldest)
                    call.protocol = protocol_of(client)
                    call.requested = True
                    # From here on the SDK keeps the time: it tells the server when it is over.
                    left_s = scope.deadline - anyio.current_time()
                    scope.deadline += GOODBYE_S
                    await call.run(client, request, message.on_progress, left_s)
                    scope.deadline = anyio.current_time() + GOODBYE_S
            except Exception as error:  # noqa: BLE001 - groups of groups; looked through below
                call.error = expected(innermost(error), negotiating=not call.requested)
        if call.error is not None and not isinstance(call.error, EXPECTED):
            raise call.error
        return call.exchange(broken_off=scope.cancelled_caught)

    @asynccontextmanager
    async def _client(self, to: Destination, message: Message, call: Call) -> AsyncIterator[Client]:
        way = await self._egress.of(to.tenant_id)
        transport = way.transport(max_bytes=message.max_bytes, per_event=True)
        keyed = KeyedTransport(transport, to.endpoint, to.query)
        name, version = message.client or CLIENT
        async with (
            httpx2.AsyncClient(
                transport=WatchedTransport(keyed, call.watch),
                headers={**to.plain_headers, **message.headers, **to.headers},
                timeout=way.timeout(message.timeout_s + _SLACK_S),
                trust_env=False,
            ) as http,
            Client(
                correlated(
                    # The transport counts; a second limit would only hide which one was hit.
                    streamable_http_client(to.endpoint, http_client=http, max_sse_event_size=None),
                    call.watch,
                    message.ids_after,
                ),
                mode=_mode(to.version),
                cache=None,
                message_handler=call.heard,
                client_info=Implementation(name=name, version=version),
                extensions=[TASKS] if message.takes_tasks else None,
                elicitation_callback=not_here if message.takes_questions else None,
            ) as client,
        ):
            yield client


def _mode(version: str | None) -> str:
    """Choose how to negotiate: not at all when a version without sessions is known."""
    if version is None:
        return "auto"
    return version if version in MODERN_PROTOCOL_VERSIONS else "legacy"
