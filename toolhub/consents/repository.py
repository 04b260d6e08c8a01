"""Rows of what people have agreed to and are asked. Sync; call it from a thread."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TypeAlias
from uuid import UUID, uuid4

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from foundation.database import Database
from foundation.taking import clock
from security.authority.tokens import Token
from security.sealing import Sealer
from toolhub.consents.models import McpConsent, McpConsentRequest
from toolhub.consents.types import Agreed, Asked, ConsentInfo
from toolhub.logins.challenges import MAX_SCOPES
from toolhub.logins.types import Registered

PURPOSE = "mcp-consent"
# Whoever renews a token and is not done by then has died: asking takes up to 25 s, storing 15 tries
# with 1 s between them, each of some time.
LEASE = timedelta(seconds=60)
# Enough for finding a password, little enough for a lost address.
ANSWER_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True)
class Good:
    """A token that can be used."""

    token: Token


@dataclass(frozen=True)
class Turn:
    """The right, and the duty, to renew a token."""

    agreed: Agreed
    renewal: UUID


class Elsewhere:
    """Another process renews it."""


Step: TypeAlias = Good | Turn | Elsewhere | None


class Consents:
    """What is stored, by server."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    def ask(self, server: Registered, state: str, asked: Asked, by: str) -> datetime:
        """Note a question; return until when it can be answered. Those that nobody answered go."""
        with self._database.session() as session:
            now = _now(session)
            session.execute(
                delete(McpConsentRequest).where(
                    McpConsentRequest.tenant_id == server.tenant_id,
                    McpConsentRequest.expires_at < now,
                )
            )
            session.add(
                McpConsentRequest(
                    tenant_id=server.tenant_id,
                    state_sha256=_digest(state),
                    server_id=UUID(server.server_id),
                    credential_version=server.version,
                    asked_by=by,
                    sealed=self._seal(server.tenant_id, f"{_digest(state)} {by}", asked),
                    expires_at=now + ANSWER_WITHIN,
                )
            )
            return now + ANSWER_WITHIN

    def answered(self, tenant_id: str, state: str) -> tuple[McpConsentRequest, Asked] | None:
        """Take the question that is answered: nobody can answer it twice."""
        with self._database.session() as session:
            found = session.scalars(
                delete(McpConsentRequest)
                .where(
                    McpConsentRequest.tenant_id == tenant_id,
                    McpConsentRequest.state_sha256 == _digest(state),
                )
                .returning(McpConsentRequest)
            ).one_or_none()
            if found is None or found.expires_at < _now(session):
                return None
            session.expunge(found)
        record = f"{found.state_sha256} {found.asked_by}"
        plain = self._sealer.open(tenant_id, PURPOSE, record, found.sealed)
        return found, Asked.model_validate_json(plain)

    def agree(self, question: McpConsentRequest, agreed: Agreed, keeps_s: float) -> None:
        """Keep what somebody has agreed to, in place of what was."""
        with self._database.session() as session:
            session.merge(
                McpConsent(
                    tenant_id=question.tenant_id,
                    server_id=question.server_id,
                    credential_version=question.credential_version,
                    sealed=self._sealed(
                        question.tenant_id, question.server_id, question.credential_version, agreed
                    ),
                    good_until=_now(session) + timedelta(seconds=keeps_s),
                    renewed_until=None,
                    renewal=None,
                    wanted_scopes=[],
                    agreed_by=question.asked_by,
                    agreed_at=_now(session),
                )
            )

    def step(self, server: Registered, refused: str | None) -> Step:
        """Return the token there is, or who gets the next one; None when nobody has agreed."""
        with self._database.session() as session:
            row = _row(session, server, lock=True)
            if row is None:
                return None
            now, agreed = _now(session), self._open(row)
            if row.good_until > now and agreed.token != refused:
                return Good(Token(agreed.token, (row.good_until - now).total_seconds()))
            if row.renewed_until is not None and row.renewed_until > now:
                return Elsewhere()
            turn = Turn(agreed, uuid4())
            row.renewed_until, row.renewal = now + LEASE, turn.renewal
            return turn

    def renewed(self, server: Registered, turn: Turn, token: Token) -> None:
        """Keep a new token in place of the old one, unless there is another one meanwhile.

        Also when it comes late: whoever has the turn by then sends what was used up for this one.
        """
        was = turn.agreed
        with self._database.session() as session:
            row = _row(session, server, lock=True)
            if row is None or self._open(row) != was:
                return
            agreed = was.model_copy(
                update={"token": token.text, "refresh": token.refresh or was.refresh}
            )
            row.sealed = self._sealed(row.tenant_id, row.server_id, server.version, agreed)
            row.good_until = _now(session) + timedelta(seconds=token.keeps_s)
            _end(row, turn)

    def gave_up(self, server: Registered, turn: Turn) -> None:
        """Let another one try to renew a token, unless one does already."""
        with self._database.session() as session:
            if row := _row(session, server, lock=True):
                _end(row, turn)

    def lacks(self, server: Registered, scopes: tuple[str, ...]) -> None:
        """Note what the server has missed, for when somebody is asked again."""
        with self._database.session() as session:
            if row := _row(session, server, lock=True):
                wanted = dict.fromkeys([*row.wanted_scopes, *scopes])
                row.wanted_scopes = [*wanted][:MAX_SCOPES]

    def known(self, server: Registered) -> tuple[Agreed, ConsentInfo] | None:
        """Return what there is; None when nobody has agreed."""
        with self._database.session() as session:
            row = _row(session, server)
            if row is None:
                return None
            agreed = self._open(row)
            return agreed, ConsentInfo(
                agreed_by=row.agreed_by,
                agreed_at=row.agreed_at,
                issuer=agreed.issuer,
                client_id=agreed.client.id,
                resource=agreed.resource,
                scopes=[*agreed.scopes],
                wanted_scopes=row.wanted_scopes,
                renewable=agreed.refresh is not None,
                good_until=row.good_until,
            )

    def forget(self, server: Registered) -> bool:
        """Drop what somebody has agreed to; return whether there was anything."""
        with self._database.session() as session:
            row = _row(session, server, lock=True)
            if row is not None:
                session.delete(row)
            return row is not None

    def _open(self, row: McpConsent) -> Agreed:
        record = f"{row.server_id} {row.credential_version}"
        return Agreed.model_validate_json(
            self._sealer.open(row.tenant_id, PURPOSE, record, row.sealed)
        )

    def _sealed(self, tenant_id: str, server_id: UUID, version: str, agreed: Agreed) -> str:
        return self._seal(tenant_id, f"{server_id} {version}", agreed)

    def _seal(self, tenant_id: str, record: str, what: Asked | Agreed) -> str:
        return self._sealer.seal(tenant_id, PURPOSE, record, what.model_dump_json().encode())


def _row(session: Session, server: Registered, *, lock: bool = False) -> McpConsent | None:
    found = select(McpConsent).where(
        McpConsent.tenant_id == server.tenant_id,
        McpConsent.server_id == UUID(server.server_id),
        McpConsent.credential_version == server.version,
    )
    return session.scalar(found.with_for_update() if lock else found)


def _end(row: McpConsent, turn: Turn) -> None:
    if row.renewal == turn.renewal:
        row.renewed_until, row.renewal = None, None


def _now(session: Session) -> datetime:
    return session.scalars(select(clock())).one()


def _digest(state: str) -> str:
    return sha256(state.encode()).hexdigest()
