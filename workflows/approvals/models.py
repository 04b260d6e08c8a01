"""Tables of what waits, or has waited, for people.

Runs write approvals; whoever reads them changes nothing.
"""

from datetime import datetime

from sqlalchemy import Index, String, Text, func, text
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
        checked_at: When somebody last made sure that its run still waits.
        told_by: The run in Temporal that told it.
        told_at: When that run wanted it told.
    """

    __tablename__ = "approvals"
    __table_args__ = (
        Index("ix_approvals_inbox", "tenant_id", "status", "opened_at", "id"),
        Index("ix_approvals_workflow_id", "tenant_id", "workflow_id"),
        Index("ix_approvals_unchecked", "checked_at", postgresql_where=text("status = 'PENDING'")),
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
    checked_at: Mapped[datetime] = mapped_column(server_default=func.now())
    told_by: Mapped[str] = mapped_column(Text, server_default="")
    told_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ApprovalLink(Base):
    """One link by which one person decides one approval, once. Its token is kept nowhere.

    Attributes:
        decisions: What it can be used for: `approve`, `reject`.
        data_hash: Of the data that the person is shown.
        asked_by: The run in Temporal that asked when it was made; one that was reset asks anew.
        claimed_until: Somebody is deciding with it at this moment; for ever when that has worked.
        used_for: What was decided with it.
    """

    __tablename__ = "approval_links"
    __table_args__ = (
        Index("ix_approval_links_approval_id", "tenant_id", "approval_id"),
        Index("ix_approval_links_expires_at", "expires_at"),
    )

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    id: Mapped[str] = mapped_column(String(32, collation="C"), primary_key=True)
    approval_id: Mapped[str] = mapped_column(String(32, collation="C"))
    workflow_id: Mapped[str] = mapped_column(Text)
    user_id: Mapped[str] = mapped_column(String(32))
    decisions: Mapped[list[str]] = mapped_column(ARRAY(Text))
    data_hash: Mapped[str] = mapped_column(String(64))
    asked_by: Mapped[str] = mapped_column(Text, server_default="")
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    claimed_until: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    used_for: Mapped[str | None] = mapped_column(String(16))
