"""Changes of tools, for people: what a tool was, what waits, and accepting that."""

from datetime import UTC, datetime

import structlog

from foundation.database import Database
from foundation.errors import InvalidInputError
from foundation.json import JsonObject
from foundation.pages import NamePage, page_of
from toolhub.directory import Directory, found_server, policy_of, unknown_tool
from toolhub.errors import DriftChangedError, NoDriftError
from toolhub.pinning.refusals import pinned
from toolhub.pinning.repository import ToolRows
from toolhub.pinning.taking import tell_of_policy, tool_row, version_row
from toolhub.policies.models import McpToolPolicy
from toolhub.repository import ServerRows
from toolhub.schemas import DriftInfo, DriftPage, ToolInfo, ToolVersionPage
from toolhub.views import drift_info, tool_info, version_info

_log = structlog.get_logger(__name__)


class Drifts:
    """The changes of all tenants' tools; sync, call it from a thread.

    Args:
        directory: Told when a tool may be called again.
    """

    def __init__(self, database: Database, directory: Directory) -> None:
        self._database = database
        self._directory = directory

    def list(
        self,
        tenant_id: str,
        *,
        server: str | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> DriftPage:
        """Return what waits to be accepted, in the order of server and tool.

        Raises:
            UnknownServerError: There is no server of that name.
            InvalidInputError: The page token is none of this list.
        """
        page = NamePage.of(page_size, page_token, parts=2)
        with self._database.session() as session:
            if server is not None:
                found_server(ServerRows(session, tenant_id), server)
            rows = ToolRows(session, tenant_id)
            found = rows.drifts(server=server, after=page.after, limit=page.limit + 1)
            drifts, token = page_of(found, page, lambda row: (row[0], row[1].name))
            items = [drift_info(name, drift) for name, drift in drifts]
        return DriftPage(items=items, next_page_token=token)

    def get(self, tenant_id: str, server: str, tool: str) -> DriftInfo:
        """Return the change of one tool that waits.

        Raises:
            UnknownServerError: There is no such server.
            NoDriftError: Nothing waits.
        """
        with self._database.session() as session:
            found = found_server(ServerRows(session, tenant_id), server)
            drift = ToolRows(session, tenant_id).drift(found.id, tool)
            if drift is None:
                raise _nothing_waits(server, tool)
            return drift_info(server, drift)

    def versions(
        self,
        tenant_id: str,
        server: str,
        tool: str,
        *,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> ToolVersionPage:
        """Return what a tool was, the newest version first.

        Raises:
            UnknownServerError: There is no such server.
            UnknownToolError: The server never had such a tool.
            InvalidInputError: The page token is none of this list.
        """
        page = NamePage.of(page_size, page_token, parts=1)
        below = _number(page.after[0])
        with self._database.session() as session:
            servers = ServerRows(session, tenant_id)
            found = found_server(servers, server)
            rows = ToolRows(session, tenant_id)
            versions = rows.versions(found.id, tool, below=below, limit=page.limit + 1)
            if not versions and below is None:
                raise unknown_tool(server, tool, servers.tool_names(found.id))
            shown, token = page_of(versions, page, lambda row: (str(row.version),))
            items = [version_info(server, version) for version in shown]
        return ToolVersionPage(items=items, next_page_token=token)

    def takes(self, tenant_id: str, server: str, tool: str, sha256: str | None) -> JsonObject:
        """Return the input schema of a tool: of the version that is meant, or the accepted one.

        Raises:
            UnknownServerError: There is no such server.
            UnknownToolError: It has no such tool.
            ToolPinError: The tool is not the one that is meant, nor compatible with it.
        """
        with self._database.session() as session:
            servers = ServerRows(session, tenant_id)
            found = servers.tool(found_server(servers, server).id, tool)
            if found is None:
                raise unknown_tool(server, tool, [])
            schema = found.input_schema
            if sha256 not in (None, found.sha256):
                rows = ToolRows(session, tenant_id)
                schema = pinned(rows, server, found, sha256 or "").input_schema
            row = session.get(McpToolPolicy, (tenant_id, found.server_id, tool))
            return policy_of(row).fitting(found.input_schema).asked_for(schema)

    def accept(self, tenant_id: str, server: str, tool: str, *, sha256: str, by: str) -> ToolInfo:
        """Take over a change, which makes the tool callable again.

        Args:
            tenant_id: Whose tool it is.
            server: The tool's server.
            tool: Which of its tools.
            sha256: What was looked at; anything else is not accepted.
            by: Who decides.

        Raises:
            UnknownServerError: There is no such server.
            NoDriftError: Nothing waits.
            DriftChangedError: The tool has changed again.
        """
        now = datetime.now(tz=UTC)
        with self._database.session() as session:
            found = found_server(ServerRows(session, tenant_id), server, lock=True)
            rows = ToolRows(session, tenant_id)
            drift = rows.drift(found.id, tool)
            if drift is None:
                raise _nothing_waits(server, tool)
            if drift.sha256 != sha256:
                raise DriftChangedError(
                    f"The tool '{tool}' of the MCP server '{server}' has changed again since you "
                    "looked at it. Look again, then decide."
                )
            before = rows.newest(found.id, tool)
            version = version_row(found, drift, (before.version if before else 0) + 1, now)
            version.drift, version.accepted_by = drift.drift, by
            taken = tool_row(found, drift, version.version, now)
            rows.take(taken, version)
            rows.settle(drift)
            tell_of_policy(rows, found, taken)
        self._directory.forget(tenant_id, server)
        _log.info("mcp_tool_accepted", tenant=tenant_id, server=server, tool=tool, by=by)
        return tool_info(server, taken)


def _nothing_waits(server: str, tool: str) -> NoDriftError:
    return NoDriftError(
        f"No change of a tool '{tool[:128]}' of the MCP server '{server}' waits to be accepted. "
        "GET /api/v1/mcp/drifts lists those that do."
    )


def _number(after: str) -> int | None:
    if not after:
        return None
    if not after.isdecimal() or not after.isascii() or len(after) > len(str(2**31 - 1)) - 1:
        raise InvalidInputError("The page_token is none that this list gave. Begin again.")
    return int(after)
