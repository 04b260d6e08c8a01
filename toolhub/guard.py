"""What stands before a server: its breaker, the rate of its calls, and its places in this process.

Asked in this order, so that an open breaker answers at once. Whoever is refused has sent nothing.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import anyio
import structlog

from foundation.settings import McpSettings
from toolhub.breaker.types import Breaker, Mode, Refusal, Rules, State, Ticket, Verdict, Why
from toolhub.breaker.verdict import verdict_of
from toolhub.bulkhead import Bulkhead
from toolhub.errors import BreakerOpenError, CallError, ServerCrowdedError, ThrottledError
from toolhub.metrics import Metrics
from toolhub.outcome import Kind, Outcome
from toolhub.wire.exchange import Exchange

# On top of what a probe may take: for what else a call does.
_LEASE_MARGIN_S: Final = 5.0
# A probe is mostly over much sooner than it is believed to be under way.
_PROBE_AGAIN_S: Final = 5.0

# What a refusal shows of the breaker; the other reasons show nothing.
_REFUSING: Final = {Why.FORCED: State.OPEN, Why.OPEN: State.OPEN, Why.PROBING: State.HALF_OPEN}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Guarded:
    """A server, as far as guarding it goes.

    Attributes:
        tenant_id: Part of every key.
        server_id: Of this registration: a new one of the same name begins anew.
        label: How messages call it.
        registered: Its label is a name, and no host that somebody has computed.
    """

    tenant_id: str
    server_id: str
    label: str
    numbers: McpSettings
    mode: Mode = Mode.AUTO
    registered: bool = True

    @property
    def key(self) -> str:
        """Return what is known about the server by."""
        return f"{self.tenant_id}/{self.server_id}"

    @property
    def told_as(self) -> tuple[str, str]:
        """Return what metrics call it by."""
        return self.tenant_id, self.label if self.registered else ""

    @cached_property
    def rules(self) -> Rules:
        """Return what the breaker goes by."""
        return Rules.of(self.numbers, self.mode)


class Admission:
    """One call that may go out; what comes of it is told here."""

    def __init__(self, numbers: McpSettings) -> None:
        self._numbers = numbers
        self._begun = time.monotonic()
        # Cancelled, or an error of our own: it says nothing about the server.
        self.verdict = Verdict.NOTHING
        self.throttle_ms = 0

    def begin(self) -> None:
        """Count from now: what was waited for until here is not the server's."""
        self._begun = time.monotonic()

    def tell(self, outcome: Outcome, exchange: Exchange) -> None:
        """Take note of what came of the call."""
        seconds = time.monotonic() - self._begun
        self.verdict = verdict_of(outcome, exchange, seconds=seconds, numbers=self._numbers)
        if outcome.kind is Kind.BUSY and outcome.retry_after_s:
            self.throttle_ms = round(outcome.retry_after_s * 1000)


class Guard:
    """Lets calls through, or not."""

    def __init__(self, breaker: Breaker, bulkhead: Bulkhead, metrics: Metrics) -> None:
        self.breaker = breaker
        self._bulkhead = bulkhead
        self._metrics = metrics

    @asynccontextmanager
    async def admitted(self, server: Guarded, timeout_s: float) -> AsyncIterator[Admission]:
        """Surround one call.

        Args:
            server: Which one is called.
            timeout_s: How long the call itself may take.

        Raises:
            BreakerOpenError: The server has failed too often lately.
            ThrottledError: It has had as many calls as it may get.
            ServerCrowdedError: It has no place left in this process.
        """
        rules = server.rules
        lease_s = timeout_s + server.numbers.max_wait_s + _LEASE_MARGIN_S
        answer = await self.breaker.acquire(server.key, rules, round(lease_s * 1000))
        self._tell(server, answer)
        if isinstance(answer, Refusal):
            raise _refused(server, answer)
        if answer.moved:
            self._moved(server, State.HALF_OPEN)
        told: Admission | None = None
        try:
            async with self._bulkhead.place(server.key, server.label, server.numbers):
                told = Admission(server.numbers)
                yield told
        except ServerCrowdedError:
            self._metrics.rejected(*server.told_as, "crowded")
            raise
        finally:
            await self._record(server, rules, answer, told)

    async def _record(
        self, server: Guarded, rules: Rules, ticket: Ticket, told: Admission | None
    ) -> None:
        verdict, throttle_ms = Verdict.NOTHING, 0
        moved: State | None = None
        if told is not None:
            verdict, throttle_ms = told.verdict, told.throttle_ms
        if rules.mode is Mode.DISABLED:
            verdict = Verdict.NOTHING
        # Also of a call that is cancelled: others wait for what comes of a probe.
        with anyio.CancelScope(shield=True):
            moved = await self.breaker.record(server.key, rules, ticket, verdict, throttle_ms)
        if moved is not None:
            self._moved(server, moved)

    def _tell(self, server: Guarded, answer: Ticket | Refusal) -> None:
        if isinstance(answer, Refusal):
            self._metrics.rejected(*server.told_as, answer.why.name.lower())
            state = _REFUSING.get(answer.why)
        else:
            state = State.HALF_OPEN if answer.probe else State.CLOSED
        if state is not None:
            self._metrics.saw(*server.told_as, state)

    def _moved(self, server: Guarded, state: State) -> None:
        self._metrics.moved(*server.told_as, state)
        tell = _log.warning if state is State.OPEN else _log.info
        tell(
            "mcp_breaker_moved",
            tenant=server.tenant_id,
            server=server.label,
            server_id=server.server_id,
            state=state.word,
        )


def _refused(server: Guarded, refusal: Refusal) -> CallError:
    left_s = refusal.left_ms / 1000
    who = f"The MCP server '{server.label}' was not called"
    numbers = server.numbers
    match refusal.why:
        case Why.FORCED:
            return _open(f"{who}: an administrator has opened its breaker.", left_s)
        case Why.OPEN:
            return _open(
                f"{who}: too many of its last {numbers.breaker_window} calls failed or were slow. "
                f"It is tried again in {left_s:.1f} s.",
                left_s,
            )
        case Why.PROBING:
            return _open(
                f"{who}: it has failed lately, and one call is finding out whether it works again.",
                min(left_s, _PROBE_AGAIN_S),
            )
        case Why.THROTTLED:
            return ThrottledError(
                f"{who}: it has asked for no calls for another {left_s:.1f} s.",
                retryable=True,
                retry_after_s=left_s,
            )
        case Why.RATE:
            return ThrottledError(
                f"{who}: it gets {numbers.rate_per_minute:g} calls a minute, and has had "
                f"{numbers.rate_burst} at once. The next one may go in {left_s:.1f} s.",
                retryable=True,
                retry_after_s=left_s,
            )


def _open(message: str, left_s: float) -> BreakerOpenError:
    return BreakerOpenError(message, retryable=True, retry_after_s=left_s)
