"""Tell Temporal that a slow call still runs, so that a dead worker is noticed in seconds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from temporalio import activity

from foundation.json import JsonObject

# The share of the heartbeat timeout after which we report: two reports may get lost.
SHARE: Final = 1 / 3


class Beat:
    """What the reports say: the last progress that the other side told."""

    def __init__(self) -> None:
        self.progress: JsonObject = {}

    def report(self, progress: JsonObject) -> None:
        """Tell this now, and again until there is something newer."""
        self.progress = progress
        activity.heartbeat(progress)


@asynccontextmanager
async def beating() -> AsyncIterator[Beat]:
    """Report while the block runs; without a heartbeat timeout only what is told is reported."""
    beat = Beat()
    timeout = activity.info().heartbeat_timeout
    if timeout is None:
        yield beat
        return
    reporter = asyncio.create_task(_repeat(beat, timeout.total_seconds() * SHARE))
    try:
        yield beat
    finally:
        reporter.cancel()
        with suppress(asyncio.CancelledError):
            await reporter


async def _repeat(beat: Beat, every_s: float) -> None:
    while True:
        activity.heartbeat(beat.progress)
        await asyncio.sleep(every_s)
