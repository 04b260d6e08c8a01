"""Another server's tool in place of one that cannot be called."""

import asyncio

import pytest

from tests.faults.falling import TENANT, call, decide, down, register, rest
from tests.faults.server import FaultServer
from toolhub import errors
from toolhub.calls.schemas import CallFilter
from toolhub.schemas import ServerChange, TriedAgain
from toolhub.wiring import ToolhubParts

pytestmark = pytest.mark.anyio


def other(server: str, **more: str) -> dict[str, str]:
    return {"kind": "tool", "server": server, **more}


async def both(parts: ToolhubParts, faulty: FaultServer, first: str, second: str) -> None:
    """Register two servers; the second one is to stand in for the first."""
    faulty.came.clear()
    await register(parts, "a", faulty.endpoint(first))
    await register(parts, "b", faulty.endpoint(second))


@pytest.mark.parametrize("tool", ["t", "safe"])
async def test_a_tool_of_another_server_is_called_with_the_same_arguments(
    parts: ToolhubParts, faulty: FaultServer, tool: str
) -> None:
    await down(parts)
    faulty.came.clear()
    await register(parts, "b", faulty.endpoint("fine"))
    await decide(parts, "down", tool, other("b"))
    result = await parts.hub.call(call("down", tool, call_id="c"))
    assert (result.value, faulty.came["fine", tool]) == ("fine", 1)
    assert result.fallback is not None
    told = result.fallback
    assert (told.kind, told.server, told.tool, told.error) == (
        "tool",
        "b",
        tool,
        "mcp-server-unreachable",
    )


async def test_both_calls_are_in_the_log(parts: ToolhubParts, faulty: FaultServer) -> None:
    await both(parts, faulty, "429", "fine")
    await decide(parts, "a", "t", other("b", tool="safe"))
    await parts.hub.call(call("a", "t"))
    await parts.log.aclose()
    page = await asyncio.to_thread(parts.calls.list, TENANT, CallFilter())
    seen = {each.server: each for each in page.items}
    first, second = seen["a"], seen["b"]
    assert (first.status, first.error, first.executed) == ("failed", "mcp-server-busy", "no")
    assert (first.degraded, first.fallback) == (True, "tool")
    assert (second.tool, second.status, second.degraded) == ("safe", "succeeded", False)


async def test_it_has_to_answer_as_the_first_one_promises(
    parts: ToolhubParts, faulty: FaultServer
) -> None:
    await both(parts, faulty, "breaks-its-promise", "fine")
    await decide(parts, "a", "safe", other("b"))
    with pytest.raises(errors.ToolOutputError, match=r"fallback \('tool'\).*structured"):
        await parts.hub.call(call("a", "safe"))
    # One with effects has run: that is what has to be known now.
    await decide(parts, "a", "safe", other("b", tool="t"))
    with pytest.raises(errors.ToolOutputError, match="'t' of the MCP server 'b' ran in place"):
        await parts.hub.call(call("a", "safe"))


async def test_what_it_may_have_done_is_not_hidden(
    parts: ToolhubParts, faulty: FaultServer
) -> None:
    await both(parts, faulty, "429", "reset-after-body")
    await decide(parts, "a", "safe", other("b"))
    with pytest.raises(errors.ServerBusyError, match=r"Its fallback \('tool'\) could not"):
        await parts.hub.call(call("a", "safe"))
    await decide(parts, "a", "safe", other("b", tool="t"))
    with pytest.raises(errors.OutcomeUnknownError, match="'b' broke off"):
        await parts.hub.call(call("a", "safe"))


async def test_there_are_no_chains(parts: ToolhubParts, faulty: FaultServer) -> None:
    await both(parts, faulty, "429", "429")
    await register(parts, "c", faulty.endpoint("fine"))
    await decide(parts, "a", "safe", other("b"))
    await decide(parts, "b", "safe", other("c"))
    with pytest.raises(errors.ServerBusyError, match=r"'a' is busy.*'b' is busy"):
        await parts.hub.call(call("a", "safe"))
    await decide(parts, "b", "safe", other("a"))
    with pytest.raises(errors.ServerBusyError):
        await parts.hub.call(call("a", "safe"))
    assert (faulty.came["429", "safe"], faulty.came["fine", "safe"]) == (4, 0)


async def test_its_own_breaker_and_pin_hold(parts: ToolhubParts, faulty: FaultServer) -> None:
    await both(parts, faulty, "429", "fine")
    await decide(parts, "a", "safe", other("b", sha256="0" * 64))
    with pytest.raises(errors.ServerBusyError, match="could not stand in"):
        await parts.hub.call(call("a", "safe"))
    info = await asyncio.to_thread(parts.registry.get_tool, TENANT, "b", "safe")
    await decide(parts, "a", "safe", other("b", sha256=info.sha256))
    assert (await parts.hub.call(call("a", "safe"))).value == "fine"
    await rest(parts, "b")
    with pytest.raises(errors.ServerBusyError, match="administrator has opened its breaker"):
        await parts.hub.call(call("a", "safe"))
    assert faulty.came["fine", "safe"] == 1


async def test_only_one_of_both_runs_whichever_attempt_comes_again(
    parts: ToolhubParts, faulty: FaultServer
) -> None:
    await both(parts, faulty, "429", "fine")
    await decide(parts, "a", "t", other("b"))
    assert (await parts.hub.call(call("a", "t", call_id="c"))).value == "fine"
    await parts.ledger.drain()
    # A worker died before the answer was told, and the first server is back.
    await parts.registry.update(TENANT, "a", ServerChange(url=faulty.endpoint("a-while")))
    with pytest.raises(errors.IdempotencyKeyError):
        await parts.hub.call(call("a", "t", call_id="c"))
    assert (faulty.came["fine", "t"], faulty.came["a-while", "t"]) == (1, 0)


async def test_one_with_effects_is_not_called_while_the_first_may_be_called_besides(
    parts: ToolhubParts, faulty: FaultServer
) -> None:
    """The ledger knows nothing of a tool that may be repeated."""
    await both(parts, faulty, "429", "fine")
    await decide(parts, "a", "t", other("b"), idempotent=True)
    with pytest.raises(errors.ServerBusyError, match="it has effects"):
        await parts.hub.call(call("a", "t", call_id="c", comes_again=True))
    assert faulty.came["fine", "t"] == 0
    assert (await parts.hub.call(call("a", "t", call_id="c"))).value == "fine"


async def test_one_with_effects_is_not_called_while_attempts_may_follow(
    parts: ToolhubParts, faulty: FaultServer
) -> None:
    await both(parts, faulty, "html", "fine")
    await decide(parts, "a", "safe", other("b", tool="t"))
    with pytest.raises(errors.NotMcpError, match="it has effects"):
        await parts.hub.call(call("a", "safe", tried_again=TriedAgain.WHEN_SAFE))
    assert faulty.came["fine", "t"] == 0
    assert (await parts.hub.call(call("a", "safe"))).value == "fine"


async def test_it_gets_the_time_that_is_left(parts: ToolhubParts, faulty: FaultServer) -> None:
    await both(parts, faulty, "429", "fine")
    await decide(parts, "a", "safe", other("b"))
    with pytest.raises(errors.ServerBusyError, match="no time left"):
        await parts.hub.call(call("a", "safe", until=0.0))
    assert faulty.came["fine", "safe"] == 0


async def test_servers_of_other_tenants_do_not_stand_in(
    parts: ToolhubParts, faulty: FaultServer
) -> None:
    await register(parts, "a", faulty.endpoint("429"))
    await register(parts, "b", faulty.endpoint("fine"), tenant="paint")
    with pytest.raises(errors.UnknownServerError):
        await decide(parts, "a", "safe", other("b"))
