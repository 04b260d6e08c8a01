"""Rows of one tenant's events. Every query begins with the tenant."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    and_,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from workflows.events.models import (
    Event,
    EventConsumption,
    EventDelivery,
    EventInterest,
    EventShape,
    EventSubscription,
)


class Subscriber(NamedTuple):
    """A listening task of a run."""

    workflow_id: str
    name: str


class EventRows:
    """The tables, as one tenant sees them, within one transaction."""

    def __init__(self, session: Session, tenant_id: str) -> None:
        self._session = session
        self._tenant_id = tenant_id

    def lock(self) -> None:
        """Be the only one who publishes or begins to listen, until the transaction ends.

        So sequence numbers appear in their order, and an event and a listener that come at the
        same time see each other.
        """
        key = f"events {self._tenant_id}"
        self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))

    def add(self, identity: str, type_: str, body: str, now: datetime) -> int | None:
        """Keep an event; None when it is there already."""
        row = upsert(Event).values(
            tenant_id=self._tenant_id, identity=identity, type=type_, body=body, received_at=now
        )
        return self._session.scalar(
            row.on_conflict_do_nothing(index_elements=[Event.tenant_id, Event.identity]).returning(
                Event.sequence
            )
        )

    def known(self, identities: Iterable[str]) -> set[str]:
        """Return those of these events that are there already."""
        found = select(Event.identity).where(
            Event.tenant_id == self._tenant_id, Event.identity.in_(list(identities))
        )
        return set(self._session.scalars(found))

    def shapes(self, types: Iterable[str]) -> Sequence[EventShape]:
        """Return the shapes that events of these types can have."""
        found = select(EventShape).where(
            EventShape.tenant_id == self._tenant_id,
            or_(EventShape.type.in_(list(types)), EventShape.type.is_(None)),
        )
        return self._session.scalars(found).all()

    def keep_shape(self, digest: str, type_: str | None, body: str) -> None:
        """Keep a shape, if it is new."""
        row = upsert(EventShape).values(
            tenant_id=self._tenant_id, digest=digest, type=type_, body=body
        )
        self._session.execute(row.on_conflict_do_nothing())

    def deliver(self, sequence: int, keys: Sequence[tuple[str, str]]) -> None:
        """Bring an event to all whose interests have one of these shapes and keys."""
        meant = (
            select(EventInterest.workflow_id, EventInterest.name)
            .where(
                EventInterest.tenant_id == self._tenant_id,
                tuple_(EventInterest.shape, EventInterest.key).in_(keys),
            )
            .distinct()
            .subquery()
        )
        wanted = (
            select(
                EventSubscription.tenant_id,
                EventSubscription.workflow_id,
                EventSubscription.name,
                literal(sequence),
            )
            .join(
                meant,
                and_(
                    EventSubscription.workflow_id == meant.c.workflow_id,
                    EventSubscription.name == meant.c.name,
                ),
            )
            .where(EventSubscription.tenant_id == self._tenant_id)
            # One that goes at this moment is waited for, and then no longer there.
            .with_for_update(read=True, key_share=True, of=EventSubscription)
        )
        columns = ["tenant_id", "workflow_id", "name", "sequence"]
        self._session.execute(insert(EventDelivery).from_select(columns, wanted))

    def to_wake(self, first: int, now: datetime, patience: timedelta) -> list[Subscriber]:
        """Mark all who got an event from this one on; return those who were not marked before."""
        got = (
            select(EventDelivery.workflow_id, EventDelivery.name)
            .where(EventDelivery.tenant_id == self._tenant_id, EventDelivery.sequence >= first)
            .distinct()
            .subquery()
        )
        marked = (
            update(EventSubscription)
            .where(
                EventSubscription.tenant_id == self._tenant_id,
                EventSubscription.workflow_id == got.c.workflow_id,
                EventSubscription.name == got.c.name,
                EventSubscription.wake_at.is_(None),
            )
            .values(wake_at=now + patience, wakes=1)
            .returning(EventSubscription.workflow_id, EventSubscription.name)
            .execution_options(synchronize_session=False)
        )
        return [Subscriber(*row) for row in self._session.execute(marked)]

    def subscription(self, subscriber: Subscriber) -> EventSubscription | None:
        """Return a subscription, and hold it until the transaction ends."""
        return self._session.scalar(
            select(EventSubscription)
            .where(self._is(EventSubscription, subscriber))
            .with_for_update()
        )

    def subscribe(self, subscriber: Subscriber, now: datetime) -> EventSubscription:
        """Begin to listen."""
        row = EventSubscription(
            tenant_id=self._tenant_id,
            workflow_id=subscriber.workflow_id,
            name=subscriber.name,
            created_at=now,
            wake_at=None,
            wakes=0,
        )
        self._session.add(row)
        self._session.flush()
        return row

    def interests(self, subscriber: Subscriber) -> set[tuple[str, str]]:
        """Return the shapes and keys that a subscription has."""
        found = select(EventInterest.shape, EventInterest.key).where(
            self._is(EventInterest, subscriber)
        )
        return {(row[0], row[1]) for row in self._session.execute(found)}

    def set_interests(self, subscriber: Subscriber, wanted: Iterable[tuple[str, str]]) -> None:
        """Let a subscription want these shapes and keys."""
        self._session.execute(delete(EventInterest).where(self._is(EventInterest, subscriber)))
        self._session.add_all(
            EventInterest(
                tenant_id=self._tenant_id,
                shape=shape,
                key=key,
                workflow_id=subscriber.workflow_id,
                name=subscriber.name,
            )
            for shape, key in sorted(wanted)
        )
        self._session.flush()

    def kept(
        self, subscriber: Subscriber, after: int, since: datetime, types: set[str] | None
    ) -> Iterable[tuple[int, str]]:
        """Go through the events that an instance may have missed: sequence number and body."""
        used = (
            select(EventConsumption.sequence)
            .where(
                EventConsumption.tenant_id == self._tenant_id,
                EventConsumption.workflow_id == subscriber.workflow_id,
                EventConsumption.sequence == Event.sequence,
            )
            .exists()
        )
        found = select(Event.sequence, Event.body).where(
            Event.tenant_id == self._tenant_id,
            Event.sequence > after,
            Event.received_at >= since,
            ~used,
        )
        if types is not None:
            found = found.where(Event.type.in_(sorted(types)))
        rows = self._session.execute(
            found.order_by(Event.sequence).execution_options(yield_per=200)
        )
        return ((row[0], row[1]) for row in rows)

    def add_deliveries(self, subscriber: Subscriber, sequences: Iterable[int]) -> None:
        """Bring events to one subscription."""
        rows = [
            {
                "tenant_id": self._tenant_id,
                "workflow_id": subscriber.workflow_id,
                "name": subscriber.name,
                "sequence": sequence,
            }
            for sequence in sequences
        ]
        if rows:
            self._session.execute(upsert(EventDelivery).on_conflict_do_nothing(), rows)

    def acknowledge(self, subscriber: Subscriber, after: int) -> None:
        """Forget what a subscription has seen."""
        self._session.execute(
            delete(EventDelivery).where(
                self._is(EventDelivery, subscriber), EventDelivery.sequence <= after
            )
        )

    def used(self, subscriber: Subscriber, sequences: Sequence[int]) -> None:
        """Forget what a subscription has used."""
        self._session.execute(
            delete(EventDelivery).where(
                self._is(EventDelivery, subscriber), EventDelivery.sequence.in_(sequences)
            )
        )

    def hand_on(self, subscriber: Subscriber, successor: Subscriber) -> None:
        """Bring what a subscription has not used to another one, which got none of it."""
        self._session.execute(
            update(EventDelivery)
            .where(self._is(EventDelivery, subscriber))
            .values(workflow_id=successor.workflow_id, name=successor.name)
        )

    def consumed(self, workflow_id: str, sequences: Iterable[int]) -> None:
        """Remember what an instance has used; what was swept meanwhile needs no memory."""
        wanted = select(Event.tenant_id, literal(workflow_id), Event.sequence).where(
            Event.tenant_id == self._tenant_id, Event.sequence.in_(list(sequences))
        )
        columns = ["tenant_id", "workflow_id", "sequence"]
        self._session.execute(
            upsert(EventConsumption).from_select(columns, wanted).on_conflict_do_nothing()
        )

    def waiting(self, subscriber: Subscriber, after: int, limit: int) -> list[tuple[int, str]]:
        """Return the next events of a subscription: sequence number and body."""
        found = (
            select(Event.sequence, Event.body)
            .join(
                EventDelivery,
                and_(
                    EventDelivery.tenant_id == Event.tenant_id,
                    EventDelivery.sequence == Event.sequence,
                ),
            )
            .where(self._is(EventDelivery, subscriber), EventDelivery.sequence > after)
            .order_by(Event.sequence)
            .limit(limit)
        )
        return [(row[0], row[1]) for row in self._session.execute(found)]

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Forget a subscription and what was to be brought to it."""
        self._session.execute(
            delete(EventSubscription).where(self._is(EventSubscription, subscriber))
        )

    def held(self, workflow_id: str) -> list[Subscriber]:
        """Return the subscriptions of an instance, and hold them until the transaction ends.

        Nobody begins or goes on listening meanwhile; events are brought to them all the same.
        """
        found = (
            select(EventSubscription.name)
            .where(
                EventSubscription.tenant_id == self._tenant_id,
                EventSubscription.workflow_id == workflow_id,
            )
            .order_by(EventSubscription.name)
            .with_for_update(key_share=True)
        )
        return [Subscriber(workflow_id, name) for name in self._session.scalars(found)]

    def _is(
        self,
        table: type[EventSubscription | EventInterest | EventDelivery],
        subscriber: Subscriber,
    ) -> ColumnElement[bool]:
        return and_(
            table.tenant_id == self._tenant_id,
            table.workflow_id == subscriber.workflow_id,
            table.name == subscriber.name,
        )
