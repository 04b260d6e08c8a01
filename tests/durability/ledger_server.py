"""An MCP server that writes down every call it executes: `python ledger_server.py PORT FILE`."""

import os
import sys
import time
from pathlib import Path

import uvicorn
from mcp.server import MCPServer
from mcp.types import ToolAnnotations

PORT, FILE = int(sys.argv[1]), Path(sys.argv[2])
server = MCPServer("ledger")


@server.tool()
def record(step: int) -> str:
    """Append one line, on disk before the answer leaves."""
    with FILE.open("a", encoding="ascii") as file:
        file.write(f"{step}\n")
        file.flush()
        os.fsync(file.fileno())
    return str(step)


@server.tool()
def record_slowly(step: int, seconds: float) -> str:
    """Append one line, and take some time to say so."""
    record(step)
    time.sleep(seconds)
    return str(step)


@server.tool(annotations=ToolAnnotations(idempotent_hint=True))
def record_slowly_idempotent(step: int, seconds: float) -> str:
    """Say of itself that repeating it does no harm."""
    return record_slowly(step, seconds)


if __name__ == "__main__":
    uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=PORT, log_level="warning")
