"""Starts a program and sees to it that nothing of it outlives whoever wanted it.

Run as a script by `toolhub.wire.stdio.process`, with the pipes of the program as its own. SIGTERM
is handed on to the program's process group; SIGUSR1 kills it, and comes by itself when the process
that wanted the program dies, however it dies. It ends when the program ends, with its exit code,
and leaves nothing behind that the program has started.
Standard library only, so that it starts in some 15 ms (`python -I -S`).

    keeper.py PARENT_PID PROGRAM [ARGUMENT...]

Only Linux tells a process that its parent died. Elsewhere a program that outlives a killed parent
has to notice by itself that its standard input is closed, as servers should.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
KILL_ALL = signal.SIGUSR1
NOT_STARTED = 127


def main(arguments: list[str]) -> int:
    """Start the program, wait for it, clear up after it, and return its exit code."""
    parent, *program = arguments
    # Until there is something to hand them on to, they wait.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, KILL_ALL))
    control(PR_SET_PDEATHSIG, KILL_ALL)
    # What leaves the group of the program becomes ours when its parent ends.
    control(PR_SET_CHILD_SUBREAPER, 1)
    if os.getppid() != int(parent):
        return NOT_STARTED
    child = os.fork()
    if child == 0:
        become(program)
    with suppress(PermissionError, ProcessLookupError):  # it has done so itself, and begun
        os.setpgid(child, child)
    # The ends of the pipes are the program's alone, so that they close when it closes them.
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    signal.signal(signal.SIGTERM, lambda _number, _frame: tell(child, signal.SIGTERM))
    signal.signal(KILL_ALL, lambda _number, _frame: tell(child, signal.SIGKILL))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, KILL_ALL))
    return bury(child)


def become(program: list[str]) -> None:
    """Become the program, or say why that is not possible."""
    try:
        os.setpgid(0, 0)
        control(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, KILL_ALL))
        os.execvp(program[0], program)  # noqa: S606 - no shell is wanted
    except OSError as error:
        print(f"{program[0]}: {error.strerror}", file=sys.stderr, flush=True)  # noqa: T201
    os._exit(NOT_STARTED)


def bury(child: int) -> int:
    """Wait until the program ends, and kill what it has left behind."""
    # Not taken from the table yet: so nobody else can get the number of its group.
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    tell(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    while orphans := list(children()):
        for orphan in orphans:
            with suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(orphan, 0)
    return code


def children() -> Iterator[int]:
    """Name the processes that are ours; none where the system does not say."""
    for task in Path("/proc/self/task").glob("*/children"):
        yield from map(int, task.read_text().split())


def tell(group: int, number: int) -> None:
    """Send a signal to the whole group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def control(option: int, value: int) -> None:
    """Call `prctl`, where there is one."""
    if sys.platform != "linux":
        return
    if ctypes.CDLL(None, use_errno=True).prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed")


if __name__ == "__main__":
    code = main(sys.argv[1:])
    os._exit(code if code >= 0 else 128 - code)
