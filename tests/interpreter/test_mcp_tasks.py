"""`call: mcp.tool` where the server makes a task of the call: it is asked for until that ends."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from anyio import to_thread
from temporalio.client import Client, WorkflowFailureError
from temporalio.worker import Worker

from activities.logins import Authenticator
from activities.mcp import McpActivities
from foundation.database import Database
from foundation.settings import EgressSettings, McpSettings
from security.egress import UNRULED, Egress
from security.sealing import Sealer
from tests.fixtures.hubs import build_toolhub
from tests.fixtures.polling import pause
from tests.fixtures.task_server import WELDED, TaskServer
from tests.interpreter.conftest import SECRETS, Runner
from toolhub.calls.schemas import CallFilter, CallInfo, CallStatus
from toolhub.schemas import ServerRegistration
from toolhub.wiring import ToolhubParts
from workflows.interpreter.types import TaskState
from workflows.interpreter.workflow import Interpreter
from workflows.secrets import SecretOpener, SecretsInMemory

pytestmark = pytest.mark.anyio

WELD = "call: mcp.tool, with: { server: cell, tool: weld, arguments: { seam: 1 } }"
WITH_SECRET = """
document: { dsl: '1.0.3', namespace: tests, name: sample, version: '1.0.0' }
use: { secrets: [ planted ] }
do:
- weld:
    call: mcp.tool
    with: { server: cell, tool: weld, arguments: '${ { key: $secrets.planted } }' }
"""
WHICH_LINE = {
    "method": "elicitation/create",
    "params": {
        "message": "Which line?",
        "requestedSchema": {"type": "object", "properties": {"line": {"type": "string"}}},
    },
}
TASKS = f"do: [ {{ weld: {{ {WELD} }} }} ]"


@pytest.fixture
def server() -> Iterator[TaskServer]:
    made = TaskServer()
    made.start()
    yield made
    made.stop()


@dataclass
class Plant:
    """A worker of one tenant, and what it writes down."""

    run: Runner
    parts: ToolhubParts
    activities: McpActivities

    @property
    def work(self) -> list[Callable[..., Any]]:
        """The activities of tasks."""
        mcp = self.activities
        return [mcp.mcp_call, mcp.mcp_task_follow, mcp.mcp_task_cancel]

    def worker(self, **options: Any) -> Worker:
        """Return a worker that does this."""
        return Worker(self.run.client, task_queue=self.run.task_queue, **options)

    async def ended_call(self) -> CallInfo:
        """Return the one call of the log, when it is over."""
        while True:
            page = await to_thread.run_sync(
                lambda: self.parts.calls.list(self.run.tenant, CallFilter())
            )
            if page.items and page.items[0].status is not CallStatus.RUNNING:
                (call,) = page.items
                return call
            await pause()


@pytest.fixture
async def idle(
    temporal: Client, task_queue: str, tenant: str, database: Database, server: TaskServer
) -> AsyncIterator[Plant]:
    """A plant without a worker."""
    egress = Egress(EgressSettings(allow_networks=["127.0.0.0/8"]), UNRULED)
    # Short pauses: what is away is asked for soon again.
    protection = McpSettings(breaker_open_s=1)
    parts = build_toolhub(database, Sealer(bytes(range(32))), egress, protection=protection)
    secrets = {(tenant, name): value for name, value in SECRETS.items()}
    activities = McpActivities(
        parts.hub, SecretOpener(SecretsInMemory(secrets)), Authenticator(egress)
    )
    await parts.registry.register(tenant, ServerRegistration(name="cell", url=server.url))
    yield Plant(Runner(temporal, task_queue, tenant), parts, activities)
    await parts.aclose()
    await egress.aclose()


@pytest.fixture
async def plant(idle: Plant) -> AsyncIterator[Plant]:
    async with idle.worker(workflows=[Interpreter], activities=idle.work):
        yield idle


async def until_asked(server: TaskServer, times: int = 1) -> None:
    while len(server.asked) < times:
        await pause()


async def test_a_task_is_asked_for_until_it_has_the_result(
    plant: Plant, server: TaskServer
) -> None:
    handle = await plant.run.start(TASKS)
    await until_asked(server, 2)
    server.end(status="completed", result=WELDED)
    assert await handle.result() == {"seams": 7}
    await plant.run.replay(handle)
    assert len(server.calls) == 1
    assert set(server.asked) == set(server.names) == {"T1"}
    call = await plant.ended_call()
    assert (call.status, call.executed) == (CallStatus.SUCCEEDED, "yes")
    assert call.result_hash is not None


@pytest.mark.parametrize(
    ("state", "kind", "words", "code"),
    [
        (
            {"status": "completed", "result": {"content": [], "isError": True}},
            "runtime",
            "ran and failed",
            "tool-failed",
        ),
        (
            {"status": "completed", "result": {"content": [], "structuredContent": {}}},
            "runtime",
            "breaks its own output_schema",
            "tool-output",
        ),
        ({"status": "completed"}, "runtime", "it has no result of a tool", "not-mcp"),
        (
            {"status": "failed", "error": {"code": -32603, "message": "no gas"}},
            "runtime",
            "error -32603: no gas",
            "tool-task-failed",
        ),
        ({"status": "cancelled"}, "runtime", "was cancelled at the server", "tool-task-cancelled"),
        ({"status": "asleep"}, "runtime", "its status is 'asleep'", "not-mcp"),
    ],
)
async def test_what_else_a_task_comes_to_is_a_fault_that_says_so(
    plant: Plant, server: TaskServer, state: dict[str, Any], kind: str, words: str, code: str
) -> None:
    server.outcome = state
    ended = await plant.run(TASKS)
    assert ended.kind == kind
    assert words in ended.error["detail"]
    assert len(server.calls) == len(server.asked) == 1
    assert server.cancelled == []
    call = await plant.ended_call()
    assert (call.status, call.error) == (CallStatus.FAILED, code)


async def test_a_task_that_asks_something_is_cancelled_and_a_fault(
    plant: Plant, server: TaskServer
) -> None:
    server.outcome = {"status": "input_required", "inputRequests": {"who": WHICH_LINE}}
    ended = await plant.run(TASKS)
    assert 'which cannot be answered here: "Which line?" (line)' in ended.error["detail"]
    assert server.cancelled == ["T1"]


async def test_a_task_that_the_server_has_forgotten_has_an_unknown_outcome(
    plant: Plant, server: TaskServer
) -> None:
    handle = await plant.run.start(TASKS)
    await until_asked(server)
    server.states.clear()
    ended = await plant.run.ended(handle)
    assert "does not know any more (Task not found)" in ended.error["detail"]
    assert "find out" in ended.error["detail"]
    assert (await plant.ended_call()).executed == "unknown"


async def test_a_cancelled_instance_cancels_the_task_once(plant: Plant, server: TaskServer) -> None:
    handle = await plant.run.start(TASKS)
    await until_asked(server)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert server.cancelled == ["T1"]
    await plant.run.replay(handle)
    assert (await plant.ended_call()).status is CallStatus.CANCELLED


async def test_a_cancellation_that_comes_with_the_handle_cancels_the_task(
    idle: Plant, server: TaskServer
) -> None:
    # Nothing is remembered between two workers: both are told the run from its beginning.
    thinking = {"workflows": [Interpreter], "max_cached_workflows": 0}
    async with idle.worker(**thinking):
        handle = await idle.run.start(TASKS)
        while not (await handle.describe()).raw_description.pending_activities:
            await pause()
    async with idle.worker(activities=idle.work):
        while (await handle.describe()).raw_description.pending_activities:
            await pause()
        assert len(server.calls) == 1
        await handle.cancel()
        async with idle.worker(**thinking):
            with pytest.raises(WorkflowFailureError):
                await handle.result()
    assert (server.cancelled, server.asked) == (["T1"], [])
    await idle.run.replay(handle)


async def test_the_timeout_of_the_task_cancels_it_at_the_server(
    plant: Plant, server: TaskServer
) -> None:
    ended = await plant.run(f"do: [ {{ weld: {{ {WELD}, timeout: {{ after: PT2S }} }} }} ]")
    assert ended.kind == "timeout"
    assert server.cancelled == ["T1"]


async def test_a_cancellation_goes_on_without_the_server(plant: Plant, server: TaskServer) -> None:
    handle = await plant.run.start(TASKS)
    await until_asked(server)
    server.refuse = 500
    await handle.cancel()
    ended = (await plant.run.progress(handle)).events
    while ended[-1].state is not TaskState.CANCELLED:
        await pause()
        ended = (await plant.run.progress(handle)).events
    assert server.cancelled == []


async def test_a_server_that_is_restarted_meanwhile_is_asked_again(
    plant: Plant, server: TaskServer
) -> None:
    handle = await plant.run.start(TASKS)
    await until_asked(server)
    server.stop()
    while "cannot be reached" not in await _last_failure(plant, handle.id):
        await pause()
    server.end(status="completed", result=WELDED)
    server.start()
    assert await handle.result() == {"seams": 7}
    assert len(server.calls) == 1
    assert (await plant.run.progress(handle)).events[-1].attempts == 1


@pytest.mark.parametrize("status", [401, 404, 429, 503])
async def test_a_server_that_does_not_answer_for_now_is_asked_again(
    plant: Plant, server: TaskServer, status: int
) -> None:
    handle = await plant.run.start(TASKS)
    await until_asked(server)
    server.refuse = status
    while not await _last_failure(plant, handle.id):
        await pause()
    server.end(status="completed", result=WELDED)
    server.refuse = None
    assert await handle.result() == {"seams": 7}
    assert len(server.calls) == 1


async def test_whoever_calls_with_the_same_key_gets_the_same_task_and_then_its_result(
    plant: Plant, server: TaskServer
) -> None:
    key = "metadata: { millwright: { idempotencyKey: order-1 } }"
    tasks = f"do: [ {{ weld: {{ {WELD}, {key} }} }} ]"
    first, second = await plant.run.start(tasks), await plant.run.start(tasks)
    await until_asked(server, 3)
    server.end(status="completed", result=WELDED)
    assert await first.result() == await second.result() == {"seams": 7}
    server.states.clear()
    third = await plant.run.start(tasks)
    assert await third.result() == {"seams": 7}
    assert len(server.calls) == 1


async def test_after_a_task_that_failed_the_same_key_calls_again(
    plant: Plant, server: TaskServer
) -> None:
    key = "metadata: { millwright: { idempotencyKey: order-1 } }"
    tasks = f"do: [ {{ weld: {{ {WELD}, {key} }} }} ]"
    server.outcome = {"status": "failed", "error": {"code": -32603, "message": "no gas"}}
    await plant.run(tasks)
    server.outcome = {"status": "completed", "result": WELDED}
    assert (await plant.run(tasks)).output == {"seams": 7}
    assert len(server.calls) == 2


async def test_a_secret_of_the_call_does_not_come_back_in_the_result(
    plant: Plant, server: TaskServer
) -> None:
    echoed = {"seams": 1, "key": f"with {SECRETS['planted']}"}
    server.outcome = {
        "status": "completed",
        "result": {"content": [], "structuredContent": echoed},
    }
    ended = await plant.run(WITH_SECRET)
    assert server.calls[0]["arguments"] == {"key": SECRETS["planted"]}
    assert ended.output == {"seams": 1, "key": "with ***"}


async def _last_failure(plant: Plant, workflow_id: str) -> str:
    """Return why the last attempt of the activity under way has failed."""
    described = await plant.run.client.get_workflow_handle(workflow_id).describe()
    pending = described.raw_description.pending_activities
    return pending[0].last_failure.message if pending else ""
