"""What is kept in memory between calls, for how long, and for whom."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import pytest
from sqlalchemy import event

from foundation.database import Database
from foundation.settings import McpSettings
from security.sealing import Sealer
from toolhub.credentials import Credentials
from toolhub.directory import KEPT_S, Directory
from toolhub.errors import CredentialRefusedError, UnknownServerError
from toolhub.registry import Registry
from toolhub.schemas import CallTool, ServerChange, ServerRegistration
from toolhub.wiring import ToolhubParts

pytestmark = pytest.mark.anyio


class Clock:
    """A clock that goes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def elsewhere(database: Database, sealer: Sealer, clock: Clock) -> Directory:
    """The directory of another process: nobody tells it about changes."""
    return Directory(database, Credentials(sealer), clock, protection=McpSettings())


@pytest.fixture
async def registered(registry: Registry, good: str) -> None:
    given = {"name": "good", "url": good, "credential": {"kind": "bearer", "token": "first"}}
    await registry.register("press", ServerRegistration.model_validate(given))


@contextmanager
def queries(database: Database) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine, "before_cursor_execute", note)


@pytest.mark.usefixtures("registered")
async def test_a_tool_that_is_known_costs_no_query(
    elsewhere: Directory, database: Database
) -> None:
    first = await elsewhere.find("press", "good", "add")
    with queries(database) as seen:
        assert await elsewhere.find("press", "good", "add") is first
    assert seen == []


@pytest.mark.usefixtures("registered")
async def test_of_many_calls_at_once_one_asks_the_database(
    elsewhere: Directory, database: Database
) -> None:
    with queries(database) as seen:
        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(elsewhere.find, "press", "good", "add")
    assert len(seen) == 4  # the server, a change that waits, the tool, what is known of it


@pytest.mark.usefixtures("registered")
async def test_a_change_of_another_process_is_seen_when_the_entry_is_old(
    elsewhere: Directory, registry: Registry, clock: Clock
) -> None:
    async def credential() -> str:
        return (await elsewhere.find("press", "good", "add")).to.headers["Authorization"]

    assert await credential() == "Bearer first"
    change = {"credential": {"kind": "bearer", "token": "second"}, "discover": False}
    await registry.update("press", "good", ServerChange.model_validate(change))
    clock.now = KEPT_S - 0.1
    assert await credential() == "Bearer first"
    clock.now = KEPT_S + 0.1
    assert await credential() == "Bearer second"


@pytest.mark.usefixtures("registered")
async def test_what_one_tenant_looked_up_is_not_there_for_another(elsewhere: Directory) -> None:
    await elsewhere.find("press", "good", "add")
    with pytest.raises(UnknownServerError):
        await elsewhere.find("paint", "good", "add")


@pytest.mark.usefixtures("registered")
async def test_what_is_not_there_is_looked_for_again(
    elsewhere: Directory, registry: Registry, good: str
) -> None:
    with pytest.raises(UnknownServerError):
        await elsewhere.find("press", "later", "add")
    await registry.register("press", ServerRegistration(name="later", url=good))
    assert (await elsewhere.find("press", "later", "add")).tool == "add"


@pytest.mark.usefixtures("registered")
async def test_an_entry_does_not_show_its_credential(elsewhere: Directory) -> None:
    assert "first" not in repr(await elsewhere.find("press", "good", "add"))


async def test_a_refused_credential_is_looked_up_again(
    registry: Registry, another: ToolhubParts, bad: str
) -> None:
    given = {
        "name": "guarded",
        "url": f"{bad}/guarded/mcp",
        "credential": {"kind": "bearer", "token": "first"},
    }
    await registry.register("press", ServerRegistration.model_validate(given))
    other_process = another.hub
    call = CallTool(tenant_id="press", server="guarded", tool="t")
    with pytest.raises(CredentialRefusedError):
        await other_process.call(call)
    change = {"credential": {"kind": "bearer", "token": "second"}}
    await registry.update("press", "guarded", ServerChange.model_validate(change))
    assert (await other_process.call(call)).value == []
