"""`call: mcp.tool` where the tool asks people: they answer, and the same call goes on."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.worker import Worker

from activities.approvals import ApprovalActivities
from activities.logins import Authenticator
from activities.mcp import McpActivities
from foundation.blobs import BlobStore
from foundation.database import Database
from foundation.errors import ForbiddenError, InvalidInputError
from foundation.settings import EgressSettings, TemporalSettings
from foundation.temporal import connect
from security.accounts.people import PeopleInMemory
from security.egress import UNRULED, Egress
from security.sealing import Sealer
from tests.fixtures.hubs import build_toolhub
from tests.fixtures.polling import pause
from tests.interpreter.asking import asking, finished, person, says, the_one
from tests.interpreter.conftest import SECRETS, Ended, Runner
from tests.toolhub.asking_server import Asking, elicitation, sdk_server
from tests.toolhub.servers import Seen, serving
from toolhub.schemas import ServerRegistration
from workflows.approvals.wiring import Connections, build_approvals
from workflows.interpreter.types import RunStatus
from workflows.interpreter.workflow import Interpreter
from workflows.runs.pages import PageTokens
from workflows.secrets import SecretOpener, SecretsInMemory

pytestmark = pytest.mark.anyio

WELD = """
do:
  - weld:
      call: mcp.tool
      with:
        server: cell
        tool: weld
        arguments: { %s }
%s
"""


@dataclass
class Plant:
    """A tenant whose tools ask, and how it gets a worker."""

    run: Runner
    work: list[Callable[..., Any]]
    seen: Seen
    server: Asking

    def worker(self) -> Worker:
        return Worker(
            self.run.client,
            task_queue=self.run.task_queue,
            workflows=[Interpreter],
            activities=self.work,
        )

    async def asked(self, arguments: str = "seam: 1", more: str = "", value: Any = None) -> Any:
        """Start; return the instance and the question in the inbox."""
        handle = await self.run.start(WELD % (arguments, more), value, by="id-ada")
        await self.run.until(handle, asking)
        return handle, await the_one(self.run)


@asynccontextmanager
async def planted(
    temporal: Client, task_queue: str, tenant: str, shared_database: Database
) -> AsyncIterator[Plant]:
    """Build a plant without a worker; `cell` asks what the test says, `press` is the SDK's."""
    egress = Egress(EgressSettings(allow_networks=["127.0.0.0/8"]), UNRULED)
    parts = build_toolhub(shared_database, Sealer(bytes(range(32))), egress)
    secrets = {(tenant, name): value for name, value in SECRETS.items()}
    opener = SecretOpener(SecretsInMemory(secrets))
    mcp = McpActivities(parts.hub, opener, Authenticator(egress))
    people = PeopleInMemory()
    connections = Connections(shared_database, temporal, people)
    decisions = build_approvals(connections, Sealer(bytes(32)), PageTokens(bytes(32)))
    show = ApprovalActivities(decisions.inbox.desk).show
    runner = Runner(temporal, task_queue, tenant, approvals=decisions, people=people)
    plant = Plant(
        runner,
        [mcp.mcp_call, mcp.mcp_answer, mcp.mcp_task_follow, mcp.mcp_task_cancel, show],
        Seen(),
        Asking(),
    )
    with serving(plant.server.app) as cell, serving(sdk_server(plant.seen)) as press:
        for name, url in (("cell", cell), ("press", press)):
            await parts.registry.register(tenant, ServerRegistration(name=name, url=f"{url}/mcp"))
        yield plant
    await parts.aclose()
    await egress.aclose()


@pytest.fixture
async def idle(
    temporal: Client, task_queue: str, tenant: str, shared_database: Database
) -> AsyncIterator[Plant]:
    async with planted(temporal, task_queue, tenant, shared_database) as made:
        yield made


@pytest.fixture
async def plant(idle: Plant) -> AsyncIterator[Plant]:
    async with idle.worker():
        yield idle


async def test_people_answer_and_the_same_call_goes_on(plant: Plant) -> None:
    run = plant.run
    handle = await run.start((WELD % ("part: '7'", "")).replace("cell", "press"), by="id-ada")
    await run.until(handle, asking)
    shown = await the_one(run)
    assert (await run.progress(handle)).status is RunStatus.WAITING
    assert shown.title == "press weld: Which line is free?"
    assert shown.data == {"tool": "press weld", "message": "Which line is free?"}
    ada = person(run, "ada", "operator")
    with pytest.raises(InvalidInputError, match="not filled in rightly"):
        await says(run, ada, shown, form={"line": "west"})
    # Whoever started it may answer: it is a question, not a second pair of eyes.
    await says(run, ada, shown, form={"line": "south", "seams": 2})
    ended = await finished(run, handle)
    assert ended.output == {"part": "7", "line": "south", "seams": 2}
    assert plant.seen.ran["weld"] == 1


async def test_a_tool_may_ask_several_things_and_again(plant: Plant) -> None:
    page = elicitation("Sign in", mode="url", url="https://login.bank.example/x")
    plant.server.questions = [{"a": elicitation("Which?"), "b": page}, {}, {"a": elicitation()}]
    handle, first = await plant.asked()
    ada = person(plant.run, "ada", "manager")
    await says(plant.run, ada, first, form={"line": "north"})
    second = await another(plant.run, first)
    assert second.data["host"] == "login.bank.example"
    assert "https://login.bank.example/x" in str(second.description)
    await says(plant.run, ada, second)
    third = await another(plant.run, second)
    await says(plant.run, ada, third, form={"line": "south"})
    ended = await finished(plant.run, handle)
    assert ended.output == "welded, attempt 4"
    told = [call.get("inputResponses") for call in plant.server.calls]
    north = {"action": "accept", "content": {"line": "north"}}
    assert told == [
        None,
        {"a": north, "b": {"action": "accept"}},
        None,
        {"a": {"action": "accept", "content": {"line": "south"}}},
    ]


async def another(run: Runner, before: Any) -> Any:
    while (shown := await the_one(run)).id == before.id:
        await pause()
    return shown


async def test_a_question_outlives_its_run(
    restless_address: str,
    task_queue: str,
    tenant: str,
    shared_database: Database,
    blobs: BlobStore,
) -> None:
    client = await connect(TemporalSettings(address=restless_address), blobs=blobs)
    async with planted(client, task_queue, tenant, shared_database) as plant, plant.worker():
        plant.server.questions = [{"a": elicitation(), "b": elicitation("Who?")}] * 3
        handle, shown = await plant.asked()
        ada = person(plant.run, "ada", "operator")
        for _ in range(5):
            await says(plant.run, ada, shown, form={"line": "north"})
            shown = await another(plant.run, shown)
        await says(plant.run, ada, shown, form={"line": "north"})
        ended = await plant.run.ended(handle)
        assert ended.output == "welded, attempt 4"
        assert await plant.run.replay(handle) > 1
        assert len(plant.server.calls) == 4


async def test_no_is_decline_and_nobody_in_time_is_cancel(plant: Plant) -> None:
    handle, shown = await plant.asked()
    await says(plant.run, person(plant.run, "ada", "operator"), shown, approves=False)
    await finished(plant.run, handle)
    soon = await plant.run(WELD % ("seam: 2", TIMEOUT))
    assert soon.error is None
    told = [call["inputResponses"]["who"] for call in plant.server.calls[1::2]]
    assert told == [{"action": "decline"}, {"action": "cancel"}]


TIMEOUT = "        elicitation: { timeout: { after: '${ { milliseconds: 300 } }' } }"
CHOSEN = """
        elicitation:
          candidates: { users: [ '${ .boss }' ] }
          allowRequester: false
"""


async def test_the_definition_says_who_answers(plant: Plant) -> None:
    value = {"boss": "ada@plant.example"}
    handle, shown = await plant.asked(more=CHOSEN, value=value)
    run = plant.run
    for who in (person(run, "eve", "admin", sees=True), person(run, "ada", sees=True)):
        with pytest.raises(ForbiddenError):
            await says(run, who, shown, form={"line": "north"})
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert (await the_one(run)).status == "CANCELLED"
    assert len(plant.server.calls) == 1
    await run.replay(handle)


async def test_where_nobody_is_asked_the_server_is_not_told_of_anybody(plant: Plant) -> None:
    ended = await plant.run(WELD % ("seam: 1", "        elicitation: { ask: false }"))
    assert 'cannot be answered here: "Which line?" (line)' in ended.error["detail"]
    (call,) = plant.server.calls
    assert "elicitation" not in call["_meta"]["io.modelcontextprotocol/clientCapabilities"]


async def test_a_question_that_cannot_be_asked_is_a_fault(plant: Plant) -> None:
    params = {"messages": [], "maxTokens": 10}
    plant.server.questions = [{"who": {"method": "sampling/createMessage", "params": params}}]
    ended = await plant.run(WELD % ("seam: 1", ""))
    assert "sampling/createMessage" in ended.error["detail"]
    assert len(plant.server.calls) == 1


async def test_a_question_and_the_secrets_of_its_call_survive_the_worker(idle: Plant) -> None:
    document = f"""
document: {{ dsl: '1.0.3', namespace: tests, name: sample, version: '1.0.0' }}
use: {{ secrets: [ planted ] }}
{WELD % ("note: '${ $secrets.planted }'", "")}"""
    idle.server.questions = [{"who": elicitation(f"Use {SECRETS['planted']}?")}]
    async with idle.worker():
        handle = await idle.run.start(document)
        await idle.run.until(handle, asking)
        shown = await the_one(idle.run)
    async with idle.worker():
        assert shown.title == "cell weld: Use ***?"
        await says(idle.run, person(idle.run, "ada", "operator"), shown, form={"line": "north"})
        ended: Ended = await finished(idle.run, handle)
    assert ended.output == "welded, attempt 2"
    assert [call["arguments"] for call in idle.server.calls] == [{"note": SECRETS["planted"]}] * 2
    history = str(await handle.fetch_history())
    assert "Use ***?" in history
    assert str(SECRETS["planted"]) not in history


async def test_a_retry_after_a_refused_answer_asks_anew(plant: Plant) -> None:
    plant.server.refuses = True
    tried = """
do:
  - try:
      try: [ { weld: { call: mcp.tool, with: { server: cell, tool: weld } } } ]
      catch: { retry: { limit: { attempt: { count: 2 } } } }
"""
    handle = await plant.run.start(tried)
    await plant.run.until(handle, asking)
    first = await the_one(plant.run)
    ada = person(plant.run, "ada", "operator")
    await says(plant.run, ada, first, form={"line": "north"})
    second = await another(plant.run, first)
    plant.server.refuses = False
    await says(plant.run, ada, second, form={"line": "south"})
    assert (await finished(plant.run, handle)).output == "welded, attempt 4"
