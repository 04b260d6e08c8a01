"""CPU time of another process, from the kernel's accounts."""

import os
from pathlib import Path


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds (user and system) a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
