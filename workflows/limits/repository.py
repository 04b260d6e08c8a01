"""Rows of one key of one tenant, for one transaction that has the key for itself."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from sqlalchemy import ColumnElement, Select, delete, func, select, tuple_
from sqlalchemy.orm import Session

from workflows.limits.models import Beginning, Permit

WAITING: Final = "waiting"
CALLED: Final = "called"
HELD: Final = "held"
_COLD: Final = timedelta(minutes=1)
# At once: it is to be over soon.
_SWEPT: Final = 1_000


def locked(session: Session, tenant_id: str, names: Sequence[str]) -> datetime:
    """Have some keys to oneself until the transaction ends; return the database's time then.

    Everybody locks in the same order, so nobody waits for each other.
    """
    locks = [func.pg_advisory_xact_lock(_number(f"{tenant_id}\n{name}")) for name in sorted(names)]
    now: datetime = session.execute(select(*locks, func.clock_timestamp())).one()[-1]
    return now


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


def sweep(session: Session, now: datetime) -> None:
    """Remove rows that have not mattered for a while: whoever has their key may be looking."""
    for table, last in ((Permit, Permit.holder), (Beginning, Beginning.id)):
        key = (table.tenant_id, table.key, last)
        old = (
            select(*key)
            .where(table.expires_at <= now - _COLD)
            .limit(_SWEPT)
            .with_for_update(skip_locked=True)
        )
        session.execute(delete(table).where(tuple_(*key).in_(old)))


class Permits:
    """Who is inside of a `concurrency`, and who waits."""

    def __init__(self, session: Session, tenant_id: str, key: str, now: datetime) -> None:
        self._session = session
        self._tenant_id = tenant_id
        self._key = key
        self._now = now

    def of(self, holder: str, *, expired: bool = False) -> Permit | None:
        """Return the row of one call."""
        rows = select(Permit).where(self._own) if expired else self._alive()
        # An old row may just be removed by somebody who sweeps.
        return self._session.scalar(rows.where(Permit.holder == holder).with_for_update())

    def taken(self) -> int:
        """Count those who are inside, and those who may come in at any moment."""
        taken = self._alive().where(Permit.state != WAITING).subquery()
        return self._session.scalars(select(func.count()).select_from(taken)).one()

    def first(self, count: int) -> Sequence[Permit]:
        """Return those who have waited longest."""
        if count <= 0:
            return []
        waiting = self._alive().where(Permit.state == WAITING)
        return self._session.scalars(
            waiting.order_by(Permit.since, Permit.holder).limit(count)
        ).all()

    def add(self, holder: str, workflow_id: str, execution: str, lasts: timedelta) -> Permit:
        """Let a call join the line."""
        row = Permit(
            tenant_id=self._tenant_id,
            key=self._key,
            holder=holder,
            state=WAITING,
            workflow_id=workflow_id,
            execution=execution,
            since=self._now,
            expires_at=self._now + lasts,
        )
        self._session.add(row)
        self._session.flush()
        return row

    def remove(self, holder: str) -> None:
        """Let a call out, or out of the line."""
        self._session.execute(delete(Permit).where(self._own, Permit.holder == holder))

    @property
    def _own(self) -> ColumnElement[bool]:
        return (Permit.tenant_id == self._tenant_id) & (Permit.key == self._key)

    def _alive(self) -> Select[Permit]:
        return select(Permit).where(self._own, Permit.expires_at > self._now)


class Beginnings:
    """What has begun under a `rateLimit`, and what may when."""

    def __init__(self, session: Session, tenant_id: str, key: str, now: datetime) -> None:
        self._session = session
        self._tenant_id = tenant_id
        self._key = key
        self._now = now

    def planned(self, holder: str) -> Beginning | None:
        """Return when a call may begin, if it was told."""
        mine = self._alive().where(Beginning.holder == holder, Beginning.begun.is_(False))
        return self._session.scalar(mine)

    def before(self, limit: int, *, begun: bool) -> datetime | None:
        """Return the time of the call that is `limit` calls back; None when there are fewer.

        Args:
            begun: Look at those only that have begun.
        """
        rows = self._alive()
        if begun:
            rows = rows.where(Beginning.begun.is_(True))
        found = rows.order_by(Beginning.at.desc()).offset(limit - 1).limit(1)
        row = self._session.scalar(found)
        return None if row is None else row.at

    def add(self, holder: str, at: datetime, *, begun: bool, lasts: timedelta) -> None:
        """Write down that a call begins, or when it may."""
        self._session.add(
            Beginning(
                tenant_id=self._tenant_id,
                key=self._key,
                id=uuid4().hex,
                holder=holder,
                begun=begun,
                at=at,
                expires_at=at + lasts,
            )
        )

    def remove(self, row: Beginning) -> None:
        """Forget what was planned."""
        self._session.delete(row)

    def _alive(self) -> Select[Beginning]:
        return select(Beginning).where(
            Beginning.tenant_id == self._tenant_id,
            Beginning.key == self._key,
            Beginning.expires_at > self._now,
        )
