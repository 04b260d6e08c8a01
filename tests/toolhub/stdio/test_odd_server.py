"""Calling a program: what it may do, and that whatever it does harms no other call."""

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from foundation.errors import MillwrightError
from tests.fixtures.polling import pause
from tests.toolhub.stdio.conftest import TOKEN
from toolhub.errors import (
    CallRefusedError,
    NotMcpError,
    OutcomeUnknownError,
    RegistrationError,
    ResultTooLargeError,
    ToolTimeoutError,
)
from toolhub.hub import ToolHub
from toolhub.policies.types import ToolPolicy
from toolhub.registry import Registry
from toolhub.schemas import CallTool, ServerRegistration
from toolhub.wiring import ToolhubParts

pytestmark = pytest.mark.anyio


def registration(command: str = "odd", **more: Any) -> ServerRegistration:
    given = {"name": "odd", "url": f"stdio:{command}", "dialect": "stdio", **more}
    return ServerRegistration.model_validate(given)


async def registered(registry: Registry, command: str = "odd", **more: Any) -> None:
    await registry.register("press", registration(command, **more), may_programs=True)


def call(tool: str, timeout_s: float = 30, tenant_id: str = "press", **arguments: Any) -> CallTool:
    return CallTool(
        tenant_id=tenant_id, server="odd", tool=tool, arguments=arguments, timeout_s=timeout_s
    )


async def said(hub: ToolHub, tool: str, **arguments: Any) -> str:
    return str((await hub.call(call(tool, **arguments))).value)


def lives(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for yet does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


async def until_ended(*pids: int) -> None:
    while any(lives(pid) for pid in pids):
        await pause()


def begun(notes: Path) -> list[int]:
    """Return the process ids of all that were started."""
    return [int(one.name.partition("-")[2]) for one in notes.glob("began-*")]


def noted(notes: Path, name: str) -> str | None:
    place = notes / name
    return place.read_text() if place.exists() else None


async def appeared(notes: Path, name: str) -> str:
    while (text := noted(notes, name)) is None:
        await pause()
    return text


async def test_a_program_is_registered_and_called(registry: Registry, hub: ToolHub) -> None:
    info = await registry.register("press", registration(), may_programs=True)
    assert (info.status, info.url, info.tool_count) == ("ready", "stdio:odd", 19)
    assert info.protocol is not None
    assert info.protocol["server_name"] == "odd"
    assert await said(hub, "echo", line="L4") == '{"line": "L4"}'


async def test_calls_one_after_the_other_have_the_same_process(
    registry: Registry, hub: ToolHub, notes: Path
) -> None:
    await registered(registry)
    assert len({await said(hub, "pid") for _ in range(5)}) == 1
    assert len(begun(notes)) == 1


async def test_calls_at_the_same_time_have_processes_of_their_own_up_to_a_number(
    registry: Registry, hub: ToolHub, notes: Path
) -> None:
    await registered(registry)
    async with anyio.create_task_group() as tasks:
        for _ in range(12):
            tasks.start_soon(said, hub, "pid")
    assert 1 < len(begun(notes)) <= 4


async def test_a_command_for_one_process_has_one(
    registry: Registry, hub: ToolHub, notes: Path
) -> None:
    await registered(registry, "alone")
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(said, hub, "pid")
    assert len(begun(notes)) == 1


async def test_a_program_sees_nothing_of_our_environment(
    registry: Registry, hub: ToolHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLWRIGHT_SECURITY_MASTER_KEY", "of-ours")
    await registered(registry)
    seen = json.loads(await said(hub, "env"))
    assert set(seen) <= {"PATH", "LANG", "UNIT", "TOKEN", "LC_CTYPE"}
    assert seen["UNIT"] == "mm"


async def test_the_secret_of_a_command_is_not_in_what_comes_back(
    registry: Registry, hub: ToolHub
) -> None:
    await registered(registry)
    assert json.loads(await said(hub, "env"))["TOKEN"] == "[redacted]"
    with pytest.raises(OutcomeUnknownError) as caught:
        await said(hub, "die")
    assert TOKEN not in caught.value.message


@pytest.mark.parametrize(
    ("way", "error", "reason"),
    [
        ("die", OutcomeUnknownError, "it ended with exit code 3; its last words: out of paper"),
        ("mute", OutcomeUnknownError, "it closed its pipes"),
        ("garbage", NotMcpError, "no message of MCP: 'Listening for messages"),
        ("endless-line", NotMcpError, "a line of more than 1,048,576 bytes, which does not"),
        ("big-log", NotMcpError, "not known whether the tool 'big-log' ran"),
        ("big-error", NotMcpError, "not known whether the tool 'big-error' ran"),
        ("big-stray", NotMcpError, "not known whether the tool 'big-stray' ran"),
        ("chatter", NotMcpError, "it writes without end"),
        ("stray", NotMcpError, "the id of another request"),
        ("big", ResultTooLargeError, "takes more than 1,048,576 bytes"),
    ],
)
async def test_a_program_that_breaks_is_told_and_another_one_is_started(
    registry: Registry, hub: ToolHub, way: str, error: type[MillwrightError], reason: str
) -> None:
    await registered(registry)
    before = int(await said(hub, "pid"))
    with pytest.raises(error, match=reason) as caught:
        await said(hub, way)
    assert not caught.value.retryable
    await until_ended(before)
    assert int(await said(hub, "pid")) != before


async def test_what_is_written_to_standard_error_blocks_nothing(
    registry: Registry, hub: ToolHub
) -> None:
    await registered(registry)
    assert await said(hub, "noise") == "done"


async def test_an_error_that_is_an_answer_costs_no_process(
    registry: Registry, hub: ToolHub
) -> None:
    await registered(registry)
    before = await said(hub, "pid")
    with pytest.raises(CallRefusedError, match="no such argument"):
        await said(hub, "refuse")
    assert await said(hub, "pid") == before


async def test_a_call_that_takes_too_long_is_cancelled_at_the_program_which_is_ended(
    registry: Registry, hub: ToolHub, notes: Path
) -> None:
    await registered(registry)
    pid = int(await said(hub, "pid"))
    with pytest.raises(ToolTimeoutError, match="not known whether the tool 'hang' ran"):
        await hub.call(call("hang", timeout_s=0.5))
    await until_ended(pid)
    assert noted(notes, "cancelled") is not None


async def test_a_call_that_is_cancelled_is_cancelled_at_the_program_which_is_ended(
    registry: Registry, hub: ToolHub, notes: Path
) -> None:
    await registered(registry)
    pid = int(await said(hub, "pid"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hub.call, call("hang"))
        await appeared(notes, "called-hang")
        tasks.cancel_scope.cancel()
    await until_ended(pid)
    assert noted(notes, "cancelled") is not None


@pytest.mark.parametrize("way", ["die", "garbage", "endless-line", "hang"])
async def test_a_call_that_goes_wrong_disturbs_no_neighbour(
    registry: Registry, hub: ToolHub, notes: Path, way: str
) -> None:
    await registered(registry)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hub.call, call("hang", timeout_s=60))
        await appeared(notes, "called-hang")
        (neighbour,) = begun(notes)
        with pytest.raises(MillwrightError):
            await hub.call(call(way, timeout_s=2))
        assert await said(hub, "echo") == "{}"
        assert lives(neighbour)
        tasks.cancel_scope.cancel()


async def test_everything_a_program_has_started_ends_with_it(
    registry: Registry, hub: ToolHub, notes: Path
) -> None:
    await registered(registry)
    with pytest.raises(ToolTimeoutError):
        await hub.call(call("family", timeout_s=1))
    family = [int(pid) for pid in (await appeared(notes, "family")).split()]
    await until_ended(*family)


async def test_a_program_that_ignores_that_it_is_to_end_is_killed(
    registry: Registry, hub: ToolHub, notes: Path
) -> None:
    await registered(registry)
    with pytest.raises(ToolTimeoutError):
        await hub.call(call("deaf", timeout_s=1))
    await until_ended(int(await appeared(notes, "deaf")))


async def test_a_program_that_died_between_two_calls_is_replaced(
    registry: Registry, hub: ToolHub
) -> None:
    await registered(registry)
    before = int(await said(hub, "pid"))
    os.kill(before, 9)
    await until_ended(before)
    assert await said(hub, "pid") != str(before)


async def test_closing_the_hub_ends_every_program(parts: ToolhubParts) -> None:
    await registered(parts.registry)
    pid = int(await said(parts.hub, "pid"))
    await parts.aclose()
    assert not lives(pid)


async def test_a_server_that_says_that_its_tools_have_changed_is_heard(
    registry: Registry, hub: ToolHub, parts: ToolhubParts
) -> None:
    await registered(registry)
    assert parts.refreshes.take() is None
    await said(hub, "change")
    while not parts.refreshes.take():
        await pause()


async def test_a_program_is_checked_whether_it_is_there(parts: ToolhubParts) -> None:
    await registered(parts.registry)
    health = await parts.health.check("press", "odd")
    assert (health.healthy, health.dialect) == (True, "stdio")


async def test_a_program_gets_no_key_in_a_header(registry: Registry, parts: ToolhubParts) -> None:
    """What is not sent is not recognised: a repeated call would do it twice."""
    await registered(registry)
    policy = ToolPolicy.model_validate({"idempotency_key": {"header": "Idempotency-Key"}})
    with pytest.raises(RegistrationError, match="gets no headers"):
        await anyio.to_thread.run_sync(
            partial(parts.policies.put, "press", "odd", "pid", policy, by="ana")
        )
