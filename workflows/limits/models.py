"""Tables of the calls that are under way, or wait for it. A row that has expired is none."""

from datetime import datetime

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class Permit(Base):
    """A call that keeps to a `concurrency`: inside, or in the line before it.

    Attributes:
        key: What it shares the limit with.
        holder: Hash of the execution.
        state: `waiting`; `called` when its turn has come; `held` while it is inside.
        since: When it came first: who came earlier goes first.
        expires_at: When it is dead unless it says otherwise.
    """

    __tablename__ = "limit_permits"
    __table_args__ = (
        Index(None, "tenant_id", "key", "since"),
        Index(None, "expires_at"),
    )

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64, collation="C"), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    workflow_id: Mapped[str] = mapped_column(Text)
    execution: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime]
    expires_at: Mapped[datetime]


class Beginning(Base):
    """A call that keeps to a `rateLimit`: it has begun, or has a time at which it may.

    Attributes:
        key: What it shares the limit with.
        id: Nothing but an id.
        holder: Hash of the execution.
        begun: Whether it has.
        at: When it did, or may.
        expires_at: When it does not matter any more.
    """

    __tablename__ = "limit_beginnings"
    __table_args__ = (
        Index(None, "tenant_id", "key", "at"),
        Index(None, "expires_at"),
    )

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    id: Mapped[str] = mapped_column(String(32, collation="C"), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64, collation="C"))
    begun: Mapped[bool]
    at: Mapped[datetime]
    expires_at: Mapped[datetime]
