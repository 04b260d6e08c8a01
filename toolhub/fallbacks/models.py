"""Table of last good results."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, String, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class McpLastResult(Base):
    """What a tool answered last; only of tools whose policy wants to fall back on it.

    Attributes:
        sha256: Fingerprint of the tool: another version has answers of its own.
        arguments: A keyed hash; empty where answers to any arguments will do.
        answer: Sealed, for this very row.
    """

    __tablename__ = "mcp_last_results"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "server_id"],
            ["mcp_servers.tenant_id", "mcp_servers.id"],
            ondelete="CASCADE",
        ),
        # By this those that are too many are looked for.
        Index(
            "ix_mcp_last_results_tenant_id_server_id_name_at",
            *("tenant_id", "server_id"),
            "name",
            "at",
        ),
    )

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    server_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128, collation="C"), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    arguments: Mapped[str] = mapped_column(String(64), primary_key=True)
    answer: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
