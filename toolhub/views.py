"""Rows and what is shown of them. The sealed credential stays in the row."""

from datetime import datetime

from toolhub.discovery import FoundTool
from toolhub.models import McpServer, McpTool
from toolhub.schemas import CredentialInfo, Dialect, ServerInfo, ServerStatus, ToolInfo


def server_info(server: McpServer, tool_count: int) -> ServerInfo:
    """Return what may be seen of a server."""
    return ServerInfo(
        id=server.id,
        name=server.name,
        dialect=Dialect(server.dialect),
        url=server.url,
        path=server.path,
        credential=CredentialInfo.model_validate(
            {"kind": server.credential_kind, "header": server.credential_header}
        ),
        status=ServerStatus(server.status),
        protocol=server.protocol,
        timeout_s=server.timeout_s,
        protection=server.protection or {},
        tool_count=tool_count,
        version=server.version,
        created_at=server.created_at,
        updated_at=server.updated_at,
        discovered_at=server.discovered_at,
    )


def tool_info(server_name: str, tool: McpTool) -> ToolInfo:
    """Return what may be seen of a tool."""
    return ToolInfo(
        server=server_name,
        name=tool.name,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=tool.annotations,
        sha256=tool.sha256,
        problem=tool.problem,
        discovered_at=tool.discovered_at,
    )


def tool_row(server: McpServer, tool: FoundTool, at: datetime) -> McpTool:
    """Return the row of a tool that was found."""
    return McpTool(
        tenant_id=server.tenant_id,
        server_id=server.id,
        name=tool.name,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=tool.annotations,
        sha256=tool.sha256,
        problem=tool.problem,
        discovered_at=at,
    )
