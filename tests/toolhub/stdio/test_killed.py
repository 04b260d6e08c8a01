"""What becomes of programs when the process that started them is killed."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.toolhub.stdio.test_odd_server import appeared, until_ended

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[3]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells that a parent has died")
async def test_a_killed_worker_leaves_no_program_behind(notes: Path) -> None:
    holder = subprocess.Popen(  # noqa: ASYNC220, S603 - it does not wait; no shell
        [sys.executable, "-m", "tests.toolhub.stdio.holder", str(notes)], cwd=ROOT
    )
    try:
        family = [int(pid) for pid in (await appeared(notes, "family")).split()]
    finally:
        holder.kill()
        holder.wait()
    await until_ended(*family)
