"""Rows of one tenant: servers and their tools. Every query begins with the tenant."""

from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select, tuple_
from sqlalchemy.orm import Session

from toolhub.models import McpServer, McpTool, McpToolDrift


class ServerRows:
    """The tables of the hub, as one tenant sees them, within one transaction."""

    def __init__(self, session: Session, tenant_id: str) -> None:
        self._session = session
        self._tenant_id = tenant_id

    def server(self, name: str, *, lock: bool = False) -> McpServer | None:
        """Return a server by its name; `lock` holds its row until the transaction ends."""
        if not storable(name):
            return None
        found = select(McpServer).where(self._own_servers, McpServer.name == name)
        return self._session.scalar(found.with_for_update() if lock else found)

    def names(self) -> list[str]:
        """Return the names of all servers."""
        names = select(McpServer.name).where(self._own_servers).order_by(McpServer.name)
        return list(self._session.scalars(names))

    def servers(self, after: str, limit: int) -> list[McpServer]:
        """Return servers in the order of their names."""
        page = select(McpServer).where(self._own_servers, McpServer.name > after)
        return list(self._session.scalars(page.order_by(McpServer.name).limit(limit)))

    def tool_counts(self, server_ids: list[UUID]) -> dict[UUID, int]:
        """Return how many tools some servers have."""
        counts = (
            select(McpTool.server_id, func.count())
            .where(McpTool.tenant_id == self._tenant_id, McpTool.server_id.in_(server_ids))
            .group_by(McpTool.server_id)
        )
        return {row[0]: row[1] for row in self._session.execute(counts)}

    def add(self, server: McpServer) -> None:
        """Insert a server.

        Raises:
            IntegrityError: When the name is taken.
        """
        self._session.add(server)
        self._session.flush()

    def remove(self, server: McpServer) -> None:
        """Delete a server and, through the foreign key, its tools."""
        self._session.delete(server)

    def tool(self, server_id: UUID, name: str) -> McpTool | None:
        """Return one tool."""
        if not storable(name):
            return None
        return self._session.get(McpTool, (self._tenant_id, server_id, name))

    def tool_names(self, server_id: UUID) -> list[str]:
        """Return the names of a server's tools."""
        names = select(McpTool.name).where(self._own_tools, McpTool.server_id == server_id)
        return list(self._session.scalars(names.order_by(McpTool.name)))

    def tools(
        self,
        *,
        text: str | None,
        server: str | None,
        callable_only: bool,
        after: tuple[str, ...],
        limit: int,
    ) -> list[tuple[str, McpTool]]:
        """Return tools with the names of their servers, in the order of both names.

        Args:
            text: Only those with this in their name or description.
            server: Only those of this server.
            callable_only: Only those that are not in quarantine, and whose schema can be used.
            after: Server and tool name of the last one seen.
            limit: The most to return.
        """
        page = (
            select(McpServer.name, McpTool)
            .join(McpTool, (McpTool.tenant_id == McpServer.tenant_id) & _OF_SERVER)
            .where(self._own_servers, tuple_(McpServer.name, McpTool.name) > after)
        )
        if server is not None:
            page = page.where(McpServer.name == server)
        if callable_only:
            page = page.where(McpTool.problem.is_(None), ~_IN_QUARANTINE)
        if text:
            if not storable(text):
                return []
            page = page.where(
                or_(
                    McpTool.name.icontains(text, autoescape=True),
                    McpTool.description.icontains(text, autoescape=True),
                )
            )
        rows = self._session.execute(page.order_by(McpServer.name, McpTool.name).limit(limit))
        return [(name, tool) for name, tool in rows]

    @property
    def _own_servers(self) -> ColumnElement[bool]:
        return McpServer.tenant_id == self._tenant_id

    @property
    def _own_tools(self) -> ColumnElement[bool]:
        return McpTool.tenant_id == self._tenant_id


_OF_SERVER = McpTool.server_id == McpServer.id
_IN_QUARANTINE = exists().where(
    McpToolDrift.tenant_id == McpTool.tenant_id,
    McpToolDrift.server_id == McpTool.server_id,
    McpToolDrift.name == McpTool.name,
)


def server_name(session: Session, tenant_id: str, server_id: UUID) -> str:
    """Return the name of a server whose row the transaction holds, or one that refers to it."""
    name = select(McpServer.name).where(McpServer.tenant_id == tenant_id, McpServer.id == server_id)
    return session.scalars(name).one()


def storable(text: str) -> bool:
    """Tell whether PostgreSQL can hold a text: no NUL, no half of a surrogate pair."""
    return made_storable(text) == text


def made_storable(text: str) -> str:
    """Replace what PostgreSQL cannot hold."""
    return text.encode(errors="replace").decode().replace("\x00", "?")
