"""Table of what is asked when."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, String, false
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class McpRefresh(Base):
    """When a server is asked again. Beside its row, which people read and change meanwhile.

    Attributes:
        refreshed_at: When its tools were read last.
        due_at: From then on some process asks it; whoever does moves this on first.
        turn: Of whoever began last to ask it, and has not written yet; nobody else may.
        hastened: It has said, since that began, that its tools have changed.
    """

    __tablename__ = "mcp_refreshes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "server_id"],
            ["mcp_servers.tenant_id", "mcp_servers.id"],
            ondelete="CASCADE",
        ),
        Index("ix_mcp_refreshes_due_at", "due_at"),
    )

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    server_id: Mapped[UUID] = mapped_column(primary_key=True)
    refreshed_at: Mapped[datetime]
    due_at: Mapped[datetime]
    turn: Mapped[UUID | None]
    hastened: Mapped[bool] = mapped_column(server_default=false())
