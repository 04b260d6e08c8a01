"""While Redis is away calls go on by what the process knows; it comes back by itself."""

from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from foundation.redis import RedisLink, RedisUrlError, open_redis
from foundation.settings import RedisSettings
from tests.fixtures.polling import pause
from tests.fixtures.redis_server import RedisServer
from tests.toolhub.breaker.conftest import rules
from toolhub.breaker.local import LocalBreaker
from toolhub.breaker.shared import SharedBreaker, name_of
from toolhub.breaker.types import Refusal, State, Ticket, Verdict

pytestmark = pytest.mark.anyio

LEASE_MS = 60_000
USUAL = rules()


async def fail(breaker: SharedBreaker, key: str, times: int) -> None:
    for _ in range(times):
        ticket = await breaker.acquire(key, USUAL, LEASE_MS)
        assert isinstance(ticket, Ticket)
        await breaker.record(key, USUAL, ticket, Verdict.BAD)


async def test_calls_go_on_while_redis_is_killed_and_started_again(
    redis_server: RedisServer, link: RedisLink, key: str
) -> None:
    breaker = SharedBreaker(link, LocalBreaker())
    await fail(breaker, key, 9)
    begun = await breaker.acquire(key, USUAL, LEASE_MS)
    assert isinstance(begun, Ticket)
    redis_server.kill()
    with capture_logs() as logs:
        assert await breaker.record(key, USUAL, begun, Verdict.BAD) is None
        await fail(breaker, key, 9)
        # The process's own breaker works like the one that is away; it has counted the one, too.
        assert isinstance(await breaker.acquire(key, USUAL, LEASE_MS), Refusal)
        assert (await breaker.look(key)).shared is False
        redis_server.start()
        while not (await breaker.look(key)).shared:
            await pause()
        # It kept nothing, and what the process found out alone is forgotten.
        await fail(breaker, key, 9)
    assert [each["event"] for each in logs] == ["redis_away", "redis_back"]


async def test_calls_come_back_to_redis_without_being_asked_to(
    redis_server: RedisServer, link: RedisLink, key: str
) -> None:
    breaker = SharedBreaker(link, LocalBreaker())
    redis_server.kill()
    assert isinstance(await breaker.acquire(key, USUAL, LEASE_MS), Ticket)
    redis_server.start()
    while not getattr(await breaker.acquire(key, USUAL, LEASE_MS), "shared", False):
        await pause()


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        # A replica whose primary is gone: what it has can still be read.
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
    ],
)
async def test_a_redis_that_cannot_keep_results_lets_no_call_through(
    wrong: str, right: str, redis_server: RedisServer, link: RedisLink, key: str
) -> None:
    breaker = SharedBreaker(link, LocalBreaker())
    await fail(breaker, key, 1)
    async with Redis.from_url(redis_server.url) as administrator:
        tell: Callable[..., Awaitable[object]] = administrator.execute_command
        await tell(*wrong.split())
        await fail(breaker, key, 10)
        for _ in range(10):  # Redis is asked again meanwhile
            await pause()
            assert isinstance(await breaker.acquire(key, USUAL, LEASE_MS), Refusal)
            assert (await breaker.look(key)).shared is False
        await tell(*right.split())
    while not (await breaker.look(key)).shared:
        await pause()
    assert isinstance(await breaker.acquire(key, USUAL, LEASE_MS), Ticket)


async def test_a_call_that_redis_cannot_be_told_of_counts_in_the_process(
    redis_server: RedisServer, link: RedisLink, key: str
) -> None:
    breaker = SharedBreaker(link, LocalBreaker())
    begun = [await breaker.acquire(key, USUAL, LEASE_MS) for _ in range(10)]
    redis_server.kill()
    moved = [
        await breaker.record(key, USUAL, each, Verdict.BAD)
        for each in begun
        if isinstance(each, Ticket)
    ]
    redis_server.start()
    assert moved == [None] * 9 + [State.OPEN]


async def test_without_redis_from_the_start_calls_go_out(key: str) -> None:
    nowhere = RedisSettings.model_validate({"url": "redis://127.0.0.1:1/0"})
    link = open_redis(nowhere)
    assert link is not None
    breaker = SharedBreaker(link, LocalBreaker())
    await fail(breaker, key, 10)
    assert (await breaker.look(key)).state is State.OPEN
    await link.aclose()


async def test_what_is_kept_names_the_tenant_has_a_hash_tag_and_goes_by_itself(
    link: RedisLink, key: str
) -> None:
    await fail(SharedBreaker(link, LocalBreaker()), key, 1)
    assert name_of(key).endswith(f"{{{key}}}")
    left = await link.ask(lambda client: client.pttl(name_of(key)))
    assert 0 < left <= 2 * 3600 * 1000


@pytest.mark.parametrize("url", ["http://user:hunter2@redis", "redis://u:hunter2@redis:port/x"])
def test_a_wrong_address_is_refused_without_repeating_its_password(url: str) -> None:
    with pytest.raises(RedisUrlError) as caught:
        open_redis(RedisSettings.model_validate({"url": url}))
    assert "MILLWRIGHT_REDIS_URL" in caught.value.message
    assert "hunter2" not in caught.value.message
