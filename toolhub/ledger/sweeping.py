"""Old entries of the ledger are forgotten: any number of processes may do it."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog
from anyio import to_thread

from foundation.errors import UnavailableError
from toolhub.ledger.service import Ledger

log = structlog.get_logger(__name__)

EVERY_S: Final = 600.0
# A transaction each, so that nobody waits for a long one.
AT_ONCE: Final = 1000


async def sweep(ledger: Ledger, kept: timedelta) -> int:
    """Forget what was sent so long ago; return how many calls that were.

    Raises:
        UnavailableError: When the database is away.
    """
    count = 0
    while found := await to_thread.run_sync(ledger.forget_old, kept, AT_ONCE):
        count += found
    return count


async def sweep_for_ever(ledger: Ledger, kept: timedelta, every_s: float = EVERY_S) -> None:
    """Sweep until cancelled."""
    while True:
        try:
            if count := await sweep(ledger, kept):
                log.info("mcp_ledger_swept", calls=count)
        except UnavailableError as error:
            log.warning("mcp_ledger_not_swept", why=error.message, again_in_s=every_s)
        await asyncio.sleep(every_s)
