"""How many programs run, and for how long."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import pytest

from foundation.settings import StdioCommand, StdioSettings
from tests.fixtures.polling import pause
from tests.toolhub.stdio.conftest import ODD
from tests.toolhub.stdio.test_odd_server import appeared, begun, lives, until_ended
from toolhub.outcome import Executed, Kind, classify
from toolhub.wire.exchange import (
    Destination,
    Message,
    Program,
    ProgramNotStartedError,
    ProgramsBusyError,
)
from toolhub.wire.stdio.adapter import Stdio

pytestmark = pytest.mark.anyio
Wired: TypeAlias = Callable[..., Stdio]


@pytest.fixture
async def wired(notes: Path) -> AsyncIterator[Wired]:
    """Makes a wire with the odd server and a silent one."""
    async with AsyncExitStack() as stack:

        def made(**settings: Any) -> Stdio:
            odd = StdioCommand(argv=[sys.executable, str(ODD), str(notes)], tenants=["*"])
            silent = StdioCommand(argv=["/bin/sleep", "600"], tenants=["*"])
            alone = odd.model_copy(update={"processes": 1})
            commands = {"odd": odd, "alone": alone, "silent": silent}
            wire = Stdio(StdioSettings(commands=commands, **settings), 1024 * 1024)
            stack.push_async_callback(wire.aclose)
            return wire

        yield made


async def send(
    wire: Stdio,
    server: str,
    tool: str = "pid",
    command: str = "odd",
    tenant_id: str = "press",
    timeout_s: float = 30,
) -> Any:
    program = Program(tenant_id=tenant_id, server_id=server, command=command)
    to = Destination(
        tenant_id=tenant_id, label=server, endpoint=f"stdio:{command}", program=program
    )
    params: dict[str, Any] = {"name": tool, "arguments": {}}
    return await wire.send(to, Message(method="tools/call", params=params, timeout_s=timeout_s))


async def pid_of(wire: Stdio, server: str, tenant_id: str = "press") -> int:
    answer = await send(wire, server, tenant_id=tenant_id)
    return int(answer.result["content"][0]["text"])


async def test_who_needs_one_too_many_gets_the_place_of_the_one_that_was_idle_for_longest(
    wired: Wired,
) -> None:
    wire = wired(max_processes=2)
    oldest, newer = await pid_of(wire, "a"), await pid_of(wire, "b")
    third = await pid_of(wire, "c")
    assert not lives(oldest)
    assert lives(newer)
    assert lives(third)


async def test_who_needs_one_too_many_waits_while_all_are_busy(wired: Wired, notes: Path) -> None:
    wire = wired(max_processes=1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send, wire, "a", "hang")
        await appeared(notes, "called-hang")
        tasks.start_soon(pid_of, wire, "b")
        (hanging,) = begun(notes)
        await pause()
        assert begun(notes) == [hanging]
        tasks.cancel_scope.cancel()
    assert await pid_of(wire, "b") != hanging
    assert not lives(hanging)


async def test_an_idle_one_is_ended(wired: Wired) -> None:
    wire = wired(idle_s=0.1)
    await until_ended(await pid_of(wire, "a"))


async def test_an_old_one_makes_room_for_a_fresh_one(wired: Wired) -> None:
    wire = wired(max_age_s=0.001)
    assert await pid_of(wire, "a") != await pid_of(wire, "a")


async def test_one_that_does_not_answer_at_first_is_given_up(wired: Wired) -> None:
    exchange = await send(wired(start_s=1), "a", command="silent")
    assert isinstance(exchange.fault, ProgramNotStartedError)
    assert not exchange.requested


async def test_a_wire_that_was_closed_starts_nothing_more(wired: Wired, notes: Path) -> None:
    wire = wired()
    await wire.aclose()
    exchange = await send(wire, "a")
    assert isinstance(exchange.fault, ProgramNotStartedError)
    assert begun(notes) == []


async def test_no_tenant_has_more_than_its_share(wired: Wired, notes: Path) -> None:
    wire = wired(max_per_tenant=1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send, wire, "a", "hang")
        await appeared(notes, "called-hang")
        refused = await send(wire, "b", timeout_s=0.5)
        assert lives(await pid_of(wire, "c", tenant_id="mill"))
        tasks.cancel_scope.cancel()
    assert isinstance(refused.fault, ProgramsBusyError)
    assert "MILLWRIGHT_STDIO_MAX_PER_TENANT" in str(refused.fault)
    outcome = classify(refused, repeatable=False)
    assert (outcome.kind, outcome.executed, outcome.retryable) == (Kind.CROWDED, Executed.NO, True)


async def test_who_waits_for_a_process_of_its_own_keeps_no_place_from_others(
    wired: Wired, notes: Path
) -> None:
    wire = wired()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send, wire, "z", "family", "alone", "mill")
        await appeared(notes, "called-family")
        tasks.start_soon(send, wire, "z", "pid", "alone", "mill")
        for name, tool in (("a", "hang"), ("b", "deaf")):
            tasks.start_soon(send, wire, name, tool)
            await appeared(notes, f"called-{tool}")
        assert (await send(wire, "c", timeout_s=10)).fault is None
        tasks.cancel_scope.cancel()


async def test_who_waits_in_vain_is_told_which_number_was_in_the_way(
    wired: Wired, notes: Path
) -> None:
    wire = wired(max_processes=1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send, wire, "a", "hang")
        await appeared(notes, "called-hang")
        refused = await send(wire, "b", tenant_id="mill", timeout_s=0.5)
        tasks.cancel_scope.cancel()
    assert "MILLWRIGHT_STDIO_MAX_PROCESSES" in str(refused.fault)


async def test_a_free_place_goes_to_the_tenant_that_has_the_fewest(
    wired: Wired, notes: Path
) -> None:
    wire, first, done = wired(max_processes=2), anyio.CancelScope(), anyio.Event()

    async def hang() -> None:
        with first:
            await send(wire, "a", "hang")

    async def third() -> None:
        await send(wire, "c")
        done.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hang)
        await appeared(notes, "called-hang")
        tasks.start_soon(send, wire, "b", "deaf")
        await appeared(notes, "called-deaf")
        tasks.start_soon(third)
        await pause()
        tasks.start_soon(send, wire, "d", "family", "odd", "mill")
        await pause()
        first.cancel()
        await appeared(notes, "called-family")
        assert not done.is_set()
        tasks.cancel_scope.cancel()
