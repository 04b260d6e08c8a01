"""Forgetting results that are too old, too many, or of tools that fall back on something else."""

from typing import Final

from anyio import to_thread

from toolhub.fallbacks.last_good import LastGood

EVERY_S: Final = 60.0


async def sweep(last_good: LastGood) -> None:
    """Forget them, so many in one transaction.

    Raises:
        UnavailableError: When the database is away.
    """
    while await to_thread.run_sync(last_good.purge):
        pass
