"""While Redis is away calls go on by what the process knows; it comes back by itself."""

import pytest
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
        await fail(breaker, key, 10)
        # The process's own breaker works like the one that is away.
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
