"""Whatever a server does, the hub says what it was and whether to try again; others go on."""

import anyio
import pytest

from foundation.errors import MillwrightError
from tests.faults.server import FaultServer
from tests.faults.ways import WAYS
from tests.fixtures.polling import pause
from toolhub import errors
from toolhub.errors import CallError
from toolhub.hub import ToolHub
from toolhub.registry import Registry
from toolhub.schemas import CallTool, ServerRegistration

pytestmark = pytest.mark.anyio

# What is certain not to have run, or may be repeated by whoever only reads.
NEVER, READERS, ALWAYS = "never", "readers", "always"
TIMEOUT_S = 0.5
SLOW = {"gzip-bomb", "rpc-endless-message", "large-event", "huge-head", "gigabyte"}

# way, error, words of the message, who may try again
FAILURES: list[tuple[str, type[CallError], str, str]] = [
    ("400", errors.CallRefusedError, "HTTP 400", NEVER),
    ("401", errors.CredentialRefusedError, "HTTP 401", NEVER),
    ("403", errors.CallForbiddenError, "HTTP 403", NEVER),
    ("404", errors.CallRefusedError, "HTTP 404", NEVER),
    ("408", errors.OutcomeUnknownError, "HTTP 408", READERS),
    ("425", errors.OutcomeUnknownError, "HTTP 425", READERS),
    ("429", errors.ServerBusyError, "Try again later", ALWAYS),
    ("429-seconds", errors.ServerBusyError, "Try again after 7 s", ALWAYS),
    ("429-garbage", errors.ServerBusyError, "Try again later", ALWAYS),
    ("429-year", errors.ServerBusyError, "Try again after 60 s", ALWAYS),
    ("500", errors.OutcomeUnknownError, "HTTP 500", READERS),
    ("502", errors.OutcomeUnknownError, "HTTP 502", READERS),
    ("503", errors.ServerBusyError, "Try again after 7 s", ALWAYS),
    ("504", errors.OutcomeUnknownError, "HTTP 504", READERS),
    ("redirect-metadata", errors.ServerMovedError, "http://169.254.169.254/latest", NEVER),
    ("202", errors.NotMcpError, "202 Accepted", NEVER),
    ("204", errors.NotMcpError, "text/plain", NEVER),
    ("html", errors.NotMcpError, "text/html", NEVER),
    ("html-as-json", errors.NotMcpError, "parse JSON", NEVER),
    ("empty", errors.NotMcpError, "parse JSON", NEVER),
    ("half-json", errors.NotMcpError, "parse JSON", NEVER),
    ("invalid-utf-8", errors.NotMcpError, "parse JSON", NEVER),
    ("deep-json", errors.NotMcpError, "parse JSON", NEVER),
    ("nan", errors.NotMcpError, "does not speak MCP", NEVER),
    ("wrong-id", errors.NotMcpError, "id of another request", NEVER),
    ("no-id", errors.NotMcpError, "does not speak MCP", NEVER),
    ("batch", errors.NotMcpError, "does not speak MCP", NEVER),
    ("result-and-error", errors.CallRefusedError, "error 1: x", NEVER),
    ("result-is-text", errors.NotMcpError, "does not speak MCP", NEVER),
    ("content-is-text", errors.NotMcpError, "valid list", NEVER),
    ("unknown-result-type", errors.NotMcpError, "does not speak MCP", NEVER),
    ("wrong-content-type", errors.NotMcpError, "image/png", NEVER),
    ("not-gzip", errors.NotMcpError, "not gzip", NEVER),
    ("rpc-params", errors.CallRefusedError, "no such argument", NEVER),
    ("rpc-method", errors.CallRefusedError, "no such method", NEVER),
    ("rpc-internal", errors.OutcomeUnknownError, "boom", READERS),
    ("rpc-legacy-code", errors.OutcomeUnknownError, "stream ended", READERS),
    ("rpc-own-code", errors.CallRefusedError, "4711: out of paper", NEVER),
    ("rpc-endless-message", errors.CallRefusedError, "4711: xxx", NEVER),
    ("reset-after-body", errors.OutcomeUnknownError, "broke off", READERS),
    ("reset-before-body", errors.OutcomeUnknownError, "broke off", READERS),
    ("closed-after-body", errors.OutcomeUnknownError, "broke off", READERS),
    ("half-a-head", errors.OutcomeUnknownError, "broke off", READERS),
    ("not-http", errors.OutcomeUnknownError, "broke off", READERS),
    ("half-a-body", errors.OutcomeUnknownError, "broke off", READERS),
    ("bad-chunk", errors.OutcomeUnknownError, "broke off", READERS),
    ("stream-ends-early", errors.OutcomeUnknownError, "broke off", READERS),
    ("stream-is-reset", errors.OutcomeUnknownError, "broke off", READERS),
    ("huge-head", errors.OutcomeUnknownError, "broke off", READERS),
    ("silence", errors.ToolTimeoutError, "within 0.5 s", READERS),
    ("slow-drip", errors.ToolTimeoutError, "within 0.5 s", READERS),
    ("endless-stream", errors.ToolTimeoutError, "within 0.5 s", READERS),
    ("gigabyte", errors.ResultTooLargeError, "1,048,576 bytes", NEVER),
    ("large-event", errors.ResultTooLargeError, "1,048,576 bytes", NEVER),
    ("gzip-bomb", errors.ResultTooLargeError, "1,048,576 bytes", NEVER),
    ("tool-failed", errors.ToolFailedError, "no such sheet", NEVER),
    ("question", errors.InputNeededError, 'here: "Which line?" (line)', NEVER),
    ("breaks-its-promise", errors.ToolOutputError, "/n:", NEVER),
    ("no-structured-content", errors.ToolOutputError, "without such data", NEVER),
]
# Error types of the workflow language.
KINDS: dict[type[CallError], str] = {
    errors.CredentialRefusedError: "authentication",
    errors.CallForbiddenError: "authorization",
    errors.ToolTimeoutError: "timeout",
}
ANSWERS = {
    "fine": "fine",
    "a-while": "fine",
    "redirect-same-host": "fine",
    "answers-twice": "first",
    "asks-the-client": "fine",
    "huge-description": "fine",
}
# Tools that are another one the next time are the subject of `tests/toolhub/test_pinning.py`, those
# that fail otherwise the next time that of `test_fallbacks_of_runs`.
ELSEWHERE = {"changes-schema", "fails-then-busy"}


async def register(registry: Registry, faulty: FaultServer, *ways: str) -> None:
    for way in ways:
        await registry.register("press", ServerRegistration(name=way, url=faulty.endpoint(way)))


async def failing(hub: ToolHub, way: str, tool: str) -> MillwrightError:
    timeout_s = 10.0 if way in SLOW else TIMEOUT_S
    with anyio.fail_after(30), pytest.raises(MillwrightError) as caught:
        await hub.call(CallTool(tenant_id="press", server=way, tool=tool, timeout_s=timeout_s))
    return caught.value


@pytest.mark.parametrize(("way", "error", "words", "again"), FAILURES, ids=[f[0] for f in FAILURES])
async def test_each_way_is_called_by_its_name_and_a_call_beside_it_goes_on(
    *,
    hub: ToolHub,
    registry: Registry,
    faulty: FaultServer,
    way: str,
    error: type[CallError],
    words: str,
    again: str,
) -> None:
    await register(registry, faulty, way, "a-while")
    faulty.ran.clear()
    beside: list[object] = []

    async def neighbour() -> None:
        # The same host and port, so the same pool of connections.
        call = CallTool(tenant_id="press", server="a-while", tool="t")
        beside.append((await hub.call(call)).value)

    async with anyio.create_task_group() as group:
        group.start_soon(neighbour)
        while not faulty.ran["a-while", "t"]:
            await pause()
        caught = await failing(hub, way, "t")
    assert beside == ["fine"]
    assert type(caught) is error, caught
    assert getattr(caught, "kind", None) == KINDS.get(error, "runtime")
    assert words in str(caught)
    assert "169.254" not in str(caught) or "t0p" not in str(caught)
    assert caught.retryable is (again == ALWAYS)
    assert faulty.ran[way, "t"] == (0 if way == "reset-before-body" else 1)
    if again == READERS:
        reader = await failing(hub, way, "safe")
        assert isinstance(reader, CallError)
        assert reader.retryable


@pytest.mark.parametrize("way", ANSWERS)
async def test_what_is_odd_but_an_answer_is_one(
    hub: ToolHub, registry: Registry, faulty: FaultServer, way: str
) -> None:
    await register(registry, faulty, way)
    result = await hub.call(CallTool(tenant_id="press", server=way, tool="t"))
    assert result.value == ANSWERS[way]


def test_every_way_is_tried() -> None:
    tried = {failure[0] for failure in FAILURES} | set(ANSWERS) | ELSEWHERE
    assert tried == set(WAYS)
    assert len(tried) >= 30
