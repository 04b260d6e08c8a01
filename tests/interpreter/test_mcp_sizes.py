"""Large answers of tools, through a worker and Temporal."""

from collections.abc import AsyncIterator, Iterator

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from activities.logins import Authenticator
from activities.mcp import McpActivities
from foundation.database import Database
from foundation.settings import EgressSettings
from foundation.sizes import INLINE_BYTES
from security.egress import UNRULED, Egress
from security.sealing import Sealer
from tests.fixtures.hubs import build_toolhub
from tests.interpreter.conftest import Runner
from tests.toolhub.servers import Seen, good_server, serving
from toolhub.protection import Protection
from toolhub.schemas import ServerRegistration
from workflows.interpreter.workflow import Interpreter
from workflows.secrets import SecretOpener, SecretsInMemory

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def _good() -> Iterator[tuple[str, Seen]]:
    seen = Seen()
    with serving(good_server(seen)) as url:
        yield f"{url}/mcp", seen


@pytest.fixture
def seen(_good: tuple[str, Seen]) -> Seen:
    """What the server was sent."""
    _good[1].clear()
    return _good[1]


@pytest.fixture
async def run(
    temporal: Client,
    task_queue: str,
    tenant: str,
    database: Database,
    _good: tuple[str, Seen],
) -> AsyncIterator[Runner]:
    egress = Egress(EgressSettings(allow_networks=["127.0.0.0/8"]), UNRULED)
    parts = build_toolhub(database, Sealer(bytes(range(32))), egress)
    for name, most in {"wide": 16 * 1024 * 1024, "usual": None}.items():
        numbers = {} if most is None else {"max_response_bytes": most}
        protection = Protection.model_validate(numbers)
        given = ServerRegistration(name=name, url=_good[0], protection=protection)
        await parts.registry.register(tenant, given)
    activities = McpActivities(parts.hub, SecretOpener(SecretsInMemory()), Authenticator(egress))
    async with Worker(
        temporal,
        task_queue=task_queue,
        workflows=[Interpreter],
        activities=[activities.mcp_call],
    ):
        yield Runner(temporal, task_queue, tenant)
    await parts.aclose()
    await egress.aclose()


def asking(server: str, size: int) -> str:
    arguments = f"{{ server: {server}, tool: big, arguments: {{ size: {size} }} }}"
    return f"do: [ {{ ask: {{ call: mcp.tool, with: {arguments} }} }} ]"


@pytest.mark.usefixtures("seen")
async def test_an_answer_of_five_megabytes_is_kept_by_reference(run: Runner) -> None:
    handle = await run.start(asking("wide", 5_000_000))
    assert await handle.result() == "x" * 5_000_000
    history = await handle.fetch_history()
    assert sum(len(event.SerializeToString()) for event in history.events) < INLINE_BYTES


async def test_what_a_run_cannot_hold_faults_after_one_call(run: Runner, seen: Seen) -> None:
    ended = await run(asking("wide", 8_000_000))
    assert ended.kind == "validation"
    assert "7,500,000 are allowed" in ended.error["detail"]
    assert seen.ran["big"] == 1


async def test_without_a_number_of_its_own_a_server_has_what_all_have(
    run: Runner, seen: Seen
) -> None:
    ended = await run(asking("usual", 2_000_000))
    assert ended.kind == "runtime"
    assert "more than 1,048,576 bytes" in ended.error["detail"]
    assert "'max_response_bytes'" in ended.error["detail"]
    assert seen.ran["big"] == 1
