"""One program from its start to its end: feed it, read it within bounds, stop it when it must stop.

Ending the first process ends all: the kernel kills a namespace of processes with its first one.
"""

import asyncio
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from activities.programs.sandbox.errors import SandboxRefusedError
from activities.programs.sandbox.types import Finished, Limit, Limits
from activities.programs.sandbox.usage import descendants, usage_of

# How often the whole tree is weighed. Each single process has limits that the kernel keeps.
_LOOK_EVERY_S: Final = 0.1
_CHUNK_BYTES: Final = 64 * 1024
# What killed processes need to close their ends of the pipes.
_CLOSING_S: Final = 10.0
_SIGXCPU_CODE: Final = 128 + signal.SIGXCPU
# The process gets nothing of ours; also bwrap itself could be looked into from inside.
_ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


@dataclass(frozen=True)
class Command:
    """What is started.

    Attributes:
        descriptors: Files that it is given open.
    """

    words: list[str]
    descriptors: tuple[int, ...]
    stdin: bytes


@dataclass
class _Run:
    """One program while it runs."""

    process: asyncio.subprocess.Process
    limits: Limits
    exceeded: Limit | None = None
    read: dict[str, bytearray] = field(default_factory=dict)

    def stop(self, why: Limit | None = None) -> None:
        """End the program, with all that it started."""
        self.exceeded = self.exceeded or why
        if self.process.returncode is None:
            _kill(self.process.pid)

    async def feed(self, data: bytes) -> None:
        stdin = self.process.stdin
        assert stdin is not None  # noqa: S101 - it is a pipe
        # A program need not read what it is given.
        with suppress(BrokenPipeError, ConnectionResetError):
            stdin.write(data)
            await stdin.drain()
        with suppress(BrokenPipeError, ConnectionResetError):
            stdin.close()
            await stdin.wait_closed()

    async def collect(self, name: str, stream: asyncio.StreamReader | None) -> None:
        """Read up to the limit; who writes more is ended."""
        assert stream is not None  # noqa: S101 - it is a pipe
        kept = self.read.setdefault(name, bytearray())
        while chunk := await stream.read(_CHUNK_BYTES):
            kept += chunk[: self.limits.output_bytes - len(kept) + 1]
            if len(kept) > self.limits.output_bytes:
                del kept[self.limits.output_bytes :]
                self.stop("output")
                return

    async def watch(self) -> None:
        """Weigh the tree until it has to end."""
        while True:
            used = await asyncio.to_thread(usage_of, self.process.pid)
            if used.memory_bytes > self.limits.memory_bytes:
                self.stop("memory")
            elif used.cpu_s > self.limits.cpu_s:
                self.stop("cpu")
            await asyncio.sleep(_LOOK_EVERY_S)


async def supervised(command: Command, limits: Limits) -> Finished:
    """Run a command within limits.

    Raises:
        SandboxRefusedError: When it cannot be started.
    """
    began = time.monotonic()
    run = _Run(await _started(command), limits)
    beside = [
        asyncio.ensure_future(each)
        for each in (
            run.collect("stdout", run.process.stdout),
            run.collect("stderr", run.process.stderr),
            run.feed(command.stdin),
            run.watch(),
        )
    ]
    try:
        try:
            async with asyncio.timeout(limits.time_s):
                code = await run.process.wait()
        except TimeoutError:
            run.stop("time")
            code = await run.process.wait()
        await asyncio.wait(beside[:2], timeout=_CLOSING_S)
    finally:
        # Also when we are cancelled: nothing may go on without us.
        run.stop()
        for each in beside:
            each.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        _close(run.process)
    return Finished(
        code=code if code >= 0 else 128 - code,
        stdout=bytes(run.read["stdout"]),
        stderr=bytes(run.read["stderr"]),
        exceeded=run.exceeded or ("cpu" if code == _SIGXCPU_CODE else None),
        took_s=time.monotonic() - began,
    )


async def _started(command: Command) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *command.words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_ENVIRONMENT,
            cwd="/",
            pass_fds=command.descriptors,
            start_new_session=True,
        )
    except OSError as error:
        raise SandboxRefusedError(
            f"the sandbox cannot be started ({error.strerror or error})."
        ) from error


def _kill(pid: int) -> None:
    # From the inside out: what is below dies with the first process of its namespace, but bwrap
    # may not have come so far that this one dies with bwrap.
    for each in [*descendants(pid), pid]:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(each, signal.SIGKILL)


def _close(process: asyncio.subprocess.Process) -> None:
    """Close our ends of the pipes, which only the transport knows."""
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()
