"""Rows of the ledger: many in one statement. Every query names the tenant."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from sqlalchemy import bindparam, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from toolhub.ledger.models import LedgerEntry
from toolhub.ledger.types import State

# Tenant and key.
Key: TypeAlias = tuple[str, str]

_KEY: Final = (LedgerEntry.tenant_id, LedgerEntry.key)
_REPLACED: Final = ("call_id", "claim", "server", "tool", "state", "sent_at", "answered_by")


class LedgerRows:
    """The ledger within one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def now(self) -> datetime:
        """Return the time of the database: processes may disagree about it."""
        return self._session.execute(select(func.now())).scalar_one()

    def claim(self, rows: Sequence[Mapping[str, Any]]) -> set[str]:
        """Write calls down as sent; return the claims that were given.

        One is given where there was none, and for another call where the last one has failed.
        """
        new = insert(LedgerEntry)
        statement = new.on_conflict_do_update(
            index_elements=_KEY,
            set_={name: new.excluded[name] for name in _REPLACED} | {"answer": None},
            where=(LedgerEntry.state == State.FAILED)
            & (LedgerEntry.call_id != new.excluded.call_id)
            & (LedgerEntry.arguments == new.excluded.arguments),
        ).returning(LedgerEntry.claim)
        return set(self._session.scalars(statement, list(rows)))

    def read(self, keys: Sequence[Key]) -> dict[Key, LedgerEntry]:
        """Return entries by tenant and key."""
        found = self._session.scalars(select(LedgerEntry).where(tuple_(*_KEY).in_(keys)))
        return {(entry.tenant_id, entry.key): entry for entry in found}

    def settle(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write down what came of calls: `t`, `k` and `c` say which, if the claim still holds."""
        statement = (
            update(LedgerEntry)
            .where(
                LedgerEntry.tenant_id == bindparam("t"),
                LedgerEntry.key == bindparam("k"),
                LedgerEntry.claim == bindparam("c"),
            )
            .values(state=bindparam("s"), answer=bindparam("a"))
        )
        self._session.connection().execute(statement, list(rows))

    def forget(self, claims: Sequence[tuple[str, str, str]]) -> None:
        """Forget calls that did not run, by tenant, key and claim."""
        own = tuple_(*_KEY, LedgerEntry.claim).in_(claims)
        self._session.execute(
            delete(LedgerEntry).where(own).execution_options(synchronize_session=False)
        )

    def forget_old(self, kept: timedelta, limit: int) -> int:
        """Forget what was sent so long ago; return how many there were, no more than the limit."""
        old = select(*_KEY).where(LedgerEntry.sent_at < func.now() - kept).limit(limit)
        found = self._session.execute(
            delete(LedgerEntry)
            .where(tuple_(*_KEY).in_(old.with_for_update(skip_locked=True)))
            .execution_options(synchronize_session=False)
        )
        return int(found.rowcount)  # type: ignore[attr-defined]
