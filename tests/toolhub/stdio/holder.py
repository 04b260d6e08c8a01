"""A process that calls a tool which never answers, for a test to kill."""

import asyncio
import sys
from pathlib import Path

from foundation.json import JsonObject
from foundation.settings import StdioCommand, StdioSettings
from toolhub.wire.exchange import Destination, Message, Program
from toolhub.wire.stdio.adapter import Stdio

ODD = Path(__file__).with_name("odd_server.py")


async def hold(notes: str) -> None:
    command = StdioCommand(argv=[sys.executable, str(ODD), notes], tenants=["*"])
    wire = Stdio(StdioSettings(commands={"odd": command}), 1024 * 1024)
    program = Program(tenant_id="press", server_id="1", command="odd")
    to = Destination(tenant_id="press", label="odd", endpoint="stdio:odd", program=program)
    tool: JsonObject = {"name": "family", "arguments": {}}
    await wire.send(to, Message(method="tools/call", params=tool, timeout_s=60))


if __name__ == "__main__":
    asyncio.run(hold(sys.argv[1]))
