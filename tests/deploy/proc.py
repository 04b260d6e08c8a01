"""What the operating system says about processes."""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path


def exists(pid: int) -> bool:
    """Tell whether it runs; one that only waits to be reaped does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def leftovers(folder: Path, leaders: Iterable[int]) -> list[str]:
    """Find what still runs of a stack: its children, their sessions, and whoever works in it."""
    sessions = set(leaders)
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid() and exists(int(entry.name)):
            pid = int(entry.name)
            if pid in sessions or _session(pid) in sessions or _works_in(pid, folder):
                found.append(_command(pid))
    return found


def until(condition: Callable[[], bool], seconds: float = 15.0) -> bool:
    """Wait for something outside this process to become true."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0


def _works_in(pid: int, folder: Path) -> bool:
    try:
        place = Path(f"/proc/{pid}/cwd").readlink()
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    variable = f"MILLWRIGHT_LOCAL_DATA_DIR={folder}".encode()
    return place.is_relative_to(folder) or variable in environment.split(b"\0")


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode() or str(pid)
    except OSError:
        return str(pid)
