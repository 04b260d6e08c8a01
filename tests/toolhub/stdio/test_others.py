"""Servers that nobody here wrote, as programs: what they offer, do, refuse and report."""

import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from foundation.database import Database
from foundation.json import JsonValue
from foundation.settings import StdioCommand, StdioSettings
from security.egress import Egress
from security.sealing import Sealer
from tests.fixtures.hubs import build_toolhub
from tests.fixtures.others_servers import OthersServers, npm_servers, others_servers
from tests.toolhub.servers import serving
from toolhub.errors import ToolFailedError, ToolInputError
from toolhub.schemas import CallTool, Dialect, ServerInfo, ServerRegistration, ToolInfo
from toolhub.wiring import ToolhubParts

# Installing them, once, may take minutes.
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]
FASTMCP = Path(__file__).with_name("servers") / "fastmcp_server.py"


@dataclass(frozen=True)
class Theirs:
    """A server of others that is registered."""

    parts: ToolhubParts
    info: ServerInfo

    @property
    def spoken(self) -> JsonValue:
        return (self.info.protocol or {})["version"]

    def tools(self) -> dict[str, ToolInfo]:
        found = self.parts.registry.find_tools("press", page_size=200).items
        return {tool.name: tool for tool in found}

    async def call(self, tool: str, **arguments: Any) -> Any:
        return await self.called(CallTool(**self._call(tool, arguments)))

    async def called(self, call: CallTool) -> Any:
        return (await self.parts.hub.call(call)).value

    def _call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"tenant_id": "press", "server": "theirs", "tool": tool, "arguments": arguments}


Start: TypeAlias = Callable[..., Awaitable[Theirs]]


@pytest.fixture
async def start(database: Database, sealer: Sealer, egress: Egress) -> AsyncIterator[Start]:
    """Puts a program on the list of a hub, and registers it."""
    made: list[ToolhubParts] = []

    async def begin(*argv: str, **more: Any) -> Theirs:
        command = StdioCommand(argv=[*argv], tenants=["press"], **more)
        settings = StdioSettings(commands={"theirs": command}, start_s=60)
        parts = build_toolhub(database, sealer, egress, stdio=settings)
        made.append(parts)
        given = ServerRegistration(name="theirs", url="stdio:theirs", dialect=Dialect.STDIO)
        info = await parts.registry.register("press", given, may_programs=True)
        return Theirs(parts, info)

    yield begin
    for parts in made:
        await parts.aclose()


@pytest.fixture(scope="module")
def python() -> OthersServers:
    return others_servers()


@pytest.fixture(scope="module")
def npm() -> OthersServers:
    return npm_servers()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "folder"
    place.mkdir()
    return place.resolve()


@pytest.fixture
def repository(folder: Path) -> Path:
    folder.joinpath("plan.txt").write_text("press 40 parts\n")
    me = ("-c", "user.name=press", "-c", "user.email=press@plant.example")
    for words in (("init", "-q"), ("add", "."), (*me, "commit", "-qm", "The plan of today")):
        subprocess.run(["git", *words], cwd=folder, check=True)  # noqa: S603, S607 - no shell
    return folder


@pytest.fixture
def page() -> Iterator[str]:
    async def plan(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("Press 40 parts of type P1.")

    with serving(Starlette(routes=[Route("/plan", plan)])) as base:
        yield f"{base}/plan"


def problems(theirs: Theirs) -> list[str]:
    return [name for name, tool in theirs.tools().items() if tool.problem is not None]


async def test_time(start: Start, python: OthersServers) -> None:
    theirs = await start(python.program("mcp-server-time"), "--local-timezone=UTC")
    assert (theirs.spoken, theirs.info.tool_count, problems(theirs)) == ("2026-07-28", 2, [])
    seoul = {"source_timezone": "UTC", "target_timezone": "Asia/Seoul", "time": "06:30"}
    converted = await theirs.call("convert_time", **seoul)
    assert converted["target"]["datetime"].endswith("T15:30:00+09:00")
    with pytest.raises(ToolFailedError, match="Nowhere"):
        await theirs.call("get_current_time", timezone="Nowhere")
    with pytest.raises(ToolInputError, match='"timezone" is a required property'):
        await theirs.call("get_current_time", zone="UTC")


async def test_git(start: Start, python: OthersServers, repository: Path) -> None:
    theirs = await start(
        python.program("mcp-server-git"),
        *("-r", str(repository)),
        environment={"GIT_AUTHOR_NAME": "millwright", "GIT_AUTHOR_EMAIL": "m@plant.example"},
    )
    assert (theirs.spoken, theirs.info.tool_count, problems(theirs)) == ("2026-07-28", 12, [])
    log = await theirs.call("git_log", repo_path=str(repository))
    assert "The plan of today" in json.dumps(log)
    await theirs.call("git_create_branch", repo_path=str(repository), branch_name="tomorrow")
    branches = await theirs.call("git_branch", repo_path=str(repository), branch_type="local")
    assert "tomorrow" in json.dumps(branches)
    with pytest.raises(ToolFailedError):
        await theirs.call("git_log", repo_path="/")


async def test_fetch(start: Start, python: OthersServers, page: str) -> None:
    theirs = await start(
        *(python.program("mcp-server-fetch"), "--ignore-robots-txt", "--allow-private-ips")
    )
    assert (theirs.spoken, theirs.info.tool_count, problems(theirs)) == ("2026-07-28", 1, [])
    assert "Press 40 parts of type P1." in json.dumps(await theirs.call("fetch", url=page))
    with pytest.raises(ToolFailedError):
        await theirs.call("fetch", url=f"{page}/nothing")


async def test_everything(start: Start, npm: OthersServers) -> None:
    theirs = await start(*npm.npm("server-everything"), secrets={"TOKEN": "s3cr3t-of-ours"})
    assert (theirs.spoken, theirs.info.tool_count, problems(theirs)) == ("2025-11-25", 13, [])
    assert await theirs.call("get-sum", a=2, b=40) == "The sum of 2 and 40 is 42."
    weather = await theirs.call("get-structured-content", location="Chicago")
    assert set(weather) == {"temperature", "conditions", "humidity"}
    seen = json.loads(await theirs.call("get-env"))
    assert set(seen) == {"PATH", "LANG", "TOKEN"}
    assert seen["TOKEN"] == "[redacted]"


async def test_everything_reports_progress_and_stops_when_it_is_told(
    start: Start, npm: OthersServers
) -> None:
    theirs = await start(*npm.npm("server-everything"), processes=1)
    reported = anyio.Event()

    async def note(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001
        if total == 10_000:
            reported.set()

    long = CallTool(
        tenant_id="press",
        server="theirs",
        tool="trigger-long-running-operation",
        arguments={"duration": 600, "steps": 10_000},
        on_progress=note,
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(theirs.called, long)
        await reported.wait()
        tasks.cancel_scope.cancel()
    # There is one place, and it was that call's.
    assert await theirs.call("echo", message="free") == "Echo: free"


async def test_filesystem(start: Start, npm: OthersServers, folder: Path) -> None:
    theirs = await start(*npm.npm("server-filesystem"), str(folder))
    assert (theirs.spoken, theirs.info.tool_count, problems(theirs)) == ("2025-11-25", 14, [])
    plan = folder / "plan.txt"
    await theirs.call("write_file", path=str(plan), content="press 40")
    assert plan.read_text() == "press 40"
    read = await theirs.call("read_text_file", path=str(plan))
    assert read == {"content": "press 40"}
    with pytest.raises(ToolFailedError, match="Access denied"):
        await theirs.call("read_text_file", path="/etc/hostname")


async def test_memory_keeps_what_it_knows_in_its_file(
    start: Start, npm: OthersServers, folder: Path
) -> None:
    known = {"MEMORY_FILE_PATH": str(folder / "memory.jsonl")}
    theirs = await start(*npm.npm("server-memory"), environment=known, processes=1)
    assert (theirs.spoken, theirs.info.tool_count, problems(theirs)) == ("2025-11-25", 9, [])
    press = {"name": "P1", "entityType": "press", "observations": ["leaks oil"]}
    await theirs.call("create_entities", entities=[press])
    graph = await theirs.call("read_graph")
    assert graph == {"entities": [press], "relations": []}
    assert "leaks oil" in (folder / "memory.jsonl").read_text()


async def test_fastmcp_does_at_once_what_may_be_a_task_for_others(
    start: Start, python: OthersServers
) -> None:
    theirs = await start(str(python.python), str(FASTMCP))
    assert (theirs.spoken, theirs.info.tool_count, problems(theirs)) == ("2026-07-28", 2, [])
    assert await theirs.call("rate", good=3, bad=1) == {"result": 0.25}
    assert await theirs.call("press", parts=3) == {"result": "pressed 3"}
