from collections.abc import AsyncIterator

import pytest

from activities.grpc import GrpcActivities
from activities.grpc.channels import Channels
from activities.logins import Authenticator
from foundation.settings import EgressSettings
from security.egress import UNRULED, Egress
from workflows.secrets import SecretOpener, SecretsInMemory


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    made = Egress(
        EgressSettings(allow_networks=["127.0.0.0/8"], max_response_bytes=300_000), UNRULED
    )
    yield made
    await made.aclose()


@pytest.fixture
async def channels(egress: Egress) -> AsyncIterator[Channels]:
    made = Channels(egress)
    yield made
    await made.aclose()


@pytest.fixture
def activities(egress: Egress, channels: Channels) -> GrpcActivities:
    return GrpcActivities(egress, channels, SecretOpener(SecretsInMemory()), Authenticator(egress))
