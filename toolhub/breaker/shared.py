"""The breaker of all replicas, and the process's own for as long as Redis is away."""

import re
from secrets import token_hex
from typing import Final

from redis.asyncio import Redis
from typing_extensions import override

from foundation.redis import RedisAwayError, RedisLink
from toolhub.breaker.local import LocalBreaker
from toolhub.breaker.scripts import ACQUIRE, KEEP_MS, LOOK, RECORD
from toolhub.breaker.types import (
    Answer,
    Breaker,
    Moment,
    Refusal,
    Rules,
    Snapshot,
    State,
    Ticket,
    Verdict,
    Why,
)

# What a reset forgets. The rate, the counter and the changes of state stay.
_FOUND_OUT: Final = ("s", "w", "p", "l", "u")
_MOMENT: Final = re.compile(r"(\d+)([COH]);")


class SharedBreaker(Breaker):
    """Breakers in Redis.

    A call that began while Redis was there and ends while it is away is counted by the process;
    what the process found out alone is forgotten once Redis keeps results again.
    """

    def __init__(self, link: RedisLink, local: LocalBreaker) -> None:
        self._link = link
        self._local = local
        self._acquire = link.script(ACQUIRE)
        self._record = link.script(RECORD)
        self._look = link.script(LOOK)

    @override
    async def acquire(self, key: str, rules: Rules, lease_ms: int) -> Answer:
        token = token_hex(8)
        args: list[str | int | float] = [
            rules.mode,
            lease_ms,
            token,
            f"{rules.interval_ms:.3f}",
            rules.burst,
            rules.open_ms,
        ]
        try:
            answer = await self._link.ask(lambda _: self._acquire(keys=[name_of(key)], args=args))
        except RedisAwayError:
            return await self._local.acquire(key, rules, lease_ms)
        said, left, epoch, moved = answer
        if said in {"C", "P"}:
            return Ticket(token, int(epoch), said == "P", shared=True, moved=bool(moved))
        return Refusal(Why(said), int(left))

    @override
    async def record(
        self, key: str, rules: Rules, ticket: Ticket, verdict: Verdict, throttle_ms: int = 0
    ) -> State | None:
        if not ticket.shared:
            return await self._local.record(key, rules, ticket, verdict, throttle_ms)
        if not (verdict.counts or ticket.probe or throttle_ms):
            return None  # nothing that Redis would want to know
        args: list[str | int | float] = [
            verdict,
            ticket.token,
            ticket.epoch,
            rules.window,
            rules.min_calls,
            rules.failure_percent,
            rules.slow_percent,
            rules.open_ms,
            throttle_ms,
        ]
        try:
            moved = await self._link.ask(lambda _: self._record(keys=[name_of(key)], args=args))
        except RedisAwayError:
            return self._local.count(key, rules, verdict, throttle_ms)
        self._local.clear()
        return State(moved) if moved else None

    @override
    async def look(self, key: str) -> Snapshot:
        try:
            now, flat = await self._link.ask(lambda _: self._look(keys=[name_of(key)]))
        except RedisAwayError:
            return await self._local.look(key)
        return _snapshot(dict(zip(flat[::2], flat[1::2], strict=True)), int(now))

    @override
    async def reset(self, key: str) -> None:
        async def forget(client: Redis) -> None:
            # First: results of calls that are under way belong to what is forgotten.
            await client.hincrby(name_of(key), "e", 1)
            await client.hdel(name_of(key), *_FOUND_OUT)
            await client.pexpire(name_of(key), KEEP_MS)

        await self._local.reset(key)
        try:
            await self._link.ask(forget)
        except RedisAwayError:
            return


def name_of(key: str) -> str:
    """Return the key in Redis."""
    return f"millwright:breaker:{{{key}}}"


def _snapshot(found: dict[str, str], now: int) -> Snapshot:
    state = State(found.get("s", "C"))
    left = int(found.get("u", 0)) - now if state is State.OPEN else 0
    return Snapshot(
        state=state,
        window=found.get("w", ""),
        left_ms=max(0, left),
        refused=int(found.get("n", 0)),
        moments=[Moment(int(at), State(to)) for at, to in _MOMENT.findall(found.get("t", ""))],
        shared=True,
    )
