"""What asking and telling a breaker adds to a call: in Redis, and in the process itself.

On the event loop that workers have.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvloop
from pydantic import SecretStr

from bench.report import Figure, percentile
from deploy.local.ports import LOOPBACK, free_port, is_open
from deploy.local.processes import Child, Program
from foundation.redis import RedisLink, open_redis
from foundation.settings import McpSettings, RedisSettings
from toolhub.breaker.local import LocalBreaker
from toolhub.breaker.shared import SharedBreaker
from toolhub.breaker.types import Breaker, Mode, Rules, Ticket, Verdict

WARM_UP: Final = 200
CALLS: Final = 3000
KEY: Final = "demo/bench"
RULES: Final = Rules.of(McpSettings(), Mode.AUTO)


def measure() -> tuple[list[Figure], dict[str, object]]:
    """Measure one caller, on a Redis of its own."""
    with _redis() as settings:
        shared, ping = uvloop.run(_shared(settings))
    local = uvloop.run(_times(LocalBreaker()))
    return [
        Figure(
            "breaker with Redis, acquire + record, p50", percentile(shared, 0.5), "ms", "<=", 0.3
        ),
        Figure("breaker with Redis, acquire + record, p95", percentile(shared, 0.95), "ms"),
        Figure("one question to Redis (PING), p50", percentile(ping, 0.5), "ms"),
        Figure("breaker of one process, acquire + record, p50", percentile(local, 0.5), "ms"),
    ], {"calls": CALLS, "concurrency": 1}


async def _shared(settings: RedisSettings) -> tuple[list[float], list[float]]:
    link = open_redis(settings)
    if link is None:
        raise ValueError("The bench has given no Redis.")
    times = await _times(SharedBreaker(link, LocalBreaker()))
    pings = [await _ping(link) for _ in range(CALLS)]
    await link.aclose()
    return times, pings


async def _times(breaker: Breaker) -> list[float]:
    times = []
    for turn in range(WARM_UP + CALLS):
        started = time.perf_counter()
        ticket = await breaker.acquire(KEY, RULES, 60_000)
        if not isinstance(ticket, Ticket):
            raise TypeError(f"The breaker let no call out: {ticket}.")
        await breaker.record(KEY, RULES, ticket, Verdict.GOOD)
        if turn >= WARM_UP:
            times.append((time.perf_counter() - started) * 1000)
    return times


async def _ping(link: RedisLink) -> float:
    started = time.perf_counter()
    await link.ask(lambda client: client.ping())
    return (time.perf_counter() - started) * 1000


@contextmanager
def _redis() -> Iterator[RedisSettings]:
    program = shutil.which("redis-server")
    if program is None:
        raise FileNotFoundError("There is no redis-server. Debian: apt-get install redis-server")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        words = (program, "--port", str(port), "--bind", LOOPBACK, "--save", "", "--dir", folder)
        child = Child(Program("redis", words, Path(folder) / "redis.log"))
        try:
            child.wait_ready(lambda: is_open(LOOPBACK, port), 30)
            yield RedisSettings(url=SecretStr(f"redis://{LOOPBACK}:{port}/0"))
        finally:
            child.stop()
