"""Work that a process does again and again beside everything else."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from foundation.errors import UnavailableError

log = structlog.get_logger(__name__)


async def repeated(work: Callable[[], Awaitable[object]], *, every_s: float, failed: str) -> None:
    """Do it until cancelled, with a pause between; what is away is waited for.

    Args:
        failed: What the log calls it when something was away.
    """
    while True:
        try:
            await work()
        except UnavailableError as error:
            log.warning(failed, why=error.message, again_in_s=every_s)
        await asyncio.sleep(every_s)
