"""The hub as an MCP server: the official client over real HTTP, two API processes, one worker."""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, Request, RequestParams, Result
from typing_extensions import override

from deploy.local.ports import LOOPBACK, free_port
from foundation.database import Database
from foundation.settings import ApiSettings
from security.accounts.service import Accounts
from security.accounts.wiring import build_accounts
from security.sealing import Sealer
from tests.api.people import Person, person
from tests.fixtures.polling import pause
from tests.fixtures.system import System
from tests.toolhub.servers import Seen, good_server, serving

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs/how-to/speak-mcp.md"
MODES = ("legacy", "2026-07-28")
KEY = "millwright/idempotencyKey"
INSTANCE = "millwright/instance"
SCHEMA = "input: { schema: { format: json, document: { type: object } } }"


def definition(name: str, do: str, head: str = SCHEMA) -> str:
    info = f"dsl: '1.0.3', namespace: press-line, name: {name}, version: '1.0.0'"
    return f"document: {{ {info} }}\n{head}\ndo:\n  - {do}\n"


DEFINITIONS = (
    definition(
        "refuse", "no: { raise: { error: { type: 'urn:plant:no', status: 409, title: No } } }"
    ),
    definition("soak", "rest: { wait: { seconds: 4 } }"),
    definition("stay", "rest: { wait: { hours: 1 } }"),
    definition("untyped", "done: { set: { x: 1 } }", head=""),
)


class Created(Result):
    result_type: Literal["task"] = "task"
    task_id: str
    status: str


class TaskId(RequestParams):
    task_id: str


class GetTask(Request[TaskId, Literal["tasks/get"]]):
    method: Literal["tasks/get"] = "tasks/get"
    params: TaskId
    name_param = "taskId"


class CancelTask(Request[TaskId, Literal["tasks/cancel"]]):
    method: Literal["tasks/cancel"] = "tasks/cancel"
    params: TaskId
    name_param = "taskId"


class TaskState(Result):
    task_id: str
    status: str
    result: dict[str, Any] | None = None


async def _unresolved(_result: Created, _context: ClaimContext) -> CallToolResult:
    raise AssertionError("The test asks for tasks itself.")


class Tasks(ClientExtension):
    identifier = "io.modelcontextprotocol/tasks"

    @override
    def claims(self) -> Sequence[ResultClaim[Any]]:
        return (ResultClaim(result_type="task", model=Created, resolve=_unresolved),)


@dataclass
class Floor:
    """A tenant with a server and workflows, at two API processes."""

    urls: tuple[str, str]
    accounts: Accounts
    admin: Person
    seen: Seen

    async def logged(self) -> list[dict[str, Any]]:
        """Return the calls in the log, which is written a moment after the answer."""
        async with httpx2.AsyncClient(headers=self.admin.headers) as http:
            while True:
                answer = await http.get(f"{self.urls[1]}/api/v1/mcp/calls")
                calls: list[dict[str, Any]] = answer.json()["items"]
                if calls:
                    return calls
                await pause()

    def colleague(self, role: str) -> Person:
        return person(self.accounts, self.admin.tenant_id, role, new_tenant=False)

    @asynccontextmanager
    async def client(
        self,
        mode: str,
        who: Person | None = None,
        *,
        at: int = 0,
        extensions: Sequence[ClientExtension] = (),
    ) -> AsyncIterator[Client]:
        headers = (who or self.admin).headers
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60) as http,
            Client(
                streamable_http_client(f"{self.urls[at]}/mcp", http_client=http),
                mode=mode,
                extensions=extensions,
            ) as client,
        ):
            yield client


@pytest.fixture(scope="module")
def urls(system: System) -> Iterator[tuple[str, str]]:
    """Two API processes that wait a second for workflows; the worker is the shared one."""
    processes = [
        System(
            system.settings.model_copy(
                update={"api": ApiSettings(host=LOOPBACK, port=free_port(), mcp_wait_s=1)}
            ),
            system.folder / f"mcp-{number}",
        )
        for number in range(2)
    ]
    try:
        for process in processes:
            # Set up again when another worker had taken some of these tests.
            process.folder.mkdir(exist_ok=True)
            process.start_api()
        yield processes[0].url, processes[1].url
    finally:
        for process in processes:
            process.stop()


@pytest.fixture(scope="module")
def accounts(system: System) -> Iterator[Accounts]:
    database = Database(system.settings.database)
    yield build_accounts(database, Sealer.from_settings(system.settings.security), system.settings)
    database.close()


@pytest.fixture
def floor(urls: tuple[str, str], accounts: Accounts) -> Iterator[Floor]:
    seen = Seen()
    admin = person(accounts, f"t{uuid4().hex[:10]}", "admin")
    with (
        serving(good_server(seen)) as line,
        httpx.Client(base_url=f"{urls[0]}/api/v1", headers=admin.headers, timeout=60) as rest,
    ):
        server = {"name": "line", "url": f"{line}/mcp"}
        assert rest.post("/mcp/servers", json=server).status_code == 201
        yaml = {"Content-Type": "application/yaml"}
        for text in (*DEFINITIONS, *re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)):
            published = rest.post("/workflows", content=text, headers=yaml)
            assert published.is_success, published.text
        yield Floor(urls, accounts, admin, seen)


async def names(client: Client) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await client.list_tools(cursor=cursor)
        found += [tool.name for tool in page.tools]
        cursor = page.next_cursor
        if cursor is None:
            return found


def text_of(result: CallToolResult) -> str:
    [block] = result.content
    assert block.type == "text"
    return block.text


async def state(client: Client, task_id: str) -> TaskState:
    return await client.session.send_request(GetTask(params=TaskId(task_id=task_id)), TaskState)


@pytest.mark.parametrize("mode", MODES)
async def test_a_client_sees_and_calls_tools_and_workflows(floor: Floor, mode: str) -> None:
    async with floor.client(mode) as client:
        found = await names(client)
        assert {"line__add", "line__greet", "press-line_judge", "press-line_soak"} <= set(found)
        assert "press-line_untyped" not in found
        assert len(found) == len(set(found))
        added = await client.call_tool("line__add", {"a": 2, "b": 3})
        judged = await client.call_tool("press-line_judge", {"temperature": 81})
    assert (added.is_error, added.structured_content) == (False, {"total": 5, "items": [2, 3]})
    assert (judged.is_error, judged.structured_content) == (False, {"critical": True})
    logged = await floor.logged()
    assert [(call["tool"], call["called_by"]) for call in logged] == [("add", floor.admin.user_id)]


async def test_a_listing_says_what_the_registry_and_the_definition_say(floor: Floor) -> None:
    async with floor.client("2026-07-28") as client:
        tools = (await client.list_tools()).tools
        page = await client.list_tools(cursor="workflows:")
    [add] = [tool for tool in tools if tool.name == "line__add"]
    assert add.description == "Add two numbers."
    assert add.input_schema["required"] == ["a", "b"]
    assert add.annotations is not None
    assert add.annotations.read_only_hint is True
    [judge] = [tool for tool in page.tools if tool.name == "press-line_judge"]
    assert judge.description == "Judge a temperature."
    assert judge.input_schema["required"] == ["temperature"]
    assert (page.cache_scope, page.ttl_ms) == ("private", 60_000)


@pytest.mark.parametrize("mode", MODES)
async def test_what_fails_is_a_result_that_says_why(floor: Floor, mode: str) -> None:
    async with floor.client(mode) as client:
        refused = await client.call_tool("press-line_refuse", {})
        tool = await client.call_tool("line__fail", {"why": "broken"})
        input_ = await client.call_tool("line__add", {"a": "x"})
        judged = await client.call_tool("press-line_judge", {})
    assert [each.is_error for each in (refused, tool, input_, judged)] == [True] * 4
    assert "urn:plant:no" in text_of(refused)
    assert "'fail'" in text_of(tool)
    assert input_.meta is not None
    assert input_.meta["millwright/error"]["code"] == "tool-input"
    assert "temperature" in text_of(judged)
    assert floor.seen.ran["add"] == 0


@pytest.mark.parametrize("mode", MODES)
async def test_what_there_is_not_is_an_error_of_the_protocol(floor: Floor, mode: str) -> None:
    async with floor.client(mode) as client:
        for name in ("line__nothing", "nobody__add", "press-line_nothing", "odd name"):
            with pytest.raises(MCPError) as caught:
                await client.call_tool(name, {})
            assert caught.value.code == -32602
        with pytest.raises(MCPError, match="no tool"):
            await client.call_tool("press-line_untyped", {})


async def test_a_long_workflow_is_a_task_that_the_other_process_answers(floor: Floor) -> None:
    async with floor.client("2026-07-28", extensions=[Tasks()]) as client:
        created = await client.session.call_tool("press-line_soak", {}, allow_claimed=True)
    assert isinstance(created, Created)
    assert created.status == "working"
    async with floor.client("2026-07-28", at=1, extensions=[Tasks()]) as client:
        while (task := await state(client, created.task_id)).status == "working":
            await pause()
    assert task.status == "completed"
    assert task.result is not None
    assert task.result["isError"] is False


async def test_a_task_is_cancelled_at_the_other_process(floor: Floor) -> None:
    async with floor.client("2026-07-28", extensions=[Tasks()]) as client:
        created = await client.session.call_tool("press-line_stay", {}, allow_claimed=True)
        assert isinstance(created, Created)
    async with floor.client("2026-07-28", at=1, extensions=[Tasks()]) as client:
        cancel = CancelTask(params=TaskId(task_id=created.task_id))
        await client.session.send_request(cancel, Result)
        while (task := await state(client, created.task_id)).status == "working":
            await pause()
    assert task.status == "cancelled"


async def test_nobody_answers_for_a_task_of_another_tenant(floor: Floor) -> None:
    async with floor.client("2026-07-28", extensions=[Tasks()]) as client:
        created = await client.session.call_tool("press-line_stay", {}, allow_claimed=True)
        assert isinstance(created, Created)
    stranger = person(floor.accounts, f"t{uuid4().hex[:10]}", "admin")
    async with floor.client("2026-07-28", stranger, extensions=[Tasks()]) as client:
        assert await names(client) == []
        for name in ("line__add", "press-line_stay"):
            with pytest.raises(MCPError):
                await client.call_tool(name, {})
        with pytest.raises(MCPError):
            await state(client, created.task_id)
        cancel = CancelTask(params=TaskId(task_id=created.task_id))
        with pytest.raises(MCPError):
            await client.session.send_request(cancel, Result)
    async with floor.client("2026-07-28") as client:
        assert (await state(client, created.task_id)).status == "working"


@pytest.mark.parametrize("mode", MODES)
async def test_a_client_without_tasks_is_told_the_instance_and_waits_with_its_key(
    floor: Floor, mode: str
) -> None:
    key: Any = {KEY: "order-4711"}
    async with floor.client(mode) as client:
        first = await client.call_tool("press-line_soak", {}, meta=key)
        assert first.is_error
        assert "goes on" in text_of(first)
    async with floor.client(mode, at=1) as client:
        while (last := await client.call_tool("press-line_soak", {}, meta=key)).is_error:
            await pause()
    assert first.meta is not None
    assert last.meta is not None
    assert first.meta[INSTANCE] == last.meta[INSTANCE]


async def test_a_key_makes_two_calls_of_a_tool_one_and_belongs_to_one_person(floor: Floor) -> None:
    key: Any = {KEY: "k-1"}
    async with floor.client("legacy") as client:
        first = await client.call_tool("line__big", {"size": 3}, meta=key)
    async with floor.client("2026-07-28", at=1) as client:
        again = await client.call_tool("line__big", {"size": 3}, meta=key)
        other = await client.call_tool("line__big", {"size": 4}, meta=key)
    assert (text_of(first), text_of(again)) == ("xxx", "xxx")
    assert other.is_error
    assert floor.seen.ran["big"] == 1
    async with floor.client("2026-07-28", floor.colleague("analyst")) as client:
        assert text_of(await client.call_tool("line__big", {"size": 5}, meta=key)) == "xxxxx"


async def test_who_lacks_a_permission_sees_and_gets_nothing_of_that_kind(floor: Floor) -> None:
    async with floor.client("2026-07-28", floor.colleague("viewer")) as client:
        assert await names(client) == []
        with pytest.raises(MCPError, match="mcp:call"):
            await client.call_tool("line__add", {"a": 1, "b": 2})
        with pytest.raises(MCPError, match="workflow:execute"):
            await client.call_tool("press-line_judge", {"temperature": 1})
    async with floor.client("legacy", floor.colleague("operator")) as client:
        assert {name.partition("_")[0] for name in await names(client)} == {"press-line"}
    async with floor.client("legacy", floor.colleague("analyst")) as client:
        assert {name.partition("_")[0] for name in await names(client)} == {"line"}
    assert floor.seen.ran["add"] == 0


async def test_the_example_of_the_page_runs(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [example] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    monkeypatch.setenv("URL", floor.urls[0])
    monkeypatch.setenv("TOKEN", floor.admin.access_token)
    scope: dict[str, Any] = {}
    exec(example, scope)  # noqa: S102 - ours
    await scope["main"]()
    shown = capsys.readouterr().out
    assert "line__add - Add two numbers." in shown
    assert "{'critical': True}" in shown
