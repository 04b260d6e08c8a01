"""`call: mcp` over stdio: a program of the installation's list, called by a definition."""

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from activities.logins import Authenticator
from activities.mcp import McpActivities
from foundation.database import Database
from foundation.settings import EgressSettings, StdioCommand, StdioSettings
from security.egress import UNRULED, Egress
from security.sealing import Sealer
from tests.fixtures.hubs import build_toolhub
from tests.interpreter.conftest import SECRETS, Runner
from tests.toolhub.stdio.conftest import ODD
from tests.toolhub.stdio.test_odd_server import begun
from workflows.interpreter.workflow import Interpreter
from workflows.secrets import SecretOpener, SecretsInMemory

pytestmark = pytest.mark.anyio


@pytest.fixture
async def run(
    temporal: Client, task_queue: str, tenant: str, database: Database, tmp_path: Path
) -> AsyncIterator[Runner]:
    egress = Egress(EgressSettings(), UNRULED)
    argv = [sys.executable, str(ODD), str(tmp_path)]
    commands = {
        "odd": StdioCommand(argv=argv, tenants=[tenant], arguments=["--[a-z]+"]),
        "foreign": StdioCommand(argv=argv, tenants=["another"]),
    }
    stdio = StdioSettings(commands=commands)
    parts = build_toolhub(database, Sealer(bytes(range(32))), egress, stdio=stdio)
    secrets = {(tenant, name): value for name, value in SECRETS.items()}
    activities = McpActivities(
        parts.hub, SecretOpener(SecretsInMemory(secrets)), Authenticator(egress)
    )
    async with Worker(
        temporal,
        task_queue=task_queue,
        workflows=[Interpreter],
        activities=[activities.mcp_request],
    ):
        yield Runner(temporal, task_queue, tenant)
    await parts.aclose()
    await egress.aclose()


def asking(stdio: dict[str, Any], tool: str, arguments: dict[str, Any] | None = None) -> str:
    given = {
        "method": "tools/call",
        "parameters": {"name": tool, "arguments": arguments or {}},
        "transport": {"stdio": stdio},
    }
    return f"do: [ {{ ask: {{ call: mcp, with: {json.dumps(given)} }} }} ]"


def said(ended: Any) -> str:
    assert ended.error is None, ended.error
    return str(ended.output["content"][0]["text"])


async def test_a_program_is_called_with_what_is_computed(run: Runner) -> None:
    text = asking({"command": "odd", "arguments": ["--quick"]}, "echo", {"line": "${ .line }"})
    assert said(await run(text, {"line": "L4"})) == '{"line": "L4"}'


async def test_runs_share_a_process_for_the_same_command_and_arguments(run: Runner) -> None:
    pids = {said(await run(asking({"command": "odd"}, "pid"))) for _ in range(2)}
    assert len(pids) == 1
    other = {"command": "odd", "arguments": ["--quick"]}
    assert said(await run(asking(other, "pid"))) not in pids


@pytest.mark.parametrize(
    ("stdio", "reason"),
    [
        ({"command": "sh"}, "no command 'sh' for this tenant. There are: odd."),
        ({"command": "foreign"}, "no command 'foreign' for this tenant"),
        ({"command": "odd", "arguments": ["/etc"]}, "does not take the argument '/etc'"),
    ],
)
async def test_what_the_list_does_not_have_is_not_started(
    run: Runner, tmp_path: Path, stdio: dict[str, Any], reason: str
) -> None:
    ended = await run(asking(stdio, "pid"))
    assert ended.error is not None
    assert reason in ended.error["detail"]
    assert begun(tmp_path) == []


async def test_a_tool_that_died_is_not_called_again(run: Runner, tmp_path: Path) -> None:
    ended = await run(asking({"command": "odd"}, "die"))
    assert "not known whether" in ended.error["detail"]
    assert len(begun(tmp_path)) == 1
