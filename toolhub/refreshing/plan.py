"""When a server is to be asked again: as its answer says, within bounds.

A server of 2026 says how long its list holds (`ttlMs`); one of 2025 tells that it has changed, and
only to whom is listening. So the latter is asked again anyhow.

Who asks has a turn. It ends when somebody else begins: then the list that comes is thrown away, for
the one that was asked for later is at least as new.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Interval, and_, case, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from foundation.database import Database
from foundation.settings import ToolhubSettings
from foundation.taking import Values, clock, take
from toolhub.discovery import ALL_PAGES_S
from toolhub.models import McpServer
from toolhub.refreshing.models import McpRefresh as Row
from toolhub.repository import server_name
from toolhub.sweeping import Due

LONGEST: Final = timedelta(days=1)
# Whoever has a turn and is not done by then has died, or could not reach the server.
TURN: Final = timedelta(seconds=ALL_PAGES_S * 2)


@dataclass(frozen=True)
class DueRefresh(Due):
    """A server that this process asks now.

    Attributes:
        turn: Whose turn it is to write what it answers.
    """

    turn: UUID


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

    def begin(self, session: Session, server: McpServer) -> UUID:
        """Begin to ask a server, whoever asks it already; return the turn."""
        turn = uuid4()
        session.execute(update(Row).where(_of(server.tenant_id, server.id)).values(_begun(turn)))
        return turn

    def may_write(self, session: Session, server: McpServer, turn: UUID) -> bool:
        """Tell whether what a server answered is the newest there is; it stays so until the end.

        One that never listed its tools has no turns: its own row says who has changed it.
        """
        row = select(Row.turn).where(_of(server.tenant_id, server.id)).with_for_update()
        found = session.execute(row).one_or_none()
        return found is None or found[0] == turn

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
        soon = func.least(given.due_at, now + self._least)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=[Row.tenant_id, Row.server_id],
                set_={
                    "refreshed_at": given.refreshed_at,
                    # Whether the list had what the server told of meanwhile, nobody knows.
                    "due_at": case((Row.hastened, soon), else_=given.due_at),
                    "turn": None,
                    "hastened": False,
                },
            )
        )

    def hasten(self, tenant_id: str, server_id: UUID) -> None:
        """Note that a server has said that its tools have changed."""
        # One that says so with every call is not asked with every call.
        soon = func.greatest(clock(), Row.refreshed_at + literal(self._least, Interval))
        asked = and_(Row.turn.is_not(None), Row.due_at > clock())
        sooner = case((asked, Row.due_at), else_=func.least(Row.due_at, soon))
        with self._database.session() as session:
            session.execute(
                update(Row)
                .where(_of(tenant_id, server_id))
                .values(due_at=sooner, hastened=Row.turn.is_not(None))
            )

    def take(self) -> DueRefresh | None:
        """Take one server that is due, which no other process then does."""
        turn = uuid4()
        with self._database.session() as session:
            taken = take(
                session,
                Row,
                Row.due_at <= clock(),
                oldest=Row.due_at,
                limit=1,
                values=_begun(turn),
                returning=(Row.tenant_id, Row.server_id),
            )
            for tenant_id, server_id in taken:
                return DueRefresh(tenant_id, server_name(session, tenant_id, server_id), turn)
        return None

    @property
    def _least(self) -> timedelta:
        return timedelta(seconds=self._settings.refresh_least_s)


def _of(tenant_id: str, server_id: UUID) -> ColumnElement[bool]:
    return and_(Row.tenant_id == tenant_id, Row.server_id == server_id)


def _begun(turn: UUID) -> Values:
    return {Row.due_at: clock() + literal(TURN, Interval), Row.turn: turn, Row.hastened: False}
