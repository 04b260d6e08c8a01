"""Rows of one tenant's links. Queries begin with the tenant; the clock is the database's."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import ColumnElement, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from foundation.taking import clock
from workflows.approvals.links.grant import Grant
from workflows.approvals.models import ApprovalLink as Row

# Not that of the transaction: it may have waited for another one.
_NOW: Final = clock()
# What has expired is told apart from what never was, for so long.
_REMEMBERED: Final = text("interval '30 days'")
_CLEARED: Final = 100


class LinkRows:
    """The table, as one tenant sees it, within one transaction."""

    def __init__(self, session: Session, tenant_id: str) -> None:
        self._session = session
        self._tenant_id = tenant_id

    def put(self, grant: Grant) -> Row:
        """Keep a link, unless it is there; return the one that is."""
        self._session.execute(
            insert(Row)
            .values(
                tenant_id=self._tenant_id,
                id=grant.id,
                approval_id=grant.approval_id,
                workflow_id=grant.workflow_id,
                user_id=grant.user_id,
                decisions=[*grant.decisions],
                data_hash=grant.data_hash,
                expires_at=datetime.fromtimestamp(grant.expires_at, UTC),
                asked_by=grant.asked_by,
            )
            .on_conflict_do_nothing(index_elements=[Row.tenant_id, Row.id])
        )
        return self._session.scalars(select(Row).where(self._own, Row.id == grant.id)).one()

    def find(self, link_id: str) -> Row | None:
        """Return one link."""
        return self._session.scalars(select(Row).where(self._own, Row.id == link_id)).one_or_none()

    def of_approval(self, approval_id: str, user_id: str | None) -> Sequence[Row]:
        """Return the links to an approval, the newest first; of one person, or of all."""
        found = select(Row).where(self._own, Row.approval_id == approval_id)
        if user_id is not None:
            found = found.where(Row.user_id == user_id)
        return self._session.scalars(found.order_by(Row.made_at.desc(), Row.id)).all()

    def claim(self, link_id: str, seconds: float) -> bool:
        """Let one caller decide with a link for some seconds; False when another one does, or did.

        Whoever comes at the same moment waits for this transaction, and then finds the claim.
        """
        until = _NOW + text("make_interval(secs => :seconds)").bindparams(seconds=seconds)
        claimed = self._session.execute(
            update(Row)
            .where(
                self._own,
                Row.id == link_id,
                Row.used_at.is_(None),
                Row.revoked_at.is_(None),
                Row.expires_at > _NOW,
                or_(Row.claimed_until.is_(None), Row.claimed_until <= _NOW),
            )
            .values(claimed_until=until)
            .returning(Row.id)
        )
        return claimed.one_or_none() is not None

    def release(self, link_id: str) -> None:
        """Let it be used again: nothing was decided."""
        self._session.execute(
            update(Row)
            .where(self._own, Row.id == link_id, Row.used_at.is_(None))
            .values(claimed_until=None)
        )

    def use(self, link_id: str, decision: str) -> None:
        """Note that it has been used, for ever."""
        self._session.execute(
            update(Row)
            .where(self._own, Row.id == link_id, Row.used_at.is_(None))
            .values(used_at=_NOW, used_for=decision)
        )

    def revoke(self, approval_id: str, link_id: str, user_id: str | None) -> bool:
        """Take a link back that was not used; False when there is none, of this person or at all.

        Taking it back again changes nothing.
        """
        own = [self._own, Row.approval_id == approval_id, Row.id == link_id]
        if user_id is not None:
            own.append(Row.user_id == user_id)
        revoked = self._session.execute(
            update(Row)
            .where(*own, Row.used_at.is_(None))
            .values(revoked_at=func.coalesce(Row.revoked_at, _NOW))
            .returning(Row.id)
        )
        return revoked.one_or_none() is not None

    def clear(self) -> None:
        """Delete some that expired long ago."""
        old = (
            select(Row.id)
            .where(self._own, Row.expires_at <= _NOW - _REMEMBERED)
            .limit(_CLEARED)
            .with_for_update(skip_locked=True)
        )
        self._session.execute(delete(Row).where(self._own, Row.id.in_(old)))

    @property
    def _own(self) -> ColumnElement[bool]:
        return Row.tenant_id == self._tenant_id
