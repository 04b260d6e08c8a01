"""Tables of what definitions start by themselves.

What is wanted is written in the transaction that publishes a version; Temporal follows. So nothing
is lost when the process dies in between, or Temporal is away.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class DefinitionSchedule(Base):
    """Which version's schedule is to be kept; also of a definition that has none any more.

    Attributes:
        revision: Raised whenever another version is the newest one.
        settled: The last revision that Temporal agreed with.
        held_until: Until when one process takes care of it.
        held_by: Which of its attempts that is; who comes back later has lost it.
        attempts: How often it did not succeed, one time after the other.
        trouble: Why the last of them did not.
        due_at: When somebody has to look whether Temporal (still) agrees; never, if None.
    """

    __tablename__ = "definition_schedules"
    __table_args__ = (
        Index(
            "ix_definition_schedules_due_at",
            "due_at",
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    namespace: Mapped[str] = mapped_column(String(63, collation="C"), primary_key=True)
    name: Mapped[str] = mapped_column(String(63, collation="C"), primary_key=True)
    version: Mapped[str] = mapped_column(Text)
    revision: Mapped[int] = mapped_column(BigInteger)
    settled: Mapped[int] = mapped_column(BigInteger)
    held_until: Mapped[datetime | None]
    held_by: Mapped[str | None] = mapped_column(String(32))
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    trouble: Mapped[str | None] = mapped_column(Text)
    due_at: Mapped[datetime | None]


class DefinitionListening(Base):
    """Events that are brought to a definition's trigger.

    Attributes:
        number: The revision with which it began.
        version: Which version is started by its events.
        wanted: Hash of what the schedule says of events.
        continues: The version before said the same.
        over: No more are brought; those that were are still to be used.
        trouble: Why nothing is started by its events, which are kept.
    """

    __tablename__ = "definition_listenings"

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    namespace: Mapped[str] = mapped_column(String(63, collation="C"), primary_key=True)
    name: Mapped[str] = mapped_column(String(63, collation="C"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    version: Mapped[str] = mapped_column(Text)
    wanted: Mapped[str] = mapped_column(String(64))
    continues: Mapped[bool] = mapped_column(Boolean)
    over: Mapped[bool] = mapped_column(Boolean)
    trouble: Mapped[str | None] = mapped_column(Text)
