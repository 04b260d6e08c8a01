"""What instances see of tools that something stood in for: after all attempts, and marked."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from activities.logins import Authenticator
from activities.mcp import McpActivities
from deploy.local.ports import free_port
from security.egress import Egress
from tests.faults.falling import STATIC, TENANT, VALUE, decide, down, register
from tests.faults.server import FaultServer
from tests.interpreter.conftest import Ended, Runner
from toolhub.policies.types import ToolPolicy
from toolhub.schemas import Dialect, ServerRegistration, ToolDefinition
from toolhub.wiring import ToolhubParts
from workflows.instances.timeline import fold
from workflows.instances.types import TaskRun
from workflows.interpreter.types import TaskState
from workflows.interpreter.workflow import Interpreter
from workflows.secrets import SecretOpener, SecretsInMemory

pytestmark = pytest.mark.anyio

ATTEMPTS = 3
FLAGS = re.DOTALL | re.MULTILINE


@pytest.fixture
async def runner(temporal: Client, parts: ToolhubParts, egress: Egress) -> AsyncIterator[Runner]:
    logins = Authenticator(egress)
    activities = McpActivities(parts.hub, SecretOpener(SecretsInMemory()), logins)
    queue = f"fallbacks-{uuid4().hex}"
    async with Worker(
        temporal, task_queue=queue, workflows=[Interpreter], activities=[activities.mcp_call]
    ):
        yield Runner(temporal, queue, TENANT)
    await logins.aclose()


def asking(server: str, tool: str) -> dict[str, Any]:
    retry = {"attempts": ATTEMPTS, "delay": {"milliseconds": 10}}
    return {
        "call": "mcp.tool",
        "with": {"server": server, "tool": tool},
        "metadata": {"millwright": {"retry": retry}},
    }


def doing(**tasks: Any) -> str:
    return json.dumps({"do": [{name: task} for name, task in tasks.items()]})[1:-1]


def seen(ended: Ended) -> TaskRun:
    """Return what an instance shows of its first task."""
    return fold(ended.progress.events, {})[0]


@pytest.mark.parametrize("policy", [{}, {"idempotent": True}, {"read_only": True}])
async def test_after_all_attempts_the_fallback_is_the_output_and_the_timeline_says_so(
    runner: Runner, parts: ToolhubParts, policy: dict[str, bool]
) -> None:
    await down(parts)
    await decide(parts, "down", "t", STATIC, **policy)
    ended = await runner(doing(ask=asking("down", "t")))
    assert ended.output == VALUE, ended.error
    task = seen(ended)
    assert (task.state, task.attempts, task.degraded) == (TaskState.COMPLETED, ATTEMPTS, True)
    assert task.fallback is not None
    assert (task.fallback["kind"], task.fallback["error"]) == ("static", "mcp-server-unreachable")


async def test_what_answers_is_not_degraded(
    runner: Runner, parts: ToolhubParts, faulty: FaultServer
) -> None:
    await register(parts, "s", faulty.endpoint("fine"))
    await decide(parts, "s", "t", STATIC)
    ended = await runner(doing(ask=asking("s", "t")))
    assert (ended.output, seen(ended).degraded, seen(ended).fallback) == ("fine", False, None)


async def test_what_an_earlier_attempt_may_have_done_is_not_hidden(
    runner: Runner, parts: ToolhubParts, faulty: FaultServer
) -> None:
    faulty.came.clear()
    await register(parts, "s", faulty.endpoint("fails-then-busy"))
    await decide(parts, "s", "t", STATIC, idempotent=True)
    ended = await runner(doing(ask=asking("s", "t")))
    assert faulty.came["fails-then-busy", "t"] == ATTEMPTS
    assert ended.error is not None
    assert "is busy" in ended.error["detail"]
    # One that only reads may have run.
    ended = await runner(doing(ask=asking("s", "safe")))
    assert ended.error is not None
    await decide(parts, "s", "safe", STATIC)
    assert (await runner(doing(ask=asking("s", "safe")))).output == VALUE


async def test_local_calls_fall_back_where_it_is_known_what_went_before(
    runner: Runner, parts: ToolhubParts
) -> None:
    await down(parts)
    await decide(parts, "down", "t", STATIC)
    await decide(parts, "down", "safe", STATIC)
    for tool, attempts, given in (("safe", ATTEMPTS, True), ("t", 1, True), ("t", ATTEMPTS, False)):
        task = asking("down", tool)
        ours = task["metadata"]["millwright"]
        ours |= {"local": True, "idempotencyKey": f"{tool}-{attempts}"}
        ours["retry"]["attempts"] = attempts
        ended = await runner(doing(ask=task))
        assert (seen(ended).degraded, ended.output == VALUE) == (given, given), ended.error


async def test_a_definition_can_tell(runner: Runner, parts: ToolhubParts) -> None:
    await down(parts)
    await decide(parts, "down", "t", STATIC)
    task = asking("down", "t")
    task["output"] = {"as": "${ {degraded: ($task.degraded // false), why: $task.fallback.error} }"}
    assert (await runner(doing(ask=task))).output == {
        "degraded": True,
        "why": "mcp-server-unreachable",
    }


async def test_a_definition_that_tries_again_does_so_before(
    runner: Runner, parts: ToolhubParts, faulty: FaultServer
) -> None:
    faulty.came.clear()
    await register(parts, "s", faulty.endpoint("429"))
    await decide(parts, "s", "t", STATIC)
    ask = {"call": "mcp.tool", "with": {"server": "s", "tool": "t"}}
    retry = {"delay": {"milliseconds": 10}, "limit": {"attempt": {"count": 2}}}
    task = {"try": [{"ask": ask}], "catch": {"retry": retry}}
    ended = await runner(doing(again=task))
    assert (ended.output, faulty.came["429", "t"]) == (VALUE, 2), ended.error
    asked = [each for each in fold(ended.progress.events, {}) if each.name == "ask"]
    assert [(each.state, each.degraded) for each in asked] == [
        (TaskState.FAULTED, False),
        (TaskState.COMPLETED, True),
    ]


async def test_nothing_stands_in_for_what_undoes_a_task(
    runner: Runner, parts: ToolhubParts
) -> None:
    await down(parts)
    await decide(parts, "down", "t", STATIC)
    undo = {"call": "mcp.tool", "with": {"server": "down", "tool": "t"}}
    book = {"set": {"booked": True}, "metadata": {"millwright": {"compensate": [{"undo": undo}]}}}
    error = {"type": "https://example.com/no", "status": 400, "title": "no"}
    handle = await runner.start(doing(book=book, stop={"raise": {"error": error}}))
    await runner.until(handle, lambda told: "faulted" in _states(told, "undo"))
    assert "completed" not in _states(await runner.progress(handle), "undo")
    await handle.terminate()


def _states(told: Any, name: str) -> list[str]:
    return [event.state for event in told.events if event.name == name]


# --- The page about it ---------------------------------------------------------------------------

PAGE = (Path(__file__).parents[2] / "docs/how-to/fall-back.md").read_text()


def test_every_policy_of_the_page_is_one() -> None:
    shown = [json.loads(each) for each in re.findall(r"^```json\n(.*?)^```$", PAGE, FLAGS)]
    kinds = {ToolPolicy.model_validate(each).fallback.kind for each in shown}  # type: ignore[union-attr]
    assert kinds == {"static", "last-good", "tool"}


async def test_the_definition_of_the_page_goes_on(runner: Runner, parts: ToolhubParts) -> None:
    promise = {"type": "object", "required": ["low", "high"]}
    tool = ToolDefinition(name="read_limits", output_schema=promise)
    url = f"http://127.0.0.1:{free_port()}"
    given = ServerRegistration(name="excel", url=url, dialect=Dialect.SEED_HTTP, tools=[tool])
    await parts.registry.register(TENANT, given)
    policy = json.loads(re.findall(r"^```json\n(.*?)^```$", PAGE, FLAGS)[0])
    await decide(parts, "excel", "read_limits", policy["fallback"])
    (definition,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, FLAGS)
    ended = await runner(definition)
    assert ended.output == {"limits": policy["fallback"]["value"], "degraded": True}
