"""Table of the checks."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class McpCheck(Base):
    """The last check of a server.

    Attributes:
        due_at: From then on some process checks it; whoever does moves this on first.
        healthy: It answered; None until it was asked.
        error: Code of what was wrong.
        problem: The same in words.
    """

    __tablename__ = "mcp_checks"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "server_id"],
            ["mcp_servers.tenant_id", "mcp_servers.id"],
            ondelete="CASCADE",
        ),
        Index("ix_mcp_checks_due_at", "due_at"),
    )

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    server_id: Mapped[UUID] = mapped_column(primary_key=True)
    due_at: Mapped[datetime]
    checked_at: Mapped[datetime | None]
    healthy: Mapped[bool | None]
    latency_ms: Mapped[float | None]
    error: Mapped[str | None] = mapped_column(String(64))
    problem: Mapped[str | None] = mapped_column(Text)
