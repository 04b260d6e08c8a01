"""Workers for cases, on a usual server and on one that wants runs to go on as new ones."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from foundation.settings import TemporalSettings
from foundation.temporal import connect
from tests.fixtures.plant import Plant
from tests.histories.running import Recorder, recording


@pytest.fixture
async def recorder(
    temporal: Client, stub_hosts: dict[str, str], plant: Plant
) -> AsyncIterator[Recorder]:
    async with recording(temporal, stub_hosts, plant) as recorder:
        yield recorder


@pytest.fixture
async def restless_recorder(
    restless_address: str, stub_hosts: dict[str, str], plant: Plant
) -> AsyncIterator[Recorder]:
    client = await connect(TemporalSettings(address=restless_address))
    async with recording(client, stub_hosts, plant) as recorder:
        yield recorder
