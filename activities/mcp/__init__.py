"""Call tools of MCP servers."""

from activities.mcp.activities import McpActivities
from activities.mcp.types import McpCall, McpRequest, McpTask

__all__ = ["McpActivities", "McpCall", "McpRequest", "McpTask"]
