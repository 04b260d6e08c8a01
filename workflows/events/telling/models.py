"""Table of instances that have told their beginning and not their end."""

from datetime import datetime

from sqlalchemy import Index, String, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class TellingInstance(Base):
    """One instance, from its first run to the last one that goes on for it.

    Attributes:
        started_id: Id of the event of its beginning: tells a retried instance, which has the same
            workflow id, from what it was before.
        generation: How many instances have led to it.
        checked_at: When somebody last looked whether it is there still.
    """

    __tablename__ = "telling_instances"
    __table_args__ = (Index("ix_telling_instances_checked_at", "checked_at"),)

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    workflow_id: Mapped[str] = mapped_column(Text, primary_key=True)
    started_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    generation: Mapped[int] = mapped_column(server_default=text("0"))
    checked_at: Mapped[datetime] = mapped_column(server_default=func.now())
