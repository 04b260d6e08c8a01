"""What the guide shows is accepted."""

import json
import re
from pathlib import Path

import pytest

from foundation.settings import Settings
from toolhub.schemas import ServerRegistration
from toolhub.wire.exchange import Program
from toolhub.wire.stdio.commands import Commands

PAGE = Path(__file__).parents[3] / "docs/how-to/stdio-servers.md"


def test_the_list_of_the_guide_allows_what_the_guide_registers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed, registered = re.findall(r"'(\{.+?\n *\})'", PAGE.read_text(), re.DOTALL)
    monkeypatch.setenv("MILLWRIGHT_STDIO_COMMANDS", listed)
    commands = Commands(Settings(_env_file=None).stdio)
    given = ServerRegistration.model_validate(json.loads(registered))
    program = Program(
        tenant_id="press",
        server_id="1",
        command=given.url.removeprefix("stdio:"),
        arguments=tuple(given.arguments),
    )
    allowed = commands.allowed(program)
    assert allowed.argv == ("/opt/mcp/bin/mcp-server-time", "--local-timezone=Asia/Seoul")
