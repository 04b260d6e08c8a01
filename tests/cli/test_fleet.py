"""One command, several worker processes: replaced when one dies, gone with the command."""

import base64
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.proc import exists, until


class Fleet:
    """The command, and what it says."""

    def __init__(self, log: Path, *flags: str) -> None:
        self.log = log
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("MILLWRIGHT_")
        }
        # Nobody listens there: the workers go on asking, which is all they do here.
        environment["MILLWRIGHT_TEMPORAL_ADDRESS"] = "127.0.0.1:9"
        environment["MILLWRIGHT_LOG_FORMAT"] = "json"
        # Without one they would not even begin to ask.
        environment["MILLWRIGHT_SECURITY_MASTER_KEY"] = base64.b64encode(bytes(32)).decode()
        with log.open("wb") as out:
            self.process = subprocess.Popen(  # noqa: S603 - ours
                [sys.executable, "-m", "cli.main", "worker", *flags],
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    def text(self) -> str:
        return self.log.read_text()

    def pids(self) -> list[int]:
        """All that were started so far."""
        lines = [line for line in self.text().splitlines() if "process_started" in line]
        return [int(re.findall(r'pid["=: ]+(\d+)', line)[0]) for line in lines]

    def asking(self) -> int:
        return self.text().count("not_connected")


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    running = Fleet(tmp_path / "log", "--processes", "2")
    yield running
    running.process.kill()
    running.process.wait()


def test_a_process_that_dies_is_replaced_and_all_end_with_the_command(fleet: Fleet) -> None:
    assert until(lambda: fleet.asking() >= 2, 110), fleet.text()
    first, second = fleet.pids()
    os.kill(first, signal.SIGKILL)
    assert until(lambda: len(fleet.pids()) == 3, 60), fleet.text()
    assert "by SIGKILL" in fleet.text()
    assert exists(second)
    third = fleet.pids()[2]
    fleet.process.terminate()
    assert fleet.process.wait(60) == 0
    assert not [pid for pid in (first, second, third) if exists(pid)]


def test_no_process_is_left_behind_by_a_command_that_is_killed(fleet: Fleet) -> None:
    assert until(lambda: len(fleet.pids()) == 2, 60), fleet.text()
    fleet.process.kill()
    fleet.process.wait()
    assert until(lambda: not any(map(exists, fleet.pids())), 60)


@pytest.mark.parametrize("count", ["0", "-1", "many", "1.5", "257"])
def test_a_number_of_processes_that_is_none_is_refused(tmp_path: Path, count: str) -> None:
    running = Fleet(tmp_path / "log", f"--processes={count}")
    assert running.process.wait(60) == 2
    assert f"'{count}' is not 'auto' or 1 to 256" in running.text()
