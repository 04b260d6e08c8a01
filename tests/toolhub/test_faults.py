"""Servers that misbehave: what errors say, and what they must not. More are in `tests/faults`."""

import socket

import anyio
import pytest
from anyio import to_thread

from foundation.database import Database
from foundation.errors import MillwrightError
from foundation.settings import EgressSettings
from security.egress import UNRULED, Egress
from security.sealing import Sealer
from tests.fixtures.hubs import build_toolhub
from tests.toolhub.servers import Seen
from toolhub import errors
from toolhub.hub import ToolHub
from toolhub.registry import Registry
from toolhub.schemas import CallTool, ServerRegistration

pytestmark = pytest.mark.anyio


async def failing(hub: ToolHub, tool: str = "t", timeout_s: float = 20) -> MillwrightError:
    with anyio.fail_after(30), pytest.raises(MillwrightError) as caught:
        await hub.call(CallTool(tenant_id="press", server="bad", tool=tool, timeout_s=timeout_s))
    return caught.value


@pytest.mark.parametrize("way", ["429", "503"])
async def test_a_busy_server_says_when_to_come_back(
    hub: ToolHub, registry: Registry, bad: str, way: str
) -> None:
    await registry.register("press", ServerRegistration(name="bad", url=f"{bad}/{way}/mcp"))
    caught = await failing(hub)
    assert isinstance(caught, errors.ServerBusyError)
    assert caught.retry_after_s == 7
    assert caught.upstream_status == int(way)


async def test_a_slow_tool_is_a_timeout_and_is_told_to_stop(
    hub: ToolHub, registry: Registry, bad: str, bad_seen: Seen
) -> None:
    bad_seen.cancelled.clear()
    await registry.register("press", ServerRegistration(name="bad", url=f"{bad}/hang/mcp"))
    caught = await failing(hub, timeout_s=0.3)
    assert isinstance(caught, errors.ToolTimeoutError)
    assert str(caught).startswith(
        "The MCP server 'bad' did not answer the tool 't' within 0.3 s. "
        "It is not known whether the tool 't' ran."
    )
    assert (caught.kind, caught.retryable) == ("timeout", False)
    assert await to_thread.run_sync(bad_seen.cancelled.wait, 10)


async def test_a_slow_tool_that_only_reads_is_called_again(
    hub: ToolHub, registry: Registry, bad: str
) -> None:
    await registry.register("press", ServerRegistration(name="bad", url=f"{bad}/hang/mcp"))
    caught = await failing(hub, "safe", timeout_s=0.3)
    assert caught.retryable
    assert "not known" not in str(caught)


async def test_a_caller_never_waits_longer_than_the_server_was_given(
    hub: ToolHub, registry: Registry, bad: str
) -> None:
    given = ServerRegistration(name="bad", url=f"{bad}/hang/mcp", timeout_s=0.2)
    await registry.register("press", given)
    assert "within 0.2 s" in str(await failing(hub, timeout_s=60))


async def test_a_server_that_is_down_is_unreachable_and_tried_again(registry: Registry) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    given = ServerRegistration(name="bad", url=f"http://127.0.0.1:{port}/mcp", discover=False)
    await registry.register("press", given)
    with pytest.raises(errors.ServerUnreachableError) as caught:
        await registry.refresh("press", "bad")
    assert caught.value.retryable
    assert caught.value.kind == "communication"
    assert "The MCP server 'bad' cannot be reached" in str(caught.value)


async def test_a_result_that_breaks_the_output_schema_is_an_error(
    hub: ToolHub, registry: Registry, bad: str
) -> None:
    await registry.register("press", ServerRegistration(name="bad", url=f"{bad}/echo/mcp"))
    caught = await failing(hub, "promises")
    assert isinstance(caught, errors.ToolOutputError)
    assert '(root): "n" is a required property' in str(caught)
    assert "It did run" in str(caught)
    assert not caught.retryable


async def test_a_missing_structured_result_is_an_error(
    hub: ToolHub, registry: Registry, bad: str
) -> None:
    await registry.register("press", ServerRegistration(name="bad", url=f"{bad}/ok/mcp"))
    caught = await failing(hub, "promises")
    assert isinstance(caught, errors.ToolOutputError)
    assert "answered without such data" in str(caught)


async def test_a_redirect_is_not_followed_and_its_query_not_shown(
    hub: ToolHub, registry: Registry, bad: str, bad_seen: Seen
) -> None:
    await registry.register("press", ServerRegistration(name="bad", url=f"{bad}/redirect/mcp"))
    assert "t0p" not in str(await failing(hub))
    assert bad_seen.ran["t"] == 1


async def test_a_server_that_repeats_our_credential_does_not_get_it_into_the_message(
    hub: ToolHub, registry: Registry, bad: str, bad_seen: Seen
) -> None:
    given = ServerRegistration.model_validate(
        {
            "name": "bad",
            "url": f"{bad}/leak/mcp",
            "credential": {"kind": "bearer", "token": "s3cr3t-t0k3n"},
        }
    )
    await registry.register("press", given)
    caught = await failing(hub)
    assert bad_seen.headers[-1]["authorization"] == "Bearer s3cr3t-t0k3n"
    assert "cannot use Bearer [redacted] here" in str(caught)


async def test_an_address_inside_is_refused_at_the_call(
    registry: Registry, database: Database, sealer: Sealer, good: str
) -> None:
    """The network rules of today count, not those of the day it was registered."""
    await registry.register("press", ServerRegistration(name="bad", url=good))
    strict = Egress(EgressSettings(), UNRULED)
    parts = build_toolhub(database, sealer, strict)
    caught = await failing(parts.hub, "several")
    await parts.aclose()
    await strict.aclose()
    assert isinstance(caught, errors.ServerNotAllowedError)
    assert "MILLWRIGHT_EGRESS_ALLOW_NETWORKS" in str(caught)


async def test_calls_beside_failing_ones_are_not_disturbed(
    hub: ToolHub, registry: Registry, good: str, bad: str, good_seen: Seen
) -> None:
    ways = ["cut-json", "cut-sse", "big-json", "401", "500", "html", "wrong-id", "hang", "redirect"]
    await registry.register("press", ServerRegistration(name="good", url=good))
    for way in ways:
        await registry.register("press", ServerRegistration(name=way, url=f"{bad}/{way}/mcp"))
    values: list[object] = []
    failures: list[MillwrightError] = []

    async def succeed() -> None:
        slow = CallTool(tenant_id="press", server="good", tool="slow", arguments={"seconds": 1.0})
        values.append((await hub.call(slow)).value)

    async def fail(server: str) -> None:
        try:
            await hub.call(CallTool(tenant_id="press", server=server, tool="t", timeout_s=0.5))
        except MillwrightError as error:
            failures.append(error)

    async with anyio.create_task_group() as group:
        for way in ways:
            group.start_soon(succeed)
            group.start_soon(fail, way)
    assert values == ["done"] * len(ways)
    assert len(failures) == len(ways)
    assert good_seen.ran["slow"] == len(ways)


async def test_two_calls_on_one_server_do_not_share_their_fate(
    hub: ToolHub, registry: Registry, good: str
) -> None:
    """Same server, same connections: one is cancelled in the middle, the other goes on."""
    await registry.register("press", ServerRegistration(name="good", url=good))
    slow = CallTool(tenant_id="press", server="good", tool="slow", arguments={"seconds": 0.6})
    kept: list[object] = []

    async def keep() -> None:
        kept.append((await hub.call(slow)).value)

    async def drop() -> None:
        with anyio.move_on_after(0.2):
            await hub.call(slow)

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(keep)
            group.start_soon(drop)
    assert kept == ["done"] * 5
