"""Tables of what people have agreed to, and of what they are asked."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, String, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


def _of_server() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["tenant_id", "server_id"],
        ["mcp_servers.tenant_id", "mcp_servers.id"],
        ondelete="CASCADE",
    )


class McpConsent(Base):
    """What somebody has agreed to, for all processes.

    Attributes:
        credential_version: Of the credential for which he did; for another one it counts nothing.
        sealed: Tokens, and whom they are renewed with.
        good_until: Of the token to be used now.
        renewed_until: Some process is getting another one; when it is gone by then, it has died.
        renewal: Which of those who ever did that it is; another one has nothing to end.
        wanted_scopes: What the server has missed meanwhile.
        agreed_by: Who it was.
    """

    __tablename__ = "mcp_consents"
    __table_args__ = (_of_server(),)

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    server_id: Mapped[UUID] = mapped_column(primary_key=True)
    credential_version: Mapped[str] = mapped_column(String(64))
    sealed: Mapped[str] = mapped_column(Text)
    good_until: Mapped[datetime]
    renewed_until: Mapped[datetime | None]
    renewal: Mapped[UUID | None]
    wanted_scopes: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    agreed_by: Mapped[str] = mapped_column(Text)
    agreed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class McpConsentRequest(Base):
    """A question that somebody was sent off with, and has not come back from.

    Attributes:
        state_sha256: Of the secret that he comes back with.
        asked_by: Who was sent off.
        sealed: What his answer is exchanged with.
    """

    __tablename__ = "mcp_consent_requests"
    __table_args__ = (_of_server(),)

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    state_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    server_id: Mapped[UUID]
    credential_version: Mapped[str] = mapped_column(String(64))
    asked_by: Mapped[str] = mapped_column(Text)
    sealed: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime]
