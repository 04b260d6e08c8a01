"""Rows and what is shown of them. The sealed credential stays in the row."""

from typing import Any, Final

from toolhub.discovery import FoundTool
from toolhub.importing.origin import Origin
from toolhub.models import McpServer, McpTool, McpToolDrift, McpToolVersion
from toolhub.pinning.drift import Change, Drift
from toolhub.pinning.judging import Policy
from toolhub.schemas import (
    CredentialInfo,
    Dialect,
    DriftInfo,
    ServerInfo,
    ServerStatus,
    ToolInfo,
    ToolVersionInfo,
)


def server_info(server: McpServer, tool_count: int) -> ServerInfo:
    """Return what may be seen of a server."""
    return ServerInfo(
        id=server.id,
        name=server.name,
        dialect=Dialect(server.dialect),
        url=server.url,
        path=server.path,
        arguments=server.arguments or [],
        headers=server.headers or {},
        credential=_credential(server),
        status=ServerStatus(server.status),
        protocol=server.protocol,
        timeout_s=server.timeout_s,
        protection=server.protection or {},
        pinning=Policy(server.pinning),
        imported=None if server.imported is None else Origin.model_validate(server.imported),
        tool_count=tool_count,
        version=server.version,
        created_at=server.created_at,
        updated_at=server.updated_at,
        discovered_at=server.discovered_at,
    )


def _credential(server: McpServer) -> CredentialInfo:
    carrier = "parameter" if server.credential_kind == "query" else "header"
    shown = {carrier: server.credential_header, "token": server.credential_about}
    return CredentialInfo.model_validate({"kind": server.credential_kind, **shown})


def tool_info(server_name: str, tool: McpTool) -> ToolInfo:
    """Return what may be seen of a tool."""
    return ToolInfo(
        server=server_name,
        **fields_of(tool),
        version=tool.version,
        discovered_at=tool.discovered_at,
    )


def version_info(server_name: str, tool: McpToolVersion) -> ToolVersionInfo:
    """Return what may be seen of a version of a tool."""
    return ToolVersionInfo(
        server=server_name,
        **fields_of(tool),
        version=tool.version,
        drift=None if tool.drift is None else Drift(tool.drift),
        accepted_by=tool.accepted_by,
        created_at=tool.created_at,
    )


def drift_info(server_name: str, waiting: McpToolDrift) -> DriftInfo:
    """Return what may be seen of a change that waits."""
    return DriftInfo(
        server=server_name,
        **fields_of(waiting),
        drift=Drift(waiting.drift),
        changes=[Change.model_validate(change) for change in waiting.changes],
        found_at=waiting.found_at,
    )


def fields_of(tool: FoundTool | McpTool | McpToolVersion | McpToolDrift) -> dict[str, Any]:
    """Return what makes a tool, wherever it is written."""
    return {name: getattr(tool, name) for name in _FIELDS}


_FIELDS: Final = (
    *("name", "title", "description", "input_schema", "output_schema", "annotations"),
    *("sha256", "problem"),
)
