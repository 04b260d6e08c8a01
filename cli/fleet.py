"""Several worker processes under one command: one for each processor.

Python computes on one processor per process. A process that ends by itself is started again; all
end with this one, also when it is killed (see `deploy.local.launch`).
"""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Sequence
from typing import Final

import structlog

from deploy.local.processes import LAUNCH, how_it_ended

log = structlog.get_logger()

# Between the ends of a process and its next start. One that lasts is forgiven its past.
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 30.0
LASTS_S: Final = 60.0


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


async def run(count: int, command: Sequence[str]) -> None:
    """Keep so many processes running until SIGTERM or SIGINT, then let each finish its work."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as keepers:
        for place in range(1, count + 1):
            keepers.create_task(_keep(place, command, stop))


async def _keep(place: int, command: Sequence[str], stop: asyncio.Event) -> None:
    pause = FIRST_PAUSE_S
    while not stop.is_set():
        began = time.monotonic()
        process = await _start(command)
        log.info("process_started", place=place, pid=process.pid)
        if await _ended_or_stopped(process, stop):
            return
        lasted = time.monotonic() - began
        pause = FIRST_PAUSE_S if lasted > LASTS_S else pause
        log.error(
            "process_ended",
            place=place,
            pid=process.pid,
            how=how_it_ended(process.returncode),
            again_in_s=pause,
        )
        await _within(pause, stop)
        pause = min(LONGEST_PAUSE_S, 2 * pause)


async def _start(command: Sequence[str]) -> Process:
    launch = [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), str(int(signal.SIGTERM))]
    # A session of its own: a Ctrl-C in the terminal reaches us, and we pass it on once.
    return await asyncio.create_subprocess_exec(
        *launch, "", "", *command, stdin=asyncio.subprocess.DEVNULL, start_new_session=True
    )


async def _ended_or_stopped(process: Process, stop: asyncio.Event) -> bool:
    """Wait for one or the other; True when it was stopped, and has ended."""
    ended, stopped = asyncio.create_task(process.wait()), asyncio.create_task(stop.wait())
    await asyncio.wait((ended, stopped), return_when=asyncio.FIRST_COMPLETED)
    if ended.done():
        stopped.cancel()
        return stop.is_set()
    process.terminate()
    await ended
    return True


async def _within(seconds: float, stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
