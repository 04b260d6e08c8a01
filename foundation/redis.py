"""The one way to Redis of a process, and what is known about whether it answers.

Only what replicas share and can be counted anew lives there. While Redis is away nobody waits for
it: `ask` says so at once, callers go on with what their own process knows, and one call a second
tries it again. Going and coming are logged once each.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from foundation.errors import InvalidInputError, UnavailableError
from foundation.settings import RedisSettings

T = TypeVar("T")

_SCHEMES: Final = ("redis://", "rediss://", "unix://")
_log = structlog.get_logger(__name__)


class RedisUrlError(InvalidInputError):
    """The setting names no Redis."""

    code = "redis-url"


class RedisAwayError(UnavailableError):
    """Redis does not answer now."""

    code = "redis-away"


class RedisLink:
    """A client, and whether it is worth asking.

    Args:
        client: Does not try again by itself: a script must not run twice.
        again_s: Seconds between two attempts while it is away.
    """

    def __init__(
        self, client: Redis, again_s: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._again_s = again_s
        self._clock = clock
        self._away = False
        self._not_before = 0.0

    async def ask(self, action: Callable[[Redis], Awaitable[T]]) -> T:
        """Do something with Redis.

        Raises:
            RedisAwayError: It does not answer, or not as it should.
        """
        if self._away:
            now = self._clock()
            if now < self._not_before:
                raise RedisAwayError("Redis is away.")
            self._not_before = now + self._again_s  # of many calls, one tries
        try:
            answer = await action(self._client)
        except (RedisError, OSError) as error:
            self._gone(error)
            raise RedisAwayError("Redis is away.") from error
        if self._away:
            self._away = False
            _log.info("redis_back")
        return answer

    def script(self, lua: str) -> AsyncScript:
        """Return a script to call within `ask`; Redis is told it when it does not know it."""
        return self._client.register_script(lua)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    def _gone(self, error: Exception) -> None:
        if not self._away:
            _log.warning("redis_away", why=str(error), again_in_s=self._again_s)
        self._away = True
        self._not_before = self._clock() + self._again_s


def open_redis(settings: RedisSettings) -> RedisLink | None:
    """Return the way to Redis, or None where there is none. Nothing is connected yet.

    Raises:
        RedisUrlError: The setting is no address of a Redis.
    """
    if settings.url is None:
        return None
    url = settings.url.get_secret_value()
    if not url.startswith(_SCHEMES):
        raise RedisUrlError(f"MILLWRIGHT_REDIS_URL has to begin with {', '.join(_SCHEMES)}.")
    try:
        pool = ConnectionPool.from_url(
            url,
            max_connections=settings.max_connections,
            socket_timeout=settings.timeout_s,
            socket_connect_timeout=settings.timeout_s,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )
    except ValueError as error:
        # Not what the library says: it may repeat the password.
        raise RedisUrlError(
            "MILLWRIGHT_REDIS_URL is no address. One looks like redis://redis.example:6379/0."
        ) from error
    return RedisLink(Redis.from_pool(pool), settings.again_s)
