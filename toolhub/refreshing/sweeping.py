"""Asking servers again for their tools, when it is time."""

from typing import Final

from toolhub.refreshing.plan import Refreshes
from toolhub.registry import Registry
from toolhub.sweeping import see_to

EVERY_S: Final = 5.0


async def sweep(registry: Registry, refreshes: Refreshes) -> int:
    """Ask those that are due; return how many that were."""
    return await see_to(refreshes.take, registry.renew, failed="mcp_refresh_failed")
