"""Checking servers, when it is time."""

from typing import Final

from toolhub.health.service import Health
from toolhub.sweeping import see_to

EVERY_S: Final = 5.0


async def sweep(health: Health) -> int:
    """Check those that are due; return how many that were."""
    return await see_to(health.take, health.check_due, failed="mcp_server_not_checked")
