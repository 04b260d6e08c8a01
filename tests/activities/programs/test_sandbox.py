"""What a program is given and what comes back."""

import asyncio
import os
from pathlib import Path

import pytest

from activities.programs.sandbox import Sandbox, SandboxRefusedError
from activities.programs.sandbox.errors import ProgramInputError
from activities.programs.sandbox.refusing import Refusing
from activities.programs.sandbox.seccomp import ARCHITECTURES, seccomp_filter
from activities.programs.sandbox.types import Limits, Program
from activities.programs.sandbox.usage import descendants
from tests.activities.programs.conftest import Execute, until

pytestmark = pytest.mark.anyio


async def test_a_shell_command_gets_arguments_environment_and_input(execute: Execute) -> None:
    code = 'read -r line; echo "$line $1 $2 $PART"; echo bad >&2; exit 3'
    ended = await execute("sh", code, "a b", "$(c)", environment={"PART": "P-1"}, stdin="in\n")
    assert (ended.code, ended.exceeded) == (3, None)
    assert (ended.stdout, ended.stderr) == (b"in a b $(c) P-1\n", b"bad\n")


async def test_python_gets_arguments_environment_and_input(execute: Execute) -> None:
    code = "import os, sys\nprint(sys.stdin.read(), sys.argv[1:], os.environ['PART'])"
    ended = await execute("python", code, "a", "ü", environment={"PART": "P"}, stdin="€")
    assert ended.stdout.decode() == "€ ['a', 'ü'] P\n"


@pytest.mark.skipif(not Path("/usr/bin/node").exists(), reason="There is no /usr/bin/node.")
async def test_javascript_gets_arguments_environment_and_input(execute: Execute) -> None:
    code = (
        "import { readFileSync } from 'node:fs';\n"
        "const [_, __, arg] = process.argv;\n"
        "console.log(readFileSync(process.stdin.fd, 'utf8'), arg, process.env.PART)"
    )
    ended = await execute("js", code, "a", environment={"PART": "P"}, stdin="€")
    assert (ended.stdout.decode(), ended.stderr) == ("€ a P\n", b"")


async def test_python_is_the_systems_and_sees_none_of_our_packages(execute: Execute) -> None:
    code = (
        "import sys, importlib.util\n"
        "print(sys.executable, [importlib.util.find_spec(n) for n in ('temporalio', 'activities')])"
    )
    assert (await execute("python", code)).stdout == b"/usr/bin/python3 [None, None]\n"


async def test_a_program_that_reads_nothing_may_be_given_much(execute: Execute) -> None:
    ended = await execute("sh", "echo done", stdin="x" * 1_000_000)
    assert (ended.code, ended.stdout) == (0, b"done\n")


async def test_a_program_may_close_its_output_and_go_on(execute: Execute) -> None:
    ended = await execute("sh", "exec >&- 2>&-; sleep 0.2; exit 4")
    assert (ended.code, ended.exceeded) == (4, None)


async def test_a_signal_that_ends_the_program_is_told_in_its_code(execute: Execute) -> None:
    assert (await execute("sh", "kill -KILL $$")).code == 128 + 9


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (Program("sh", "", environment={"A B": "x"}), "'A B' cannot be the name"),
        (Program("sh", "", environment={"LD_PRELOAD": "x"}), "LD_PRELOAD"),
        (Program("sh", "", environment={"A": "x\0y"}), "NUL"),
        (Program("sh", "", ("ok", "x" * 200_000)), "Argument 2 has more than 100,000 bytes"),
        (Program("sh", "", ["x" * 90_000] * 12), "1,080,000 characters"),
        (Program("sh", "\ud800"), "The code holds half a character"),
        (Program("sh", "", stdin="\ud800"), "The standard input holds half"),
    ],
)
async def test_what_no_program_can_be_given_is_named(
    sandbox: Sandbox, given: Program, what: str
) -> None:
    with pytest.raises(ProgramInputError) as caught:
        await sandbox.run(given, Limits())
    assert what in caught.value.message


async def test_a_cancelled_program_is_gone_with_its_children(sandbox: Sandbox) -> None:
    code = "trap '' TERM; sleep 1000 & (trap '' TERM; sleep 1000) & wait; sleep 1000"
    running = asyncio.create_task(sandbox.run(Program("sh", code), Limits()))
    await until(lambda: _sleepers() == 2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until(lambda: _sleepers() == 0)


def _sleepers() -> int:
    return sum("sleep" in _name(pid) for pid in descendants(os.getpid()))


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""


async def test_what_refuses_says_why() -> None:
    with pytest.raises(SandboxRefusedError, match="its machine does not isolate them: no bwrap"):
        await Refusing("no bwrap").run(Program("sh", "true"), Limits())


def test_a_processor_without_a_filter_is_refused_by_name() -> None:
    assert seccomp_filter("aarch64") != seccomp_filter("x86_64")
    with pytest.raises(SandboxRefusedError, match="'riscv64'"):
        seccomp_filter("riscv64")


def test_the_filter_has_the_numbers_of_this_machines_headers() -> None:
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if not header.exists():
        pytest.skip("There are no headers of the kernel for x86_64.")
    known = dict(
        line.removeprefix("#define __NR_").split()
        for line in header.read_text().splitlines()
        if line.startswith("#define __NR_")
    )
    ours = ARCHITECTURES["x86_64"].calls
    assert {name: int(known[name]) for name in ours if name in known} == {
        name: number for name, number in ours.items() if name in known
    }
    assert len(ours.keys() & known.keys()) > 30
