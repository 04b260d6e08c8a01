"""Child processes with a log file, a deadline for getting ready, and a certain end.

Every child leads its own session, so that a Ctrl-C in the terminal reaches only us and we stop the
children in order. A child dies with us even when we are killed (see `deploy.local.launch`); start
children from a thread that lives as long as they should, which is the main thread.

What a child is for, and how to tell that it is ready, is the business of the modules beside this.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from foundation.errors import UnavailableError

LAUNCH = Path(__file__).with_name("launch.py")
# How often we look whether a child is ready or gone: short beside any start, cheap beside any work.
LOOK_S = 0.03
# What programs write may hold what people work with: other users of the machine cannot read it.
OWNER_ONLY = 0o077


class ProcessError(UnavailableError):
    """A program that we need did not start, did not get ready or ended by itself."""


@dataclass(frozen=True)
class Program:
    """What to start and how to end it.

    Attributes:
        name: What people call it, in tables and messages.
        log: File that takes its output; the one of the run before is kept as `<name>.previous.log`.
        environment: All of its environment variables; ours when None.
        user: System user to become, "" to stay who we are.
        reach_all: Let that user through folders that only root may enter.
        stop_signals: What asks it to end, from polite to firm; SIGKILL follows by itself.
        death_signal: What it gets when this process dies.
        grace_s: Seconds it has after each signal.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] | None = None
    user: str = ""
    reach_all: bool = False
    stop_signals: tuple[signal.Signals, ...] = (signal.SIGTERM,)
    death_signal: signal.Signals = signal.SIGKILL
    grace_s: float = 10.0


class Child:
    """One running program."""

    def __init__(self, program: Program) -> None:
        """Start it."""
        self.program = program
        self._asked = False
        self._process = _spawn(program)

    @property
    def name(self) -> str:
        """What people call it."""
        return self.program.name

    @property
    def pid(self) -> int:
        """Process id, also of its session and process group."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Exit status after the end, negative for a signal."""
        return self._process.returncode

    def alive(self) -> bool:
        """Tell whether it runs. What it left behind in its process group is ended with it."""
        if self._process.returncode is not None:
            return False
        # Not reaped yet: until then the group's number cannot belong to anybody else.
        ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return True
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        return False

    def wait(self, seconds: float) -> bool:
        """Wait for its end; False when it still runs after that many seconds."""
        return _true_within(seconds, lambda: not self.alive())

    def ask_to_stop(self) -> None:
        """Send the first stop signal, once; return at once."""
        if not self._asked and self.alive():
            self._process.send_signal(self.program.stop_signals[0])
        self._asked = True

    def stop(self) -> None:
        """End it: politely, firmly, then by SIGKILL."""
        self.ask_to_stop()
        for firmer in (*self.program.stop_signals[1:], signal.SIGKILL):
            if self.wait(self.program.grace_s):
                return
            self._process.send_signal(firmer)
        self._process.wait()

    def wait_ready(self, ready: Callable[[], bool], within_s: float) -> None:
        """Return as soon as `ready()` is true.

        Raises:
            ProcessError: When it ended instead, or was not ready in time; with its last lines.
        """
        settled = _true_within(within_s, lambda: not self.alive() or ready())
        if not settled:
            raise ProcessError(self.report(f"was not ready after {within_s:.0f} s"))
        if not self.alive():
            raise ProcessError(self.report(f"ended {how_it_ended(self.returncode)}"))

    def report(self, what: str) -> str:
        """Say what happened to it, with the last lines of its log."""
        lines = last_lines(self.program.log)
        said = "\n".join(f"  | {line}" for line in lines) or "  | (it wrote nothing)"
        return f"{self.name} {what}. The end of {self.program.log}:\n{said}"


def stop_all(children: list[Child]) -> None:
    """End several children at the same time."""
    for child in children:
        child.ask_to_stop()
    for child in children:
        child.stop()


def how_it_ended(returncode: int | None) -> str:
    """Put an exit status into words: `with status 1`, `by SIGKILL`."""
    if returncode is not None and returncode < 0:
        return f"by {signal.Signals(-returncode).name}"
    return f"with status {returncode}"


def last_lines(log: Path, count: int = 15) -> list[str]:
    """Read the end of a log, at most 16 KiB of it."""
    with suppress(FileNotFoundError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16 * 1024))
        return file.read().decode(errors="replace").splitlines()[-count:]
    return []


def run(program: Program, within_s: float) -> None:
    """Run a program to its end.

    Raises:
        ProcessError: When it fails or takes longer; with its last lines.
    """
    child = Child(program)
    try:
        if not child.wait(within_s):
            raise ProcessError(child.report(f"was not done after {within_s:.0f} s"))
        if child.returncode != 0:
            raise ProcessError(child.report(f"ended {how_it_ended(child.returncode)}"))
    finally:
        child.stop()


def _spawn(program: Program) -> subprocess.Popen[bytes]:
    launch = [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid())]
    become = [program.user, "all" if program.reach_all else ""]
    with _fresh_log(program.log) as log:
        return subprocess.Popen(
            [*launch, str(int(program.death_signal)), *become, *program.command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=program.environment,
            start_new_session=True,
            umask=OWNER_ONLY,
        )


def _fresh_log(log: Path) -> BinaryIO:
    log.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        log.replace(log.with_suffix(".previous.log"))
    log.touch(mode=0o600)
    return log.open("wb")


def _true_within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_S)
    return True
