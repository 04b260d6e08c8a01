"""The real sandbox of this machine, or the reason why its tests are skipped."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeAlias

import pytest

from activities.programs.sandbox import (
    Finished,
    Language,
    Limits,
    Program,
    Refusing,
    Sandbox,
    proven,
)

MIB = 1024 * 1024
# Small, so that attacks end soon; the time is for a loaded machine.
SMALL = Limits(
    time_s=60,
    cpu_s=20,
    memory_bytes=128 * MIB,
    processes=16,
    disk_bytes=4 * MIB,
    output_bytes=64 * 1024,
)
Execute: TypeAlias = Callable[..., Awaitable[Finished]]


async def until(condition: Callable[[], bool]) -> None:
    """Ask until it is so; the test's own timeout ends a vain wait."""
    while not condition():  # noqa: ASYNC110 - processes of the system give no event
        await asyncio.sleep(0.02)


@pytest.fixture
async def sandbox() -> Sandbox:
    found = await proven()
    if isinstance(found, Refusing):
        pytest.skip(found.reason)
    return found


@pytest.fixture
def execute(sandbox: Sandbox) -> Execute:
    """Run a program; limits by name."""

    async def run(
        language: Language,
        code: str,
        *arguments: str,
        environment: dict[str, str] | None = None,
        stdin: str = "",
        **limits: Any,
    ) -> Finished:
        program = Program(language, code, arguments, environment or {}, stdin)
        return await sandbox.run(program, replace(SMALL, **limits))

    return run
