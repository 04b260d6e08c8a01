"""What an operator knows of a tool beats what its server says."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import structlog
from pydantic import ValidationError

from foundation.json import JsonValue
from tests.toolhub.servers import Changing, Seen, serving
from toolhub import errors
from toolhub.hub import ToolHub
from toolhub.pinning.service import Drifts
from toolhub.policies.service import Policies
from toolhub.policies.types import ErrorPattern, KeyTarget, ToolPolicy
from toolhub.registry import Registry
from toolhub.schemas import CallTool, ServerRegistration
from toolhub.wiring import ToolhubParts

pytestmark = pytest.mark.anyio


@pytest.fixture
def policies(parts: ToolhubParts) -> Policies:
    return parts.policies


async def decide(policies: Policies, server: str, tool: str, **policy: object) -> None:
    given = ToolPolicy.model_validate(policy)
    await asyncio.to_thread(policies.put, "press", server, tool, given, by="ana")


def call(server: str, tool: str, call_id: str | None = "c", **arguments: JsonValue) -> CallTool:
    return CallTool(
        tenant_id="press", server=server, tool=tool, arguments=arguments, call_id=call_id
    )


@pytest.fixture
async def failing(registry: Registry, bad: str) -> str:
    """A server that answers 500 to every call."""
    await registry.register("press", ServerRegistration(name="failing", url=f"{bad}/500/mcp"))
    return "failing"


@pytest.fixture
async def echo(registry: Registry, bad: str) -> str:
    """A server that answers with the arguments."""
    await registry.register("press", ServerRegistration(name="echo", url=f"{bad}/echo/mcp"))
    return "echo"


@pytest.fixture
async def greeter(registry: Registry, good: str) -> str:
    await registry.register("press", ServerRegistration(name="greeter", url=good))
    return "greeter"


@pytest.mark.parametrize("policy", [{"idempotent": True}, {"read_only": True}])
async def test_a_tool_may_be_repeated_that_does_not_say_so(
    hub: ToolHub, policies: Policies, failing: str, bad_seen: Seen, policy: dict[str, bool]
) -> None:
    with pytest.raises(errors.OutcomeUnknownError):
        await hub.call(call(failing, "t"))
    await decide(policies, failing, "t", **policy)
    for _ in range(2):
        with pytest.raises(errors.ServerFailedError) as caught:
            await hub.call(call(failing, "t"))
        assert caught.value.retryable
    assert bad_seen.ran["t"] == 3


async def test_a_tool_that_says_that_it_only_reads_need_not_be_believed(
    hub: ToolHub, policies: Policies, failing: str
) -> None:
    await decide(policies, failing, "safe", read_only=False)
    for _ in range(2):  # the second one is not even sent
        with pytest.raises(errors.OutcomeUnknownError):
            await hub.call(call(failing, "safe"))
    await asyncio.to_thread(policies.delete, "press", failing, "safe", by="ana")
    with pytest.raises(errors.ServerFailedError):
        await hub.call(call(failing, "safe"))


async def test_a_tool_gets_the_key_by_which_it_recognises_a_call_in_an_argument(
    hub: ToolHub, policies: Policies, echo: str
) -> None:
    await decide(policies, echo, "routed", idempotency_key={"argument": "region"})
    assert (await hub.call(call(echo, "routed", "k-1"))).value == {"region": "k-1"}
    # What the author of a definition writes is meant.
    assert (await hub.call(call(echo, "routed", "k-1", region="eu"))).value == {"region": "eu"}
    assert (await hub.call(call(echo, "routed", None))).value == {}


async def test_a_tool_gets_the_key_in_a_header(
    hub: ToolHub, policies: Policies, echo: str, bad_seen: Seen
) -> None:
    await decide(policies, echo, "t", idempotency_key={"header": "Idempotency-Key"})
    await hub.call(call(echo, "t", "k-1"))
    assert bad_seen.headers[-1]["idempotency-key"] == "k-1"


async def test_a_call_with_a_key_that_is_honoured_is_repeated_and_one_without_is_not(
    hub: ToolHub, policies: Policies, failing: str
) -> None:
    await decide(policies, failing, "t", idempotency_key={"header": "X-Request"})
    with pytest.raises(errors.ServerFailedError) as caught:
        await hub.call(call(failing, "t"))
    assert caught.value.retryable
    with pytest.raises(errors.OutcomeUnknownError):
        await hub.call(call(failing, "t", None))


async def test_a_key_of_a_caller_that_is_none_makes_no_call_repeatable(
    hub: ToolHub, policies: Policies, failing: str
) -> None:
    await decide(policies, failing, "routed", idempotency_key={"argument": "region"})
    with pytest.raises(errors.ServerFailedError):
        await hub.call(call(failing, "routed"))
    with pytest.raises(errors.OutcomeUnknownError):
        await hub.call(call(failing, "routed", "d", region=""))


async def test_a_text_that_is_an_error_is_one(
    hub: ToolHub, policies: Policies, greeter: str, parts: ToolhubParts
) -> None:
    await decide(policies, greeter, "greet", error_patterns=[{"pattern": "^Hello, (nobody|0)"}])
    assert (await hub.call(call(greeter, "greet", "a", name="Kim"))).value == "Hello, Kim!"
    for _ in range(2):  # also when it is told from the ledger
        with pytest.raises(errors.ToolFailedError, match="Hello, nobody!") as caught:
            await hub.call(call(greeter, "greet", "b", name="nobody"))
        assert not caught.value.retryable
        await parts.ledger.drain()


async def test_a_failure_that_passes_is_tried_again(
    hub: ToolHub, policies: Policies, greeter: str, good_seen: Seen
) -> None:
    await decide(
        policies, greeter, "fail", error_patterns=[{"pattern": "tool fail", "retry": True}]
    )
    for _ in range(2):
        with pytest.raises(errors.ToolFailedError) as caught:
            await hub.call(call(greeter, "fail", "a", why="locked"))
        assert caught.value.retryable
    assert good_seen.ran["fail"] == 2


async def test_what_is_taken_for_a_failure_opens_the_breaker(
    hub: ToolHub, policies: Policies, greeter: str
) -> None:
    await decide(policies, greeter, "greet", error_patterns=[{"pattern": "Hello"}])
    for number in range(10):
        with pytest.raises(errors.ToolFailedError):
            await hub.call(call(greeter, "greet", f"c{number}", name="Kim"))
    with pytest.raises(errors.BreakerOpenError):
        await hub.call(call(greeter, "greet", "d", name="Kim"))


async def test_a_tool_may_have_less_time_than_its_server(
    hub: ToolHub, policies: Policies, greeter: str
) -> None:
    await decide(policies, greeter, "slow", timeout_s=0.2)
    with pytest.raises(errors.ToolTimeoutError, match=r"within 0\.2 s"):
        await hub.call(call(greeter, "slow", seconds=5))


async def test_an_argument_that_the_hub_gives_is_asked_of_nobody(
    registry: Registry, policies: Policies, drifts: Drifts, good: str
) -> None:
    await registry.register("press", ServerRegistration(name="g", url=good))
    takes = await asyncio.to_thread(drifts.takes, "press", "g", "greet", None)
    assert takes["required"] == ["name"]
    await decide(policies, "g", "greet", idempotency_key={"argument": "name"})
    takes = await asyncio.to_thread(drifts.takes, "press", "g", "greet", None)
    assert takes["required"] == []


async def test_what_makes_no_sense_is_refused(policies: Policies, greeter: str) -> None:
    with pytest.raises(errors.RegistrationError, match=r"takes no argument 'key'.*It takes: name"):
        await decide(policies, greeter, "greet", idempotency_key={"argument": "key"})
    with pytest.raises(errors.UnknownToolError, match="Did you mean 'greet'"):
        await decide(policies, greeter, "great")
    with pytest.raises(errors.UnknownServerError):
        await decide(policies, "nobody", "greet")


@pytest.mark.parametrize("pattern", ["(", "^(?=x).*$", r"(a)\1", ""])
def test_a_pattern_that_cannot_be_matched_in_linear_time_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationError):
        ErrorPattern(pattern=pattern)


@pytest.mark.parametrize("header", ["Host", "mcp-session-id", "content-length", "a b", "x\r\ny"])
def test_a_header_of_the_protocol_is_not_given_away(header: str) -> None:
    with pytest.raises(ValidationError):
        KeyTarget(header=header)


def test_one_place_for_a_key() -> None:
    for given in ({}, {"argument": "a", "header": "b"}):
        with pytest.raises(ValidationError, match="'argument' or 'header'"):
            KeyTarget.model_validate(given)


@pytest.fixture
def changing() -> Changing:
    return Changing()


@pytest.fixture
async def keyed(
    registry: Registry, policies: Policies, changing: Changing
) -> AsyncIterator[Changing]:
    """A tool that takes a key, and will lose it."""

    def book(part: str, request_id: str = "") -> str:
        changing.seen.ran["book"] += 1
        return f"{part} {request_id}"

    changing.offer(book, name="book")
    with serving(changing.app) as url:
        await registry.register("press", ServerRegistration(name="mes", url=f"{url}/mcp"))
        await decide(policies, "mes", "book", idempotency_key={"argument": "request_id"})
        yield changing


def without_key(part: str) -> str:
    return f"{part} alone"


def with_a_number(part: str, request_id: int = 0) -> str:
    return f"{part} {request_id}"


async def taken_over(registry: Registry, drifts: Drifts, changing: Changing, tool: Any) -> None:
    """Let the tool become another one, and somebody accept that."""
    changing.offer(tool, name="book")
    await registry.refresh("press", "mes")
    waits = await asyncio.to_thread(drifts.list, "press")
    for drift in waits.items:
        await asyncio.to_thread(
            drifts.accept, "press", "mes", "book", sha256=drift.sha256, by="kim"
        )


@pytest.mark.parametrize(("tool", "said"), [(without_key, "p alone"), (with_a_number, "p 0")])
async def test_a_tool_that_has_lost_its_key_gets_none_and_that_is_said(
    registry: Registry,
    drifts: Drifts,
    policies: Policies,
    hub: ToolHub,
    keyed: Changing,
    tool: Any,
    said: str,
) -> None:
    assert (await hub.call(call("mes", "book", "k-1", part="p"))).value == "p k-1"
    before = await asyncio.to_thread(policies.get, "press", "mes", "book")
    assert (before.problem, before.repeatable) == (None, True)
    with structlog.testing.capture_logs() as logs:
        await taken_over(registry, drifts, keyed, tool)
    assert [each["event"] for each in logs].count("mcp_policy_outdated") == 1
    after = await asyncio.to_thread(policies.get, "press", "mes", "book")
    assert after.problem is not None
    assert "takes no text as 'request_id' now" in after.problem
    assert not after.repeatable
    assert after.policy == before.policy
    assert (await hub.call(call("mes", "book", "k-2", part="p"))).value == said
    assert "request_id" not in keyed.seen.bodies[-1]["params"]["arguments"]


async def test_a_call_of_a_tool_that_has_lost_its_key_is_not_made_again(
    registry: Registry, drifts: Drifts, hub: ToolHub, keyed: Changing
) -> None:
    async def hanging(part: str) -> str:
        keyed.seen.ran["hanging"] += 1
        await asyncio.sleep(60)
        return part

    await taken_over(registry, drifts, keyed, hanging)
    given = replace(call("mes", "book", "k-3", part="p"), timeout_s=0.3)
    with pytest.raises(errors.ToolTimeoutError, match="not known whether") as caught:
        await hub.call(given)
    assert not caught.value.retryable
    with pytest.raises(errors.OutcomeUnknownError):
        await hub.call(given)
    assert keyed.seen.ran["hanging"] == 1


async def test_a_key_is_a_text(policies: Policies, greeter: str) -> None:
    with pytest.raises(errors.RegistrationError, match=r"'size' that is a text\. It takes: none"):
        await decide(policies, greeter, "big", idempotency_key={"argument": "size"})
