"""What stands before a server on the way of a call: breaker, rate, places; against real servers."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.logins import Authenticator
from activities.mcp import McpActivities, McpCall
from foundation.database import Database
from foundation.errors import MillwrightError
from foundation.json import JsonObject
from foundation.redis import open_redis
from foundation.settings import McpSettings
from security.egress import Egress
from security.sealing import Sealer
from tests.fixtures.hubs import build_toolhub
from tests.fixtures.polling import pause
from tests.fixtures.redis_server import RedisServer
from tests.toolhub.servers import Seen
from toolhub.errors import (
    BreakerOpenError,
    OutcomeUnknownError,
    RequestFailedError,
    ResultTooLargeError,
    ServerBusyError,
    ServerCrowdedError,
    ThrottledError,
    ToolFailedError,
)
from toolhub.hub import ToolHub
from toolhub.protection import BreakerChange, Protection
from toolhub.registry import Registry
from toolhub.schemas import CallTool, McpRequest, ServerChange, ServerRegistration
from toolhub.wiring import ToolhubParts
from workflows.secrets import SecretOpener, SecretsInMemory

pytestmark = pytest.mark.anyio

FEW = {"breaker_window": 2, "breaker_min_calls": 2}
SHORT = {**FEW, "breaker_open_s": 0.2}


async def register(registry: Registry, url: str, **numbers: float) -> None:
    protection = Protection.model_validate(numbers)
    await registry.register(
        "press", ServerRegistration(name="line", url=url, protection=protection)
    )


def call(tool: str = "t", on_send: Callable[[], None] | None = None) -> CallTool:
    return CallTool(tenant_id="press", server="line", tool=tool, on_send=on_send)


async def failing(hub: ToolHub, times: int = 1) -> list[MillwrightError]:
    errors = []
    for _ in range(times):
        with pytest.raises(MillwrightError) as caught:
            await hub.call(call())
        errors.append(caught.value)
    return errors


async def test_an_ill_server_is_not_asked_any_more(
    hub: ToolHub, registry: Registry, bad: str, bad_seen: Seen
) -> None:
    await register(registry, f"{bad}/500/mcp", **FEW)
    await failing(hub, 2)
    bad_seen.clear()
    sent: list[bool] = []
    with pytest.raises(BreakerOpenError) as caught:
        await hub.call(call(on_send=lambda: sent.append(True)))
    assert (bad_seen.methods, sent) == ([], [])
    error = caught.value
    assert error.retryable
    assert 25 < (error.retry_after_s or 0) <= 30
    assert "The MCP server 'line' was not called: too many of its last 2 calls" in error.message


async def test_a_server_that_works_again_is_called_again(parts: ToolhubParts, bad: str) -> None:
    await register(parts.registry, f"{bad}/500/mcp", **SHORT)
    await failing(parts.hub, 2)
    await parts.registry.update("press", "line", ServerChange(url=f"{bad}/ok/mcp"))
    with capture_logs() as logs:
        while True:
            try:
                await parts.hub.call(call("t"))
            except BreakerOpenError:
                await pause()
            else:
                break
    states = [each["state"] for each in logs if each["event"] == "mcp_breaker_moved"]
    assert states == ["half-open", "closed"]
    info = await parts.breakers.get("press", "line")
    assert [each.state for each in info.moments] == ["open", "half-open", "closed"]
    assert info.refused >= 0


async def test_a_tool_that_fails_does_not_make_its_server_ill(
    hub: ToolHub, registry: Registry, good: str
) -> None:
    await register(registry, good, **FEW)
    failed = CallTool(tenant_id="press", server="line", tool="fail", arguments={"why": "worn"})
    for _ in range(5):
        with pytest.raises(ToolFailedError):
            await hub.call(failed)


async def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(
    hub: ToolHub, registry: Registry, bad: str, bad_seen: Seen
) -> None:
    await register(registry, f"{bad}/429/mcp", **FEW)
    first, second = await failing(hub, 2)
    assert isinstance(first, ServerBusyError)
    assert isinstance(second, ThrottledError)
    assert 5 < (second.retry_after_s or 0) <= 7
    assert bad_seen.methods.count("tools/call") == 1


async def test_calls_go_at_the_rate_of_the_server(
    hub: ToolHub, registry: Registry, good: str, good_seen: Seen
) -> None:
    await register(registry, good, rate_per_minute=1, rate_burst=2)
    good_seen.clear()
    await hub.call(call("several"))
    await hub.call(call("several"))
    with pytest.raises(ThrottledError, match=r"gets 1 calls a minute, and has had 2 at once"):
        await hub.call(call("several"))
    assert good_seen.methods == ["tools/call"] * 2


async def test_a_crowded_server_says_so_and_takes_calls_again(
    hub: ToolHub, registry: Registry, good: str
) -> None:
    await register(registry, good, max_concurrent=1, max_waiting=0)
    slow = CallTool(tenant_id="press", server="line", tool="slow", arguments={"seconds": 0.5})
    under_way = asyncio.create_task(hub.call(slow))
    error = None
    while error is None:
        await pause()
        try:
            await hub.call(call("several"))
        except ServerCrowdedError as caught:
            error = caught
    assert (error.retryable, error.retry_after_s) == (True, 1.0)
    assert "1 calls of it are under way in this process, and 0 more wait" in error.message
    await under_way
    await hub.call(call("several"))


async def test_who_waits_for_a_place_waits_no_longer_than_it_may(
    hub: ToolHub, registry: Registry, good: str
) -> None:
    await register(registry, good, max_concurrent=1, max_wait_s=0.1)
    sent = asyncio.Event()
    under_way = asyncio.create_task(
        hub.call(
            CallTool(
                tenant_id="press",
                server="line",
                tool="slow",
                arguments={"seconds": 60},
                on_send=sent.set,
            )
        )
    )
    await sent.wait()
    with pytest.raises(ServerCrowdedError, match=r"none ended within 0\.1 s"):
        await hub.call(call("several"))
    under_way.cancel()
    await asyncio.wait([under_way])
    await hub.call(call("several"))


async def test_an_administrator_decides_in_place_of_the_breaker(
    parts: ToolhubParts, good: str, good_seen: Seen
) -> None:
    await register(parts.registry, good)
    opened = BreakerChange.model_validate({"mode": "open", "reason": "maintenance"})
    info = await parts.breakers.put("press", "line", opened, by="ana")
    assert (info.forced.mode, info.forced.reason, info.forced.by) == ("open", "maintenance", "ana")
    good_seen.clear()
    with pytest.raises(BreakerOpenError, match="an administrator has opened its breaker"):
        await parts.hub.call(call("several"))
    assert good_seen.methods == []
    await parts.breakers.put(
        "press", "line", BreakerChange.model_validate({"mode": "auto"}), by="b"
    )
    await parts.hub.call(call("several"))


async def test_forced_closed_an_ill_server_is_asked_all_the_same(
    parts: ToolhubParts, bad: str
) -> None:
    await register(parts.registry, f"{bad}/500/mcp", **FEW)
    await failing(parts.hub, 2)
    await parts.breakers.put(
        "press", "line", BreakerChange.model_validate({"mode": "closed"}), by="ana"
    )
    assert {type(error) for error in await failing(parts.hub, 5)} == {OutcomeUnknownError}


async def test_the_numbers_of_a_server_can_be_changed(parts: ToolhubParts, bad: str) -> None:
    await register(parts.registry, f"{bad}/500/mcp")
    await failing(parts.hub, 2)
    protection = Protection.model_validate({"breaker_window": 1})
    info = await parts.registry.update("press", "line", ServerChange(protection=protection))
    assert info.protection == {"breaker_window": 1}
    assert [type(each) for each in await failing(parts.hub, 2)] == [
        OutcomeUnknownError,
        BreakerOpenError,
    ]
    assert (await parts.breakers.get("press", "line")).numbers.breaker_window == 1


async def test_an_activity_that_is_refused_is_tried_again_when_it_is_worth_it(
    hub: ToolHub, registry: Registry, egress: Egress, bad: str
) -> None:
    await register(registry, f"{bad}/500/mcp", **FEW)
    await failing(hub, 2)
    activities = McpActivities(hub, SecretOpener(SecretsInMemory()), Authenticator(egress))
    beats: list[object] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details)
    with pytest.raises(ApplicationError) as caught:
        await environment.run(
            activities.mcp_call, McpCall(tenant_id="press", server="line", tool="t")
        )
    failure = caught.value
    assert (failure.type, failure.non_retryable) == ("mcp-breaker-open", False)
    assert failure.next_retry_delay is not None
    assert 25 < failure.next_retry_delay.total_seconds() <= 30
    # The next attempt may send: this one did not.
    assert ({"sent": True},) not in beats


async def test_what_one_process_finds_out_holds_for_all(
    database: Database,
    sealer: Sealer,
    egress: Egress,
    redis_server: RedisServer,
    bad: str,
    bad_seen: Seen,
) -> None:
    links = [open_redis(redis_server.settings) for _ in range(2)]
    one, other = (build_toolhub(database, sealer, egress, redis=link) for link in links)
    await register(one.registry, f"{bad}/500/mcp", **FEW)
    await failing(one.hub, 2)
    bad_seen.clear()
    with pytest.raises(BreakerOpenError):
        await other.hub.call(call())
    assert bad_seen.methods == []
    info = await other.breakers.get("press", "line")
    assert (info.state, info.shared, info.refused) == ("open", True, 1)
    await one.aclose()
    await other.aclose()
    for link in links:
        assert link is not None
        await link.aclose()


async def test_calls_go_on_while_redis_is_killed_and_started_again(
    database: Database,
    sealer: Sealer,
    egress: Egress,
    redis_server: RedisServer,
    good: str,
    good_seen: Seen,
) -> None:
    link = open_redis(redis_server.settings)
    assert link is not None
    parts = build_toolhub(database, sealer, egress, redis=link)
    await register(parts.registry, good)
    good_seen.clear()

    async def go_on(times: int) -> int:
        for _ in range(times):
            await parts.hub.call(call("several"))
        return times

    async with asyncio.TaskGroup() as group:
        calling = [group.create_task(go_on(30)) for _ in range(5)]
        while good_seen.methods.count("tools/call") < 20:
            await pause()
        redis_server.kill()
        before = good_seen.methods.count("tools/call")
        while good_seen.methods.count("tools/call") < before + 20:
            await pause()
        # Not in a thread: it would die with it.
        redis_server.start()
    assert sum(each.result() for each in calling) == good_seen.methods.count("tools/call") == 150
    while not (await parts.breakers.get("press", "line")).shared:
        await pause()
    await parts.aclose()
    await link.aclose()


async def test_how_much_is_read_is_a_number_of_the_server(
    hub: ToolHub, registry: Registry, good: str
) -> None:
    await register(registry, good, max_response_bytes=2 * 1024 * 1024)
    big = replace(call("big"), arguments={"size": 2_000_000})
    assert len(str((await hub.call(big)).value)) == 2_000_000
    more = replace(call("big"), arguments={"size": 2_200_000})
    with pytest.raises(ResultTooLargeError, match="more than 2,097,152 bytes") as caught:
        await hub.call(more)
    assert "'max_response_bytes'" in caught.value.message
    assert "EGRESS" not in caught.value.message


async def test_servers_called_by_address_have_the_number_of_the_installation(
    database: Database, sealer: Sealer, egress: Egress, good: str
) -> None:
    numbers = McpSettings(max_response_bytes=64 * 1024)
    made = build_toolhub(database, sealer, egress, protection=numbers)
    parameters: JsonObject = {"name": "big", "arguments": {"size": 70_000}}
    with pytest.raises(RequestFailedError, match="more than 65,536 bytes"):
        await made.hub.request(
            McpRequest(tenant_id="press", url=good, method="tools/call", params=parameters)
        )
    await made.aclose()


@pytest.mark.parametrize("size", [16 * 1024 - 1, 16 * 1024 * 1024 + 1])
def test_how_much_is_read_has_bounds(size: int) -> None:
    with pytest.raises(ValidationError, match="max_response_bytes"):
        Protection.model_validate({"max_response_bytes": size})
