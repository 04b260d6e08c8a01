"""Rows of events on their way to a broker. Times are the database's: clocks of workers differ."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, case, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from foundation.taking import clock, take
from workflows.events.models import Event, EventRelay, OutgoingEvent


class Turn(NamedTuple):
    """A tenant whose events somebody sends now.

    Attributes:
        token: Theirs; nobody else has it.
        attempts: How often nothing could be sent, one after the other.
    """

    tenant_id: str
    token: str
    attempts: int


class Outgoing(NamedTuple):
    """An event on its way to a broker; `alone`, when it is sent by itself."""

    sequence: int
    body: str
    alone: bool


class Stuck(NamedTuple):
    """An event that a broker does not take."""

    tenant_id: str
    source: str
    id: str
    type: str
    faults: int
    failed_at: datetime | None
    why: str | None


class OutgoingRows:
    """The tables, as one tenant sees them, within one transaction."""

    def __init__(self, session: Session, tenant_id: str) -> None:
        self._session = session
        self._tenant_id = tenant_id

    def send(self, sequences: Sequence[int]) -> None:
        """Let a broker get events."""
        rows = [{"tenant_id": self._tenant_id, "sequence": each} for each in sequences]
        self._session.execute(insert(OutgoingEvent), rows)
        self.begin()

    def begin(self) -> None:
        """Let somebody send, at once unless the broker is away or somebody does already."""
        row = upsert(EventRelay).values(tenant_id=self._tenant_id, due_at=func.now(), attempts=0)
        idle = and_(EventRelay.token.is_(None), EventRelay.attempts == 0)
        self._session.execute(
            row.on_conflict_do_update(
                index_elements=[EventRelay.tenant_id],
                set_={"due_at": case((idle, func.now()), else_=EventRelay.due_at)},
            )
        )

    def now(self) -> datetime:
        """Tell what time it is."""
        return self._session.scalars(select(clock())).one()

    def relay(self) -> EventRelay | None:
        """Return the tenant's turn, and hold it until the transaction ends."""
        return self._session.scalar(
            select(EventRelay).where(EventRelay.tenant_id == self._tenant_id).with_for_update()
        )

    def next(self, limit: int) -> list[Outgoing]:
        """Return the first events that are due; one that is sent by itself comes by itself.

        What was not taken before comes after all others, which it must not hold up.
        """
        columns = select(OutgoingEvent.sequence, OutgoingEvent.alone).where(self._own())
        untried = columns.where(OutgoingEvent.attempts == 0).order_by(OutgoingEvent.sequence)
        due = self._session.execute(untried.limit(limit)).all()
        if not due:
            late = columns.where(OutgoingEvent.attempts > 0, OutgoingEvent.due_at <= clock())
            due = self._session.execute(
                late.order_by(OutgoingEvent.due_at, OutgoingEvent.sequence).limit(1)
            ).all()
        together = [row.sequence for row in takewhile(lambda row: not row.alone, due)]
        found = (
            select(Event.sequence, Event.body)
            .where(
                Event.tenant_id == self._tenant_id,
                Event.sequence.in_(together or [row.sequence for row in due[:1]]),
            )
            .order_by(Event.sequence)
        )
        return [Outgoing(*row, alone=not together) for row in self._session.execute(found)]

    def next_due(self) -> datetime | None:
        """Tell when an event is due; None when all that are left were set aside."""
        return self._session.scalar(select(func.min(OutgoingEvent.due_at)).where(self._own()))

    def rows(self, sequences: Sequence[int]) -> Sequence[OutgoingEvent]:
        """Return what is kept of events."""
        found = select(OutgoingEvent).where(self._own(), OutgoingEvent.sequence.in_(sequences))
        return self._session.scalars(found).all()

    def sent(self, sequences: Sequence[int]) -> None:
        """Forget what a broker has got."""
        self._session.execute(
            delete(OutgoingEvent).where(self._own(), OutgoingEvent.sequence.in_(sequences))
        )

    def again(self) -> int:
        """Let all that was set aside be tried as if for the first time; return how many."""
        freed = self._session.execute(
            update(OutgoingEvent)
            .where(self._own(), OutgoingEvent.due_at.is_(None))
            .values(due_at=func.now(), attempts=0, faults=0, alone=False, failed_at=None, why=None)
            .returning(OutgoingEvent.sequence)
            .execution_options(synchronize_session=False)
        )
        return len(freed.all())

    def give_up(self, kept: timedelta) -> int:
        """Forget what the broker did not get in time; return how many events that were."""
        old = select(Event.sequence).where(
            Event.tenant_id == self._tenant_id, Event.received_at < clock() - kept
        )
        gone = self._session.execute(
            delete(OutgoingEvent)
            .where(self._own(), OutgoingEvent.sequence.in_(old))
            .returning(OutgoingEvent.sequence)
            .execution_options(synchronize_session=False)
        )
        return len(gone.all())

    def end(self) -> None:
        """There is nothing more to send."""
        self._session.execute(delete(EventRelay).where(EventRelay.tenant_id == self._tenant_id))

    def _own(self) -> ColumnElement[bool]:
        return OutgoingEvent.tenant_id == self._tenant_id


class OutgoingSweep:
    """The tables as they are seen by who sends for, or looks after, all tenants."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def turn(self, lease: timedelta) -> Turn | None:
        """Take the tenant that is due for the longest time; nobody else does for that long."""
        taken = take(
            self._session,
            EventRelay,
            EventRelay.due_at <= clock(),
            oldest=EventRelay.due_at,
            limit=1,
            values={EventRelay.due_at: clock() + lease, EventRelay.token: uuid4().hex},
            returning=(EventRelay.tenant_id, EventRelay.token, EventRelay.attempts),
        )
        return Turn(*taken[0]) if taken else None

    def late(self, kept: timedelta) -> Sequence[str]:
        """Return the tenants that have events which are too old to be sent."""
        found = (
            select(OutgoingEvent.tenant_id)
            .join(Event, _same_event())
            .where(Event.received_at < clock() - kept)
            .distinct()
        )
        return self._session.scalars(found).all()

    def set_aside(self, limit: int) -> list[Stuck]:
        """Return events that are not tried any more, of those that came first."""
        found = (
            select(
                OutgoingEvent.tenant_id,
                Event.body,
                OutgoingEvent.faults,
                OutgoingEvent.failed_at,
                OutgoingEvent.why,
            )
            .join(Event, _same_event())
            .where(OutgoingEvent.due_at.is_(None))
            .order_by(OutgoingEvent.tenant_id, OutgoingEvent.sequence)
            .limit(limit)
        )
        return [
            Stuck(row[0], *named(row[1]), row[2], row[3], row[4])
            for row in self._session.execute(found)
        ]

    def blocked(self) -> Sequence[str]:
        """Return the tenants that have such events."""
        found = select(OutgoingEvent.tenant_id).where(OutgoingEvent.due_at.is_(None)).distinct()
        return self._session.scalars(found).all()


def named(body: str) -> tuple[str, str, str]:
    """Return source, id and type of an event."""
    event = json.loads(body)
    return event["source"], event["id"], event["type"]


def _same_event() -> ColumnElement[bool]:
    return and_(
        Event.tenant_id == OutgoingEvent.tenant_id, Event.sequence == OutgoingEvent.sequence
    )
