from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import uuid4

import pytest
from temporalio.service import RPCError

from tests.instances.conftest import Floor, floor, principal, shelf, working
from workflows.runs.pages import PageTokens
from workflows.schedules.service import Schedules

__all__ = ["floor", "principal", "schedules", "shelf", "working"]


@pytest.fixture
async def schedules(floor: Floor) -> AsyncIterator[Schedules]:
    """The schedules of the floor; none is left behind to go on starting runs."""
    service = Schedules(floor.temporal, floor.shelf, floor.settings, PageTokens(uuid4().bytes))
    yield service
    listing = await floor.temporal.list_schedules(f"MillwrightTenant = '{floor.tenant}'")
    async for entry in listing:
        # A listing lags behind what a test has deleted itself.
        with suppress(RPCError):
            await floor.temporal.get_schedule_handle(entry.id).delete()
