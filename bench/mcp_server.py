"""A small MCP server to measure against: `python -m bench.mcp_server PORT`."""

import sys

import uvicorn
from mcp.server import MCPServer
from mcp.types import ToolAnnotations
from pydantic import BaseModel

server = MCPServer("bench")


class Sum(BaseModel):
    """The result of `add`."""

    total: int


@server.tool(annotations=ToolAnnotations(read_only_hint=True, idempotent_hint=True))
def add(a: int, b: int) -> Sum:
    """Add two numbers."""
    return Sum(total=a + b)


@server.tool()
def book(a: int, b: int) -> Sum:
    """Say nothing of being repeatable."""
    return Sum(total=a + b)


if __name__ == "__main__":
    uvicorn.run(
        server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning"
    )
