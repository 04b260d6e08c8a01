"""Tell Temporal that a slow call still runs, so that a dead worker is noticed in seconds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from temporalio import activity

# The share of the heartbeat timeout after which we report: two reports may get lost.
SHARE: Final = 1 / 3


@asynccontextmanager
async def beating() -> AsyncIterator[None]:
    """Report while the block runs; does nothing for an activity without heartbeat timeout."""
    timeout = activity.info().heartbeat_timeout
    if timeout is None:
        yield
        return
    reporter = asyncio.create_task(_report(timeout.total_seconds() * SHARE))
    try:
        yield
    finally:
        reporter.cancel()
        with suppress(asyncio.CancelledError):
            await reporter


async def _report(every_s: float) -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(every_s)
