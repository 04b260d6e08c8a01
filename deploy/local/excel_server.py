"""A real MCP server that nobody here wrote: excel-mcp-server, over Streamable HTTP with a token."""

import os
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from deploy.local.ports import LOOPBACK, is_open
from deploy.local.processes import Child, ProcessError, Program

START_S = 30.0


@dataclass(frozen=True)
class ExcelServer:
    """Where it listens and what it serves.

    Attributes:
        folder: The only folder it opens workbooks of.
    """

    port: int
    token: str
    folder: Path

    @property
    def url(self) -> str:
        """Address of its MCP endpoint."""
        return f"http://{LOOPBACK}:{self.port}/mcp"


def excel_program(server: ExcelServer, log: Path) -> Program:
    """Describe it as a program to start.

    Raises:
        ProcessError: When it is not installed.
    """
    binary = shutil.which("excel-mcp-server", path=sysconfig.get_path("scripts"))
    if binary is None:
        raise ProcessError(
            "excel-mcp-server is not installed. Install the extra 'local' (uv sync --extra local)."
        )
    return Program(
        name="Excel MCP server",
        command=(
            *(binary, "streamable-http", "--host", LOOPBACK, "--port", str(server.port)),
            *("--allow-dir", str(server.folder.absolute())),
        ),
        log=log,
        # By environment: other users of the machine see the arguments of a process.
        environment=os.environ | {"EXCEL_MCP_AUTH_TOKEN": server.token},
    )


def excel_ready(child: Child, server: ExcelServer) -> None:
    """Wait until it listens.

    Raises:
        ProcessError: When it does not come up.
    """
    child.wait_ready(lambda: is_open(LOOPBACK, server.port), START_S)
