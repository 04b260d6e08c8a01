"""What a process that died left behind: runs that were not woken, events that nobody needs."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog
from anyio import to_thread

from foundation.errors import UnavailableError
from workflows.events.outbox import Outbox
from workflows.events.repository import Subscriber
from workflows.events.service import Events

log = structlog.get_logger()

EVERY_S: Final = 5.0
PURGE_EVERY: Final = 12


async def sweep(events: Events) -> int:
    """Wake those whose signal went missing; return how many."""
    due = await to_thread.run_sync(events.ledger.due)
    await events.wake((each.tenant_id, Subscriber(each.workflow_id, each.name)) for each in due)
    return len(due)


async def give_up(outbox: Outbox, kept: timedelta) -> None:
    """Forget what the broker did not get for so long, also when there is none any more."""
    for tenant_id, count in (await to_thread.run_sync(outbox.give_up, kept)).items():
        log.error("events_given_up", tenant_id=tenant_id, count=count, after_s=kept.total_seconds())


async def sweep_for_ever(
    events: Events, outbox: Outbox, kept: timedelta, every_s: float = EVERY_S
) -> None:
    """Sweep until cancelled. Any number of processes may do it: rows are taken by one of them.

    Args:
        kept: How long it is tried to give an event to the broker.
    """
    turn = 0
    while True:
        try:
            await sweep(events)
            if turn % PURGE_EVERY == 0:
                await give_up(outbox, kept)
                while await to_thread.run_sync(events.ledger.purge):
                    pass
        except UnavailableError as error:
            log.warning("events_not_swept", why=error.message, again_in_s=every_s)
        turn += 1
        await asyncio.sleep(every_s)
