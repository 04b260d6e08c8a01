"""`call: a2a` against an agent made with the official SDK."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from activities.a2a import A2aActivities
from activities.logins import Authenticator
from deploy.local.ports import LOOPBACK, free_port, is_open
from deploy.local.processes import Child, Program
from foundation.settings import EgressSettings
from security.egress import UNRULED, Egress
from tests.fixtures.agents import Asked, agent
from tests.interpreter.conftest import SECRETS, Ended, Runner
from tests.toolhub.servers import serving_at
from workflows.interpreter.calls import MARGIN
from workflows.interpreter.tasks.call.activity import GRACE_S
from workflows.interpreter.workflow import Interpreter
from workflows.secrets import SecretOpener, SecretsInMemory

pytestmark = pytest.mark.anyio
VERSIONS = pytest.mark.parametrize("version", ["0.3", "1.0"])


@pytest.fixture(scope="module")
def _agent() -> Iterator[tuple[str, Asked]]:
    asked = Asked()
    with serving_at(lambda base: agent(base, asked)) as url:
        yield url, asked


@pytest.fixture
def url(_agent: tuple[str, Asked]) -> str:
    """Base address of the agent."""
    _agent[1].clear()
    return _agent[0]


@pytest.fixture
def asked(_agent: tuple[str, Asked]) -> Asked:
    """What it was sent."""
    return _agent[1]


@pytest.fixture
async def run(temporal: Client, task_queue: str, tenant: str) -> AsyncIterator[Runner]:
    egress = Egress(EgressSettings(allow_networks=["127.0.0.0/8"]), UNRULED)
    secrets = {(tenant, name): value for name, value in SECRETS.items()}
    activities = A2aActivities(
        egress, SecretOpener(SecretsInMemory(secrets)), Authenticator(egress)
    )
    async with Worker(
        temporal, task_queue=task_queue, workflows=[Interpreter], activities=[activities.a2a_call]
    ):
        yield Runner(temporal, task_queue, tenant)
    await egress.aclose()


def say(text: str) -> str:
    return f"{{ message: {{ parts: [ {{ kind: text, text: {text} }} ] }} }}"


def asking(where: str, method: str, parameters: str, more: str = "") -> str:
    given = f"method: {method}, {where}, parameters: {parameters}"
    return f"do: [ {{ ask: {{ call: a2a, with: {{ {given} }} {more} }} }} ]"


def card(url: str, version: str = "") -> str:
    path = f"/{version}" if version else ""
    return f"agentCard: {{ endpoint: '{url}{path}/.well-known/agent-card.json' }}"


def unwrapped(result: Any) -> Any:
    """Look at a result of either version in the same way."""
    return next(iter(result.values())) if len(result) == 1 else result


def state_of(result: Any) -> str:
    state: str = unwrapped(result)["status"]["state"]
    return state.removeprefix("TASK_STATE_").lower().replace("_", "-")


async def task(run: Runner, url: str, version: str, text: str) -> str:
    """Give the agent something to do that does not end; return the task."""
    begun = (
        f"{{ configuration: {{ blocking: false, returnImmediately: true }}, {say(text)[1:-1]} }}"
    )
    ended = await run(asking(card(url, version), "message/send", begun))
    assert ended.error is None, ended.error
    found: str = unwrapped(ended.output)["id"]
    return found


@VERSIONS
async def test_a_message_is_answered(run: Runner, url: str, version: str) -> None:
    ended = await run(asking(card(url, version), "message/send", say("hello")))
    assert unwrapped(ended.output)["parts"][0]["text"] == "Hello!"


@VERSIONS
async def test_a_task_comes_back_with_its_artifacts(run: Runner, url: str, version: str) -> None:
    ended = await run(asking(card(url, version), "message/send", say("line-4")))
    assert state_of(ended.output) == "completed"
    assert unwrapped(ended.output)["artifacts"][0]["parts"][0]["text"] == "report on line-4"


@VERSIONS
@pytest.mark.parametrize(("text", "state"), [("line-4", "completed"), ("ask", "input-required")])
async def test_a_stream_is_the_ordered_list_of_its_results(
    run: Runner, url: str, version: str, text: str, state: str
) -> None:
    ended = await run(asking(card(url, version), "message/stream", say(text)))
    assert ended.error is None, ended.error
    states = [state_of(each) for each in ended.output if "status" in unwrapped(each)]
    assert states == ["submitted", "working", state]


async def test_an_agent_of_both_versions_is_spoken_to_in_that_of_the_language(
    run: Runner, url: str, asked: Asked
) -> None:
    await run(asking(card(url), "message/send", say("hello")))
    assert asked.bodies[-1]["method"] == "message/send"


async def test_a_method_that_only_the_newer_version_has_is_asked_in_that_one(
    run: Runner, url: str, asked: Asked
) -> None:
    ended = await run(asking(card(url), "tasks/list", "{ pageSize: 5 }"))
    assert isinstance(ended.output["tasks"], list)
    assert asked.bodies[-1]["method"] == "ListTasks"


@VERSIONS
async def test_a_task_is_looked_up_followed_and_cancelled(
    run: Runner, url: str, version: str
) -> None:
    where, known = card(url, version), f"{{ id: '{await task(run, url, version, 'wait')}' }}"
    found = await run(asking(where, "tasks/get", known))
    assert state_of(found.output) == "working"
    cancelled = await run(asking(where, "tasks/cancel", known))
    assert state_of(cancelled.output) == "canceled"
    again = await run(asking(where, "tasks/cancel", known))
    assert (again.kind, again.error["status"]) == ("runtime", 409)
    assert "error -32002" in again.error["detail"]


@VERSIONS
async def test_a_running_task_is_followed_to_its_end(run: Runner, url: str, version: str) -> None:
    where, known = card(url, version), f"{{ id: '{await task(run, url, version, 'wait')}' }}"
    following = await run.start(asking(where, "tasks/resubscribe", known))
    await told(following)
    await run(asking(where, "tasks/cancel", known))
    ended = await run.ended(following)
    assert [state_of(each) for each in ended.output] == ["working", "canceled"]


@pytest.mark.parametrize(
    ("version", "which", "of", "config"),
    [
        ("0.3", "id: '{}'", "id: '{}'", "pushNotificationConfig: {{ id: c, url: 'http://e.com' }}"),
        ("1.0", "taskId: '{}', id: c", "taskId: '{}'", "id: c, url: 'http://e.com'"),
    ],
)
async def test_push_notifications_are_configured(
    run: Runner, url: str, version: str, which: str, of: str, config: str
) -> None:
    where, name = card(url, version), await task(run, url, version, "wait")
    one = f"{{ {which}, pushNotificationConfigId: c }}" if version == "0.3" else f"{{ {which} }}"
    base = "tasks/pushNotificationConfig"

    async def ask(method: str, parameters: str) -> Ended:
        ended = await run(asking(where, f"{base}/{method}", parameters.format(name)))
        assert ended.error is None, ended.error
        return ended

    await ask("set", f"{{{{ taskId: '{{}}', {config} }}}}")
    assert "e.com" in str((await ask("get", f"{{{one}}}")).output)
    assert "e.com" in str((await ask("list", f"{{{{ {of} }}}}")).output)
    await ask("delete", f"{{{one}}}")
    assert "e.com" not in str((await ask("list", f"{{{{ {of} }}}}")).output)
    await run(asking(where, "tasks/cancel", f"{{ id: '{name}' }}"))


@VERSIONS
async def test_the_extended_card_is_read(run: Runner, url: str, version: str) -> None:
    ended = await run(
        f"do: [ {{ ask: {{ call: a2a, with: {{ {card(url, version)}, "
        "method: agent/getAuthenticatedExtendedCard } } } ]"
    )
    assert ended.output["name"] == "extended"


@VERSIONS
@pytest.mark.parametrize("method", ["tasks/get", "tasks/resubscribe"])
async def test_an_error_of_the_agent_has_its_code_and_message(
    run: Runner, url: str, version: str, method: str
) -> None:
    ended = await run(asking(card(url, version), method, "{ id: nothing }"))
    assert (ended.kind, ended.error["status"]) == ("runtime", 404)
    assert "error -32001: Task" in ended.error["detail"]
    assert ended.progress.events[-1].attempts == 1


async def test_an_agent_that_breaks_is_a_runtime_error(run: Runner, url: str) -> None:
    ended = await run(asking(card(url), "message/send", say("break")))
    assert (ended.kind, ended.error["status"]) == ("runtime", 500)
    assert "error -32603: out of paper." in ended.error["detail"]


async def test_a_task_that_the_agent_failed_is_a_result(run: Runner, url: str) -> None:
    ended = await run(asking(card(url), "message/send", say("fail")))
    assert state_of(ended.output) == "failed"


async def test_a_server_is_enough_and_expressions_fill_everything_in(
    run: Runner, url: str, asked: Asked
) -> None:
    ended = await run(
        asking("server: '${ .agent }'", "message/send", "'${ .say }'"),
        {"agent": url, "say": {"message": {"parts": [{"kind": "text", "text": "hello"}]}}},
    )
    assert unwrapped(ended.output)["parts"][0]["text"] == "Hello!"
    assert asked.paths == ["/.well-known/agent-card.json", "/"]


async def test_a_secret_reaches_the_agent_and_nobody_else(
    run: Runner, url: str, asked: Asked
) -> None:
    where = (
        f"server: {{ uri: '{url}', authentication: {{ bearer: {{ token: "
        "'${ $secrets.planted }' } } }"
    )
    handle = await run.start(
        "document: { dsl: '1.0.3', namespace: tests, name: sample, version: '1.0.0' }\n"
        "use: { secrets: [ planted ] }\n" + asking(where, "message/send", say("hello"))
    )
    ended = await run.ended(handle)
    assert ended.error is None, ended.error
    assert asked.headers[-1]["authorization"] == f"Bearer {SECRETS['planted']}"
    history = str((await handle.fetch_history()).to_json())
    assert str(SECRETS["planted"]) not in history


async def test_the_timeout_of_the_task_ends_the_wait_for_an_agent(run: Runner, url: str) -> None:
    more = ", timeout: { after: PT1S }"
    ended = await run(asking(card(url), "message/stream", say("wait"), more))
    assert ended.kind == "timeout"


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ("", 120),
        (", timeout: { after: PT10M }", 600 + GRACE_S),
        (", timeout: { after: '${ .longest }' }", 900 + GRACE_S),
        (", timeout: { after: PT10M }, metadata: { millwright: { timeout: PT5M } }", 300),
    ],
)
async def test_an_agent_may_take_as_long_as_the_task_says(
    run: Runner, url: str, more: str, seconds: float
) -> None:
    handle = await run.start(
        asking(card(url), "message/send", say("hello"), more), {"longest": "PT15M"}
    )
    await handle.result()
    (scheduled,) = [
        event.activity_task_scheduled_event_attributes
        for event in (await handle.fetch_history()).events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    # One exchange for the card, one for the request.
    assert scheduled.start_to_close_timeout.seconds == 2 * seconds + MARGIN.seconds


async def test_an_agent_that_is_not_there_is_asked_four_times_and_named(run: Runner) -> None:
    ended = await run(asking("server: 'http://127.0.0.1:9/agent'", "message/send", say("hello")))
    assert ended.kind == "runtime"
    assert "127.0.0.1:9" in ended.error["detail"]
    assert ended.progress.events[-1].attempts == 4


async def test_an_agent_that_is_killed_in_a_stream_leaves_the_name_of_its_task(
    run: Runner, tmp_path: Path
) -> None:
    port = free_port()
    child = Child(
        Program(
            name="agent",
            command=(sys.executable, "-m", "tests.fixtures.agents", str(port)),
            log=tmp_path / "agent.log",
        )
    )
    try:
        child.wait_ready(lambda: is_open(LOOPBACK, port), 60)
        handle = await run.start(
            asking(card(f"http://127.0.0.1:{port}"), "message/stream", say("wait"))
        )
        await run.until(handle, lambda progress: bool(progress.events))
        await told(handle)
        os.killpg(child.pid, signal.SIGKILL)
        ended = await run.ended(handle)
    finally:
        child.stop()
    assert ended.kind == "runtime"
    assert "the connection broke" in ended.error["detail"]
    assert "Its task is '" in ended.error["detail"]
    assert ended.progress.events[-1].attempts == 1


async def told(handle: Any) -> None:
    """Wait until the activity has reported that the agent works."""
    while True:
        pending = (await handle.describe()).raw_description.pending_activities
        details = [bytes(one.data) for each in pending for one in each.heartbeat_details.payloads]
        if any(b"working" in each for each in details):
            return
