"""Tables of the hub."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, String, Text, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from foundation.json import JsonObject


class McpServer(Base):
    """A server that a tenant has registered.

    Attributes:
        credential_sealed: Opens only for this tenant, this server and this very endpoint.
        protection: Numbers of its own for what guards it.
        breaker: What an administrator decided about its breaker.
        version: Raised by every change; guards against lost updates.
    """

    __tablename__ = "mcp_servers"
    __table_args__ = (UniqueConstraint("tenant_id", "name"),)

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(63))
    dialect: Mapped[str] = mapped_column(String(20))
    url: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(Text)
    credential_kind: Mapped[str] = mapped_column(String(20))
    credential_header: Mapped[str | None] = mapped_column(String(128))
    credential_sealed: Mapped[str | None] = mapped_column(Text)
    protocol: Mapped[JsonObject | None] = mapped_column(JSONB(none_as_null=True))
    status: Mapped[str] = mapped_column(String(20))
    timeout_s: Mapped[float]
    protection: Mapped[JsonObject | None] = mapped_column(JSONB(none_as_null=True))
    breaker: Mapped[JsonObject | None] = mapped_column(JSONB(none_as_null=True))
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    discovered_at: Mapped[datetime | None]

    @property
    def endpoint(self) -> str:
        """The address requests go to."""
        return self.url.rstrip("/") + self.path if self.path else self.url


class McpTool(Base):
    """A tool of a registered server, as the server (or, for some dialects, the user) describes it.

    Attributes:
        sha256: Hash of the definition, to notice when a server changes what a tool is.
        problem: Why it cannot be called: its own schema cannot be used.
    """

    __tablename__ = "mcp_tools"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "server_id"],
            ["mcp_servers.tenant_id", "mcp_servers.id"],
            ondelete="CASCADE",
        ),
    )

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    server_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    description: Mapped[str | None] = mapped_column(Text)
    input_schema: Mapped[JsonObject] = mapped_column(JSONB)
    output_schema: Mapped[JsonObject | None] = mapped_column(JSONB(none_as_null=True))
    annotations: Mapped[JsonObject] = mapped_column(JSONB)
    sha256: Mapped[str] = mapped_column(String(64))
    problem: Mapped[str | None] = mapped_column(Text)
    discovered_at: Mapped[datetime] = mapped_column(server_default=func.now())
