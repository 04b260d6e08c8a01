"""Files of images on the operator's disk. Whoever built the image wrote them, links included.

What is done to files here follows no link.
"""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_ENTERED_BY_ALL: Final = 0o755
_READ_BY_ALL: Final = 0o444
_RUN_BY_ALL: Final = 0o111


@contextmanager
def aside(folder: Path, prefix: str) -> Iterator[Path]:
    """Make a folder that nobody else enters, and remove it with all that is in it.

    `tempfile.TemporaryDirectory` changes files that links in it lead to (CVE-2023-6597, before
    Python 3.11.8).
    """
    place = Path(tempfile.mkdtemp(prefix=prefix, dir=folder))
    try:
        yield place
    finally:
        discard(place)


def discard(place: Path) -> None:
    """Remove a folder of images."""
    # Its owner cannot empty a folder that he may not write to.
    open_to_all(place)
    shutil.rmtree(place)


def open_to_all(place: Path) -> None:
    """Let everybody read what is in a folder: enter folders, and run what somebody may run."""
    waiting = [str(place)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                mode = entry.stat(follow_symlinks=False).st_mode
                if stat.S_ISDIR(mode):
                    Path(entry.path).chmod(stat.S_IMODE(mode) | _ENTERED_BY_ALL)
                    waiting.append(entry.path)
                elif stat.S_ISREG(mode):
                    more = _RUN_BY_ALL if mode & _RUN_BY_ALL else 0
                    Path(entry.path).chmod(stat.S_IMODE(mode) | _READ_BY_ALL | more)
