import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local.processes import Child, ProcessError, Program, last_lines, run, stop_all
from tests.deploy.proc import exists, until

WAIT = "import signal; signal.pause()"
DEAF = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + "print('deaf', flush=True); "
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "child.log"


@pytest.fixture
def started() -> Iterator[list[Child]]:
    children: list[Child] = []
    yield children
    stop_all(children)


def program(log: Path, code: str) -> Program:
    return Program(name="The child", command=(sys.executable, "-c", code), log=log, grace_s=5)


def test_a_child_ends_when_asked_to(log: Path) -> None:
    child = Child(program(log, WAIT))
    assert child.alive()
    child.stop()
    assert not child.alive()
    assert child.returncode == -signal.SIGTERM


def test_a_child_that_does_not_listen_is_killed(log: Path) -> None:
    child = Child(replace(program(log, DEAF + WAIT + ";" + WAIT), grace_s=0.2))
    child.wait_ready(lambda: "deaf" in last_lines(log), 10)
    child.stop()
    assert child.returncode == -signal.SIGKILL


def test_what_a_child_started_itself_ends_with_it(log: Path) -> None:
    code = (
        "import subprocess, sys; "
        f"print(subprocess.Popen([sys.executable, '-c', {WAIT!r}]).pid, flush=True); {WAIT}"
    )
    child = Child(program(log, code))
    child.wait_ready(lambda: bool(last_lines(log)), 10)
    grandchild = int(last_lines(log)[0])
    assert exists(grandchild)
    child.stop()
    assert until(lambda: not exists(grandchild))


def test_a_child_that_ends_before_it_is_ready_is_reported_with_its_last_lines(log: Path) -> None:
    child = Child(program(log, "import sys; print('no such table'); sys.exit(3)"))
    with pytest.raises(ProcessError, match=r"The child ended with status 3(.|\n)*no such table"):
        child.wait_ready(lambda: False, 10)


def test_a_child_that_never_gets_ready_is_reported_after_the_deadline(
    log: Path, started: list[Child]
) -> None:
    started.append(Child(program(log, WAIT)))
    with pytest.raises(ProcessError, match="was not ready after"):
        started[0].wait_ready(lambda: False, 0.1)


def test_running_a_program_that_fails_is_an_error_with_its_last_lines(log: Path) -> None:
    with pytest.raises(ProcessError, match=r"status 1(.|\n)*ZeroDivisionError"):
        run(program(log, "1 / 0"), within_s=10)


def test_the_log_of_the_run_before_is_kept_and_nobody_else_reads_it(log: Path) -> None:
    run(program(log, "print('first')"), within_s=10)
    run(program(log, "print('second')"), within_s=10)
    assert last_lines(log) == ["second"]
    assert last_lines(log.with_suffix(".previous.log")) == ["first"]
    assert log.stat().st_mode & 0o077 == 0


def test_only_the_end_of_a_large_log_is_read(log: Path) -> None:
    run(program(log, "print('x' * 50_000); print('the end')"), within_s=10)
    assert last_lines(log)[-1] == "the end"
    assert sum(map(len, last_lines(log))) <= 16 * 1024


def test_a_ctrl_c_in_the_terminal_does_not_reach_children(log: Path, started: list[Child]) -> None:
    started.append(Child(program(log, WAIT)))
    assert os.getpgid(started[0].pid) != os.getpgid(0)


def test_children_die_with_a_parent_that_is_killed(log: Path) -> None:
    code = (
        "import signal, sys; from pathlib import Path; "
        "from deploy.local.processes import Child, Program; "
        f"command = (sys.executable, '-c', {WAIT!r}); "
        f"child = Child(Program('c', command, Path({str(log.with_name('inner.log'))!r}))); "
        "print(child.pid, flush=True); signal.pause()"
    )
    parent = Child(program(log, code))
    parent.wait_ready(lambda: bool(last_lines(log)), 10)
    child = int(last_lines(log)[0])
    assert exists(child)
    os.kill(parent.pid, signal.SIGKILL)
    assert until(lambda: not exists(child))
    parent.stop()
