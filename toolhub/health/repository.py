"""Rows of the checks. Every query but that for what is due begins with the tenant."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Interval, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from foundation.taking import clock, take
from toolhub.health.models import McpCheck as Row
from toolhub.health.probing import Found
from toolhub.models import McpServer, McpToolDrift
from toolhub.repository import server_name
from toolhub.sweeping import Due


def begin(session: Session, server: McpServer) -> None:
    """Let a server be checked from now on, if it is not."""
    row = insert(Row).values(tenant_id=server.tenant_id, server_id=server.id, due_at=clock())
    session.execute(row.on_conflict_do_nothing())


def taken(session: Session, for_: timedelta) -> Due | None:
    """Take one server that is due, which makes it due again after that time."""
    rows = take(
        session,
        Row,
        Row.due_at <= clock(),
        oldest=Row.due_at,
        limit=1,
        values={Row.due_at: clock() + literal(for_, Interval)},
        returning=(Row.tenant_id, Row.server_id),
    )
    for tenant_id, server_id in rows:
        return Due(tenant_id, server_name(session, tenant_id, server_id))
    return None


def record(session: Session, server: McpServer, found: Found, every: timedelta) -> bool | None:
    """Store what was found; return what the check before had found."""
    key = (server.tenant_id, server.id)
    before = session.get(Row, key)
    was = before.healthy if before else None
    row = before or Row(tenant_id=server.tenant_id, server_id=server.id)
    now = session.scalars(select(clock())).one()
    row.checked_at, row.due_at = now, now + every
    row.healthy, row.latency_ms = found.error is None, found.latency_ms
    row.error, row.problem = found.error, found.problem
    session.add(row)
    return was


def checks(session: Session, tenant_id: str, servers: Sequence[UUID]) -> dict[UUID, Row]:
    """Return the last checks of servers."""
    rows = select(Row).where(Row.tenant_id == tenant_id, Row.server_id.in_(servers))
    return {row.server_id: row for row in session.scalars(rows)}


def quarantined(session: Session, tenant_id: str, servers: Sequence[UUID]) -> dict[UUID, int]:
    """Return how many tools of servers wait to be accepted."""
    counts = (
        select(McpToolDrift.server_id, func.count())
        .where(McpToolDrift.tenant_id == tenant_id, McpToolDrift.server_id.in_(servers))
        .group_by(McpToolDrift.server_id)
    )
    return {row[0]: row[1] for row in session.execute(counts)}
