"""Checking servers, when it is time."""

from typing import Final

from anyio import to_thread

from toolhub.health.service import Health
from toolhub.sweeping import see_to

EVERY_S: Final = 5.0


async def sweep(health: Health) -> int:
    """Check those that are due; return how many that were."""
    due = await to_thread.run_sync(health.take)
    await see_to(due, health.check, failed="mcp_server_not_checked")
    return len(due)
