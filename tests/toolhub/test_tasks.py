"""Tasks at servers: their handles, and whom one may ask with them."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.logins import Authenticator
from activities.mcp import McpActivities, McpTask
from deploy.local.ports import free_port
from foundation.database import Database
from foundation.errors import UnavailableError
from foundation.settings import DatabaseSettings
from security.egress import Egress
from security.sealing import Sealer
from tests.fixtures.hubs import build_toolhub
from tests.fixtures.polling import pause
from tests.fixtures.task_server import TOOLS, WELDED, TaskServer
from tests.fixtures.telemetry import Told
from toolhub.breaker.types import Mode
from toolhub.calls.models import McpCallLog
from toolhub.calls.repository import write
from toolhub.calls.schemas import CallFilter, CallStatus
from toolhub.errors import (
    BreakerOpenError,
    CallError,
    NotMcpError,
    OutcomeUnknownError,
    ServerUnreachableError,
    TaskCancelledError,
    ToolQuarantinedError,
)
from toolhub.hub import ToolHub
from toolhub.protection import BreakerChange
from toolhub.registry import Registry
from toolhub.schemas import CallTool, ServerRegistration, ToolResult
from toolhub.tasks.types import Handle, pause_of
from toolhub.wiring import ToolhubParts
from workflows.secrets import SecretOpener, SecretsInMemory

pytestmark = pytest.mark.anyio

CALL = CallTool(tenant_id="press", server="cell", tool="weld", call_id="c" * 64)


@pytest.fixture
def server() -> Iterator[TaskServer]:
    made = TaskServer()
    made.start()
    yield made
    made.stop()


@pytest.fixture
async def handle(registry: Registry, hub: ToolHub, server: TaskServer) -> Handle:
    """Of a call that the server has made a task of."""
    await registry.register("press", ServerRegistration(name="cell", url=server.url))
    started = await hub.start(CALL)
    assert isinstance(started, Handle)
    return started


async def test_a_repeated_attempt_gets_the_same_task(
    handle: Handle, parts: ToolhubParts, another: ToolhubParts, server: TaskServer
) -> None:
    await parts.ledger.drain()
    again = await another.hub.start(CALL)
    assert isinstance(again, Handle)
    assert again.task_id == handle.task_id
    assert len(server.calls) == 1


@pytest.mark.parametrize("end", [{"status": "completed", "result": "x"}, {"status": "odd"}])
async def test_a_task_of_which_nothing_can_be_read_makes_no_room_for_another_one(
    registry: Registry, parts: ToolhubParts, server: TaskServer, end: dict[str, Any]
) -> None:
    await registry.register("press", ServerRegistration(name="cell", url=server.url))
    ordered = replace(CALL, idempotency_key="order-7")
    handle = await parts.hub.start(ordered)
    assert isinstance(handle, Handle)
    server.end(**end)
    with pytest.raises(NotMcpError):
        await parts.hub.tasks.ask(handle)
    await parts.ledger.drain()
    again = await parts.hub.start(replace(ordered, call_id="d" * 64))
    assert isinstance(again, Handle)
    assert (again.task_id, len(server.calls)) == (handle.task_id, 1)


@pytest.mark.usefixtures("handle")
async def test_who_cannot_wait_for_a_task_does_not_offer_to(
    hub: ToolHub, server: TaskServer
) -> None:
    result = await hub.call(replace(CALL, call_id="another"))
    assert result.value == {"seams": 7}
    assert len(server.states) == 1


@pytest.mark.usefixtures("handle")
async def test_a_task_that_nobody_has_offered_to_wait_for_has_an_unknown_outcome(
    hub: ToolHub, server: TaskServer
) -> None:
    server.pushy = True
    with pytest.raises(OutcomeUnknownError, match="Call it from a workflow") as caught:
        await hub.call(replace(CALL, call_id="another"))
    assert not caught.value.retryable


async def test_a_tool_that_has_changed_meanwhile_is_judged_as_it_was_called(
    handle: Handle, registry: Registry, another: ToolhubParts, server: TaskServer
) -> None:
    server.tools = [{**TOOLS[0], "outputSchema": {"type": "object", "required": ["lines"]}}]
    await registry.refresh("press", "cell")
    with pytest.raises(ToolQuarantinedError):
        await another.hub.start(replace(CALL, call_id="another"))
    server.end(status="completed", result=WELDED)
    answer = await another.hub.tasks.ask(handle)
    assert isinstance(answer, ToolResult)
    assert answer.value == {"seams": 7}


async def test_another_registration_of_the_same_name_is_not_asked(
    handle: Handle, registry: Registry, another: ToolhubParts, server: TaskServer
) -> None:
    registry.delete("press", "cell")
    with pytest.raises(OutcomeUnknownError, match="There is no MCP server called 'cell'"):
        await another.hub.tasks.ask(handle)
    await registry.register("press", ServerRegistration(name="cell", url=server.url))
    with pytest.raises(OutcomeUnknownError, match="cannot be asked for any more"):
        await another.hub.tasks.ask(handle)
    assert server.asked == []


async def test_another_tenant_has_nothing_to_ask(
    handle: Handle, hub: ToolHub, egress: Egress, registry: Registry, server: TaskServer
) -> None:
    await registry.register("mill", ServerRegistration(name="cell", url=server.url))
    activities = McpActivities(hub, SecretOpener(SecretsInMemory()), Authenticator(egress))
    request = McpTask(tenant_id="mill", handle=handle.model_dump(mode="json"))
    for activity in (activities.mcp_task_follow, activities.mcp_task_cancel):
        with pytest.raises(ApplicationError, match="belongs to another tenant"):
            await ActivityEnvironment().run(activity, request)
    with pytest.raises(OutcomeUnknownError):
        await hub.tasks.ask(handle.model_copy(update={"tenant_id": "mill"}))
    assert server.asked == server.cancelled == []


async def test_an_activity_asks_no_longer_than_it_is_told_to(
    handle: Handle, hub: ToolHub, egress: Egress, server: TaskServer
) -> None:
    activities = McpActivities(hub, SecretOpener(SecretsInMemory()), Authenticator(egress))
    request = McpTask(tenant_id="press", handle=handle.model_dump(mode="json"))
    answer = await ActivityEnvironment().run(activities.mcp_task_follow, request)
    assert answer.later is not None
    assert answer.later.handle["task_id"] == handle.task_id
    assert server.asked == [handle.task_id]


async def test_a_server_that_is_away_is_worth_asking_until_the_task_is_over(
    handle: Handle, hub: ToolHub, server: TaskServer
) -> None:
    server.stop()
    try:
        with pytest.raises(ServerUnreachableError) as caught:
            await hub.tasks.ask(handle)
        assert caught.value.retryable
        over = handle.model_copy(update={"ttl_s": 1.0, "began_at": handle.began_at - 62})
        with pytest.raises(OutcomeUnknownError, match="keeps no longer"):
            await hub.tasks.ask(over)
    finally:
        server.start()


async def test_what_a_server_said_of_its_task_is_known_to_the_next_attempt(
    handle: Handle, hub: ToolHub, egress: Egress, server: TaskServer
) -> None:
    activities = McpActivities(hub, SecretOpener(SecretsInMemory()), Authenticator(egress))
    # By what it said at first the server may have forgotten it by now.
    over = handle.model_copy(update={"ttl_s": 1.0, "began_at": handle.began_at - 100})
    request = McpTask(tenant_id="press", handle=over.model_dump(mode="json"), wait_s=60)
    beats: list[Any] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details[0])
    following = asyncio.create_task(environment.run(activities.mcp_task_follow, request))
    while not server.asked:
        await pause()
    server.refuse = 503
    with pytest.raises(ApplicationError) as first:
        await following
    assert not first.value.non_retryable
    environment.info = replace(environment.info, attempt=2, heartbeat_details=[beats[-1]])
    with pytest.raises(ApplicationError) as second:
        await environment.run(activities.mcp_task_follow, request)
    assert not second.value.non_retryable


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        ({"status": "completed", "result": WELDED}, "succeeded"),
        ({"status": "completed", "result": {"content": [], "isError": True}}, "tool-failed"),
        ({"status": "failed", "error": {"code": 1, "message": "no gas"}}, "tool-task-failed"),
        ({"status": "input_required", "inputRequests": {}}, "tool-input-needed"),
        (None, "cancelled"),
    ],
)
async def test_a_task_is_counted_once_when_it_ends(
    database: Database,
    sealer: Sealer,
    egress: Egress,
    server: TaskServer,
    end: dict[str, Any] | None,
    outcome: str,
) -> None:
    told = Told()
    parts = build_toolhub(database, sealer, egress, telemetry=told.telemetry)
    await parts.registry.register("press", ServerRegistration(name="cell", url=server.url))
    handle = await parts.hub.start(CALL)
    assert isinstance(handle, Handle)
    assert told.numbers("millwright_mcp_calls") == {}
    began = handle.note["started_at"]
    assert isinstance(began, str)
    earlier = (datetime.fromisoformat(began) - timedelta(seconds=90)).isoformat()
    handle = handle.model_copy(update={"note": {**handle.note, "started_at": earlier}})
    for _ in range(2):  # as an activity whose answer got lost
        if end is None:
            await parts.hub.tasks.cancel(handle)
            continue
        server.end(**end)
        with suppress(CallError):
            await parts.hub.tasks.ask(handle)
    assert told.numbers("millwright_mcp_calls") == {(outcome, "cell", "press"): 1}
    (times,) = told.points("millwright_mcp_call_duration").values()
    assert times.sum >= 90, "from the call to the end of the task"
    await parts.aclose()


async def test_the_breaker_of_the_server_holds_for_questions(
    handle: Handle, hub: ToolHub, parts: ToolhubParts, server: TaskServer
) -> None:
    change = BreakerChange(mode=Mode.OPEN, reason="maintenance")
    await parts.breakers.put("press", "cell", change, by="kim")
    with pytest.raises(BreakerOpenError) as caught:
        await hub.tasks.ask(handle)
    assert caught.value.retryable
    assert server.asked == []


async def test_the_log_keeps_an_end_that_was_stored_before_the_beginning(
    handle: Handle, database: Database, another: ToolhubParts, server: TaskServer
) -> None:
    server.end(status="cancelled")
    with pytest.raises(TaskCancelledError):
        await another.hub.tasks.ask(handle)
    await another.log.aclose()
    # As the process that began it may do late.
    with database.session() as session:
        begun = session.execute(select(McpCallLog)).scalar_one()
        names = [column.name for column in McpCallLog.__table__.columns]
        row = {name: getattr(begun, name) for name in names}
        write(session, [{**row, "status": CallStatus.RUNNING, "error": None}])
    (call,) = another.calls.list("press", CallFilter()).items
    assert (call.status, call.error) == (CallStatus.FAILED, "tool-task-cancelled")


async def test_an_end_that_could_not_be_written_down_is_asked_for_again_and_logged_as_it_was(
    handle: Handle, parts: ToolhubParts, server: TaskServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await parts.ledger.drain()
    server.end(status="completed", result=WELDED)
    nowhere = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/nothing"
    away = Database(DatabaseSettings(url=SecretStr(nowhere)))
    with monkeypatch.context() as gone:
        gone.setattr(parts.ledger, "_database", away)
        with pytest.raises(UnavailableError):
            await parts.hub.tasks.ask(handle)
    away.close()
    await parts.log.aclose()
    (logged,) = parts.calls.list("press", CallFilter()).items
    assert (logged.status, logged.error) == ("running", None)
    assert isinstance(await parts.hub.tasks.ask(handle), ToolResult)
    await parts.log.aclose()
    (logged,) = parts.calls.list("press", CallFilter()).items
    assert (logged.status, logged.executed, logged.error) == ("succeeded", "yes", None)


@pytest.mark.parametrize(
    ("wished", "pause_s"),
    [(None, 5.0), (1, 0.5), (2000, 2.0), (10**9, 60.0), (-1, 0.5), ("1", 5.0), (True, 5.0)],
)
def test_a_server_is_asked_as_often_as_it_wishes_within_bounds(wished: Any, pause_s: float) -> None:
    assert pause_of({"pollIntervalMs": wished}) == pause_s
