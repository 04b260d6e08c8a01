"""Asking servers again for their tools, when it is time."""

import asyncio
from typing import Final

import structlog
from anyio import to_thread

from foundation.errors import UnavailableError
from toolhub.refreshing.plan import Refreshes
from toolhub.registry import Registry
from toolhub.sweeping import see_to

log = structlog.get_logger()

EVERY_S: Final = 5.0


async def sweep(registry: Registry, refreshes: Refreshes) -> int:
    """Ask those that are due; return how many that were."""
    due = await to_thread.run_sync(refreshes.take)
    await see_to(due, registry.renew, failed="mcp_refresh_failed")
    return len(due)


async def sweep_for_ever(
    registry: Registry, refreshes: Refreshes, every_s: float = EVERY_S
) -> None:
    """Sweep until cancelled. Any number of processes may do it: rows are taken by one of them."""
    while True:
        try:
            await sweep(registry, refreshes)
        except UnavailableError as error:
            log.warning("mcp_servers_not_refreshed", why=error.message, again_in_s=every_s)
        await asyncio.sleep(every_s)
