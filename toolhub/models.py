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
        arguments: What a program is given besides.
        headers: What every request has besides, and is no secret.
        imported: The document that it was imported from (`toolhub.importing.origin`).
        credential_sealed: Opens only for this tenant, this server and this very endpoint.
        credential_header: The header that carries it, or the parameter of the address.
        credential_about: What may be seen of one that gets tokens. It decides nothing.
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
    arguments: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True))
    headers: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True))
    imported: Mapped[JsonObject | None] = mapped_column(JSONB(none_as_null=True))
    credential_kind: Mapped[str] = mapped_column(String(40))
    credential_header: Mapped[str | None] = mapped_column(String(128))
    credential_sealed: Mapped[str | None] = mapped_column(Text)
    credential_about: Mapped[JsonObject | None] = mapped_column(JSONB(none_as_null=True))
    protocol: Mapped[JsonObject | None] = mapped_column(JSONB(none_as_null=True))
    status: Mapped[str] = mapped_column(String(20))
    timeout_s: Mapped[float]
    protection: Mapped[JsonObject | None] = mapped_column(JSONB(none_as_null=True))
    breaker: Mapped[JsonObject | None] = mapped_column(JSONB(none_as_null=True))
    pinning: Mapped[str] = mapped_column(String(20), server_default="standard")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    discovered_at: Mapped[datetime | None]

    @property
    def endpoint(self) -> str:
        """The address requests go to."""
        return self.url.rstrip("/") + self.path if self.path else self.url


class _ToolOfServer:
    """A tool of a registered server, as its server (or, for some dialects, the user) describes it.

    Attributes:
        sha256: Fingerprint of all of it (`toolhub.pinning.hashing`).
        problem: Why it cannot be called: its own schema cannot be used.
    """

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    server_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    title: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    input_schema: Mapped[JsonObject] = mapped_column(JSONB)
    output_schema: Mapped[JsonObject | None] = mapped_column(JSONB(none_as_null=True))
    annotations: Mapped[JsonObject] = mapped_column(JSONB)
    sha256: Mapped[str] = mapped_column(String(64))
    problem: Mapped[str | None] = mapped_column(Text)


def _of_server() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["tenant_id", "server_id"],
        ["mcp_servers.tenant_id", "mcp_servers.id"],
        ondelete="CASCADE",
    )


class McpTool(_ToolOfServer, Base):
    """A tool as it may be called now.

    Attributes:
        version: Which of its versions it is.
    """

    __tablename__ = "mcp_tools"
    __table_args__ = (_of_server(),)

    version: Mapped[int] = mapped_column(server_default="1")
    discovered_at: Mapped[datetime] = mapped_column(server_default=func.now())


class McpToolVersion(_ToolOfServer, Base):
    """What a tool once was, or is: rows are added and never changed, also when the tool is gone.

    Attributes:
        drift: How it differs from the version before; None for the first.
        accepted_by: Who took it over; None when nobody had to be asked.
    """

    __tablename__ = "mcp_tool_versions"
    __table_args__ = (_of_server(),)

    version: Mapped[int] = mapped_column(primary_key=True, sort_order=1)  # last of the key
    drift: Mapped[str | None] = mapped_column(String(20))
    accepted_by: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class McpToolDrift(_ToolOfServer, Base):
    """What a server says of a tool now and nobody has accepted: while it stands, no call is made.

    Attributes:
        changes: The differences from what was accepted, gravest first.
    """

    __tablename__ = "mcp_tool_drifts"
    __table_args__ = (_of_server(),)

    drift: Mapped[str] = mapped_column(String(20))
    changes: Mapped[list[JsonObject]] = mapped_column(JSONB)
    found_at: Mapped[datetime] = mapped_column(server_default=func.now())
