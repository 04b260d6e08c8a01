"""Forgetting calls of long ago."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog
from anyio import to_thread

from foundation.errors import UnavailableError
from toolhub.calls.service import Calls

log = structlog.get_logger()

EVERY_S: Final = 60.0


async def sweep_for_ever(calls: Calls, kept: timedelta, every_s: float = EVERY_S) -> None:
    """Sweep until cancelled. Any number of processes may do it: rows are taken by one of them."""
    while True:
        try:
            while await to_thread.run_sync(calls.purge, kept):
                pass
        except UnavailableError as error:
            log.warning("mcp_calls_not_swept", why=error.message, again_in_s=every_s)
        await asyncio.sleep(every_s)
