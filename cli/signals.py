"""Ctrl-C, `kill` and a closed terminal all mean the same: stop, in order, once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stop_signals() -> Iterator[None]:
    """Raise KeyboardInterrupt at the first of them and ignore the others.

    Stopping has a bound of its own, so nobody has to press twice; a second KeyboardInterrupt in
    the middle of it would leave something behind.
    """
    before = {number: signal.signal(number, _stop) for number in STOP}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(_number: int, _frame: FrameType | None) -> None:
    for number in STOP:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
