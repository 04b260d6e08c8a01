"""The breaker of one process: what there is without Redis, and while Redis is away.

The same state machine as in `scripts`; a test drives both with the same calls.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Final

from cachetools import LRUCache
from typing_extensions import override

from toolhub.breaker.types import (
    Answer,
    Breaker,
    Mode,
    Moment,
    Refusal,
    Rules,
    Snapshot,
    State,
    Ticket,
    Verdict,
    Why,
)

KEPT_MOMENTS: Final = 10
_KEPT_SERVERS: Final = 4096


@dataclass
class _Circuit:
    state: State = State.CLOSED
    window: str = ""
    epoch: int = 0
    open_until: float = 0
    probe: str | None = None
    lease_until: float = 0
    quiet_until: float = 0
    arrival: float = 0  # when the next call would come at the agreed rate (GCRA)
    refused: int = 0
    moments: list[Moment] = field(default_factory=list)


class LocalBreaker(Breaker):
    """Breakers in memory; for one event loop."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._circuits: LRUCache[str, _Circuit] = LRUCache(_KEPT_SERVERS)

    @override
    async def acquire(self, key: str, rules: Rules, lease_ms: int) -> Answer:
        circuit, now = self._circuit(key), self._now()
        if refusal := _refusal(circuit, rules, now):
            circuit.refused += 1
            return refusal
        if rules.interval_ms:
            circuit.arrival = max(circuit.arrival, now) + rules.interval_ms
        token = token_hex(8)
        probe = rules.mode is Mode.AUTO and circuit.state is not State.CLOSED
        moved = probe and circuit.state is State.OPEN
        if probe:
            circuit.probe, circuit.lease_until = token, now + lease_ms
        if moved:
            self._move(circuit, State.HALF_OPEN)
        return Ticket(token, circuit.epoch, probe, moved=moved)

    @override
    async def record(
        self, key: str, rules: Rules, ticket: Ticket, verdict: Verdict, throttle_ms: int = 0
    ) -> State | None:
        circuit = self._circuit(key)
        if circuit.state is State.HALF_OPEN and circuit.probe == ticket.token:
            self._quiet(circuit, throttle_ms)
            return self._probed(circuit, rules, verdict)
        if circuit.epoch != ticket.epoch:
            verdict = Verdict.NOTHING
        return self.count(key, rules, verdict, throttle_ms)

    def count(self, key: str, rules: Rules, verdict: Verdict, throttle_ms: int) -> State | None:
        """Count a call that somebody else let through; return the new state, if any."""
        circuit = self._circuit(key)
        self._quiet(circuit, throttle_ms)
        if circuit.state is not State.CLOSED or not verdict.counts:
            return None
        circuit.window = (circuit.window + verdict)[-rules.window :]
        return self._open(circuit, rules) if rules.trips(circuit.window) else None

    @override
    async def look(self, key: str) -> Snapshot:
        circuit = self._circuits.get(key) or _Circuit()
        left = circuit.open_until - self._now() if circuit.state is State.OPEN else 0
        return Snapshot(
            circuit.state,
            circuit.window,
            max(0, round(left)),
            circuit.refused,
            list(circuit.moments),
        )

    @override
    async def reset(self, key: str) -> None:
        if old := self._circuits.get(key):
            self._circuits[key] = _Circuit(
                epoch=old.epoch + 1,
                quiet_until=old.quiet_until,
                arrival=old.arrival,
                refused=old.refused,
                moments=old.moments,
            )

    def clear(self) -> None:
        """Forget everything: somebody who knows more is back."""
        self._circuits.clear()

    def _circuit(self, key: str) -> _Circuit:
        circuit: _Circuit = self._circuits.setdefault(key, _Circuit())
        return circuit

    def _now(self) -> float:
        return self._clock() * 1000

    def _quiet(self, circuit: _Circuit, throttle_ms: int) -> None:
        if throttle_ms:
            circuit.quiet_until = max(circuit.quiet_until, self._now() + throttle_ms)

    def _probed(self, circuit: _Circuit, rules: Rules, verdict: Verdict) -> State | None:
        circuit.probe = None
        if verdict is Verdict.NOTHING:
            return None
        if verdict.failed:
            return self._open(circuit, rules)
        circuit.window, circuit.epoch = "", circuit.epoch + 1
        return self._move(circuit, State.CLOSED)

    def _open(self, circuit: _Circuit, rules: Rules) -> State:
        circuit.window, circuit.probe = "", None
        circuit.open_until = self._now() + rules.open_ms
        return self._move(circuit, State.OPEN)

    def _move(self, circuit: _Circuit, state: State) -> State:
        circuit.state = state
        circuit.moments.append(Moment(round(self._now()), state))
        del circuit.moments[:-KEPT_MOMENTS]
        return state


def _refusal(circuit: _Circuit, rules: Rules, now: float) -> Refusal | None:
    """Return the first reason against a call."""
    if rules.mode is Mode.OPEN:
        return Refusal(Why.FORCED, rules.open_ms)
    waits = []
    if rules.mode is Mode.AUTO and circuit.state is State.OPEN:
        waits.append((Why.OPEN, circuit.open_until - now))
    if rules.mode is Mode.AUTO and circuit.state is State.HALF_OPEN and circuit.probe:
        waits.append((Why.PROBING, circuit.lease_until - now))
    waits.append((Why.THROTTLED, circuit.quiet_until - now))
    if rules.interval_ms:
        early = (rules.burst - 1) * rules.interval_ms
        waits.append((Why.RATE, max(circuit.arrival, now) - early - now))
    return next((Refusal(why, max(1, round(left))) for why, left in waits if left > 0), None)
