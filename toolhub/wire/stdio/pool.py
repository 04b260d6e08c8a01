"""The processes of servers, kept for the next call: one call at a time for each.

A process that was not seen to answer is ended, and never given another call: what it may still be
doing belongs to the call that was given up. So no call disturbs another one.

No tenant gets more than its share, and a place that becomes free goes to the waiting tenant that
has the fewest: so none can keep the others waiting.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

import anyio
import structlog
from mcp import Client
from mcp.client.session import IncomingMessage
from mcp.types import Implementation, ToolListChangedNotification
from mcp.types.version import MODERN_PROTOCOL_VERSIONS

from foundation.settings import StdioSettings
from toolhub.wire.correlation import correlated
from toolhub.wire.exchange import Program, ProgramNotStartedError, ProgramsBusyError
from toolhub.wire.session import CLIENT, expected, innermost
from toolhub.wire.stdio.commands import Allowed
from toolhub.wire.stdio.inlet import Inlet
from toolhub.wire.stdio.process import Meter, running
from toolhub.wire.watch import Watch

_log = structlog.get_logger(__name__)
# Of a message, before the first request says otherwise.
_AT_FIRST: Final = 1024 * 1024
_HAS_ALL: Final = (
    "as many calls of it are under way as it has processes ({}). Call it less at a time, or have "
    "'processes' of its command raised in MILLWRIGHT_STDIO_COMMANDS"
)


class Server:
    """One process and the client that speaks to it, in a task of their own.

    Attributes:
        tenant_id: Whose it is.
        busy: It has a call, or waits for its first one.
        calls: How many it was given.
        tools_changed: It has said so since somebody looked.
    """

    def __init__(
        self, tenant_id: str, allowed: Allowed, version: str | None, start_s: float
    ) -> None:
        self.tenant_id = tenant_id
        self.calls = 0
        self.inlet = Inlet()
        self.watch = Watch()
        self.meter = Meter(_AT_FIRST)
        self.began = anyio.current_time()
        self.used = self.began
        self.busy = True
        self.tools_changed = False
        self._client: Client | None = None
        self._failure: Exception | None = None
        self._ready = anyio.Event()
        self._stop = anyio.Event()
        self._starting = anyio.CancelScope()
        self.watch.end_call = self.end
        self.task = asyncio.create_task(self._run(allowed, version, start_s))

    @property
    def is_ending(self) -> bool:
        """Whether it is of no use any more."""
        return self._stop.is_set() or self.task.done() or self.watch.fault is not None

    async def client(self) -> Client:
        """Wait until it can be asked something.

        Raises:
            ProgramNotStartedError: It did not come so far in time.
            MCPError, UnreadableAnswerError, ProgramEndedError, VersionMismatchError: Or failed.
        """
        await self._ready.wait()
        if self._client is None or self.watch.fault is not None:
            raise self.watch.fault or self._failure or ProgramNotStartedError("it was ended")
        return self._client

    def begin(self, max_bytes: int) -> None:
        """Give it a call, whose request is what it is told next."""
        self.calls += 1
        self.meter.begin(max_bytes)
        self.inlet.begin()

    def end(self) -> None:
        """Let it end; when it has, its task is done."""
        self._stop.set()
        if not self._ready.is_set():
            self._starting.cancel()

    async def _run(self, allowed: Allowed, version: str | None, start_s: float) -> None:
        try:
            self._starting.deadline = anyio.current_time() + start_s
            with self._starting:
                async with self._connected(allowed, version) as self._client:
                    self._starting.deadline = float("inf")
                    self._ready.set()
                    await self._stop.wait()
            if not self._ready.is_set():
                self._failure = ProgramNotStartedError(f"it did not answer within {start_s:g} s")
        except Exception as error:  # noqa: BLE001 - told to whoever waits for the client
            self._failure = expected(innermost(error), negotiating=not self._ready.is_set())
            if self._ready.is_set() and self.watch.fault is None:
                _log.warning("mcp_program_ended_badly", error=type(self._failure).__name__)
        finally:
            self._stop.set()
            self._ready.set()

    def _connected(self, allowed: Allowed, version: str | None) -> Client:
        name, number = CLIENT
        is_old = version is not None and version not in MODERN_PROTOCOL_VERSIONS
        return Client(
            correlated(running(allowed, self.watch, self.meter, self.inlet), self.watch),
            mode="legacy" if is_old else "auto",
            cache=None,
            message_handler=self._heard,
            client_info=Implementation(name=name, version=number),
        )

    async def _heard(self, message: IncomingMessage) -> None:
        self.tools_changed |= isinstance(message, ToolListChangedNotification)


class Pool:
    """The processes of one process of ours, on one event loop."""

    def __init__(self, settings: StdioSettings) -> None:
        self._settings = settings
        self._servers: dict[Program, list[Server]] = {}
        self._waiting: Counter[str] = Counter()  # calls by tenant
        self._moved = asyncio.Event()
        self._closed = False

    async def take(
        self, program: Program, allowed: Allowed, version: str | None, *, until: float
    ) -> Server:
        """Return a process that nobody uses, a new one if need be; wait for one if there are many.

        It may still be starting. Give it back, whatever happens.

        Args:
            program: Whose process.
            allowed: How it is started.
            version: Protocol version that was negotiated earlier.
            until: The event loop's time up to which it is waited for.

        Raises:
            ProgramsBusyError: None became free; says which number was in the way.
            ProgramNotStartedError: This process of ours is ending.
        """
        refusal, in_line = "", False
        try:
            with anyio.move_on_after(until - anyio.current_time()):
                while not self._closed:
                    if found := self._idle(program):
                        return found
                    has_all = len(self._servers.get(program, [])) >= allowed.processes
                    refusal = _HAS_ALL.format(allowed.processes) if has_all else self._full(program)
                    if not refusal:
                        return self._new(program, allowed, version)
                    # Who waits for a process of its own takes no place from anybody.
                    in_line = self._line_up(program.tenant_id, was=in_line, now=not has_all)
                    await self._moved.wait()
        finally:
            self._line_up(program.tenant_id, was=in_line, now=False)
        if self._closed:
            raise ProgramNotStartedError(
                "this process is about to end, and starts nothing any more"
            )
        raise ProgramsBusyError(refusal)

    def give_back(self, server: Server, *, whole: bool) -> None:
        """Keep a process for the next call.

        Args:
            server: The process.
            whole: It has answered all that it was asked; else it is ended.
        """
        server.busy, server.used = False, anyio.current_time()
        server.watch.end_call = server.end
        too_old = server.used - server.began > self._settings.max_age_s
        if not whole or too_old or server.is_ending:
            server.end()
        else:
            loop = asyncio.get_running_loop()
            loop.call_later(self._settings.idle_s, self._retire, server, server.used)
        self._tell()

    async def aclose(self) -> None:
        """End all processes and wait until they have ended."""
        self._closed = True
        self._tell()
        servers = self._all()
        for server in servers:
            server.end()
        await asyncio.gather(*(server.task for server in servers))

    def _new(self, program: Program, allowed: Allowed, version: str | None) -> Server:
        server = Server(program.tenant_id, allowed, version, self._settings.start_s)
        self._servers.setdefault(program, []).append(server)
        server.task.add_done_callback(lambda _task: self._forget(program, server))
        return server

    def _idle(self, program: Program) -> Server | None:
        for server in self._servers.get(program, []):
            if not server.busy and not server.is_ending:
                server.busy = True
                return server
        return None

    def _line_up(self, tenant_id: str, *, was: bool, now: bool) -> bool:
        """Take note of whether a call waits for a place; tenants that have more let it go first."""
        self._waiting[tenant_id] += now - was
        if was and not now:
            self._tell()  # who has more may look again
        return now

    def _full(self, program: Program) -> str:
        """Say why no further process may be started now, or nothing; make room if there is none."""
        servers, settings = self._all(), self._settings
        held = Counter(server.tenant_id for server in servers)
        own = held[program.tenant_id]
        if own >= settings.max_per_tenant:
            _make_room([one for one in servers if one.tenant_id == program.tenant_id], held)
            return (
                f"the {settings.max_per_tenant} programs that a tenant may have in one process of "
                "this installation are busy. Call fewer at a time, or have "
                "MILLWRIGHT_STDIO_MAX_PER_TENANT raised"
            )
        full = len(servers) >= settings.max_processes
        if full:
            _make_room(servers, held)
        if full or any(held[other] < own for other, calls in self._waiting.items() if calls):
            return (
                f"the {settings.max_processes} programs that may run in one process of this "
                "installation are busy, or for tenants that have fewer. Try again later, or have "
                "MILLWRIGHT_STDIO_MAX_PROCESSES raised or another worker started"
            )
        return ""

    def _all(self) -> list[Server]:
        return [server for each in self._servers.values() for server in each]

    def _retire(self, server: Server, used: float) -> None:
        if not server.busy and server.used == used:
            server.end()

    def _forget(self, program: Program, server: Server) -> None:
        servers = self._servers[program]
        servers.remove(server)
        if not servers:
            del self._servers[program]
        self._tell()

    def _tell(self) -> None:
        """Let everybody who waits look again."""
        self._moved.set()
        self._moved = asyncio.Event()


def _make_room(servers: Sequence[Server], held: Counter[str]) -> None:
    """End one that is idle, of the tenant that has most, unless one is ending anyhow."""
    idle = [server for server in servers if not server.busy]
    if idle and not any(server.is_ending for server in servers):
        min(idle, key=lambda server: (-held[server.tenant_id], server.used)).end()
