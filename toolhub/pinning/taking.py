"""A catalogue that was read, brought into the tables: taken over, or held back."""

from collections.abc import Sequence
from datetime import datetime

import structlog

from toolhub.discovery import FoundTool
from toolhub.models import McpServer, McpTool, McpToolDrift, McpToolVersion
from toolhub.pinning.judging import Policy, Verdict, judge
from toolhub.pinning.repository import ToolRows
from toolhub.schemas import Dialect
from toolhub.views import fields_of

_log = structlog.get_logger(__name__)


def take_over(
    rows: ToolRows, server: McpServer, tools: Sequence[FoundTool], at: datetime, *, first: bool
) -> None:
    """Make what a server offers its tools, except for changes that somebody has to accept.

    A tool whose change waits keeps its last accepted form; a call of it is refused.

    Args:
        rows: Within a transaction that holds the server's row.
        server: Whose tools they are.
        tools: What it offers now.
        at: When it was asked.
        first: It was never asked before; then it is trusted.
    """
    accepted = {} if first else rows.accepted(server.id)
    policy = Policy(server.pinning)
    # Tools that a person describes here were looked at by that person.
    trusted = first or server.dialect == Dialect.SEED_HTTP
    waiting: list[McpToolDrift] = []
    for tool in tools:
        before = accepted.get(tool.name)
        known = FoundTool(**fields_of(before)) if before else None
        verdict = judge(tool, known, policy, first=trusted)
        if verdict is not None and verdict.waits and not trusted:
            waiting.append(_drift(server, tool, verdict, at))
            _log.warning(
                "mcp_tool_quarantined",
                tenant=server.tenant_id,
                server=server.name,
                tool=tool.name,
                drift=verdict.drift,
            )
            continue
        last = before.version if before else 0
        if verdict is None:
            rows.take(tool_row(server, tool, last, at), None)
        else:
            version = version_row(server, tool, last + 1, at)
            version.drift = verdict.drift
            taken = tool_row(server, tool, last + 1, at)
            rows.take(taken, version)
            tell_of_policy(rows, server, taken)
    rows.wait(server.id, waiting)
    rows.keep_only(server.id, {tool.name: None for tool in tools})


def tell_of_policy(rows: ToolRows, server: McpServer, tool: McpTool) -> None:
    """Log that what was decided about a tool does not hold for what has become of it."""
    policy = rows.policy(server.id, tool.name)
    if policy is not None and policy.problem(tool.input_schema) is not None:
        _log.warning(
            "mcp_policy_outdated", tenant=server.tenant_id, server=server.name, tool=tool.name
        )


def tool_row(
    server: McpServer, tool: FoundTool | McpToolDrift, version: int, at: datetime
) -> McpTool:
    """Return the row of a tool that may be called."""
    return McpTool(
        tenant_id=server.tenant_id,
        server_id=server.id,
        **fields_of(tool),
        version=version,
        discovered_at=at,
    )


def version_row(
    server: McpServer, tool: FoundTool | McpToolDrift, version: int, at: datetime
) -> McpToolVersion:
    """Return the row that remembers what a tool is now."""
    return McpToolVersion(
        tenant_id=server.tenant_id,
        server_id=server.id,
        **fields_of(tool),
        version=version,
        created_at=at,
    )


def _drift(server: McpServer, tool: FoundTool, verdict: Verdict, at: datetime) -> McpToolDrift:
    return McpToolDrift(
        tenant_id=server.tenant_id,
        server_id=server.id,
        **fields_of(tool),
        drift=verdict.drift,
        changes=[change.model_dump(mode="json") for change in verdict.changes],
        found_at=at,
    )
