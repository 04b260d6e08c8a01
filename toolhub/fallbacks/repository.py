"""Rows of last good results. Every query but those of the sweep begins with the tenant."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

from sqlalchemy import Float, cast, delete, exists, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from foundation.taking import clock
from toolhub.fallbacks.models import McpLastResult as Row
from toolhub.models import McpServer
from toolhub.policies.models import McpToolPolicy as Policy

# Tenant, server, tool, its fingerprint, and the hash of the arguments.
Key: TypeAlias = tuple[str, UUID, str, str, str]

_KEY: Final = (Row.tenant_id, Row.server_id, Row.name, Row.sha256, Row.arguments)


def write(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Keep results in place of those before; not of servers that are gone."""
    own = tuple_(McpServer.tenant_id, McpServer.id)
    wanted = {(row["tenant_id"], row["server_id"]) for row in rows}
    # Held: a server that goes now would make the database refuse the results of all others, too.
    held = select(McpServer.tenant_id, McpServer.id).where(own.in_(wanted))
    there = {
        (tenant_id, server_id)
        for tenant_id, server_id in session.execute(held.with_for_update(read=True, key_share=True))
    }
    kept = [row for row in rows if (row["tenant_id"], row["server_id"]) in there]
    if not kept:
        return
    new = insert(Row)
    given = {"answer": new.excluded.answer, "at": func.now()}
    session.execute(new.on_conflict_do_update(index_elements=_KEY, set_=given), kept)


def read(session: Session, key: Key, max_age: timedelta) -> tuple[str, datetime] | None:
    """Return a result that is not too old, sealed, and when it was had."""
    found = session.execute(
        select(Row.answer, Row.at).where(tuple_(*_KEY) == key, Row.at > clock() - max_age)
    ).first()
    return None if found is None else (found[0], found[1])


def purge_old(session: Session, limit: int) -> int:
    """Delete some that no policy wants any more; return how many."""
    fallback = Policy.policy["fallback"]
    age = func.make_interval(0, 0, 0, 0, 0, 0, cast(fallback["max_age_s"].astext, Float))
    wanted = exists().where(
        Policy.tenant_id == Row.tenant_id,
        Policy.server_id == Row.server_id,
        Policy.name == Row.name,
        fallback["kind"].astext == "last-good",
        Row.at > clock() - age,
    )
    old = select(*_KEY).where(~wanted).limit(limit).with_for_update(skip_locked=True)
    gone = session.execute(delete(Row).where(tuple_(*_KEY).in_(old)).returning(Row.name))
    return len(gone.all())


def purge_many(session: Session, most: int, limit: int) -> int:
    """Delete some of the oldest where a tool has more than so many; return how many."""
    tool = (Row.tenant_id, Row.server_id, Row.name)
    newest = func.row_number().over(partition_by=tool, order_by=Row.at.desc()).label("newest")
    ranked = select(*_KEY, newest).subquery()
    columns = [ranked.c[column.key] for column in _KEY]
    too_many = select(*columns).where(ranked.c.newest > most).limit(limit)
    gone = session.execute(delete(Row).where(tuple_(*_KEY).in_(too_many)).returning(Row.name))
    return len(gone.all())
