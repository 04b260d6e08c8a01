"""One process of a server, and its pipes as the streams that the SDK speaks over.

A line is a message, bounded in length; anything else on standard output ends the process. Standard
error is read and thrown away except for its end, which is told when the process dies.
"""

import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio
import pydantic_core
from anyio.abc import ObjectReceiveStream, ObjectSendStream, Process
from anyio.streams.buffered import BufferedByteReceiveStream
from mcp.client._transport import TransportStreams
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCRequest, RequestId, jsonrpc_message_adapter
from pydantic import ValidationError

from security.mask import Mask
from security.response_bodies import ResponseTooLargeError
from toolhub.wire.exchange import (
    ProgramEndedError,
    ProgramNotStartedError,
    UnreadableAnswerError,
)
from toolhub.wire.stdio.commands import Allowed
from toolhub.wire.stdio.inlet import Inlet
from toolhub.wire.watch import Watch

_KEEPER: Final = Path(__file__).with_name("keeper.py")
_KILL_ALL: Final = signal.SIGUSR1
# Then it is asked more firmly to end: standard input closed, SIGTERM, all of it killed.
_PATIENCE_S: Final = 2.0
_FLUSH_S: Final = 0.5
# What a server may say unasked between two requests, in messages as large as may be.
_UNASKED: Final = 16
_STOP: Final = "notifications/cancelled"
_LAST_WORDS: Final = 400
_SHOWN: Final = 100
# Of a line that is too long: where whose answer it is mostly stands.
_BEGINNING: Final = 4096
_GONE: Final = (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)


@dataclass
class Meter:
    """How much a process may still write.

    Attributes:
        max_line: Longest message.
        read: Bytes since the last request.
    """

    max_line: int
    read: int = 0

    def begin(self, max_line: int) -> None:
        """Count anew, for another request."""
        self.max_line, self.read = max_line, 0


@asynccontextmanager
async def running(
    allowed: Allowed, watch: Watch, meter: Meter, inlet: Inlet
) -> AsyncIterator[TransportStreams]:
    """Start a process; at the end it is ended with its whole group, whatever happens.

    Raises:
        ProgramNotStartedError: There is no such program here, or no means to start it.
    """
    process = await _started(allowed, inlet)
    pipes = _Pipes(process, watch, meter, inlet, allowed.mask)
    received_in, received = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    to_send, to_send_out = anyio.create_memory_object_stream[SessionMessage](0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pipes.read, received_in)
        tasks.start_soon(pipes.write, to_send_out)
        tasks.start_soon(pipes.listen)
        try:
            yield received, to_send
        finally:
            with anyio.CancelScope(shield=True):
                to_send.close()
                with anyio.move_on_after(_FLUSH_S):  # for the word that a call is cancelled
                    await pipes.written.wait()
                await _end(process, inlet)
            received.close()
            tasks.cancel_scope.cancel()


async def _started(allowed: Allowed, inlet: Inlet) -> Process:
    name = allowed.argv[0]
    if shutil.which(name, path=allowed.environment["PATH"]) is None:
        raise ProgramNotStartedError(f"there is no program '{name}' on this machine")
    keeper = (sys.executable, "-I", "-S", str(_KEEPER), str(os.getpid()))
    try:
        with inlet.opened() as stdin:
            return await anyio.open_process(
                [*keeper, *allowed.argv],
                stdin=stdin,
                env=allowed.environment,
                cwd=allowed.folder,
                start_new_session=True,
            )
    except OSError as error:
        raise ProgramNotStartedError(
            f"'{name}' cannot be started: {error.strerror or error}"
        ) from error


async def _end(process: Process, inlet: Inlet) -> None:
    """End a process, ever more firmly, and all that it has started."""
    inlet.close()
    for number in (signal.SIGTERM, _KILL_ALL, signal.SIGKILL):
        with anyio.move_on_after(_PATIENCE_S):
            await process.wait()
            break
        with suppress(ProcessLookupError):
            process.send_signal(number)
    await process.aclose()


class _Pipes:
    """What goes over the pipes of one process."""

    def __init__(
        self, process: Process, watch: Watch, meter: Meter, inlet: Inlet, mask: Mask
    ) -> None:
        self._process = process
        self._watch = watch
        self._meter = meter
        self._inlet = inlet
        self._mask = mask
        self._last_words = b""
        self._silent = anyio.Event()
        self.written = anyio.Event()

    async def read(self, to: ObjectSendStream[SessionMessage | Exception]) -> None:
        """Hand on what the server says, until it says something that it must not."""
        async with to:
            try:
                await self._read(to)
            except (ResponseTooLargeError, UnreadableAnswerError) as fault:
                self._watch.broke(fault)
            except (anyio.EndOfStream, anyio.IncompleteRead, *_GONE):
                self._watch.broke(await self._ended())

    async def _read(self, to: ObjectSendStream[SessionMessage | Exception]) -> None:
        assert self._process.stdout is not None  # noqa: S101 - started with pipes
        lines = BufferedByteReceiveStream(self._process.stdout)
        while True:
            line = await self._line(lines)
            self._meter.read += len(line)
            if self._meter.read > self._meter.max_line * _UNASKED:
                raise UnreadableAnswerError("it writes without end")
            if line.strip():
                await to.send(_message(line, self._mask))

    async def _line(self, lines: BufferedByteReceiveStream) -> bytes:
        while True:
            limit = self._meter.max_line
            try:
                return await lines.receive_until(b"\n", limit)
            except anyio.DelimiterNotFound:
                if self._meter.max_line <= limit:  # else a request has raised it meanwhile
                    begin = bytes(lines.buffer[:_BEGINNING])
                    raise _too_long(begin, limit, self._inlet.asked) from None

    async def write(self, given: ObjectReceiveStream[SessionMessage]) -> None:
        """Hand on what the server is told."""
        # Open until the fault is noted: else the SDK says first that something was closed.
        async with given:
            try:
                async for one in given:
                    if isinstance(one.message, JSONRPCRequest):
                        self._inlet.ask(one.message.id)
                    text = one.message.model_dump_json(by_alias=True, exclude_unset=True)
                    await self._inlet.send(text.encode() + b"\n")
                    if getattr(one.message, "method", None) == _STOP:
                        self._watch.told_to_stop.set()
            except _GONE:
                self._watch.broke(await self._ended())
            finally:
                self.written.set()

    async def listen(self) -> None:
        """Keep the end of what it complains about."""
        assert self._process.stderr is not None  # noqa: S101 - started with pipes
        with suppress(*_GONE):
            async for chunk in self._process.stderr:
                self._last_words = (self._last_words + chunk)[-_LAST_WORDS:]
        self._silent.set()

    async def _ended(self) -> ProgramEndedError:
        """Say how it ended; a moment after its pipes have closed that is known."""
        with anyio.move_on_after(1):
            await self._process.wait()
            await self._silent.wait()
        code = self._process.returncode
        how = "it closed its pipes" if code is None else f"it ended with exit code {code}"
        words = " ".join(_cut(self._last_words, self._mask).split())
        return ProgramEndedError(f"{how}; its last words: {words}" if words else how)


def _cut(data: bytes, mask: Mask) -> str:
    """Return what is shown of something longer. What it cuts in two is found here or never."""
    return mask.cut_text(data.decode(errors="replace"))


def _message(line: bytes, mask: Mask) -> SessionMessage:
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except (ValidationError, RecursionError):
        shown = _cut(line[:_SHOWN], mask)
        raise UnreadableAnswerError(
            f"on its standard output is what is no message of MCP: {shown!r}"
        ) from None


def _too_long(begin: bytes, limit: int, asked: RequestId | None) -> Exception:
    """Tell an answer that is too large, after which the tool has run, from anything else."""
    if _answers(begin, asked):
        return ResponseTooLargeError("the program", limit)
    return UnreadableAnswerError(
        f"on its standard output is a line of more than {limit:,} bytes, which does not begin as "
        "the answer does"
    )


def _answers(begin: bytes, asked: RequestId | None) -> bool:
    try:
        seen = pydantic_core.from_json(begin, allow_partial=True)
    except ValueError:
        return False
    if asked is None or not isinstance(seen, dict):
        return False
    return str(seen.get("id")) == str(asked) and "result" in seen
