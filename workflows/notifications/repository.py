"""Rows of one tenant's claims. Queries begin with the tenant; the clock is the database's."""

import hashlib
from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import ColumnElement, delete, func, literal, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from foundation.json import canonical
from foundation.taking import clock
from workflows.notifications.models import NotificationClaim as Row

# Each taking clears more than it adds, and never so much that somebody waits for it.
_CLEARED: Final = 100
# Not that of the transaction: it may have waited for another one.
_NOW: Final = clock()


class ClaimRows:
    """The table, as one tenant sees it, within one transaction."""

    def __init__(self, session: Session, tenant_id: str) -> None:
        self._session = session
        self._tenant_id = tenant_id

    def lock(self, keys: Collection[str]) -> None:
        """Keep everybody else from deciding about these until the transaction ends.

        In one order, so that two never wait for each other. Rows could not be locked: the one that
        matters is not there yet.
        """
        for number in sorted(_lock_number(self._tenant_id, key) for key in keys):
            self._session.execute(select(func.pg_advisory_xact_lock(number)))

    def live(self, key: str) -> Sequence[Row]:
        """Return the places that are taken, those first that are free first."""
        found = select(Row).where(self._own, Row.key == key, Row.expires_at > _NOW)
        return self._session.scalars(found.order_by(Row.expires_at)).all()

    def put(self, key: str, holder: str, seconds: float, *, sent: bool) -> None:
        """Take a place for some seconds from now, whether it was taken before or not."""
        statement = insert(Row).values(
            tenant_id=self._tenant_id,
            key=key,
            holder=holder,
            sent=sent,
            expires_at=_NOW + text("make_interval(secs => :seconds)").bindparams(seconds=seconds),
        )
        given = statement.excluded
        self._session.execute(
            statement.on_conflict_do_update(
                index_elements=[Row.tenant_id, Row.key, Row.holder],
                set_={"sent": given.sent, "expires_at": given.expires_at},
            )
        )

    def remove_unsent(self, keys: Collection[str], holder: str) -> None:
        """Give the places back that are only promised."""
        self._session.execute(
            delete(Row).where(self._own, Row.key.in_(keys), Row.holder == holder, ~Row.sent)
        )

    def clear(self) -> None:
        """Delete some of what has expired; what another transaction is at is left to it."""
        own = (Row.tenant_id, Row.key, Row.holder)
        old = (
            select(*own)
            .where(self._own, Row.expires_at <= _NOW)
            .limit(_CLEARED)
            .with_for_update(skip_locked=True)
        )
        self._session.execute(delete(Row).where(tuple_(*own).in_(old)))

    @property
    def _own(self) -> ColumnElement[bool]:
        return Row.tenant_id == literal(self._tenant_id)


def _lock_number(tenant_id: str, key: str) -> int:
    """Name a lock; two keys that share a number only wait for each other."""
    name = hashlib.sha256(canonical(["notification", tenant_id, key])).digest()
    return int.from_bytes(name[:8], signed=True)
