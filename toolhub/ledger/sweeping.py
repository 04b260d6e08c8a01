"""Old entries of the ledger are forgotten: any number of processes may do it."""

from datetime import timedelta
from typing import Final

from anyio import to_thread

from toolhub.ledger.service import Ledger

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
