"""How often a worker calls a tool whose server misbehaves, and what its instance says then.

All ways at once, through one worker and a real Temporal; calls of a server that behaves among them.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import product
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.worker import Worker

from activities.logins import Authenticator
from activities.mcp import McpActivities
from foundation.database import Database
from foundation.settings import EgressSettings, TemporalSettings
from foundation.temporal import connect
from security.egress import UNRULED, Egress
from security.sealing import Sealer
from tests.faults.server import FaultServer
from tests.faults.test_faults import ALWAYS, ANSWERS, FAILURES, KINDS, NEVER, READERS
from tests.fixtures.hubs import build_toolhub
from tests.fixtures.polling import pause
from tests.interpreter.conftest import Ended, Runner
from toolhub.errors import CallError
from toolhub.schemas import ServerRegistration
from workflows.interpreter.workflow import Interpreter
from workflows.secrets import SecretOpener, SecretsInMemory

TENANT = "press"
ATTEMPTS = 3
# Only of those that never answer; the others get as long as a busy machine needs.
SILENT = {"silence": 4, "slow-drip": 4, "endless-stream": 4}
PATIENT_S = 60
NEIGHBOURS = 20
# Of what may be tried again later, how long the server's word is waited for at most.
YEAR = "429-year"
LONGEST_S = 60
# How often each tool is called: the one that may do something, the one that only reads.
CALLED = {NEVER: (1, 1), READERS: (1, ATTEMPTS), ALWAYS: (ATTEMPTS, ATTEMPTS)}


# Calls that are not of the way itself: those of neighbours, and those that are sent on to it.
MORE = {("a-while", "t"): NEIGHBOURS, ("fine", "t"): 1, ("fine", "safe"): 1}


@dataclass(frozen=True)
class Seen:
    """What came of it, by way and tool.

    Attributes:
        came: Calls that the server saw.
        next_attempt_s: How long the second attempt at the year is off.
    """

    came: Counter[tuple[str, str]]
    ended: dict[tuple[str, str], Ended]
    neighbours: list[Ended]
    next_attempt_s: float


def server_of(way: str, tool: str) -> str:
    """Name a server for each tool: a `Retry-After` holds back all calls of one server."""
    return f"{way}-{tool}"


def calling(way: str, tool: str) -> str:
    return f"""
do:
- ask:
    call: mcp.tool
    with: {{ server: '{server_of(way, tool)}', tool: {tool}, elicitation: {{ ask: false }} }}
    metadata:
      millwright:
        timeout: {{ seconds: {SILENT.get(way, PATIENT_S)} }}
        retry: {{ attempts: {ATTEMPTS}, delay: {{ milliseconds: 10 }} }}
"""


@pytest.fixture(scope="module")
def seen(temporal_address: str, _database: Database, faulty: FaultServer) -> Seen:
    """All ways, tried at once."""
    faulty.came.clear()

    async def watched() -> Seen:
        async with working(temporal_address, _database, faulty) as runner:
            ended, neighbours, next_attempt_s = await tried(runner)
            return Seen(faulty.came.copy(), ended, neighbours, next_attempt_s)

    return asyncio.run(watched())


@asynccontextmanager
async def working(address: str, database: Database, faulty: FaultServer) -> AsyncIterator[Runner]:
    egress = Egress(EgressSettings(allow_networks=["127.0.0.0/8"]), UNRULED)
    client = await connect(TemporalSettings(address=address))
    parts = build_toolhub(database, Sealer(bytes(range(32))), egress)
    ways = {failure[0] for failure in FAILURES} | set(ANSWERS)
    for way, tool in product(sorted(ways), ("t", "safe")):
        given = ServerRegistration(name=server_of(way, tool), url=faulty.endpoint(way))
        await parts.registry.register(TENANT, given)
    logins = Authenticator(egress)
    activities = McpActivities(parts.hub, SecretOpener(SecretsInMemory()), logins)
    # Other processes try the same ways at the same Temporal.
    queue = f"faults-{uuid4().hex}"
    async with Worker(
        client, task_queue=queue, workflows=[Interpreter], activities=[activities.mcp_call]
    ):
        yield Runner(client, queue, TENANT)
    await parts.aclose()
    await logins.aclose()
    await egress.aclose()


async def tried(runner: Runner) -> tuple[dict[tuple[str, str], Ended], list[Ended], float]:
    asked = [
        (way, tool)
        for way in [*(failure[0] for failure in FAILURES), *ANSWERS]
        for tool in ("t", "safe")
        if way != YEAR
    ]
    handles = [await runner.start(calling(*each)) for each in asked]
    beside = [await runner.start(calling("a-while", "t")) for _ in range(NEIGHBOURS)]
    late = await runner.start(calling(YEAR, "t"))
    ended = await asyncio.gather(*map(runner.ended, handles))
    neighbours = await asyncio.gather(*map(runner.ended, beside))
    off_s = await next_attempt_s(runner.client, late.id)
    await late.terminate()
    return dict(zip(asked, ended, strict=True)), neighbours, off_s


async def next_attempt_s(client: Client, instance: str) -> float:
    """Wait for the first attempt to have failed; return how long Temporal waits after it."""
    while True:
        described = await client.get_workflow_handle(instance).describe()
        if (found := _waits_s(described)) is not None:
            return found
        await pause()


def _waits_s(described: WorkflowExecutionDescription) -> float | None:
    for pending in described.raw_description.pending_activities:
        if pending.attempt > 1:
            return pending.current_retry_interval.ToTimedelta().total_seconds()
    return None


@pytest.mark.parametrize(("way", "error", "words", "again"), FAILURES, ids=[f[0] for f in FAILURES])
def test_a_server_is_called_as_often_as_is_safe(
    *,
    seen: Seen,
    way: str,
    error: type[CallError],
    words: str,
    again: str,
) -> None:
    if way == YEAR:
        assert (round(seen.next_attempt_s), seen.came[way, "t"]) == (LONGEST_S, 1)
        return
    for tool, expected in zip(("t", "safe"), CALLED[again], strict=True):
        ended = seen.ended[way, tool]
        assert (tool, seen.came[way, tool]) == (tool, expected), ended.error
        assert ended.error is not None
        assert ended.kind == KINDS.get(error, "runtime")
        assert words.replace("0.5 s", f"{SILENT.get(way)} s") in ended.error["detail"]
        told = [event.attempts for event in ended.progress.events if event.attempts is not None]
        assert told == [expected]


@pytest.mark.parametrize("way", ANSWERS)
def test_a_server_that_answers_oddly_is_called_once(seen: Seen, way: str) -> None:
    for tool in ("t", "safe"):
        assert seen.ended[way, tool].output == ANSWERS[way]
        assert seen.came[way, tool] == 1 + MORE.get((way, tool), 0)


def test_calls_beside_all_of_them_are_untouched(seen: Seen) -> None:
    assert [ended.output for ended in seen.neighbours] == ["fine"] * NEIGHBOURS
    for ended in seen.neighbours:
        told = [event.attempts for event in ended.progress.events if event.attempts is not None]
        assert told == [1]
