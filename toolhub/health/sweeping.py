"""Checking servers, when it is time."""

import asyncio
from typing import Final

import structlog
from anyio import to_thread

from foundation.errors import UnavailableError
from toolhub.health.service import Health
from toolhub.sweeping import see_to

log = structlog.get_logger()

EVERY_S: Final = 5.0


async def sweep(health: Health) -> int:
    """Check those that are due; return how many that were."""
    due = await to_thread.run_sync(health.take)
    await see_to(due, health.check, failed="mcp_server_not_checked")
    return len(due)


async def sweep_for_ever(health: Health, every_s: float = EVERY_S) -> None:
    """Sweep until cancelled. Any number of processes may do it: rows are taken by one of them."""
    while True:
        try:
            await sweep(health)
        except UnavailableError as error:
            log.warning("mcp_servers_not_checked", why=error.message, again_in_s=every_s)
        await asyncio.sleep(every_s)
