"""Tables of tenants, users and sessions."""

from datetime import datetime

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, String, Text, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class Tenant(Base):
    """One factory or company; its id is the first part of every key."""

    __tablename__ = "tenants"

    id: Mapped[str] = mapped_column(String(63), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class User(Base):
    """Somebody who can log in, in one tenant.

    Attributes:
        email: Lower case; unique in the tenant. One person may have accounts in several.
        password_hash: argon2id, or bcrypt until the next log-in.
        disabled_at: Set when this user may no longer log in or refresh.
    """

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("tenant_id", "email"),
        # Log-in without naming the tenant looks the address up everywhere.
        Index("ix_users_email", "email"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    password_hash: Mapped[str] = mapped_column(Text)
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LoginSession(Base):
    """One log-in and every refresh token that descends from it.

    The row is what concurrent uses of the family's tokens queue for, and what revoking sets.

    Attributes:
        id: Also the claim `sid` of the access tokens.
        expires_at: End of the whole family, counted from the log-in; refreshing does not move it.
    """

    __tablename__ = "login_sessions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE"
        ),
        Index("ix_login_sessions_tenant_id_user_id", "tenant_id", "user_id"),
    )

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class RefreshToken(Base):
    """One refresh token, of which only the SHA-256 is kept.

    Attributes:
        family: The session it belongs to.
        used_at: When it was exchanged; presenting it again revokes the family.
    """

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "family"],
            ["login_sessions.tenant_id", "login_sessions.id"],
            ondelete="CASCADE",
        ),
        Index("ix_refresh_tokens_tenant_id_family", "tenant_id", "family"),
    )

    tenant_id: Mapped[str] = mapped_column(String(63), primary_key=True)
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    family: Mapped[str] = mapped_column(String(32))
    issued_at: Mapped[datetime] = mapped_column(server_default=func.now())
    used_at: Mapped[datetime | None]
