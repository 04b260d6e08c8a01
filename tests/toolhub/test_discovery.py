"""What servers say about their tools is bounded and checked before it is stored."""

import anyio
import pytest

from foundation.json import JsonValue
from tests.toolhub.servers import Seen
from toolhub.errors import NotMcpError, ToolInputError, ToolUnusableError
from toolhub.hub import ToolHub
from toolhub.registry import Registry
from toolhub.schemas import CallTool, ServerRegistration

pytestmark = pytest.mark.anyio


async def register(registry: Registry, bad: str, way: str) -> None:
    given = ServerRegistration(name="odd", url=f"{bad}/tools/{way}/mcp")
    await registry.register("press", given)


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("many", "lists more than 1,000 tools"),
        ("endless", "on more than 100 pages"),
        ("twice", "lists the tool 't' twice"),
        ("bad-name", r"a tool with the name 'two words\\n'"),
        ("not-tools", "tools: Input should be a valid list"),
    ],
)
async def test_a_server_that_breaks_a_bound_is_refused_as_a_whole(
    registry: Registry, bad: str, way: str, words: str
) -> None:
    with pytest.raises(NotMcpError, match=words):
        await register(registry, bad, way)
    assert registry.list_servers("press").items == []


async def test_all_pages_are_read_and_the_version_is_asked_once(
    registry: Registry, bad: str, bad_seen: Seen
) -> None:
    await register(registry, bad, "paged")
    names = [tool.name for tool in registry.find_tools("press").items]
    assert names == ["t0", "t1", "t2", "t3", "t4"]
    assert bad_seen.methods == ["server/discover"] + ["tools/list"] * 5


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ("deep", "nested more than 64 levels"),
        ("wide", "more than 5,000 subschemas"),
        ("remote", "refers to 'http://127.0.0.1:1/s.json'"),
        ("file", "refers to 'file:///etc/passwd'"),
        ("lookahead", "not valid at /properties/a/pattern"),
        ("invalid", "not valid at /properties/a/type"),
        ("nul", "NUL"),
        ("header", "property 'a': x-mcp-header '' is not an RFC 9110 token"),
    ],
)
async def test_a_tool_whose_schema_cannot_be_used_is_kept_and_not_called(
    registry: Registry, hub: ToolHub, bad: str, tool: str, words: str
) -> None:
    await register(registry, bad, "hostile")
    problem = registry.get_tool("press", "odd", tool).problem
    assert problem is not None
    assert words in problem
    with pytest.raises(ToolUnusableError, match="cannot be called") as caught:
        await hub.call(CallTool(tenant_id="press", server="odd", tool=tool))
    assert words in str(caught.value)


async def test_good_tools_beside_bad_ones_are_called(
    registry: Registry, hub: ToolHub, bad: str
) -> None:
    await register(registry, bad, "hostile")
    arguments: dict[str, JsonValue] = {"a": 1}
    call = CallTool(tenant_id="press", server="odd", tool="good", arguments=arguments)
    assert (await hub.call(call)).value == {"a": 1}


@pytest.mark.parametrize("tool", ["slow-pattern", "explosive"])
async def test_no_schema_stops_the_process(
    registry: Registry, hub: ToolHub, bad: str, tool: str
) -> None:
    await register(registry, bad, "hostile")
    nested: JsonValue = "a" * 50_000 + "!"
    for _ in range(150):
        nested = {"a": nested}
    arguments: dict[str, JsonValue] = {
        "a": "a" * 50_000 + "!" if tool == "slow-pattern" else nested
    }
    with anyio.fail_after(2), pytest.raises(ToolInputError):
        await hub.call(CallTool(tenant_id="press", server="odd", tool=tool, arguments=arguments))
