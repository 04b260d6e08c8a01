"""uvicorn, except that it stops at once, and lets the process end by itself.

An event stream is open for minutes and a request may be held for one: a graceful shutdown would
always take its whole time-out and then break them off with a bare 500. And uvicorn sends its own
process the signal once more when it has stopped, which kills it before it has written what it still
knows.
"""

import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from typing_extensions import override


class Server(uvicorn.Server):
    """A server of one process.

    Args:
        dismiss: Ends all waits and streams; their clients come again.
    """

    def __init__(self, config: uvicorn.Config, dismiss: Callable[[], None]) -> None:
        super().__init__(config)
        self._dismiss = dismiss

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take note that the process is to stop."""
        super().handle_exit(sig, frame)
        self._captured_signals.clear()

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: no new connections, no waits, then what is under way."""
        self._dismiss()
        await super().shutdown(sockets)
