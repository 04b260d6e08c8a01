"""Call tools of MCP servers."""

from activities.mcp.activities import McpActivities
from activities.mcp.types import McpAnswer, McpCall, McpRequest, McpTask

__all__ = ["McpActivities", "McpAnswer", "McpCall", "McpRequest", "McpTask"]
