"""Standard input of a program, which knows whether what was written there can have been read.

A pipe of its own instead of that of `asyncio`: what a program has not read stays in it, and can be
counted when the program is gone. So a request that a dying program never saw is told from one that
it may have acted upon.
"""

import os
import select
from array import array
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import ioctl
from termios import FIONREAD
from typing import Final

import anyio
from mcp.types import RequestId

_NOBODY: Final = -1


class Inlet:
    """Where one program reads.

    Attributes:
        asked: The id of the request that was written last; None before the next one is.
    """

    def __init__(self) -> None:
        self.asked: RequestId | None = None
        self._ours = _NOBODY
        self._written = 0  # since that request began
        self._heard = False  # when it was closed

    @contextmanager
    def opened(self) -> Iterator[int]:
        """Open it and lend the program's end, which is closed here once the program has it."""
        theirs, self._ours = os.pipe()
        os.set_blocking(self._ours, False)
        try:
            yield theirs
        except BaseException:
            self.close()
            raise
        finally:
            os.close(theirs)

    def begin(self) -> None:
        """Forget the last request: whoever has the program now has not asked anything."""
        self.asked, self._written = None, 0

    def ask(self, id_: RequestId) -> None:
        """Take note that a request is what is written next."""
        self.asked, self._written = id_, 0

    async def send(self, data: bytes) -> None:
        """Write.

        Raises:
            OSError: Nobody reads any more.
            anyio.ClosedResourceError: It was closed here.
        """
        left = memoryview(data)
        while left:
            if self._ours == _NOBODY:
                raise anyio.ClosedResourceError
            try:
                taken = os.write(self._ours, left)
            except BlockingIOError:
                await anyio.wait_writable(self._ours)
                continue
            self._written += taken
            left = left[taken:]

    def was_heard(self) -> bool:
        """Tell whether the program can have read any of the last request.

        It cannot when nothing of it was written, or when all of it is in the pipe still and nobody
        is left to read it.
        """
        if self._ours == _NOBODY:
            return self._heard
        if not self._written:
            return False
        return not (self._is_deserted() and self._unread() >= self._written)

    def close(self) -> None:
        """Let the program see the end of its input."""
        if self._ours == _NOBODY:
            return
        self._heard = self.was_heard()
        ours, self._ours = self._ours, _NOBODY
        anyio.notify_closing(ours)
        os.close(ours)

    def _is_deserted(self) -> bool:
        readers = select.poll()
        readers.register(self._ours, 0)
        return any(event & select.POLLERR for _, event in readers.poll(0))

    def _unread(self) -> int:
        # Only Linux counts at this end of a pipe; elsewhere it may have been read.
        count = array("i", [0])
        with suppress(OSError):
            ioctl(self._ours, FIONREAD, count)
        return count[0]
