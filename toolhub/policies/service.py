"""Policies of tools: look at, decide, take back. Sync; call it from a thread."""

from datetime import UTC, datetime
from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from foundation.database import Database
from toolhub.directory import Directory, found_server, policy_of, unknown_tool
from toolhub.errors import RegistrationError
from toolhub.fallbacks.checking import require_fallback
from toolhub.models import McpServer, McpTool
from toolhub.policies.models import McpToolPolicy
from toolhub.policies.types import PolicyInfo, ToolPolicy, takes_text
from toolhub.repository import ServerRows, storable
from toolhub.schemas import Dialect

_log = structlog.get_logger(__name__)


class Policies:
    """The policies of all tenants' tools.

    Args:
        directory: Told when one changes.
    """

    def __init__(self, database: Database, directory: Directory) -> None:
        self._database = database
        self._directory = directory

    def get(self, tenant_id: str, server: str, tool: str) -> PolicyInfo:
        """Return what holds for a tool.

        Raises:
            UnknownServerError: There is no such server.
            UnknownToolError: It has no such tool.
        """
        with self._database.session() as session:
            found, offered = _tool(session, tenant_id, server, tool)
            row = session.get(McpToolPolicy, (tenant_id, found.id, tool))
            return _info(server, offered, row)

    def put(
        self, tenant_id: str, server: str, tool: str, policy: ToolPolicy, *, by: str
    ) -> PolicyInfo:
        """Decide; it replaces what was decided before.

        Raises:
            UnknownServerError: There is no such server.
            UnknownToolError: It has no such tool.
            RegistrationError: The tool takes no such argument, or the fallback cannot stand in.
        """
        with self._database.session() as session:
            found, offered = _tool(session, tenant_id, server, tool)
            _require_argument(server, offered, policy)
            _require_headers(found, policy)
            require_fallback(ServerRows(session, tenant_id), server, offered, policy.fallback)
            row = session.merge(
                McpToolPolicy(
                    tenant_id=tenant_id,
                    server_id=found.id,
                    name=tool,
                    policy=policy.given,
                    changed_by=by,
                    changed_at=datetime.now(tz=UTC),
                )
            )
            info = _info(server, offered, row)
        self._changed(tenant_id, server, tool, by)
        return info

    def delete(self, tenant_id: str, server: str, tool: str, *, by: str) -> None:
        """Let hold again what the server says.

        Raises:
            UnknownServerError: There is no such server.
        """
        with self._database.session() as session:
            found = found_server(ServerRows(session, tenant_id), server)
            row = _row(session, tenant_id, found.id, tool)
            if row is not None:
                session.delete(row)
        self._changed(tenant_id, server, tool, by)

    def _changed(self, tenant_id: str, server: str, tool: str, by: str) -> None:
        self._directory.forget(tenant_id, server)
        _log.warning("mcp_policy_changed", tenant=tenant_id, server=server, tool=tool, by=by)


def _row(session: Session, tenant_id: str, server_id: UUID, tool: str) -> McpToolPolicy | None:
    return session.get(McpToolPolicy, (tenant_id, server_id, tool)) if storable(tool) else None


def _tool(session: Session, tenant_id: str, server: str, tool: str) -> tuple[McpServer, McpTool]:
    rows = ServerRows(session, tenant_id)
    found = found_server(rows, server)
    offered = rows.tool(found.id, tool)
    if offered is None:
        raise unknown_tool(server, tool, rows.tool_names(found.id))
    return found, offered


def _require_argument(server: str, tool: McpTool, policy: ToolPolicy) -> None:
    if policy.problem(tool.input_schema) is None:
        return
    argument = policy.idempotency_key and policy.idempotency_key.argument
    properties = tool.input_schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    texts = [name for name in sorted(known) if takes_text(tool.input_schema, name)]
    raise RegistrationError(
        f"The tool '{tool.name}' of the MCP server '{server}' takes no argument '{argument}' that "
        f"is a text. It takes: {', '.join(texts) or 'none'}."
    )


def _require_headers(server: McpServer, policy: ToolPolicy) -> None:
    if server.dialect == Dialect.STDIO and policy.idempotency_key and policy.idempotency_key.header:
        raise RegistrationError(
            f"The MCP server '{server.name}' is a program, which gets no headers. Name the "
            "argument of the tool that takes the key."
        )


def _info(server: str, tool: McpTool, row: McpToolPolicy | None) -> PolicyInfo:
    policy = policy_of(row)
    holds = policy.fitting(tool.input_schema)
    return PolicyInfo(
        server=server,
        tool=tool.name,
        policy=policy,
        problem=policy.problem(tool.input_schema),
        repeatable=holds.repeatable(tool.annotations) or holds.idempotency_key is not None,
        changed_by=row.changed_by if row else None,
        changed_at=row.changed_at if row else None,
    )
