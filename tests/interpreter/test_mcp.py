"""`call: mcp` against servers made with the official SDK, of both eras of the protocol."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from mcp.server import Server
from mcp.types import ListToolsResult, PaginatedRequestParams, Tool
from temporalio.client import Client
from temporalio.worker import Worker

from activities.logins import Authenticator
from activities.mcp import McpActivities
from foundation.database import Database
from foundation.settings import EgressSettings
from security.egress import UNRULED, Egress
from security.sealing import Sealer
from tests.fixtures.hubs import build_toolhub
from tests.interpreter.conftest import SECRETS, Runner
from tests.toolhub.servers import Seen, bad_server, good_server, serving, without_discovery
from workflows.interpreter.workflow import Interpreter
from workflows.secrets import SecretOpener, SecretsInMemory

pytestmark = pytest.mark.anyio
TOOLS = [Tool(name=f"t{number}", input_schema={"type": "object"}) for number in range(5)]
ERAS = pytest.mark.parametrize("era", ["modern", "legacy"])


@pytest.fixture(scope="module")
def _servers() -> Iterator[tuple[dict[str, str], Seen]]:
    seen = Seen()
    good = good_server(seen)
    with (
        serving(good) as modern,
        serving(without_discovery(good_server(seen))) as legacy,
        serving(bad_server(seen)) as bad,
        serving(Server("paged", on_list_tools=_page).streamable_http_app()) as paged,
    ):
        urls = {"modern": f"{modern}/mcp", "legacy": f"{legacy}/mcp", "paged": f"{paged}/mcp"}
        yield {**urls, "bad": bad}, seen


async def _page(_context: Any, params: PaginatedRequestParams | None) -> ListToolsResult:
    """List two tools at a time."""
    start = int((params.cursor if params else None) or 0)
    more = str(start + 2) if start + 2 < len(TOOLS) else None
    return ListToolsResult(tools=TOOLS[start : start + 2], next_cursor=more)


@pytest.fixture
def servers(_servers: tuple[dict[str, str], Seen]) -> dict[str, str]:
    """Addresses by what answers there."""
    _servers[1].clear()
    return _servers[0]


@pytest.fixture
def seen(_servers: tuple[dict[str, str], Seen]) -> Seen:
    """What they were sent."""
    return _servers[1]


@pytest.fixture
async def run(
    temporal: Client, task_queue: str, tenant: str, database: Database
) -> AsyncIterator[Runner]:
    egress = Egress(EgressSettings(allow_networks=["127.0.0.0/8"]), UNRULED)
    parts = build_toolhub(database, Sealer(bytes(range(32))), egress)
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


def asking(url: str, method: str, more: str = "", http: str = "") -> str:
    transport = f"transport: {{ http: {{ endpoint: '{url}' {http} }} }}"
    return f"do: [ {{ ask: {{ call: mcp, with: {{ method: {method}, {transport} {more} }} }} }} ]"


@ERAS
@pytest.mark.parametrize(
    ("method", "parameters", "field", "words"),
    [
        ("tools/list", "{}", "tools", "Add two numbers."),
        (
            "tools/call",
            "{ name: add, arguments: { a: '${ .a }', b: 2 } }",
            "structuredContent",
            "'total': 5",
        ),
        ("prompts/list", "{}", "prompts", "'ask'"),
        (
            "prompts/get",
            "{ name: ask, arguments: { topic: '${ .topic }' } }",
            "messages",
            "Tell me about presses",
        ),
        ("resources/list", "{}", "resources", ""),
        ("resources/templates/list", "{}", "resourceTemplates", "sheet://{name}"),
        ("resources/read", "{ uri: 'sheet://defects' }", "contents", "cells of defects"),
    ],
)
async def test_every_method_of_the_language_gives_the_result_of_the_protocol(
    run: Runner,
    servers: dict[str, str],
    era: str,
    method: str,
    parameters: str,
    field: str,
    words: str,
) -> None:
    ended = await run(
        asking(servers[era], method, f", parameters: {parameters}"), {"a": 3, "topic": "presses"}
    )
    assert ended.error is None, ended.error
    assert words in str(ended.output[field])


async def test_a_listing_is_read_page_by_page(run: Runner, servers: dict[str, str]) -> None:
    ended = await run(_pages(servers["paged"]))
    assert [tool["name"] for tool in ended.output["tools"]] == [tool.name for tool in TOOLS]


def _pages(url: str) -> str:
    return f"""
do:
- start: {{ set: {{ next: {{}}, tools: [] }} }}
- pages:
    for: {{ each: page, in: '${{ [range(10)] }}' }}
    while: .next != null
    do:
    - list:
        call: mcp
        with:
          method: tools/list
          parameters: ${{ .next }}
          transport: {{ http: {{ endpoint: '{url}' }} }}
        output:
          as:
            tools: ${{ $input.tools + .tools }}
            next: '${{ if .nextCursor then {{cursor: .nextCursor}} else null end }}'
"""


@ERAS
async def test_a_tool_that_fails_is_a_result(
    run: Runner, servers: dict[str, str], era: str
) -> None:
    call = ", parameters: { name: fail, arguments: { why: paper } }"
    ended = await run(asking(servers[era], "tools/call", call))
    assert ended.output["isError"] is True


async def test_headers_client_and_secrets_are_sent(
    run: Runner, servers: dict[str, str], seen: Seen
) -> None:
    tasks = asking(
        servers["modern"],
        "tools/list",
        ", client: { name: press-line, version: '7' }",
        ", headers: { X-Line: '4', Authorization: 'Bearer ${ $secrets.planted }' }",
    )
    head = "document: { dsl: '1.0.3', namespace: tests, name: sample, version: '1.0.0' }\n"
    ended = await run(f"{head}use: {{ secrets: [ planted ] }}\n{tasks}")
    assert ended.error is None, ended.error
    sent = seen.bodies[-1]["params"]["_meta"]["io.modelcontextprotocol/clientInfo"]
    assert sent == {"name": "press-line", "version": "7"}
    assert seen.headers[-1]["x-line"] == "4"
    assert seen.headers[-1]["authorization"] == f"Bearer {SECRETS['planted']}"


async def test_an_older_server_is_told_the_client_in_the_handshake(
    run: Runner, servers: dict[str, str], seen: Seen
) -> None:
    client = ", client: { name: press-line, version: '7' }"
    await run(asking(servers["legacy"], "tools/list", client))
    (sent,) = (each["params"] for each in seen.bodies if each.get("method") == "initialize")
    assert sent["clientInfo"] == {"name": "press-line", "version": "7"}


async def test_a_server_that_is_too_old_is_refused_with_both_versions(
    run: Runner, servers: dict[str, str]
) -> None:
    url = f"{servers['bad']}/old/2025-03-26/mcp"
    ended = await run(asking(url, "tools/list"))
    assert ended.kind == "runtime"
    assert "the server speaks 2025-03-26" in ended.error["detail"]
    assert "asks for 2025-06-18 or newer" in ended.error["detail"]
    allowed = await run(asking(url, "tools/list", ", protocolVersion: '2025-03-26'"))
    assert allowed.output["tools"]


async def test_the_timeout_of_the_call_is_kept(run: Runner, servers: dict[str, str]) -> None:
    call = ", parameters: { name: slow, arguments: { seconds: 60 } }, timeout: '${ .wait }'"
    ended = await run(asking(servers["modern"], "tools/call", call), {"wait": "PT1S"})
    assert (ended.kind, ended.error["status"]) == ("runtime", 408)
    assert "did not answer the request 'tools/call' within 1 s" in ended.error["detail"]


@pytest.mark.parametrize(
    ("where", "parameters", "words"),
    [
        ("bad/401/mcp", "{ name: t }", "does not accept the credential"),
        ("bad/html/mcp", "{ name: t }", "does not speak MCP"),
        ("bad/cut-json/mcp", "{ name: t }", "It is not known whether"),
        ("bad/bad-params/mcp", "{ name: t }", "no such argument"),
        ("modern", "{ name: [] }", "are not parameters of 'tools/call'"),
        ("http://10.0.0.1/mcp", "{ name: t }", "MILLWRIGHT_EGRESS_ALLOW_NETWORKS"),
    ],
)
async def test_every_failure_is_a_runtime_error(
    run: Runner, servers: dict[str, str], where: str, parameters: str, words: str
) -> None:
    name, _, path = where.partition("/")
    url = f"{servers[name]}/{path}".rstrip("/") if name in servers else where
    ended = await run(asking(url, "tools/call", f", parameters: {parameters}"))
    assert ended.kind == "runtime", ended
    assert words in ended.error["detail"]
    assert ended.progress.events[-1].attempts == 1


async def test_a_server_that_is_not_there_is_asked_four_times_and_named(run: Runner) -> None:
    ended = await run(asking("http://127.0.0.1:9/mcp", "tools/call", ", parameters: { name: t }"))
    assert ended.kind == "runtime"
    assert "127.0.0.1" in ended.error["detail"]
    assert ended.progress.events[-1].attempts == 4
