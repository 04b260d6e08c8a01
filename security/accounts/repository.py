"""Rows of tenants, users and sessions. Every query names its tenant, but one: who has an address.

Nothing is decided here; the service says what a row means.
"""

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from security.accounts.models import LoginSession, RefreshToken, Tenant, User


def tenant(session: Session, tenant_id: str) -> Tenant | None:
    return session.get(Tenant, tenant_id)


def user(session: Session, tenant_id: str, user_id: str) -> User | None:
    return session.get(User, (tenant_id, user_id))


def user_by_email(session: Session, tenant_id: str, email: str) -> User | None:
    query = select(User).where(User.tenant_id == tenant_id, User.email == email)
    return session.scalars(query).one_or_none()


def users_anywhere(session: Session, email: str, *, limit: int) -> list[User]:
    """Find the accounts of one address over all tenants: for log-in, before a tenant is known."""
    return list(session.scalars(select(User).where(User.email == email).limit(limit)))


def lock_session(session: Session, tenant_id: str, session_id: str) -> LoginSession | None:
    """Read a session and make every other use of its family wait for this transaction."""
    return session.get(LoginSession, (tenant_id, session_id), with_for_update=True)


def refresh_token(session: Session, tenant_id: str, token_hash: str) -> RefreshToken | None:
    return session.get(RefreshToken, (tenant_id, token_hash))


def consume(session: Session, tenant_id: str, token_hash: str, now: datetime) -> bool:
    """Mark a refresh token used; False when somebody did before."""
    consumed = session.execute(
        update(RefreshToken)
        .where(
            RefreshToken.tenant_id == tenant_id,
            RefreshToken.hash == token_hash,
            RefreshToken.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RefreshToken.hash)
    )
    return consumed.one_or_none() is not None


def revoke_sessions(session: Session, tenant_id: str, user_id: str, now: datetime) -> None:
    session.execute(
        update(LoginSession)
        .where(
            LoginSession.tenant_id == tenant_id,
            LoginSession.user_id == user_id,
            LoginSession.revoked_at.is_(None),
        )
        .values(revoked_at=now)
    )


def forget_expired(session: Session, tenant_id: str, user_id: str, now: datetime) -> None:
    """Delete the user's sessions that are over, with their tokens."""
    session.execute(
        delete(LoginSession).where(
            LoginSession.tenant_id == tenant_id,
            LoginSession.user_id == user_id,
            LoginSession.expires_at <= now,
        )
    )


def replace_hash(session: Session, user: User, new_hash: str) -> None:
    """Store a better hash of the same password, unless the password changed meanwhile."""
    session.execute(
        update(User)
        .where(
            User.tenant_id == user.tenant_id,
            User.id == user.id,
            User.password_hash == user.password_hash,
        )
        .values(password_hash=new_hash)
    )
