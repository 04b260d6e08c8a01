"""Asking a server whether it is there: what every server has to answer, and no tool is run by."""

import time
from dataclasses import dataclass
from typing import Final

from mcp.types import METHOD_NOT_FOUND
from mcp.types.version import MODERN_PROTOCOL_VERSIONS

from foundation.errors import MillwrightError
from toolhub.failures import Attempt, failure
from toolhub.outcome import Kind, classify
from toolhub.repository import made_storable
from toolhub.wire.exchange import Destination, Exchange, Message, Wire

TIMEOUT_S: Final = 10.0
_MAX_BYTES: Final = 1024 * 1024
_MAX_PROBLEM: Final = 1_000


@dataclass(frozen=True)
class Found:
    """What a probe found.

    Attributes:
        latency_ms: How long it took; None when it could not be asked.
        error: Code of what is wrong; None when the server answers.
    """

    latency_ms: float | None
    error: str | None = None
    problem: str | None = None


async def probe(wire: Wire, to: Destination) -> Found:
    """Ask once. Servers of 2026 know no ping any more, those before no discovery."""
    modern = to.version in MODERN_PROTOCOL_VERSIONS
    method = "server/discover" if modern else "ping"
    message = Message(method=method, params={}, timeout_s=TIMEOUT_S, max_bytes=_MAX_BYTES)
    attempt = Attempt(to, f"the request '{method}'", TIMEOUT_S, repeatable=True)
    begun = time.perf_counter()
    exchange = await wire.send(to, message)
    latency_ms = (time.perf_counter() - begun) * 1000
    error = _wrong(attempt, exchange)
    if error is None:
        return Found(latency_ms)
    return Found(latency_ms, error.code, made_storable(error.message)[:_MAX_PROBLEM])


def _wrong(attempt: Attempt, exchange: Exchange) -> MillwrightError | None:
    outcome = classify(exchange, repeatable=True)
    # One that does not know the question is there all the same.
    if outcome.kind is Kind.ANSWERED or exchange.rpc_code == METHOD_NOT_FOUND:
        return None
    return failure(attempt, outcome, exchange)
