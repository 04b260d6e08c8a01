from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from foundation.redis import RedisLink, open_redis
from foundation.settings import McpSettings
from tests.fixtures.redis_server import RedisServer
from toolhub.breaker.local import LocalBreaker
from toolhub.breaker.shared import SharedBreaker
from toolhub.breaker.types import Breaker, Mode, Rules


@pytest.fixture
async def link(redis_server: RedisServer) -> AsyncIterator[RedisLink]:
    link = open_redis(redis_server.settings)
    assert link is not None
    yield link
    await link.aclose()


@pytest.fixture(params=["local", "shared"])
def breaker(request: pytest.FixtureRequest) -> Breaker:
    """A breaker of each kind."""
    if request.param == "local":
        return LocalBreaker()
    return SharedBreaker(request.getfixturevalue("link"), LocalBreaker())


@pytest.fixture
def key() -> str:
    """A server that nobody else calls."""
    return f"press/{uuid4()}"


def rules(mode: Mode = Mode.AUTO, **numbers: float) -> Rules:
    return Rules.of(McpSettings.model_validate(numbers), mode)
