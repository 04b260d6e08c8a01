"""Tables of events and of those who wait for them.

An event is brought to a subscription by a row of `event_deliveries`, made in the transaction that
keeps the event; the signal that wakes the run carries nothing. So nothing is lost with a process,
and a run that is busy takes many events at once.
"""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ForeignKeyConstraint,
    Identity,
    Index,
    String,
    Text,
    UniqueConstraint,
    false,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base

_SUBSCRIPTION = ["tenant_id", "workflow_id", "name"]


class Event(Base):
    """One event of a tenant.

    Attributes:
        sequence: Order of arrival; a transaction of the same tenant never overtakes another.
        identity: Hash of source and id.
        body: The event as JSON.
    """

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("tenant_id", "identity"),
        Index("ix_events_type", "tenant_id", "type", "sequence"),
        Index("ix_events_received_at", "received_at"),
    )

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    identity: Mapped[str] = mapped_column(String(64))
    type: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    received_at: Mapped[datetime]


class EventShape(Base):
    """What of a filter can be decided at the door; shared by all runs that have it.

    Attributes:
        body: `workflows.matching.Shape.written` as JSON.
    """

    __tablename__ = "event_shapes"
    __table_args__ = (Index("ix_event_shapes_type", "tenant_id", "type"),)

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    type: Mapped[str | None] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)


class EventSubscription(Base):
    """One task of a run that listens.

    Attributes:
        wake_at: When to wake the run (again), if there are events that it has not taken.
        wakes: How often it was woken for them.
    """

    __tablename__ = "event_subscriptions"
    __table_args__ = (
        Index(
            "ix_event_subscriptions_wake_at",
            "wake_at",
            postgresql_where=text("wake_at IS NOT NULL"),
        ),
    )

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    workflow_id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    created_at: Mapped[datetime]
    wake_at: Mapped[datetime | None]
    wakes: Mapped[int]


class EventInterest(Base):
    """Which events a subscription wants: those of a shape, with a key."""

    __tablename__ = "event_interests"
    __table_args__ = (
        ForeignKeyConstraint(
            _SUBSCRIPTION,
            [f"event_subscriptions.{column}" for column in _SUBSCRIPTION],
            name="fk_event_interests_subscription",
            ondelete="CASCADE",
        ),
        Index("ix_event_interests_subscription", *_SUBSCRIPTION),
    )

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    shape: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    workflow_id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)


class EventDelivery(Base):
    """An event that a subscription has not acknowledged yet."""

    __tablename__ = "event_deliveries"
    __table_args__ = (
        ForeignKeyConstraint(
            _SUBSCRIPTION,
            [f"event_subscriptions.{column}" for column in _SUBSCRIPTION],
            name="fk_event_deliveries_subscription",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["tenant_id", "sequence"],
            ["events.tenant_id", "events.sequence"],
            name="fk_event_deliveries_event",
        ),
        Index("ix_event_deliveries_event", "tenant_id", "sequence"),
    )

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    workflow_id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True)


class EventConsumption(Base):
    """An event that an instance has used: its next listening task does not get it again."""

    __tablename__ = "event_consumptions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "sequence"],
            ["events.tenant_id", "events.sequence"],
            name="fk_event_consumptions_event",
            ondelete="CASCADE",
        ),
        Index("ix_event_consumptions_event", "tenant_id", "sequence"),
    )

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    workflow_id: Mapped[str] = mapped_column(Text, primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True)


class OutgoingEvent(Base):
    """An event that a broker is to get, and has not got yet.

    Attributes:
        attempts: How often it was not taken; others go before it then.
        faults: How often that was its own fault: it was refused, or others were taken meanwhile.
        due_at: When to send it (again); None: it was set aside, and somebody has to look at it.
        alone: It is sent by itself: it was not confirmed, and that may be its fault.
        failed_at: When that was its own fault for the last time.
        why: What was wrong last.
    """

    __tablename__ = "outgoing_events"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "sequence"],
            ["events.tenant_id", "events.sequence"],
            name="fk_outgoing_events_event",
        ),
        # A broker that comes back after days finds many; none of them is looked at twice.
        Index(
            "ix_outgoing_events_untried",
            "tenant_id",
            "sequence",
            postgresql_where=text("attempts = 0"),
        ),
        Index(
            "ix_outgoing_events_due",
            "tenant_id",
            "due_at",
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    faults: Mapped[int] = mapped_column(server_default=text("0"))
    due_at: Mapped[datetime | None] = mapped_column(server_default=func.now())
    alone: Mapped[bool] = mapped_column(server_default=false())
    failed_at: Mapped[datetime | None]
    why: Mapped[str | None] = mapped_column(Text)


class EventRelay(Base):
    """A tenant that has such events; one process at a time sends them, so they keep their order.

    All times are the database's: the clocks of workers differ.

    Attributes:
        due_at: When to try (again); whoever tries moves it ahead.
        attempts: How often nothing could be sent, one after the other.
        token: Whose turn it is. Who has another one may settle nothing.
        taken_at: When the broker last took something.
    """

    __tablename__ = "event_relays"
    __table_args__ = (Index("ix_event_relays_due_at", "due_at"),)

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    due_at: Mapped[datetime]
    attempts: Mapped[int]
    token: Mapped[str | None] = mapped_column(String(32))
    taken_at: Mapped[datetime | None]
