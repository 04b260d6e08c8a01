"""Asking servers again for their tools, when it is time."""

import asyncio
from typing import Final

import structlog
from anyio import to_thread

from foundation.errors import MillwrightError, UnavailableError
from toolhub.refreshing.plan import Refreshes
from toolhub.registry import Registry

log = structlog.get_logger()

EVERY_S: Final = 5.0
# One that does not answer keeps its place until that has timed out.
AT_ONCE: Final = 8


async def sweep(registry: Registry, refreshes: Refreshes) -> int:
    """Ask those that are due; return how many that were."""
    due = await to_thread.run_sync(refreshes.take)
    room = asyncio.Semaphore(AT_ONCE)

    async def ask(tenant_id: str, name: str) -> None:
        async with room:
            await _asked(registry, tenant_id, name)

    await asyncio.gather(*(ask(*each) for each in due))
    return len(due)


async def _asked(registry: Registry, tenant_id: str, name: str) -> None:
    """Ask one. What stands in its way must not stand in that of others; it is due again soon."""
    try:
        await registry.renew(tenant_id, name)
    except MillwrightError as error:
        log.warning("mcp_refresh_failed", tenant=tenant_id, server=name, why=error.message)
    except Exception:
        # A server that finds a defect of ours must not end the worker.
        log.exception("mcp_refresh_not_understood", tenant=tenant_id, server=name)


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
