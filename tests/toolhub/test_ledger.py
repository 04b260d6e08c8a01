"""What must not run twice does not, however often it is called and whoever dies meanwhile."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session
from typing_extensions import override

from deploy.local.ports import free_port
from foundation.database import Database
from foundation.errors import UnavailableError
from foundation.json import JsonObject, JsonValue
from foundation.settings import DatabaseSettings
from security.sealing import Sealer
from tests.fixtures.polling import pause
from tests.toolhub.servers import Seen
from toolhub.breaker.types import Mode
from toolhub.errors import (
    BreakerOpenError,
    CallUnderWayError,
    IdempotencyKeyError,
    OutcomeUnknownError,
    RequestFailedError,
    ServerUnreachableError,
    ToolFailedError,
)
from toolhub.hub import ToolHub
from toolhub.ledger.models import LedgerEntry
from toolhub.ledger.service import MAX_KEPT_BYTES, Ledger
from toolhub.ledger.types import Call, Claim, Lost, State
from toolhub.protection import BreakerChange
from toolhub.registry import Registry
from toolhub.schemas import (
    CallOrigin,
    CallTool,
    Dialect,
    McpRequest,
    ServerRegistration,
    ToolDefinition,
)
from toolhub.wiring import ToolhubParts

pytestmark = pytest.mark.anyio


@pytest.fixture
async def seen(registry: Registry, good: str, good_seen: Seen) -> Seen:
    """A registered server 'good', and what it is sent."""
    await registry.register("press", ServerRegistration(name="good", url=good))
    return good_seen


@pytest.fixture
def ledger(parts: ToolhubParts) -> Ledger:
    return parts.ledger


def call(tool: str, call_id: str, /, key: str | None = None, **arguments: JsonValue) -> CallTool:
    return CallTool(
        tenant_id="press",
        server="good",
        tool=tool,
        arguments=arguments,
        call_id=call_id,
        idempotency_key=key,
    )


def asked(key: str, call_id: str = "", arguments: JsonObject | None = None) -> Call:
    return Call(
        tenant_id="press",
        key=key,
        call_id=call_id or key,
        server="good",
        server_id="1",
        tool="t",
        arguments=arguments or {},
        timeout_s=60,
    )


def entries(database: Database) -> list[LedgerEntry]:
    with database.session() as session:
        return list(session.scalars(select(LedgerEntry)))


async def test_an_attempt_after_the_answer_gets_that_answer(
    hub: ToolHub, another: ToolhubParts, ledger: Ledger, seen: Seen
) -> None:
    first = await hub.call(call("big", "c", size=3))
    await ledger.drain()
    second = await another.hub.call(call("big", "c", size=3))
    assert (first.value, second.value, seen.ran["big"]) == ("xxx", "xxx", 1)


async def test_an_attempt_while_nobody_knows_is_not_sent(
    hub: ToolHub, another: ToolhubParts, seen: Seen
) -> None:
    first = asyncio.create_task(hub.call(call("slow", "c", seconds=0.5)))
    while not seen.ran["slow"]:
        await pause()
    with pytest.raises(OutcomeUnknownError, match="'slow'") as caught:
        await another.hub.call(call("slow", "c", seconds=0.5))
    assert not caught.value.retryable
    assert (await first).value == "done"
    assert seen.ran["slow"] == 1


async def test_a_call_that_was_broken_off_stays_unknown(
    hub: ToolHub, another: ToolhubParts, seen: Seen
) -> None:
    task = asyncio.create_task(hub.call(call("slow", "c", seconds=30)))
    while not seen.ran["slow"]:
        await pause()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(OutcomeUnknownError):
        await another.hub.call(call("slow", "c", seconds=30))


async def test_of_many_at_once_one_is_sent(
    hub: ToolHub, another: ToolhubParts, ledger: Ledger, seen: Seen, database: Database
) -> None:
    results = await asyncio.gather(
        *(which.call(call("big", "c", size=1)) for which in (hub, another.hub) for _ in range(20)),
        return_exceptions=True,
    )
    assert seen.ran["big"] == 1
    assert {type(each) for each in results if isinstance(each, BaseException)} <= {
        OutcomeUnknownError
    }
    await ledger.drain()
    await another.ledger.drain()
    (entry,) = entries(database)
    assert entry.state == State.DONE


async def test_a_tool_that_was_not_reached_may_be_called_again(
    registry: Registry, hub: ToolHub, database: Database
) -> None:
    given = ServerRegistration(
        name="good",
        url=f"http://127.0.0.1:{free_port()}",
        dialect=Dialect.SEED_HTTP,
        tools=[ToolDefinition(name="t")],
    )
    await registry.register("press", given)
    for _ in range(2):
        with pytest.raises(ServerUnreachableError) as caught:
            await hub.call(call("t", "c"))
        assert caught.value.retryable
    assert entries(database) == []


async def test_a_tool_that_may_be_repeated_is_not_written_down(
    hub: ToolHub, seen: Seen, database: Database
) -> None:
    for _ in range(2):
        await hub.call(call("add", "c", a=1, b=2))
    assert seen.ran["add"] == 2
    assert entries(database) == []


async def test_calls_of_another_run_or_another_tenant_are_other_calls(
    hub: ToolHub, registry: Registry, good: str, seen: Seen
) -> None:
    await registry.register("weld", ServerRegistration(name="good", url=good))
    for tenant, call_id in (("press", "c"), ("press", "d"), ("weld", "c")):
        given = CallTool(
            tenant_id=tenant, server="good", tool="big", arguments={"size": 1}, call_id=call_id
        )
        await hub.call(given)
    assert seen.ran["big"] == 3


async def test_a_key_makes_calls_of_several_runs_one(
    hub: ToolHub, another: ToolhubParts, ledger: Ledger, seen: Seen
) -> None:
    await hub.call(call("big", "c", "order-1", size=2))
    await ledger.drain()
    again = await another.hub.call(call("big", "d", "order-1", size=2))
    assert (again.value, seen.ran["big"]) == ("xx", 1)
    with pytest.raises(IdempotencyKeyError, match="other arguments"):
        await another.hub.call(call("big", "e", "order-1", size=3))
    assert seen.ran["big"] == 1


async def test_a_key_is_no_key_of_another_server_on_the_same_host(
    hub: ToolHub, ledger: Ledger, good: str, legacy: str
) -> None:
    def asking(url: str, call_id: str) -> McpRequest:
        return McpRequest(
            tenant_id="press",
            url=url,
            method="tools/call",
            params={"name": "big", "arguments": {"size": 1}},
            call_id=call_id,
            idempotency_key="order-1",
        )

    await hub.request(asking(good, "c"))
    await ledger.drain()
    with pytest.raises(RequestFailedError, match="other arguments"):
        await hub.request(asking(legacy, "d"))


async def test_a_call_with_a_key_that_is_under_way_waits(
    hub: ToolHub, another: ToolhubParts, ledger: Ledger, seen: Seen, database: Database
) -> None:
    first = asyncio.create_task(hub.call(call("slow", "c", "order-1", seconds=0.3)))
    while not seen.ran["slow"]:
        await pause()
    with pytest.raises(CallUnderWayError) as caught:
        await another.hub.call(call("slow", "d", "order-1", seconds=0.3))
    assert caught.value.retryable
    assert 0 < (caught.value.retry_after_s or 0) <= 2
    await first
    await ledger.drain()
    assert (await another.hub.call(call("slow", "d", "order-1", seconds=0.3))).value == "done"
    assert seen.ran["slow"] == 1
    # When its answer cannot come any more, nobody knows.
    with database.session() as session:
        past = LedgerEntry.sent_at - timedelta(seconds=1)
        session.execute(update(LedgerEntry).values(state=State.SENT, answered_by=past))
    with pytest.raises(OutcomeUnknownError):
        await another.hub.call(call("slow", "d", "order-1", seconds=0.3))


async def test_a_tool_that_failed_is_called_again_by_another_call_only(
    hub: ToolHub, another: ToolhubParts, ledger: Ledger, seen: Seen
) -> None:
    with pytest.raises(ToolFailedError):
        await hub.call(call("fail", "c", "order-1", why="no"))
    await ledger.drain()
    with pytest.raises(ToolFailedError, match="Error executing tool fail"):
        await another.hub.call(call("fail", "c", "order-1", why="no"))
    assert seen.ran["fail"] == 1
    with pytest.raises(ToolFailedError):
        await another.hub.call(call("fail", "d", "order-1", why="no"))
    assert seen.ran["fail"] == 2


async def test_a_large_answer_is_not_kept_but_the_tool_does_not_run_again(
    hub: ToolHub, another: ToolhubParts, ledger: Ledger, seen: Seen
) -> None:
    await hub.call(call("big", "c", size=MAX_KEPT_BYTES))
    await ledger.drain()
    with pytest.raises(OutcomeUnknownError, match="did run, and was not called again"):
        await another.hub.call(call("big", "c", size=MAX_KEPT_BYTES))
    assert seen.ran["big"] == 1


async def test_neither_arguments_nor_answers_can_be_read_in_the_table(
    hub: ToolHub, ledger: Ledger, database: Database, seen: Seen
) -> None:
    await hub.call(call("greet", "c", name="canary-4711"))
    await ledger.drain()
    with database.session() as session:
        row = str(session.execute(text("select * from mcp_ledger")).all())
    assert "greet" in row
    assert "canary" not in row
    assert seen.bodies


async def test_without_a_database_nothing_is_sent(
    registry: Registry, good: str, good_seen: Seen, hub: ToolHub, ledger: Ledger
) -> None:
    await registry.register("press", ServerRegistration(name="good", url=good))
    await hub.call(call("add", "warm", a=1, b=2))
    good_seen.clear()
    away = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none"
    ledger._database = Database(DatabaseSettings(url=SecretStr(away)))
    await hub.call(call("add", "c", a=1, b=2))
    hub._directory._entries.clear()
    with pytest.raises(UnavailableError):
        await hub.call(call("big", "c", size=1))
    assert good_seen.ran["big"] == 0


class Forgetful(Database):
    """A database whose answer to a commit gets lost, once."""

    def __init__(self, database: Database) -> None:
        self._inner = database
        self.loses = True

    @override
    @contextmanager
    def session(self) -> Iterator[Session]:
        with self._inner.session() as session:
            yield session
        if self.loses:
            self.loses = False
            raise UnavailableError("lost")


async def test_a_claim_whose_commit_was_not_answered_is_taken_back(
    database: Database, sealer: Sealer
) -> None:
    ledger = Ledger(Forgetful(database), sealer)
    with pytest.raises(UnavailableError):
        await ledger.claim(asked("k"))
    assert len(entries(database)) == 1
    assert isinstance(await ledger.claim(asked("k")), Claim)


async def test_a_caller_that_is_cancelled_while_it_claims_takes_it_back(
    database: Database, sealer: Sealer
) -> None:
    ledger = Ledger(database, sealer)
    task = asyncio.create_task(ledger.claim(asked("k")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await ledger.drain()
    assert entries(database) == []


async def test_what_comes_too_late_changes_nothing(database: Database, sealer: Sealer) -> None:
    ledger = Ledger(database, sealer)
    first = await ledger.claim(asked("k", "one"))
    assert isinstance(first, Claim)
    ledger.done(first, State.FAILED, {"isError": True})
    await ledger.drain()
    second = await ledger.claim(asked("k", "two"))
    assert isinstance(second, Claim)
    ledger.done(first, State.DONE, {"late": True})
    await ledger.release(first)
    assert isinstance(await ledger.claim(asked("k", "two")), Lost)


async def test_many_calls_are_a_few_transactions(database: Database, sealer: Sealer) -> None:
    ledger, sessions = Ledger(database, sealer), 0
    inner = database.session

    @contextmanager
    def counted() -> Iterator[Session]:
        nonlocal sessions
        sessions += 1
        with inner() as session:
            yield session

    database.session = counted  # type: ignore[method-assign]
    try:
        answers = await asyncio.gather(*(ledger.claim(asked(uuid4().hex)) for _ in range(100)))
    finally:
        del database.session
    assert all(isinstance(each, Claim) for each in answers)
    assert sessions <= 2


async def test_what_is_old_is_forgotten(database: Database, sealer: Sealer) -> None:
    ledger = Ledger(database, sealer)
    for key in ("a", "b", "c"):
        await ledger.claim(asked(key))
    with database.session() as session:
        old = LedgerEntry.sent_at - timedelta(days=31)
        session.execute(update(LedgerEntry).where(LedgerEntry.key != "c").values(sent_at=old))
    assert ledger.forget_old(timedelta(days=30), limit=1) == 1
    assert ledger.forget_old(timedelta(days=30)) == 1
    assert [entry.key for entry in entries(database)] == ["c"]


@pytest.mark.parametrize("method", ["tools/call", "tools/list"])
async def test_a_tool_of_a_server_by_its_address_does_not_run_twice_either(
    hub: ToolHub, another: ToolhubParts, ledger: Ledger, good: str, good_seen: Seen, method: str
) -> None:
    params: JsonObject = {"name": "big", "arguments": {"size": 2}} if "call" in method else {}
    request = McpRequest(tenant_id="press", url=good, method=method, params=params, call_id="c")
    first = await hub.request(request)
    await ledger.drain()
    assert await another.hub.request(request) == first
    assert good_seen.methods.count(method) == (1 if "call" in method else 2)


async def test_a_call_that_is_refused_now_and_was_sent_before_is_not_told_not_to_have_run(
    parts: ToolhubParts, hub: ToolHub, ledger: Ledger, seen: Seen, database: Database
) -> None:
    answer = await hub.call(call("big", "a", size=3))
    await hub.call(call("big", "b", size=3))
    await ledger.drain()
    past = func.now() - timedelta(minutes=5)
    with database.session() as session:  # its worker died before it could say what came of it
        gone = update(LedgerEntry).where(LedgerEntry.key == "b")
        session.execute(gone.values(state=State.SENT, answer=None, answered_by=past))
    assert seen.ran["big"] == 2
    await parts.breakers.put("press", "good", BreakerChange(mode=Mode.OPEN), by="ana")

    def again(call_id: str, attempt: int = 2) -> CallTool:
        return replace(call("big", call_id, size=3), origin=CallOrigin(attempt=attempt))

    # What it came to is known, what is lost is said to be, and only the rest was not sent.
    assert (await hub.call(again("a"))).value == answer.value
    with pytest.raises(OutcomeUnknownError):
        await hub.call(again("b"))
    for other in (again("c"), again("d", attempt=1)):
        with pytest.raises(BreakerOpenError):
            await hub.call(other)
    assert not await ledger.knows("press", "c")
