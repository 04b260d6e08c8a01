"""Lets calls in, within their limits, in the order in which they came.

All that is known is in PostgreSQL, by its clock, so it holds over all workers and machines. Who is
inside has a lease and renews it; a worker that dies is forgotten when its lease is over. Whoever
leaves says whose turn it is; that place is kept for a while. Who was called and does not come, and
who waits and does not ask again, loses it.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from activities.limits.gate import LEASE_S
from activities.limits.types import Concurrency, Limits, Rate, Refused
from foundation.database import Database
from foundation.errors import UnavailableError
from workflows.limits.models import Permit
from workflows.limits.repository import (
    CALLED,
    HELD,
    WAITING,
    Beginnings,
    Permits,
    locked,
    sweep,
)

# The signal, a workflow task and the queue lie between being called and coming.
CALLED_FOR: Final = timedelta(seconds=30)
LEASE: Final = timedelta(seconds=LEASE_S)
# How much later than it said somebody may ask again.
LATE: Final = timedelta(seconds=60)
# Being called is the rule; asking again is for when the call got lost, or a worker died.
FIRST_AGAIN_S: Final = 5.0
LONGEST_AGAIN_S: Final = 60.0
# How often a process clears away.
SWEEP_S: Final = 10.0
# PostgreSQL waited ten seconds for a lock (`foundation.database`).
_LOCK_TIMEOUT: Final = "55P03"
# The database's clock and that of a timer are not the same.
_APART_S: Final = 0.01


class CountedGate:
    """The gate, counted in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sweeps_at = 0.0

    def enter(
        self, tenant_id: str, limits: Limits, *, again: bool
    ) -> tuple[Refused | None, Sequence[Limits]]:
        """Let a call in, or say why it has to wait; also say whose turn it is instead."""
        with self._alone(tenant_id, limits) as (session, now):
            line = _Line(session, tenant_id, limits, now) if limits.concurrency else None
            refused = line.entered() if line else None
            if refused is None and limits.rate is not None:
                refused = _begun(session, tenant_id, limits, limits.rate, now, again=again)
                if refused is not None and line is not None:
                    line.leave()
        self._sweep()
        return refused, line.called if line else []

    def _sweep(self) -> None:
        """Remove what does not matter any more, now and then: also of keys that nobody asks for."""
        if time.monotonic() < self._sweeps_at:
            return
        self._sweeps_at = time.monotonic() + SWEEP_S
        with self._database.session() as session:
            sweep(session, session.scalars(select(func.clock_timestamp())).one())

    def renew(self, tenant_id: str, limits: Limits) -> None:
        """Say that a call is still at it."""
        with self._alone(tenant_id, limits, rate=False) as (session, now):
            _Line(session, tenant_id, limits, now).renew()

    def leave(self, tenant_id: str, limits: Limits, *, back_in_s: float | None) -> Sequence[Limits]:
        """Let a call out, unless it comes back; say whose turn it is."""
        with self._alone(tenant_id, limits, rate=False) as (session, now):
            line = _Line(session, tenant_id, limits, now)
            if back_in_s is None:
                line.leave()
            else:
                line.renew(timedelta(seconds=back_in_s))
        return line.called

    @contextmanager
    def _alone(
        self, tenant_id: str, limits: Limits, *, rate: bool = True
    ) -> Iterator[tuple[Session, datetime]]:
        """Have the keys to oneself.

        Raises:
            UnavailableError: When too many others want them, or the database is away.
        """
        try:
            with self._database.session() as session:
                yield session, locked(session, tenant_id, list(_names(limits, rate=rate)))
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_TIMEOUT:
                raise
            raise UnavailableError(
                "Too many calls ask for their turn at the same time. Wait, then try again."
            ) from error


class _Line:
    """One call, and the others that share its `concurrency`.

    Attributes:
        called: Those whose turn it is now.
    """

    def __init__(self, session: Session, tenant_id: str, limits: Limits, now: datetime) -> None:
        assert limits.concurrency is not None  # noqa: S101 - the caller looked
        self.called: list[Limits] = []
        self._limits = limits
        self._concurrency: Concurrency = limits.concurrency
        self._permits = Permits(session, tenant_id, limits.concurrency.key, now)
        self._holder = _holder(limits)
        self._now = now

    def entered(self) -> Refused | None:
        """Go in, or stand in line."""
        own = self._permits.of(self._holder, expired=True)
        if own is None:
            own = self._permits.add(
                self._holder, self._limits.workflow_id, self._limits.execution, LATE
            )
        elif own.expires_at <= self._now:
            own.state, own.since, own.expires_at = WAITING, self._now, self._now + LATE
        if own.state == WAITING:
            self._call()
        if own.state != WAITING:
            own.state, own.expires_at = HELD, self._now + LEASE
            return None
        waited_s = (self._now - own.since).total_seconds()
        after_s = min(max(waited_s / 4, FIRST_AGAIN_S), LONGEST_AGAIN_S)
        own.expires_at = self._now + timedelta(seconds=after_s) + LATE
        if (end := _end(self._limits)) is not None:
            own.expires_at = min(own.expires_at, end)
        return Refused(kind="concurrency", key=self._concurrency.key, after_s=after_s)

    def leave(self) -> None:
        """Go out, and let the next ones in."""
        self._permits.remove(self._holder)
        self._call()

    def renew(self, away: timedelta = timedelta()) -> None:
        """Stay inside; also when the lease is over: it is better counted than forgotten."""
        own = self._permits.of(self._holder, expired=True)
        if own is not None and own.state == HELD:
            own.expires_at = self._now + away + LEASE

    def _call(self) -> None:
        """Give the places that are free to those who have waited longest."""
        free = self._concurrency.limit - self._permits.taken()
        for row in self._permits.first(free):
            # Earlier for one that will have given up by then.
            row.state, row.expires_at = CALLED, min(row.expires_at, self._now + CALLED_FOR)
            if row.holder != self._holder:
                self.called.append(_of(row, self._concurrency))


def _begun(
    session: Session, tenant_id: str, limits: Limits, rate: Rate, now: datetime, *, again: bool
) -> Refused | None:
    """Begin now, or say when. Who was told a time has its place in the order of these times."""
    rows = Beginnings(session, tenant_id, rate.key, now)
    holder, period = _holder(limits), timedelta(seconds=rate.period_s)
    planned = None if again else rows.planned(holder)
    if planned is not None and planned.at > now:
        return _later(rate, planned.at - now)
    # Who comes later than planned must not begin together with those planned for now.
    last = None if again else rows.before(rate.limit, begun=planned is not None)
    at = now if last is None else max(now, last + period)
    if planned is not None:
        rows.remove(planned)
    begins = at <= now
    end = _end(limits)
    if end is None or at <= end:
        rows.add(holder, at, begun=begins, lasts=period if begins else period + LATE)
    return None if begins else _later(rate, at - now)


def _end(limits: Limits) -> datetime | None:
    return None if limits.until is None else datetime.fromtimestamp(limits.until, UTC)


def _later(rate: Rate, left: timedelta) -> Refused:
    return Refused(kind="rate-limit", key=rate.key, after_s=left.total_seconds() + _APART_S)


def _of(row: Permit, concurrency: Concurrency) -> Limits:
    return Limits(workflow_id=row.workflow_id, execution=row.execution, concurrency=concurrency)


def _holder(limits: Limits) -> str:
    """Name an execution in a few characters."""
    return hashlib.sha256(f"{limits.workflow_id}\n{limits.execution}".encode()).hexdigest()


def _names(limits: Limits, *, rate: bool = True) -> Iterator[str]:
    """Name what has to be locked."""
    if limits.concurrency is not None:
        yield f"concurrency {limits.concurrency.key}"
    if rate and limits.rate is not None:
        yield f"rate {limits.rate.key}"
