"""What the guide shows is accepted."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from cli.main import build_parser
from cli.mcp_import import plan_lines, values_of
from foundation.settings import Settings
from millwright_client.decoding import decode
from millwright_client.models import McpImport
from tests.toolhub.importing.conftest import Importing
from toolhub.wire.stdio.commands import Commands

pytestmark = pytest.mark.anyio
PAGE = (Path(__file__).parents[3] / "docs/how-to/import-an-mcp-server.md").read_text()


def shown() -> dict[str, Any]:
    """Return the document of the guide."""
    (text,) = re.findall(r"```json\n(.+?)```", PAGE, re.DOTALL)
    found: dict[str, Any] = json.loads(text)
    return found


async def test_the_look_is_as_it_is_shown(importing: Importing) -> None:
    found = await importing(shown(), dry_run=True)
    lines = plan_lines(decode(McpImport, json.loads(found.model_dump_json())))
    (text,) = re.findall(r"```\n('sheets' .+?)```", PAGE, re.DOTALL)
    assert [line.rstrip() for line in lines] == [line.rstrip() for line in text.splitlines()]


@pytest.mark.parametrize("line", re.findall(r"^millwright (mcp import .+)$", PAGE, re.MULTILINE))
async def test_the_command_lines_of_the_guide_import_its_document(
    importing: Importing, line: str
) -> None:
    flags = build_parser()[0].parse_args(shlex.split(line))
    assert (flags.verb, flags.file) == ("import", "server.json")
    values, secrets = values_of(flags.value), {"X-Api-Key": "key"}
    found = await importing(shown(), dry_run=True, values=values, secrets=secrets)
    assert found.plan.missing == ([] if values else ["plant"])


def test_the_command_of_the_guide_is_found_by_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    (listed,) = re.findall(r"COMMANDS='(\{.+?\n\})'", PAGE, re.DOTALL)
    monkeypatch.setenv("MILLWRIGHT_STDIO_COMMANDS", listed)
    commands = Commands(Settings(_env_file=None).stdio)
    found = commands.for_package("press", "npm", "@example/drawings", "3.1.0")
    assert found is not None
    assert found[0] == "drawings"
    assert commands.for_package("press", "npm", "@example/drawings", "3.2.0") is None
    assert commands.for_package("mill", "npm", "@example/drawings", "3.1.0") is None
