"""Table of the ledger."""

from datetime import datetime

from sqlalchemy import Index, String, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class LedgerEntry(Base):
    """A call that must not run twice.

    Attributes:
        key: What makes two calls the same one.
        call_id: Attempts of one call have the same; others with the same key are other calls.
        claim: Of the attempt that has sent it.
        arguments: A keyed hash: two calls with one key have to mean the same.
        state: See `State`.
        sent_at: Written before it was sent.
        answered_by: Until then its answer can come.
        answer: Sealed; None when it is not known, or larger than is kept.
    """

    __tablename__ = "mcp_ledger"
    __table_args__ = (Index("ix_mcp_ledger_sent_at", "sent_at"),)

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    call_id: Mapped[str] = mapped_column(String(64))
    claim: Mapped[str] = mapped_column(String(32))
    server: Mapped[str] = mapped_column(Text)
    tool: Mapped[str] = mapped_column(Text)
    arguments: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(10))
    sent_at: Mapped[datetime] = mapped_column(server_default=func.now())
    answered_by: Mapped[datetime]
    answer: Mapped[str | None] = mapped_column(Text)
