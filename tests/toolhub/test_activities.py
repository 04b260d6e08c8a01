"""The Temporal side: what an activity reports, answers and fails with."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from anyio import to_thread
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.logins import Authenticator, Login, PlainLogin
from activities.mcp import McpActivities, McpCall, McpRequest
from security.egress import Egress
from tests.fixtures.polling import pause
from tests.fixtures.token_server import POST_SECRET, TokenServer
from tests.toolhub.servers import Seen
from toolhub.hub import ToolHub
from toolhub.registry import Registry
from toolhub.schemas import ServerRegistration
from workflows.secrets import SecretOpener, SecretsInMemory

pytestmark = pytest.mark.anyio


@pytest.fixture
def activities(hub: ToolHub, egress: Egress) -> McpActivities:
    return McpActivities(hub, SecretOpener(SecretsInMemory()), Authenticator(egress))


@pytest.fixture
async def registered(registry: Registry, good: str, bad: str) -> None:
    for name, url in {"good": good, "busy": f"{bad}/429/mcp", "cut": f"{bad}/cut-json/mcp"}.items():
        await registry.register("press", ServerRegistration(name=name, url=url))


def call(server: str, tool: str, **arguments: Any) -> McpCall:
    return McpCall(tenant_id="press", server=server, tool=tool, arguments=arguments)


async def failed(activity: Any, request: Any) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await ActivityEnvironment().run(activity, request)
    return caught.value


@pytest.mark.usefixtures("registered")
async def test_a_call_answers_with_the_value_and_the_attempts(activities: McpActivities) -> None:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=3)
    answer = await environment.run(activities.mcp_call, call("good", "add", a=1, b=2))
    assert answer.value == {"total": 3, "items": [1, 2]}
    assert answer.attempts == 3


@pytest.mark.usefixtures("registered")
async def test_each_attempt_has_the_same_key_and_each_task_its_own(
    activities: McpActivities, good_seen: Seen
) -> None:
    environment = ActivityEnvironment()
    for changes in ({"attempt": 1}, {"attempt": 2}, {"activity_id": "/do/1/other"}):
        environment.info = replace(environment.info, **changes)
        await environment.run(activities.mcp_call, call("good", "add", a=1, b=2))
    sent = [body for body in good_seen.bodies if body["method"] == "tools/call"]
    first, second, other = [body["params"]["_meta"]["millwright/idempotencyKey"] for body in sent]
    assert first == second != other


@pytest.mark.usefixtures("registered")
async def test_progress_of_the_tool_is_a_heartbeat(activities: McpActivities) -> None:
    beats: list[Any] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details)
    await environment.run(activities.mcp_call, call("good", "slow", seconds=0.1))
    assert ({"sent": True, "progress": 1.0, "total": 2.0, "message": "step 1"},) in beats


@pytest.mark.usefixtures("registered")
async def test_a_silent_tool_is_reported_as_running(activities: McpActivities) -> None:
    beats: list[Any] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details)
    environment.info = replace(environment.info, heartbeat_timeout=timedelta(seconds=0.3))
    await environment.run(activities.mcp_call, call("good", "slow", seconds=0.5))
    # Again and again, with the last progress there was: none at first.
    assert len(beats) > len({str(beat) for beat in beats})
    assert beats[0] == ({"sent": True},)


@pytest.mark.usefixtures("registered")
async def test_a_cancelled_activity_stops_the_tool(
    activities: McpActivities, good_seen: Seen
) -> None:
    good_seen.cancelled.clear()
    good_seen.clear()
    environment = ActivityEnvironment()
    running = asyncio.create_task(
        environment.run(activities.mcp_call, call("good", "slow", seconds=60))
    )
    while not good_seen.ran["slow"]:
        await pause()
    environment.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await to_thread.run_sync(good_seen.cancelled.wait, 10)


@pytest.mark.usefixtures("registered")
async def test_a_failure_says_what_the_language_and_temporal_need(
    activities: McpActivities,
) -> None:
    busy = await failed(activities.mcp_call, call("busy", "t"))
    assert busy.type == "mcp-server-busy"
    assert not busy.non_retryable
    assert busy.next_retry_delay == timedelta(seconds=7)
    assert busy.details[0]["kind"] == "runtime"
    assert busy.details[0]["status"] == 429
    cut = await failed(activities.mcp_call, call("cut", "t"))
    assert (cut.type, cut.non_retryable) == ("tool-outcome-unknown", True)
    wrong = await failed(activities.mcp_call, call("good", "add", a="x"))
    assert (wrong.type, wrong.non_retryable) == ("tool-input", True)
    assert (wrong.details[0]["kind"], wrong.details[0]["status"]) == ("validation", 400)


async def test_a_request_by_address_answers_with_the_result(
    activities: McpActivities, good: str
) -> None:
    request = McpRequest(tenant_id="press", uri=good, method="tools/list")
    answer = await ActivityEnvironment().run(activities.mcp_request, request)
    assert isinstance(answer.value, dict)
    assert "tools" in answer.value


@pytest.mark.parametrize(
    ("login", "sent"),
    [
        (PlainLogin(scheme="bearer", secret="t0k3n"), "Bearer t0k3n"),
        (PlainLogin(scheme="basic", username="kim", secret="pw"), "Basic a2ltOnB3"),
        (None, None),
    ],
)
async def test_a_request_by_address_logs_in(
    activities: McpActivities, bad: str, bad_seen: Seen, login: Login | None, sent: str | None
) -> None:
    request = McpRequest(
        tenant_id="press",
        uri=f"{bad}/ok/mcp",
        login=login,
        method="tools/call",
        parameters={"name": "t"},
    )
    await ActivityEnvironment().run(activities.mcp_request, request)
    assert bad_seen.headers[-1].get("authorization") == sent


async def test_a_failed_request_by_address_is_a_runtime_error(
    activities: McpActivities, bad: str
) -> None:
    request = McpRequest(tenant_id="press", uri=f"{bad}/401/mcp", method="tools/call")
    failure = await failed(activities.mcp_request, request)
    assert (failure.details[0]["kind"], failure.non_retryable) == ("runtime", True)


def with_a_token(server: TokenServer) -> Any:
    client = {"id": "poster", "secret": POST_SECRET}
    properties = {"authority": server.authority, "grant": "client_credentials", "client": client}
    return {"scheme": "oauth2", "properties": properties}


async def test_a_request_by_address_gets_a_token_first(
    activities: McpActivities, bad: str, bad_seen: Seen, token_server: TokenServer
) -> None:
    given: dict[str, Any] = {"login": with_a_token(token_server), "parameters": {"name": "t"}}
    request = McpRequest(tenant_id="press", uri=f"{bad}/ok/mcp", method="tools/call", **given)
    await ActivityEnvironment().run(activities.mcp_request, request)
    (token,) = token_server.issued
    assert bad_seen.headers[-1]["authorization"] == f"Bearer {token}"


async def test_a_server_that_refuses_the_token_is_asked_with_a_new_one(
    activities: McpActivities, bad: str, bad_seen: Seen, token_server: TokenServer
) -> None:
    given: dict[str, Any] = {"login": with_a_token(token_server), "parameters": {"name": "t"}}
    request = McpRequest(tenant_id="press", uri=f"{bad}/401/mcp", method="tools/call", **given)
    failure = await failed(activities.mcp_request, request)
    assert failure.details[0]["status"] == 401
    sent = {headers["authorization"] for headers in bad_seen.headers}
    assert sent == {f"Bearer {token}" for token in token_server.issued}
    assert len(sent) == 2
