"""What is overdue in the events of all tenants: listeners to wake again, events to delete."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.orm import Session

from foundation.taking import take
from workflows.events.models import Event, EventDelivery, EventSubscription, OutgoingEvent


class Forgotten(NamedTuple):
    """Who has to be woken again, of any tenant."""

    tenant_id: str
    workflow_id: str
    name: str


class EventSweep:
    """The tables as the sweeper sees them: all tenants, oldest first."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def due(
        self, now: datetime, patience: timedelta, longest: timedelta, limit: int
    ) -> list[Forgotten]:
        """Take those whose signal went missing; each time the next one waits twice as long."""
        key = (
            EventSubscription.tenant_id,
            EventSubscription.workflow_id,
            EventSubscription.name,
        )
        pause = func.least(
            patience * func.power(2, func.least(EventSubscription.wakes, 20)), longest
        )
        taken = take(
            self._session,
            EventSubscription,
            EventSubscription.wake_at <= now,
            oldest=EventSubscription.wake_at,
            limit=limit,
            values={
                EventSubscription.wake_at: now + pause,
                EventSubscription.wakes: EventSubscription.wakes + 1,
            },
            returning=key,
        )
        return [Forgotten(*row) for row in taken]

    def purge(self, before: datetime, limit: int) -> int:
        """Delete old events that nobody waits for; return how many."""
        waited = (
            select(EventDelivery.sequence)
            .where(
                EventDelivery.tenant_id == Event.tenant_id,
                EventDelivery.sequence == Event.sequence,
            )
            .exists()
        )
        outgoing = (
            select(OutgoingEvent.sequence)
            .where(
                OutgoingEvent.tenant_id == Event.tenant_id,
                OutgoingEvent.sequence == Event.sequence,
            )
            .exists()
        )
        old = (
            select(Event.tenant_id, Event.sequence)
            .where(Event.received_at < before, ~waited, ~outgoing)
            .order_by(Event.received_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        gone = self._session.execute(
            delete(Event)
            .where(tuple_(Event.tenant_id, Event.sequence).in_(old))
            .returning(Event.sequence)
            .execution_options(synchronize_session=False)
        )
        return len(gone.all())
