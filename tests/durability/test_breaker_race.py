"""Six processes of fifty tasks each ask a half-open breaker at once: one call goes out."""

import asyncio
import multiprocessing
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier

import pytest

from foundation.redis import open_redis
from foundation.settings import McpSettings, RedisSettings
from tests.fixtures.polling import pause
from tests.fixtures.redis_server import RedisServer
from toolhub.breaker.local import LocalBreaker
from toolhub.breaker.shared import SharedBreaker
from toolhub.breaker.types import Mode, Refusal, Rules, Ticket, Verdict, Why

pytestmark = pytest.mark.anyio

PROCESSES, TASKS, RUNS = 6, 50, 20
LEASE_MS = 60_000
RULES = Rules.of(McpSettings(breaker_open_s=0.2), Mode.AUTO)


def _ask(
    settings: RedisSettings, keys: list[str], together: Barrier, said: "SimpleQueue[list[str]]"
) -> None:
    """Ask as one process of many does; tell what each task was told."""

    async def ask() -> None:
        link = open_redis(settings)
        assert link is not None
        breaker = SharedBreaker(link, LocalBreaker())
        for key in keys:
            await asyncio.to_thread(together.wait, 60)
            answers = await asyncio.gather(
                *(breaker.acquire(key, RULES, LEASE_MS) for _ in range(TASKS))
            )
            said.put(
                [
                    each.why if isinstance(each, Refusal) else f"{each.probe} {each.shared}"
                    for each in answers
                ]
            )
        await link.aclose()

    asyncio.run(ask())


@pytest.mark.timeout(180)
async def test_exactly_one_call_probes_over_all_processes(redis_server: RedisServer) -> None:
    keys = [f"press/{number}" for number in range(RUNS)]
    context = multiprocessing.get_context("spawn")
    together, said = context.Barrier(PROCESSES + 1), context.SimpleQueue()
    asking = [
        context.Process(target=_ask, args=(redis_server.settings, keys, together, said))
        for _ in range(PROCESSES)
    ]
    for process in asking:
        process.start()
    link = open_redis(redis_server.settings)
    assert link is not None
    breaker = SharedBreaker(link, LocalBreaker())
    for key in keys:
        await _open(breaker, key)
        await asyncio.to_thread(together.wait, 60)
        answers = [each for _ in asking for each in await asyncio.to_thread(said.get)]
        assert sorted(set(answers)) == ["True True", Why.PROBING]
        assert answers.count("True True") == 1
        assert len(answers) == PROCESSES * TASKS
    for process in asking:
        process.join(30)
        assert process.exitcode == 0
    await link.aclose()


async def _open(breaker: SharedBreaker, key: str) -> None:
    """Open a breaker and wait until it would let a probe out."""
    for _ in range(RULES.window):
        ticket = await breaker.acquire(key, RULES, LEASE_MS)
        assert isinstance(ticket, Ticket)
        await breaker.record(key, RULES, ticket, Verdict.BAD)
    while (await breaker.look(key)).left_ms:
        await pause()
