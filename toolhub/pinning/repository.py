"""Rows of one tenant: versions of tools, and changes that wait.

Every query begins with the tenant.
"""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from toolhub.models import McpServer, McpTool, McpToolDrift, McpToolVersion
from toolhub.policies.models import McpToolPolicy
from toolhub.policies.types import ToolPolicy
from toolhub.repository import storable


class ToolRows:
    """The versions of a tenant's tools, within one transaction."""

    def __init__(self, session: Session, tenant_id: str) -> None:
        self._session = session
        self._tenant_id = tenant_id

    def accepted(self, server_id: UUID) -> dict[str, McpToolVersion]:
        """Return the newest version of each tool a server ever had, also of those that are gone."""
        newest = (
            select(McpToolVersion)
            .where(self._own_versions, McpToolVersion.server_id == server_id)
            .ext(distinct_on(McpToolVersion.name))
            .order_by(McpToolVersion.name, McpToolVersion.version.desc())
        )
        return {row.name: row for row in self._session.scalars(newest)}

    def newest(self, server_id: UUID, name: str) -> McpToolVersion | None:
        """Return the newest version of one tool."""
        found = self.versions(server_id, name, below=None, limit=1)
        return found[0] if found else None

    def versions(
        self, server_id: UUID, name: str, *, below: int | None, limit: int
    ) -> list[McpToolVersion]:
        """Return the versions of a tool, the newest first."""
        if not storable(name):
            return []
        page = select(McpToolVersion).where(
            self._own_versions, McpToolVersion.server_id == server_id, McpToolVersion.name == name
        )
        if below is not None:
            page = page.where(McpToolVersion.version < below)
        return list(
            self._session.scalars(page.order_by(McpToolVersion.version.desc()).limit(limit))
        )

    def by_fingerprint(self, server_id: UUID, name: str, sha256: str) -> McpToolVersion | None:
        """Return the version of a tool with a fingerprint, the newest if there are several."""
        if not storable(name) or not storable(sha256):
            return None
        found = select(McpToolVersion).where(
            self._own_versions,
            McpToolVersion.server_id == server_id,
            McpToolVersion.name == name,
            McpToolVersion.sha256 == sha256,
        )
        return self._session.scalar(found.order_by(McpToolVersion.version.desc()).limit(1))

    def drift(self, server_id: UUID, name: str) -> McpToolDrift | None:
        """Return the change of a tool that waits."""
        if not storable(name):
            return None
        return self._session.get(McpToolDrift, (self._tenant_id, server_id, name))

    def drifts(
        self, *, server: str | None, after: tuple[str, ...], limit: int
    ) -> list[tuple[str, McpToolDrift]]:
        """Return changes that wait with the names of their servers, in the order of both names."""
        page = (
            select(McpServer.name, McpToolDrift)
            .join(
                McpToolDrift,
                (McpToolDrift.tenant_id == McpServer.tenant_id)
                & (McpToolDrift.server_id == McpServer.id),
            )
            .where(
                McpServer.tenant_id == self._tenant_id,
                tuple_(McpServer.name, McpToolDrift.name) > after,
            )
        )
        if server is not None:
            page = page.where(McpServer.name == server)
        rows = self._session.execute(page.order_by(McpServer.name, McpToolDrift.name).limit(limit))
        return [(name, drift) for name, drift in rows]

    def take(self, tool: McpTool, version: McpToolVersion | None) -> None:
        """Make a tool callable as it is, and remember it as a version if it is a new one."""
        self._session.merge(tool)
        if version is not None:
            self._session.add(version)

    def policy(self, server_id: UUID, name: str) -> ToolPolicy | None:
        """Return what was decided about a tool, if anything was."""
        row = self._session.get(McpToolPolicy, (self._tenant_id, server_id, name))
        return None if row is None else ToolPolicy.model_validate(row.policy)

    def wait(self, server_id: UUID, drifts: list[McpToolDrift]) -> None:
        """Make these the changes that wait."""
        mine = (McpToolDrift.tenant_id == self._tenant_id, McpToolDrift.server_id == server_id)
        self._session.execute(delete(McpToolDrift).where(*mine))
        self._session.add_all(drifts)

    def settle(self, drift: McpToolDrift) -> None:
        """End the waiting of a change."""
        self._session.delete(drift)

    def keep_only(self, server_id: UUID, names: Mapping[str, object]) -> None:
        """Forget the tools that the server has no more; their versions stay."""
        gone = delete(McpTool).where(
            McpTool.tenant_id == self._tenant_id,
            McpTool.server_id == server_id,
            McpTool.name.not_in(names),
        )
        self._session.execute(gone)

    @property
    def _own_versions(self) -> ColumnElement[bool]:
        return McpToolVersion.tenant_id == self._tenant_id
