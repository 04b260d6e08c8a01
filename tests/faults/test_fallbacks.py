"""When something stands in for a tool that cannot be called, and when nothing may."""

import asyncio
from functools import partial

import pytest

from foundation.errors import MillwrightError
from tests.faults.falling import STATIC, TENANT, VALUE, call, decide, down, register, rest
from tests.faults.server import FaultServer
from toolhub import errors
from toolhub.errors import CallError
from toolhub.hub import ToolHub
from toolhub.schemas import (
    Dialect,
    ServerChange,
    ServerRegistration,
    ToolDefinition,
    TriedAgain,
)
from toolhub.wiring import ToolhubParts

pytestmark = pytest.mark.anyio

EFFECTS, READS = "t", "safe"
# Of these nothing is known but that the tool has not run.
BOTH = ["429", "503"]
# The tool may have run, or has.
READERS: dict[str, type[CallError]] = {
    "500": errors.OutcomeUnknownError,
    "504": errors.OutcomeUnknownError,
    "silence": errors.ToolTimeoutError,
    "reset-after-body": errors.OutcomeUnknownError,
    "half-a-body": errors.OutcomeUnknownError,
    "html": errors.NotMcpError,
    "breaks-its-promise": errors.ToolOutputError,
    "no-structured-content": errors.ToolOutputError,
}
# For people to mend, whatever the tool does.
NOBODY: dict[str, type[CallError]] = {
    "400": errors.CallRefusedError,
    "401": errors.CredentialRefusedError,
    "403": errors.CallForbiddenError,
    "404": errors.CallRefusedError,
    "redirect-metadata": errors.ServerMovedError,
    "rpc-params": errors.CallRefusedError,
    "tool-failed": errors.ToolFailedError,
    "question": errors.InputNeededError,
    "gigabyte": errors.ResultTooLargeError,
}
SHORT = {"silence": 0.3}


async def tried(
    parts: ToolhubParts, faulty: FaultServer, way: str, tool: str
) -> tuple[bool, MillwrightError | None]:
    """Call a tool that has a fallback; tell whether it was given, and the error if not."""
    await register(parts, "s", faulty.endpoint(way))
    await decide(parts, "s", tool, STATIC)
    try:
        result = await parts.hub.call(call("s", tool, call_id="c", timeout_s=SHORT.get(way, 5.0)))
    except MillwrightError as error:
        return False, error
    assert (result.value, result.structured) == (VALUE, VALUE)
    assert result.fallback is not None
    assert (result.fallback.kind, bool(result.fallback.reason)) == ("static", True)
    return True, None


@pytest.mark.parametrize("tool", [EFFECTS, READS])
@pytest.mark.parametrize("way", BOTH)
async def test_what_has_not_run_for_certain_falls_back(
    parts: ToolhubParts, faulty: FaultServer, way: str, tool: str
) -> None:
    assert await tried(parts, faulty, way, tool) == (True, None)


@pytest.mark.parametrize("way", READERS)
async def test_what_may_have_run_falls_back_only_where_it_reads(
    parts: ToolhubParts, faulty: FaultServer, way: str
) -> None:
    assert await tried(parts, faulty, way, READS) == (True, None)
    await asyncio.to_thread(parts.registry.delete, TENANT, "s")
    given, error = await tried(parts, faulty, way, EFFECTS)
    assert (given, type(error)) == (False, READERS[way])


@pytest.mark.parametrize("tool", [EFFECTS, READS])
@pytest.mark.parametrize("way", NOBODY)
async def test_what_people_have_to_mend_is_not_hidden(
    parts: ToolhubParts, faulty: FaultServer, way: str, tool: str
) -> None:
    given, error = await tried(parts, faulty, way, tool)
    assert (given, type(error)) == (False, NOBODY[way])


@pytest.mark.parametrize("tool", [EFFECTS, READS])
async def test_a_server_that_is_down_is_stood_in_for(parts: ToolhubParts, tool: str) -> None:
    await down(parts)
    with pytest.raises(errors.ServerUnreachableError):
        await parts.hub.call(call("down", tool))
    await decide(parts, "down", tool, STATIC)
    result = await parts.hub.call(call("down", tool))
    assert result.value == VALUE
    assert result.fallback is not None
    assert result.fallback.error == "mcp-server-unreachable"
    assert "cannot be reached" in result.fallback.reason


async def test_an_open_breaker_is_answered_without_a_call(
    parts: ToolhubParts, faulty: FaultServer
) -> None:
    await register(parts, "s", faulty.endpoint("fine"))
    await decide(parts, "s", EFFECTS, STATIC)
    await rest(parts, "s")
    before = faulty.came["fine", EFFECTS]
    result = await parts.hub.call(call("s", EFFECTS, call_id="c"))
    assert (result.value, faulty.came["fine", EFFECTS]) == (VALUE, before)
    assert result.fallback is not None
    assert result.fallback.error == "mcp-breaker-open"


async def test_a_tool_in_quarantine_has_no_fallback(
    parts: ToolhubParts, faulty: FaultServer
) -> None:
    faulty.listed.clear()
    await register(parts, "s", faulty.endpoint("changes-schema"))
    await decide(parts, "s", READS, STATIC)
    await parts.registry.refresh(TENANT, "s")
    await rest(parts, "s")
    with pytest.raises(errors.ToolQuarantinedError):
        await parts.hub.call(call("s", READS))


async def test_wrong_arguments_have_no_fallback(parts: ToolhubParts, faulty: FaultServer) -> None:
    takes = {"type": "object", "required": ["line"]}
    tool = ToolDefinition(name="t", input_schema=takes, annotations={"readOnlyHint": True})
    given = ServerRegistration(name="s", url=faulty.url, dialect=Dialect.SEED_HTTP, tools=[tool])
    await parts.registry.register(TENANT, given)
    await decide(parts, "s", "t", STATIC)
    with pytest.raises(errors.ToolInputError):
        await parts.hub.call(call("s", "t"))


@pytest.mark.parametrize(
    ("way", "tried_again", "given"),
    [
        ("503", TriedAgain.WHEN_SAFE, False),
        ("503", TriedAgain.NEVER, True),
        ("503", TriedAgain.ALWAYS, False),
        ("html", TriedAgain.WHEN_SAFE, True),
        ("html", TriedAgain.ALWAYS, False),
    ],
)
async def test_only_when_no_attempt_follows(
    *, parts: ToolhubParts, faulty: FaultServer, way: str, tried_again: TriedAgain, given: bool
) -> None:
    await register(parts, "s", faulty.endpoint(way))
    await decide(parts, "s", READS, STATIC)
    asked = call("s", READS, tried_again=tried_again)
    if given:
        assert (await parts.hub.call(asked)).value == VALUE
    else:
        with pytest.raises(CallError) as caught:
            await parts.hub.call(asked)
        assert "fallback" not in caught.value.message


async def test_what_an_attempt_before_may_have_done_is_not_hidden_by_a_breaker(
    parts: ToolhubParts, faulty: FaultServer
) -> None:
    await register(parts, "s", faulty.endpoint("silence"))
    await decide(parts, "s", EFFECTS, STATIC)
    with pytest.raises(errors.ToolTimeoutError):
        await parts.hub.call(call("s", EFFECTS, call_id="sent", timeout_s=0.3))
    await rest(parts, "s")
    with pytest.raises(errors.BreakerOpenError):
        await parts.hub.call(call("s", EFFECTS, call_id="sent"))
    assert (await parts.hub.call(call("s", EFFECTS, call_id="new"))).value == VALUE


async def test_of_a_tool_that_may_be_repeated_the_caller_has_to_know(parts: ToolhubParts) -> None:
    await down(parts)
    await decide(parts, "down", EFFECTS, STATIC, idempotent=True)
    with pytest.raises(errors.ServerUnreachableError):
        await parts.hub.call(call("down", EFFECTS, call_id="c", maybe_ran=True))
    assert (await parts.hub.call(call("down", EFFECTS, call_id="c"))).value == VALUE


async def test_an_operator_knows_better_than_the_server_what_only_reads(
    parts: ToolhubParts, faulty: FaultServer
) -> None:
    await register(parts, "s", faulty.endpoint("500"))
    await decide(parts, "s", READS, STATIC, read_only=False)
    with pytest.raises(errors.OutcomeUnknownError):
        await parts.hub.call(call("s", READS))
    await decide(parts, "s", EFFECTS, STATIC, read_only=True)
    assert (await parts.hub.call(call("s", EFFECTS))).value == VALUE


async def test_a_text_that_is_a_failure_falls_back_where_the_tool_reads(
    parts: ToolhubParts, faulty: FaultServer
) -> None:
    await register(parts, "s", faulty.endpoint("fine"))
    pattern = [{"pattern": "fine"}]
    await decide(parts, "s", READS, STATIC, error_patterns=pattern)
    assert (await parts.hub.call(call("s", READS))).value == VALUE
    await decide(parts, "s", EFFECTS, STATIC, error_patterns=pattern)
    with pytest.raises(errors.ToolFailedError):
        await parts.hub.call(call("s", EFFECTS))


# --- What can be decided ------------------------------------------------------------------------


async def test_a_value_has_to_be_what_the_tool_promises(
    parts: ToolhubParts, faulty: FaultServer
) -> None:
    await register(parts, "s", faulty.endpoint("breaks-its-promise"))
    for value in ({"n": "many"}, "fine", {}):
        with pytest.raises(errors.RegistrationError, match="does not fit its output_schema"):
            await decide(parts, "s", READS, {"kind": "static", "value": value})
    for odd in ({"n": 1, "x": "\0"}, {"n": 1, "x": "y" * 70_000}, {"n": 1, "x": float("nan")}):
        with pytest.raises(errors.RegistrationError):
            await decide(parts, "s", READS, {"kind": "static", "value": odd})


async def test_a_value_is_checked_again_when_it_is_used(
    hub: ToolHub, parts: ToolhubParts, faulty: FaultServer
) -> None:
    def described(*required: str) -> ServerRegistration:
        tool = ToolDefinition(
            name="t",
            output_schema={"type": "object", "required": [*required]},
            annotations={"readOnlyHint": True},
        )
        url = faulty.url
        return ServerRegistration(name="s", url=url, dialect=Dialect.SEED_HTTP, tools=[tool])

    await parts.registry.register(TENANT, described("n"))
    await decide(parts, "s", "t", STATIC)
    await rest(parts, "s")
    assert (await hub.call(call("s", "t"))).value == VALUE
    change = ServerChange(tools=described("n", "m").tools)
    await parts.registry.update(TENANT, "s", change)
    drift = await asyncio.to_thread(parts.drifts.list, TENANT)
    for each in drift.items:
        accept = partial(parts.drifts.accept, TENANT, "s", "t", sha256=each.sha256, by="ana")
        await asyncio.to_thread(accept)
    with pytest.raises(errors.BreakerOpenError, match=r"does not fit the output_schema.*'m'|\"m\""):
        await hub.call(call("s", "t"))


async def test_a_tool_cannot_stand_in_for_itself_nor_one_that_is_not_there(
    parts: ToolhubParts, faulty: FaultServer
) -> None:
    await register(parts, "s", faulty.endpoint("fine"))
    for fallback, error in (
        ({"server": "s"}, errors.RegistrationError),
        ({"server": "s", "tool": "t"}, errors.RegistrationError),
        ({"server": "other"}, errors.UnknownServerError),
        ({"server": "s", "tool": "saf"}, errors.UnknownToolError),
    ):
        with pytest.raises(error):
            await decide(parts, "s", "t", {"kind": "tool", **fallback})
