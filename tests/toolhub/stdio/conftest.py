import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from foundation.database import Database
from foundation.settings import StdioCommand, StdioSettings, ToolhubSettings
from security.egress import Egress
from security.sealing import Sealer
from tests.fixtures.hubs import build_toolhub
from toolhub.wiring import ToolhubParts

ODD = Path(__file__).with_name("odd_server.py")
TOKEN = "t0k3n-of-the-odd-one"


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Where the odd server notes what it is told."""
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder


@pytest.fixture
def commands(notes: Path) -> dict[str, StdioCommand]:
    odd = (sys.executable, str(ODD), str(notes))
    return {
        "odd": StdioCommand(
            argv=[*odd],
            tenants=["press"],
            arguments=["--[a-z]+"],
            environment={"UNIT": "mm"},
            secrets={"TOKEN": SecretStr(TOKEN)},
        ),
        "alone": StdioCommand(argv=[*odd], tenants=["*"], processes=1),
        "gone": StdioCommand(argv=["/no/such/program"], tenants=["*"]),
        "silent": StdioCommand(argv=["/bin/sleep", "600"], tenants=["*"]),
        "not-mcp": StdioCommand(argv=["/bin/echo", "hello"], tenants=["*"]),
    }


@pytest.fixture
async def parts(
    database: Database, sealer: Sealer, egress: Egress, commands: dict[str, StdioCommand]
) -> AsyncIterator[ToolhubParts]:
    settings = StdioSettings(commands=commands, start_s=20)
    asked_soon = ToolhubSettings(refresh_least_s=1)
    made = build_toolhub(database, sealer, egress, stdio=settings, settings=asked_soon)
    yield made
    await made.aclose()
