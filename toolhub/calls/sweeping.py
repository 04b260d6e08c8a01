"""Forgetting calls of long ago."""

from datetime import timedelta
from typing import Final

from anyio import to_thread

from toolhub.calls.service import Calls

EVERY_S: Final = 60.0


async def sweep(calls: Calls, kept: timedelta) -> None:
    """Forget them, so many in one transaction."""
    while await to_thread.run_sync(calls.purge, kept):
        pass
