"""What a process that died left behind: definitions whose schedule Temporal does not know yet."""

import asyncio
from typing import Final

import structlog
from anyio import to_thread

from foundation.errors import MillwrightError, UnavailableError
from workflows.triggers.keeping import Triggers

log = structlog.get_logger()

EVERY_S: Final = 5.0


async def sweep(triggers: Triggers) -> int:
    """Take care of what is due; return how many definitions that were."""
    due = await to_thread.run_sync(triggers.ledger.due)
    for name in due:
        try:
            await triggers.keep(name)
        except UnavailableError as error:
            log.warning("schedule_not_kept", definition=name, why=str(error))
            break  # the others would wait for the same; they are due again soon
        except MillwrightError as error:
            # One definition that Temporal refuses must not keep the others from being kept.
            log.warning("schedule_refused", definition=name, why=str(error))
        except Exception:
            # Nor one that this version does not understand any more: it must not end the worker.
            log.exception("schedule_not_understood", definition=name)
    return len(due)


async def sweep_for_ever(triggers: Triggers, every_s: float = EVERY_S) -> None:
    """Sweep until cancelled. Any number of processes may do it: rows are taken by one of them."""
    while True:
        try:
            await sweep(triggers)
        except UnavailableError as error:
            log.warning("schedules_not_swept", why=error.message, again_in_s=every_s)
        await asyncio.sleep(every_s)
