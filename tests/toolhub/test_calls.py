"""What a call of a registered tool gives, against real servers of both eras."""

import asyncio

import anyio
import pytest
from anyio import to_thread

from foundation.json import JsonValue
from tests.toolhub.servers import Seen
from toolhub.errors import (
    ToolFailedError,
    ToolInputError,
    ToolTimeoutError,
    UnknownServerError,
    UnknownToolError,
)
from toolhub.hiding import mask_of, progress_without_secrets
from toolhub.hub import ToolHub
from toolhub.registry import Registry
from toolhub.schemas import CallTool, ServerRegistration

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["modern", "legacy"])
async def seen(
    request: pytest.FixtureRequest,
    registry: Registry,
    good: str,
    legacy: str,
    good_seen: Seen,
    legacy_seen: Seen,
) -> Seen:
    """A registered server 'good', of either era, and what it is sent."""
    modern = request.param == "modern"
    given = ServerRegistration(name="good", url=good if modern else legacy)
    info = await registry.register("press", given)
    assert info.protocol is not None
    assert (info.protocol["version"] == "2026-07-28") == modern
    return good_seen if modern else legacy_seen


def call(tool: str, /, **arguments: JsonValue) -> CallTool:
    return CallTool(tenant_id="press", server="good", tool=tool, arguments=arguments)


@pytest.mark.usefixtures("seen")
async def test_structured_content_is_the_value(hub: ToolHub) -> None:
    result = await hub.call(call("add", a=1, b=2))
    assert result.value == {"total": 3, "items": [1, 2]}
    assert result.structured == result.value


@pytest.mark.usefixtures("seen")
async def test_one_text_block_is_its_text(hub: ToolHub) -> None:
    assert (await hub.call(call("greet", name="Kim"))).value == "Hello, Kim!"


@pytest.mark.usefixtures("seen")
async def test_several_blocks_are_a_list(hub: ToolHub) -> None:
    value = (await hub.call(call("several"))).value
    assert value == [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]


async def test_a_tool_that_fails_is_an_error_with_its_words(hub: ToolHub, seen: Seen) -> None:
    with pytest.raises(ToolFailedError, match="The tool 'fail' of the MCP server") as caught:
        await hub.call(call("fail", why="no such sheet"))
    assert "Error executing tool fail" in str(caught.value)
    assert not caught.value.retryable
    assert seen.ran["fail"] == 1


async def test_arguments_that_do_not_fit_are_never_sent(hub: ToolHub, seen: Seen) -> None:
    seen.clear()
    with pytest.raises(ToolInputError) as caught:
        await hub.call(call("add", a="hunter2"))
    message = str(caught.value)
    assert "the tool 'add' of the MCP server 'good'" in message
    assert '/a: the value is not of type "integer"' in message
    assert '(root): "b" is a required property' in message
    assert "hunter2" not in message + str(caught.value.details)
    assert caught.value.details == {
        "errors": [
            {"pointer": "", "message": '"b" is a required property'},
            {"pointer": "/a", "message": 'the value is not of type "integer"'},
        ]
    }
    assert seen.methods == []


@pytest.mark.usefixtures("seen")
async def test_an_unknown_tool_is_answered_with_those_there_are(hub: ToolHub) -> None:
    with pytest.raises(UnknownToolError) as caught:
        await hub.call(call("ad", a=1, b=2))
    assert str(caught.value) == (
        "The MCP server 'good' has no tool 'ad'. Did you mean 'add'? "
        "It has: add, big, fail, greet, several, slow."
    )


@pytest.mark.usefixtures("seen")
async def test_an_unknown_server_is_answered_with_those_there_are(hub: ToolHub) -> None:
    with pytest.raises(UnknownServerError) as caught:
        await hub.call(CallTool(tenant_id="press", server="goood", tool="add"))
    assert str(caught.value) == (
        "There is no MCP server called 'goood'. Did you mean 'good'? Registered: good."
    )


@pytest.mark.usefixtures("seen")
async def test_another_tenant_has_no_such_server(hub: ToolHub) -> None:
    await hub.call(call("add", a=1, b=2))
    with pytest.raises(UnknownServerError, match="None is registered yet"):
        await hub.call(CallTool(tenant_id="paint", server="good", tool="add"))


@pytest.mark.parametrize("name", ["", "a\x00b", "\ud800", "x" * 5000, "../good", "good\n"])
async def test_a_name_that_cannot_exist_is_unknown(hub: ToolHub, name: str) -> None:
    with pytest.raises(UnknownServerError):
        await hub.call(CallTool(tenant_id="press", server=name, tool="add"))


async def test_progress_is_reported_while_the_tool_runs(hub: ToolHub, seen: Seen) -> None:
    reported: list[str | None] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        reported.append(message)
        assert total == 4
        assert progress <= total

    arguments: dict[str, JsonValue] = {"seconds": 0.2}
    slow = CallTool(
        tenant_id="press", server="good", tool="slow", arguments=arguments, on_progress=note
    )
    assert (await hub.call(slow)).value == "done"
    assert reported[0] == "step 1"
    assert seen.ran["slow"] == 1


async def test_a_cancelled_call_stops_the_tool(hub: ToolHub, seen: Seen) -> None:
    seen.cancelled.clear()
    started = anyio.Event()

    async def note(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001
        started.set()

    arguments: dict[str, JsonValue] = {"seconds": 60}
    slow = CallTool(
        tenant_id="press", server="good", tool="slow", arguments=arguments, on_progress=note
    )
    running = asyncio.create_task(hub.call(slow))
    await started.wait()
    running.cancel()  # as Temporal does it
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await to_thread.run_sync(seen.cancelled.wait, 10)


async def test_a_tool_that_is_too_slow_is_told_to_stop(hub: ToolHub, seen: Seen) -> None:
    seen.cancelled.clear()
    arguments: dict[str, JsonValue] = {"seconds": 60}
    with pytest.raises(ToolTimeoutError, match=r"within 0\.4 s"):
        await hub.call(
            CallTool(
                tenant_id="press",
                server="good",
                tool="slow",
                arguments=arguments,
                timeout_s=0.4,
            )
        )
    assert await to_thread.run_sync(seen.cancelled.wait, 10)


async def test_the_key_of_a_call_reaches_the_server(hub: ToolHub, seen: Seen) -> None:
    arguments: dict[str, JsonValue] = {"a": 1, "b": 2}
    await hub.call(
        CallTool(
            tenant_id="press",
            server="good",
            tool="add",
            arguments=arguments,
            idempotency_key="run-1/step-2",
        )
    )
    calls = [body for body in seen.bodies if body.get("method") == "tools/call"]
    assert calls[-1]["params"]["_meta"]["millwright/idempotencyKey"] == "run-1/step-2"


async def test_a_call_of_a_stateless_server_is_one_request(
    hub: ToolHub, registry: Registry, good: str, good_seen: Seen
) -> None:
    await registry.register("press", ServerRegistration(name="good", url=good))
    good_seen.clear()
    for _ in range(3):
        await hub.call(call("add", a=1, b=2))
    assert good_seen.methods == ["tools/call"] * 3


async def test_arguments_marked_for_gateways_are_repeated_in_headers(
    hub: ToolHub, registry: Registry, bad: str, bad_seen: Seen
) -> None:
    await registry.register("press", ServerRegistration(name="good", url=f"{bad}/ok/mcp"))
    await hub.call(call("routed", region="Düsseldorf"))
    assert bad_seen.headers[-1]["mcp-name"] == "routed"
    assert bad_seen.headers[-1]["mcp-param-region"] == "=?base64?RMO8c3NlbGRvcmY=?="


async def test_progress_does_not_repeat_our_own_credential() -> None:
    told: list[str | None] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001
        told.append(message)

    clean = progress_without_secrets(note, mask_of(("Bearer k3y-of-the-line",)))
    assert clean is not None
    await clean(1, 2, "logging in with k3y-of-the-line")
    await clean(2, 2, None)
    assert told == ["logging in with [redacted]", None]
