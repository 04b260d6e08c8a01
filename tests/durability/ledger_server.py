"""An MCP server that writes down every call it executes: `python ledger_server.py PORT FILE`."""

import os
import sys
from pathlib import Path

import uvicorn
from mcp.server import MCPServer

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


if __name__ == "__main__":
    uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=PORT, log_level="warning")
