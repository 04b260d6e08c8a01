"""The whole product for a measurement: every process real, everything thrown away afterwards."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.local.ports import LOOPBACK, free_port, is_open
from deploy.local.processes import Child, Program
from deploy.local.stack import RunningStack, StackOptions, running_stack
from foundation.settings import ApiSettings, LocalSettings, Settings

START_S = 30.0


@dataclass(frozen=True)
class Bench:
    """A running stack and an MCP server."""

    stack: RunningStack
    mcp_url: str


@contextmanager
def system() -> Iterator[Bench]:
    """Run the stack with runs in memory, and the measuring MCP server."""
    with TemporaryDirectory() as text:
        folder = Path(text)
        settings = Settings(
            _env_file=None,
            api=ApiSettings(port=free_port()),
            local=LocalSettings(
                data_dir=folder / "data", temporal_port=free_port(), ui_port=free_port()
            ),
        )
        port = free_port()
        server = Child(
            Program(
                name="MCP server",
                command=(sys.executable, "-m", "bench.mcp_server", str(port)),
                log=folder / "mcp.log",
            )
        )
        try:
            server.wait_ready(lambda: is_open(LOOPBACK, port), START_S)
            with running_stack(settings, StackOptions(keep_runs=False, excel=False)) as stack:
                yield Bench(stack, f"http://{LOOPBACK}:{port}/mcp")
        finally:
            server.stop()
