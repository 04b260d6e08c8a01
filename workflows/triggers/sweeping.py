"""What a process that died left behind: definitions whose schedule Temporal does not know yet."""

import asyncio
from typing import Final

import structlog
from anyio import to_thread

from foundation.errors import MillwrightError, UnavailableError
from workflows.triggers.keeping import Triggers
from workflows.triggers.repository import Name

log = structlog.get_logger()

EVERY_S: Final = 5.0
# One that waits for an answer in vain keeps its place until that has timed out.
AT_ONCE: Final = 8


async def sweep(triggers: Triggers) -> int:
    """Take care of what is due; return how many definitions that were."""
    due = await to_thread.run_sync(triggers.ledger.due)
    room = asyncio.Semaphore(AT_ONCE)

    async def keep(name: Name) -> None:
        async with room:
            await _kept(triggers, name)

    await asyncio.gather(*map(keep, due))
    return len(due)


async def _kept(triggers: Triggers, name: Name) -> None:
    """Take care of one definition. Whatever stands in its way must not stand in that of others."""
    try:
        await triggers.keep(name)
    except UnavailableError as error:
        log.warning("schedule_not_kept", definition=name, why=str(error))
    except MillwrightError as error:
        log.warning("schedule_refused", definition=name, why=str(error))
    except Exception:
        # One that this version does not understand any more must not end the worker.
        log.exception("schedule_not_understood", definition=name)
