"""Rows of the log of calls. Every query but that for old ones begins with the tenant."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from foundation.taking import clock
from toolhub.calls.models import McpCallLog as Row
from toolhub.calls.schemas import CallFilter, CallStatus
from toolhub.repository import storable

Position = tuple[datetime, UUID]

_KEY: Final = ("tenant_id", "id")


def write(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Store calls as they are now, whether they were stored before or not."""
    statement = insert(Row)
    given = {name: statement.excluded[name] for name in rows[0] if name not in _KEY}
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[Row.tenant_id, Row.id],
            set_=given,
            # What runs on as a task may be ended by another process before its beginning is stored.
            where=Row.status == CallStatus.RUNNING,
        ),
        list(rows),
    )


def purge(session: Session, kept: timedelta, limit: int) -> int:
    """Delete some of what is older than that; return how many."""
    own = (Row.tenant_id, Row.id)
    old = (
        select(*own)
        .where(Row.started_at < clock() - kept)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    gone = session.execute(delete(Row).where(tuple_(*own).in_(old)).returning(Row.id))
    return len(gone.all())


def page(
    session: Session, tenant_id: str, wanted: CallFilter, *, before: Position | None, limit: int
) -> list[tuple[Row, bool]]:
    """Return calls, the newest first, and of each whether it is overdue."""
    texts = (wanted.server, wanted.tool, wanted.instance_id)
    if not all(storable(text) for text in texts if text):
        return []
    overdue = (Row.status == CallStatus.RUNNING) & (Row.due_at < clock())
    rows = select(Row, overdue).where(Row.tenant_id == tenant_id, *_narrowed(wanted, overdue))
    if before is not None:
        rows = rows.where(tuple_(Row.started_at, Row.id) < before)
    found = session.execute(rows.order_by(Row.started_at.desc(), Row.id.desc()).limit(limit))
    return [(row, late) for row, late in found]


def _narrowed(wanted: CallFilter, overdue: ColumnElement[bool]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.server is not None:
        conditions.append(Row.server == wanted.server)
    if wanted.tool is not None:
        conditions.append(Row.tool == wanted.tool)
    if wanted.instance_id is not None:
        conditions.append(Row.instance_id == wanted.instance_id)
    if wanted.since is not None:
        conditions.append(Row.started_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(Row.started_at < wanted.until)
    match wanted.status:
        case None:
            pass
        case CallStatus.LOST:
            conditions.append(overdue)
        case CallStatus.RUNNING:
            conditions += [Row.status == CallStatus.RUNNING, ~overdue]
        case status:
            conditions.append(Row.status == status)
    return conditions
