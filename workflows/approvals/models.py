"""Table of what waits, or has waited, for people. Runs write it; who reads it changes nothing."""

from datetime import datetime

from sqlalchemy import Index, String, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class ApprovalRow(Base):
    """One approval as its run told it last.

    Attributes:
        revision: Of the contents; raised with every change.
        users: Mail addresses of those who may decide.
        roles: Roles whose members may decide.
        body: `activities.approvals.Approval` as JSON.
    """

    __tablename__ = "approvals"
    __table_args__ = (
        Index("ix_approvals_inbox", "tenant_id", "status", "opened_at", "id"),
        Index("ix_approvals_workflow_id", "tenant_id", "workflow_id"),
    )

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    id: Mapped[str] = mapped_column(String(32, collation="C"), primary_key=True)
    revision: Mapped[int]
    workflow_id: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16))
    users: Mapped[list[str]] = mapped_column(ARRAY(Text))
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    opened_at: Mapped[datetime]
    body: Mapped[str] = mapped_column(Text)
