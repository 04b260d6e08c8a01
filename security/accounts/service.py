"""Accounts: create tenants and users, log in, refresh, disable.

A wrong password, an unknown address, an address of several tenants and a disabled user give the
same answer after the same work, so that nobody learns who has an account. Limits on how often
somebody may try are not here.
"""

import hashlib
import re
import secrets
import unicodedata
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from foundation.database import Database
from foundation.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UnauthenticatedError,
)
from foundation.settings import AuthSettings
from security.accounts import repository
from security.accounts.models import LoginSession, RefreshToken, Tenant, User
from security.accounts.schemas import Account, TokenPair
from security.passwords import Passwords
from security.permissions import check_roles
from security.tokens import AccessTokens, Subject

_log = structlog.get_logger(__name__)

TENANT_ID: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# Loose on purpose: only sending mail proves an address. No spaces, controls or half characters.
_EMAIL: Final = re.compile(r"[^\s@\x00-\x1f\ud800-\udfff]+@[^\s@\x00-\x1f\ud800-\udfff]+")
_EMAIL_MAX: Final = 254
_SECRET_BYTES: Final = 48
# The tenant goes in front, so that a refresh is a look-up by key in that tenant's rows.
_REFRESH: Final = re.compile(rf"({TENANT_ID.pattern})\.[A-Za-z0-9_-]{{64}}")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Accounts:
    """The one place that knows who can log in.

    Log-in takes about 50 ms of a core: from an event loop, call it in one of few threads.
    """

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        tokens: AccessTokens,
        settings: AuthSettings,
        *,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self.tokens = tokens
        self._lifetime = timedelta(seconds=settings.refresh_ttl_s)
        self._clock = clock

    def create_tenant(self, tenant_id: str, name: str) -> None:
        """Create a tenant.

        Raises:
            InvalidInputError: When the id is not a slug.
            ConflictError: When it exists.
        """
        if not TENANT_ID.fullmatch(tenant_id):
            raise InvalidInputError(
                f"'{tenant_id}' cannot be a tenant id: 1 to 63 of a-z, 0-9 and '-', "
                "beginning and ending with a letter or digit."
            )
        try:
            with self._database.session() as session:
                session.add(Tenant(id=tenant_id, name=name))
        except IntegrityError:
            raise ConflictError(f"There is a tenant '{tenant_id}' already.") from None

    def create_user(
        self, tenant_id: str, email: str, password: str, roles: Iterable[str]
    ) -> Account:
        """Create somebody who can log in.

        Raises:
            InvalidInputError: For an address, password or role that cannot be.
            NotFoundError: When there is no such tenant.
            ConflictError: When the address has an account in this tenant.
        """
        user = User(
            tenant_id=tenant_id,
            id=uuid.uuid4().hex,
            email=_address(email),
            password_hash=self._passwords.hash(password),
            roles=check_roles(roles),
        )
        try:
            with self._database.session() as session:
                if repository.tenant(session, tenant_id) is None:
                    raise NotFoundError(f"There is no tenant '{tenant_id}'. Create it first.")
                session.add(user)
        except IntegrityError:
            raise ConflictError(
                f"'{user.email}' has an account in the tenant '{tenant_id}' already."
            ) from None
        return _account(user)

    def disable_user(self, tenant_id: str, user_id: str) -> None:
        """Let a user neither log in nor refresh; access tokens given out run out by themselves.

        Raises:
            NotFoundError: When the tenant has no such user.
        """
        with self._database.session() as session:
            user = repository.user(session, tenant_id, user_id)
            if user is None:
                raise NotFoundError(f"There is no user '{user_id}' in the tenant '{tenant_id}'.")
            user.disabled_at = user.disabled_at or self._clock()
            repository.revoke_sessions(session, tenant_id, user_id, self._clock())

    def login(self, email: str, password: str, tenant: str | None = None) -> TokenPair:
        """Open a session for whoever knows the password.

        Args:
            tenant: May be left out when the address has an account in one tenant only.

        Raises:
            UnauthenticatedError: For every wrong combination, without saying which part is wrong.
        """
        with self._database.session() as session:
            user = _candidate(session, _spelled(email), tenant)
        # Between two transactions, so that no connection is held while the hash is computed.
        verdict = self._passwords.verify(password, user.password_hash if user else None)
        if user is None or not verdict.right or user.disabled_at:
            _log.info("login_refused", tenant=user.tenant_id if user else None)
            raise UnauthenticatedError(
                "E-mail address, password or tenant is wrong. "
                "With accounts in several tenants, name one in 'tenant'."
            )
        return self._open_session(user, verdict.new_hash)

    def refresh(self, token: str) -> TokenPair:
        """Exchange a refresh token for a new pair.

        A token is good once. Presenting it again means that two parties hold it, so the whole
        log-in it descends from ends.

        Raises:
            UnauthenticatedError: When it is unknown, used, expired or revoked.
        """
        match = _REFRESH.fullmatch(token)
        # The refusal is raised after the transaction: what it revoked has to stay.
        pair = self._exchange(match[1], _hash(token)) if match else None
        if pair is None:
            raise UnauthenticatedError(
                "The refresh token is not valid (any more). Log in at POST /api/v1/auth/login."
            )
        return pair

    def _exchange(self, tenant_id: str, token_hash: str) -> TokenPair | None:
        now = self._clock()
        with self._database.session() as session:
            stored = repository.refresh_token(session, tenant_id, token_hash)
            login = stored and repository.lock_session(session, tenant_id, stored.family)
            if not login or login.revoked_at or login.expires_at <= now:
                return None
            if not repository.consume(session, tenant_id, token_hash, now):
                login.revoked_at = now
                _log.warning("refresh_token_reused", tenant=tenant_id, session_id=login.id)
                return None
            user = repository.user(session, tenant_id, login.user_id)
            if user is None or user.disabled_at:
                return None
            return self._pair(session, user, login)

    def _open_session(self, user: User, new_hash: str | None) -> TokenPair:
        now = self._clock()
        with self._database.session() as session:
            repository.forget_expired(session, user.tenant_id, user.id, now)
            if new_hash:
                repository.replace_hash(session, user, new_hash)
            login = LoginSession(
                tenant_id=user.tenant_id,
                id=uuid.uuid4().hex,
                user_id=user.id,
                expires_at=now + self._lifetime,
            )
            session.add(login)
            session.flush()
            return self._pair(session, user, login)

    def _pair(self, session: Session, user: User, login: LoginSession) -> TokenPair:
        refresh_token = f"{user.tenant_id}.{secrets.token_urlsafe(_SECRET_BYTES)}"
        session.add(
            RefreshToken(tenant_id=user.tenant_id, hash=_hash(refresh_token), family=login.id)
        )
        subject = Subject(user.tenant_id, user.id, user.email, tuple(user.roles), login.id)
        return TokenPair(
            access_token=self.tokens.issue(subject),
            expires_in=self.tokens.ttl_s,
            refresh_token=refresh_token,
            refresh_expires_at=login.expires_at,
        )


def _candidate(session: Session, email: str, tenant: str | None) -> User | None:
    if not _EMAIL.fullmatch(email):
        return None
    if tenant is not None:
        known = TENANT_ID.fullmatch(tenant)
        return repository.user_by_email(session, tenant, email) if known else None
    found = repository.users_anywhere(session, email, limit=2)
    return found[0] if len(found) == 1 else None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _spelled(email: str) -> str:
    return unicodedata.normalize("NFC", email.strip()).lower()


def _address(email: str) -> str:
    address = _spelled(email)
    if len(address) > _EMAIL_MAX or not _EMAIL.fullmatch(address):
        raise InvalidInputError(f"'{email}' is not an e-mail address.")
    return address


def _account(user: User) -> Account:
    return Account(user.tenant_id, user.id, user.email, tuple(user.roles), bool(user.disabled_at))
