"""An MCP server on bare sockets, whose address says how it misbehaves: `/<way>/mcp`.

It lists its tools as it should; a call of a tool goes the way of the address. So it can do what no
web framework lets through: reset a connection, send half a head, or never stop.
"""

import asyncio
import json
import socket
import struct
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

MODERN = "2026-07-28"
CACHED = {"ttlMs": 0, "cacheScope": "public"}


@dataclass
class Call:
    """One request, and the way to answer it.

    Attributes:
        number: Counts the calls of the tool.
    """

    way: str
    headers: dict[str, str]
    body: dict[str, Any]
    writer: asyncio.StreamWriter
    gone: asyncio.Event
    number: int = 0

    @property
    def tool(self) -> str:
        return str(self.body["params"]["name"])

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def respond(
        self,
        body: bytes,
        *,
        status: str = "200 OK",
        type_: str = "application/json",
        length: int | None = None,
        head: Mapping[str, str] | None = None,
    ) -> None:
        """Send a whole answer; `length` may lie."""
        size = len(body) if length is None else length
        lines = {"content-type": type_, "content-length": str(size), **(head or {})}
        told = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        await self.send(f"HTTP/1.1 {status}\r\n{told}\r\n".encode() + body)

    async def result(self, **fields: Any) -> None:
        await self.respond(self.answer(result={"resultType": "complete", **fields}))

    async def fine(self) -> None:
        await self.result(content=[{"type": "text", "text": "fine"}])

    def answer(self, **fields: Any) -> bytes:
        return json.dumps({"jsonrpc": "2.0", "id": self.body["id"], **fields}).encode()

    async def stream(self) -> None:
        """Begin a stream of events."""
        await self.send(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )

    async def chunk(self, data: bytes) -> None:
        await self.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def event(self, data: bytes) -> None:
        await self.chunk(b"event: message\ndata: " + data + b"\n\n")

    def reset(self) -> None:
        """Let the other side read an error instead of an end."""
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Way = Callable[[Call], Awaitable[None]]


@dataclass
class FaultServer:
    """What it does, and what it was asked.

    Attributes:
        came: How often a call of each tool came in, executed or not, by way and tool.
        ran: How often each tool was executed, by way and tool.
        tools: What it lists, by way.
    """

    ways: dict[str, Way]
    tools: Callable[[str, int], list[dict[str, Any]]]
    url: str = ""
    came: Counter[tuple[str, str]] = field(default_factory=Counter)
    ran: Counter[tuple[str, str]] = field(default_factory=Counter)
    listed: Counter[str] = field(default_factory=Counter)
    methods: list[str] = field(default_factory=list)

    def endpoint(self, way: str) -> str:
        return f"{self.url}/{way}/mcp"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        gone = asyncio.Event()
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while (call := await self._read(reader, writer, gone)) is not None:
                    await self._answer(call)
                    if writer.is_closing():
                        break
        except asyncio.CancelledError:
            # The server ends, in the middle of an answer that has no end.
            writer.transport.abort()
            raise
        gone.set()
        with suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()

    async def _read(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gone: asyncio.Event
    ) -> Call | None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        way = first.split(" ")[1].split("/")[1]
        pairs = (line.partition(":") for line in lines if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        # The SDK repeats method and tool in headers.
        if way == "reset-before-body" and headers.get("mcp-method") == "tools/call":
            self.came[way, headers["mcp-name"]] += 1
            Call(way, headers, {}, writer, gone).reset()
            return None
        text = await reader.readexactly(int(headers.get("content-length", "0")))
        return Call(way, headers, json.loads(text) if text else {}, writer, gone)

    async def _answer(self, call: Call) -> None:
        method = call.body.get("method", "")
        self.methods.append(method)
        match method:
            case "server/discover":
                await call.result(supportedVersions=[MODERN], capabilities={"tools": {}}, **CACHED)
            case "tools/list":
                self.listed[call.way] += 1
                await call.result(tools=self.tools(call.way, self.listed[call.way]), **CACHED)
            case "tools/call":
                self.came[call.way, call.tool] += 1
                self.ran[call.way, call.tool] += 1
                call.number = self.came[call.way, call.tool]
                await self.ways[call.way](call)
            case _:
                await call.respond(b"", status="202 Accepted")


@contextmanager
def serving(server: FaultServer) -> Iterator[FaultServer]:
    """Run it in a thread of its own, so that it cannot hold up who calls it."""
    loop = asyncio.new_event_loop()
    started = threading.Event()

    async def run() -> None:
        listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, limit=2**20)
        server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        started.set()
        async with listener:
            await listener.serve_forever()

    task: asyncio.Task[None] = loop.create_task(run())

    def turn() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        answering = asyncio.all_tasks(loop)
        for each in answering:
            each.cancel()
        if answering:
            loop.run_until_complete(asyncio.gather(*answering, return_exceptions=True))
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=turn)
    thread.start()
    assert started.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(10)
