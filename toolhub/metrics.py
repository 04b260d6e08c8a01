"""Metrics of the hub: `millwright_mcp_*`.

Labelled by tenant and server, as far as there is room (`MILLWRIGHT_TELEMETRY_MAX_SERVERS`), and
never by tool, instance or person: what is known of a single call is in the log of calls.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final, TypeAlias

from cachetools import TTLCache
from opentelemetry.metrics import CallbackOptions, Observation

from foundation.errors import MillwrightError
from foundation.telemetry import OFF, Telemetry
from toolhub.breaker.types import State

Labels: TypeAlias = dict[str, str]

# How long a process stands by what it last saw of a breaker that others may have moved since.
SEEN_S: Final = 120.0
SUCCEEDED: Final = "succeeded"
CANCELLED: Final = "cancelled"
# No tenant and no server can be called so.
_OTHER: Final = "_other"
_LEVELS: Final = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}
_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_KEPT: Final = 10_000


class Metrics:
    """The hub's metrics of one process. Servers are named by tenant and name; "" is by address."""

    def __init__(self, telemetry: Telemetry = OFF) -> None:
        self._off = telemetry is OFF
        self._max_servers = telemetry.max_servers
        self._labels: dict[tuple[str, str], Labels] = {}
        # Read by the threads that export.
        self._lock = Lock()
        self._states: TTLCache[tuple[str, str], State, float] = TTLCache(
            _KEPT, SEEN_S, time.monotonic
        )
        meter = telemetry.meter
        self._calls = meter.create_counter(
            "millwright_mcp_calls", description="Calls of tools, by how they ended."
        )
        self._seconds = meter.create_histogram(
            "millwright_mcp_call_duration",
            unit="s",
            description="From the look-up to the checked result, waiting for a place included.",
            explicit_bucket_boundaries_advisory=_BUCKETS_S,
        )
        self._retries = meter.create_counter(
            "millwright_mcp_call_retries", description="Calls that were not the first attempt."
        )
        self._fallbacks = meter.create_counter(
            "millwright_mcp_fallbacks",
            description="Calls that something had to stand in for, by what, and whether it did.",
        )
        self._rejections = meter.create_counter(
            "millwright_mcp_rejections", description="Calls that were kept back, by why."
        )
        self._moves = meter.create_counter(
            "millwright_mcp_breaker_transitions", description="Changes of breakers, by new state."
        )
        meter.create_observable_gauge(
            "millwright_mcp_breaker_state",
            [self._seen],
            description="0 closed, 1 half-open, 2 open; as this process saw it last.",
        )
        self._claims = meter.create_counter(
            "millwright_mcp_ledger_claims", description="What the ledger answered."
        )
        self._settled = meter.create_counter(
            "millwright_mcp_ledger_settled", description="What calls of the ledger came to."
        )
        self._refreshes = meter.create_counter(
            "millwright_mcp_refreshes", description="Servers asked again for their tools."
        )

    def ended(
        self, tenant_id: str, server: str, outcome: str, seconds: float, attempt: int
    ) -> None:
        """Tell of a call that is over."""
        labels = self._of(tenant_id, server)
        self._calls.add(1, {**labels, "outcome": outcome})
        self._seconds.record(seconds, labels)
        if attempt > 1:
            self._retries.add(1, labels)

    def not_found(self, tenant_id: str, error: MillwrightError) -> None:
        """Tell of a call of a tool that there is not, or that must not be called as it is now.

        The names are not told: whoever calls may have computed them from anything.
        """
        self._calls.add(1, {**self._of(tenant_id, ""), "outcome": error.code})

    def fell_back(self, tenant_id: str, server: str, kind: str, outcome: str) -> None:
        """Tell of a call that something had to stand in for.

        Args:
            outcome: `degraded` when it did; else the code of why it could not.
        """
        self._fallbacks.add(1, {**self._of(tenant_id, server), "kind": kind, "outcome": outcome})

    def rejected(self, tenant_id: str, server: str, why: str) -> None:
        """Tell of a call that was kept back."""
        self._rejections.add(1, {**self._of(tenant_id, server), "why": why})

    def moved(self, tenant_id: str, server: str, state: State) -> None:
        """Tell that a call has changed the state of a breaker."""
        self._moves.add(1, {**self._of(tenant_id, server), "to": state.word})
        self.saw(tenant_id, server, state)

    def saw(self, tenant_id: str, server: str, state: State) -> None:
        """Take note of the state of a breaker; of servers by address there is no one state."""
        if self._off or not server:
            return
        with self._lock:
            self._states[tenant_id, server] = state

    def claimed(self, answer: str) -> None:
        """Tell what the ledger has answered."""
        self._claims.add(1, {"answer": answer})

    def settled(self, state: str) -> None:
        """Tell what the ledger was told of a call."""
        self._settled.add(1, {"state": state})

    @contextmanager
    def refreshing(self, tenant_id: str, server: str) -> Iterator[None]:
        """Surround asking a server again for its tools."""
        outcome = CANCELLED
        try:
            yield
            outcome = SUCCEEDED
        except Exception as error:
            outcome = code_of(error)
            raise
        finally:
            self._refreshes.add(1, {**self._of(tenant_id, server), "outcome": outcome})

    def _of(self, tenant_id: str, server: str) -> Labels:
        """Return the labels of a server: those of all others when there is no room for it."""
        known = self._labels.get((tenant_id, server))
        if known is not None:
            return known
        if len(self._labels) >= self._max_servers:
            return {"tenant": _OTHER, "server": _OTHER}
        return self._labels.setdefault((tenant_id, server), {"tenant": tenant_id, "server": server})

    def _seen(self, _options: CallbackOptions) -> Iterable[Observation]:
        """Report breakers; of those that share their labels, the worst."""
        with self._lock:
            seen = [*self._states.items()]
        worst: dict[tuple[str, ...], Observation] = {}
        for (tenant_id, server), state in sorted(seen, key=lambda each: _LEVELS[each[1]]):
            labels = self._of(tenant_id, server)
            worst[tuple(labels.values())] = Observation(_LEVELS[state], labels)
        return worst.values()


def code_of(error: Exception) -> str:
    """Return what an error is told by: never its message, which may quote anything."""
    return error.code if isinstance(error, MillwrightError) else "internal"
