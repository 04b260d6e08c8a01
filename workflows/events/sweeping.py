"""What a process that died left behind: runs that were not woken, events that nobody needs."""

from datetime import timedelta
from typing import Final

import structlog
from anyio import to_thread

from workflows.events.outbox import Outbox
from workflows.events.repository import Subscriber
from workflows.events.service import Events

log = structlog.get_logger()

EVERY_S: Final = 5.0
PURGE_EVERY_S: Final = 60.0


async def sweep(events: Events) -> int:
    """Wake those whose signal went missing; return how many."""
    due = await to_thread.run_sync(events.ledger.due)
    await events.wake((each.tenant_id, Subscriber(each.workflow_id, each.name)) for each in due)
    return len(due)


async def give_up(outbox: Outbox, kept: timedelta) -> None:
    """Forget what the broker did not get for so long, also when there is none any more."""
    for tenant_id, count in (await to_thread.run_sync(outbox.give_up, kept)).items():
        log.error("events_given_up", tenant_id=tenant_id, count=count, after_s=kept.total_seconds())


async def purge(events: Events, outbox: Outbox, kept: timedelta) -> None:
    """Give up what could not be sent, and forget events that nobody needs.

    Args:
        kept: How long it is tried to give an event to the broker.
    """
    await give_up(outbox, kept)
    while await to_thread.run_sync(events.ledger.purge):
        pass
