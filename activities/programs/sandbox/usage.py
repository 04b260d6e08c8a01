"""What a tree of processes takes, as the kernel tells: for limits that hold for all of them."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

_PROC: Final = Path("/proc")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_TICKS: Final = os.sysconf("SC_CLK_TCK")
# Of what `stat` says after the name of the program: own and children's time, user and system.
_TIMES: Final = slice(11, 15)
_RESIDENT: Final = 1


class Usage(NamedTuple):
    """What a tree takes: memory now, processor time so far."""

    memory_bytes: int
    cpu_s: float


def usage_of(pid: int) -> Usage:
    """Add up what a process and its descendants take. What ends meanwhile is left out.

    Shared memory counts once for each process: rather too much than too little.
    """
    memory, ticks = 0, 0
    for each in [pid, *descendants(pid)]:
        with suppress(OSError, ValueError, IndexError):
            memory += int((_PROC / str(each) / "statm").read_text().split()[_RESIDENT])
            after_name = (_PROC / str(each) / "stat").read_text().rpartition(")")[2].split()
            ticks += sum(int(text) for text in after_name[_TIMES])
    return Usage(memory * _PAGE, ticks / _TICKS)


def descendants(pid: int) -> Iterator[int]:
    """Go through the processes below one, those nearest to it first."""
    pending = [pid]
    while pending:
        children = list(_children(pending.pop(0)))
        yield from children
        pending.extend(children)


def _children(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for task in (_PROC / str(pid) / "task").iterdir():
            with suppress(OSError):
                yield from map(int, (task / "children").read_text().split())
