from collections.abc import AsyncIterator, Iterator

import pytest

from activities.a2a import A2aActivities
from activities.logins import Authenticator
from foundation.settings import EgressSettings
from security.egress import UNRULED, Egress
from tests.a2a.servers import bad_agent
from tests.fixtures.agents import Asked
from tests.toolhub.servers import serving
from workflows.secrets import SecretOpener, SecretsInMemory


@pytest.fixture(scope="session")
def _bad_agent() -> Iterator[tuple[str, Asked]]:
    asked = Asked()
    with serving(bad_agent(asked)) as url:
        yield url, asked


@pytest.fixture
def bad(_bad_agent: tuple[str, Asked]) -> str:
    """Base address of agents that misbehave as their path says."""
    url, asked = _bad_agent
    asked.clear()
    return url


@pytest.fixture
def asked(_bad_agent: tuple[str, Asked]) -> Asked:
    """What those agents were sent."""
    return _bad_agent[1]


@pytest.fixture
async def activities(_bad_agent: tuple[str, Asked]) -> AsyncIterator[A2aActivities]:
    # The foreign host is there, too: what is not sent to it is not for want of an answer.
    url, _ = _bad_agent
    egress = Egress(
        EgressSettings(allow_networks=["127.0.0.0/8"], host_map={"foreign.example": url}), UNRULED
    )
    yield A2aActivities(
        egress,
        SecretOpener(SecretsInMemory({("press", "key"): "s3cr3t-key"})),
        Authenticator(egress),
    )
    await egress.aclose()
