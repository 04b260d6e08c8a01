"""When a server is to be asked again: as its answer says, within bounds.

A server of 2026 says how long its list holds (`ttlMs`); one of 2025 tells that it has changed, and
only to whom is listening. So the latter is asked again anyhow.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Interval, Select, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from foundation.database import Database
from foundation.settings import ToolhubSettings
from foundation.taking import clock, take
from toolhub.discovery import ALL_PAGES_S
from toolhub.models import McpServer
from toolhub.refreshing.models import McpRefresh as Row

LONGEST: Final = timedelta(days=1)
# Whoever has taken a server and is not done by then has died, or could not reach it.
LEASE: Final = timedelta(seconds=ALL_PAGES_S * 2)
AT_ONCE: Final = 32


class Refreshes:
    """What all processes together know about who is asked when. Sync; call it from a thread."""

    def __init__(self, database: Database, settings: ToolhubSettings) -> None:
        self._database = database
        self._settings = settings

    def after(self, ttl: timedelta | None) -> timedelta:
        """Return how long a list of tools is taken for what it was."""
        if ttl is None:
            return timedelta(seconds=self._settings.refresh_every_s)
        return min(max(ttl, self._least), LONGEST)

    def plan(self, session: Session, server: McpServer, ttl: timedelta | None) -> None:
        """Note, in the transaction that stores its tools, when a server is asked again."""
        now = session.scalars(select(clock())).one()
        statement = insert(Row).values(
            tenant_id=server.tenant_id,
            server_id=server.id,
            refreshed_at=now,
            due_at=now + self.after(ttl),
        )
        given = statement.excluded
        session.execute(
            statement.on_conflict_do_update(
                index_elements=[Row.tenant_id, Row.server_id],
                set_={"refreshed_at": given.refreshed_at, "due_at": given.due_at},
            )
        )

    def hasten(self, tenant_id: str, server_id: UUID) -> None:
        """Note that a server has said that its tools have changed."""
        # One that says so with every call is not asked with every call.
        soon = func.greatest(clock(), Row.refreshed_at + literal(self._least, Interval))
        with self._database.session() as session:
            session.execute(
                update(Row)
                .where(Row.tenant_id == tenant_id, Row.server_id == server_id)
                .values(due_at=func.least(Row.due_at, soon))
            )

    def take(self) -> list[tuple[str, str]]:
        """Take servers that are due: tenant and name; each is taken by one process."""
        with self._database.session() as session:
            taken = take(
                session,
                Row,
                Row.due_at <= clock(),
                oldest=Row.due_at,
                limit=AT_ONCE,
                values={Row.due_at: clock() + literal(LEASE, Interval)},
                returning=(Row.tenant_id, Row.server_id),
            )
            return [
                (tenant_id, name)
                for tenant_id, server_id in taken
                if (name := session.scalar(_name(tenant_id, server_id))) is not None
            ]

    @property
    def _least(self) -> timedelta:
        return timedelta(seconds=self._settings.refresh_least_s)


def _name(tenant_id: str, server_id: UUID) -> Select[str]:
    return select(McpServer.name).where(McpServer.tenant_id == tenant_id, McpServer.id == server_id)
