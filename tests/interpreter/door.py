"""A server of the other side that people queue up before; it knows who came when."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Event, Thread
from time import monotonic

import pytest
from typing_extensions import override

PATIENCE_S = 60


class Door:
    """Answers nobody until it is open.

    Attributes:
        came: Paths asked for, in order.
        times: When each came.
        inside: How many wait for their answer now.
        most: How many waited at the same time at most.
    """

    def __init__(self) -> None:
        self.came: list[str] = []
        self.times: list[float] = []
        self.inside = self.most = 0
        self.stays_s = 0.0
        self.answers: list[int] = []
        self._open = Event()
        self._changed = Condition()
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                door.enter(self.path)
                try:
                    door.hold()
                    status = door.answers.pop(0) if door.answers else 200
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                finally:
                    door.leave()

            do_POST = do_GET  # noqa: N815 - its name in the library

            @override
            def log_message(self, *_: object) -> None:
                """Stay quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def open(self) -> None:
        """Answer those who wait, and whoever comes."""
        self._open.set()

    def close(self) -> None:
        """Let whoever comes wait."""
        self._open.clear()

    def enter(self, path: str) -> None:
        with self._changed:
            self.came.append(path)
            self.times.append(monotonic())
            self.inside += 1
            self.most = max(self.most, self.inside)
            self._changed.notify_all()

    def hold(self) -> None:
        self._open.wait(PATIENCE_S)
        if self.stays_s:
            Event().wait(self.stays_s)

    def leave(self) -> None:
        with self._changed:
            self.inside -= 1
            self._changed.notify_all()

    def until(self, count: int) -> None:
        """Wait until so many have come."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.came) >= count, PATIENCE_S)


@pytest.fixture
def door() -> Iterator[Door]:
    """A door of this test, closed."""
    door = Door()
    thread = Thread(target=door.server.serve_forever)
    thread.start()
    try:
        yield door
    finally:
        door.open()
        door.server.shutdown()
        thread.join()
        door.server.server_close()
