"""Seeing to servers that are due, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Final

import structlog

from foundation.errors import MillwrightError

log = structlog.get_logger()

# One that does not answer keeps its place until that has timed out.
AT_ONCE: Final = 8


async def see_to(
    due: Collection[tuple[str, str]], what: Callable[[str, str], Awaitable[object]], *, failed: str
) -> None:
    """Do something about each server. What stands in its way must not stand in that of others.

    Args:
        due: Tenants and names.
        what: Told both; servers that were taken are due again by themselves.
        failed: Event of the log when it cannot be done.
    """
    room = asyncio.Semaphore(AT_ONCE)

    async def one(tenant_id: str, name: str) -> None:
        async with room:
            try:
                await what(tenant_id, name)
            except MillwrightError as error:
                log.warning(failed, tenant=tenant_id, server=name, why=error.message)
            except Exception:
                # A server that finds a defect of ours must not end the worker.
                log.exception("mcp_server_not_understood", tenant=tenant_id, server=name)

    await asyncio.gather(*(one(*each) for each in due))
