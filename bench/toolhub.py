"""What the ToolHub adds to a tool call, against the official client on the same server.

One caller at a time: the yardstick is the cheapest direct call there is, one client for all calls.
Twenty callers: it is the cheapest one in which no call can disturb another, a client for each over
shared connections, with nothing asked before the call. Each of the twenty calls four times a
second, as a busy line does; what comes at once waits for the one processor of the server. Kinds
take turns, so that all see the same machine.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Final, TypeAlias
from uuid import uuid4

import httpx2
import uvloop
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolRequest, CallToolRequestParams, CallToolResult
from typing_extensions import override

from bench.report import Figure, percentile
from bench.system import Bench
from foundation import garbage
from foundation.database import Database
from foundation.telemetry import OFF
from millwright_client import Millwright
from security.egress import UNRULED, Egress
from security.sealing import Sealer
from toolhub.hub import ToolHub
from toolhub.schemas import CallTool
from toolhub.wiring import build_toolhub

WARM_UP: Final = 50
CALLS: Final = 500
CALLERS: Final = 20
ROUNDS: Final = 6
CALLS_OF_A_CALLER: Final = 10
EVERY_S: Final = 0.25
TENANT: Final = "demo"
MODERN: Final = "2026-07-28"
ARGUMENTS: Final = {"a": 1, "b": 2}

Action: TypeAlias = Callable[[], Awaitable[object]]
Times: TypeAlias = dict[str, list[float]]


def measure(bench: Bench, client: Millwright) -> tuple[list[Figure], dict[str, object]]:
    """Measure on an otherwise idle system."""
    client.mcp.register_server("bench", url=bench.mcp_url)
    alone, together = uvloop.run(_times(bench))
    return [
        Figure("ToolHub over a direct call, p50", _over(alone, "direct", 0.5), "ms"),
        Figure(
            "ToolHub over an isolated call, 20 callers, p50",
            _over(together, "isolated", 0.5),
            "ms",
            "<=",
            1.5,
        ),
        Figure(
            "ToolHub over an isolated call, 20 callers, p99",
            _over(together, "isolated", 0.99),
            "ms",
            "<=",
            5.0,
        ),
        *(
            Figure(f"{kind}, {who}, {name}", percentile(times[kind], share), "ms")
            for who, times in (("one caller", alone), ("20 callers", together))
            for kind in times
            for name, share in (("p50", 0.5), ("p99", 0.99))
        ),
    ], {
        "calls": CALLS,
        "callers": CALLERS,
        "calls_of_all_callers": ROUNDS * CALLERS * CALLS_OF_A_CALLER,
        "every_s": EVERY_S,
    }


def _over(times: Times, other: str, share: float) -> float:
    return percentile(times["hub"], share) - percentile(times[other], share)


async def _times(bench: Bench) -> tuple[Times, Times]:
    settings = bench.stack.settings
    # As the product's worker does.
    garbage.settle()
    database = Database(settings.database)
    egress = Egress(settings.egress, UNRULED)
    sealer = Sealer.from_settings(settings.security)
    parts = build_toolhub(database, sealer, egress, settings, redis=None, telemetry=OFF)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(Client(bench.mcp_url))
        pool = await stack.enter_async_context(httpx2.AsyncHTTPTransport())
        through = _through(parts.hub)
        direct: Mapping[str, Action] = {
            "direct": lambda: client.call_tool("add", ARGUMENTS),
            **through,
        }
        isolated: Mapping[str, Action] = {
            "isolated": lambda: _isolated(bench.mcp_url, pool),
            **through,
        }
        alone = await _in_turn(direct)
        together = await _together(isolated)
    await parts.aclose()
    await egress.aclose()
    database.close()
    return alone, together


def _through(hub: ToolHub) -> dict[str, Action]:
    def call(tool: str) -> CallTool:
        return CallTool(
            tenant_id=TENANT,
            server="bench",
            tool=tool,
            arguments=dict(ARGUMENTS),
            call_id=uuid4().hex,
        )

    # The second must not run twice, so it is written down before it is sent.
    return {
        "hub": lambda: hub.call(call("add")),
        "hub, with ledger": lambda: hub.call(call("book")),
    }


async def _in_turn(actions: Mapping[str, Action]) -> Times:
    times: Times = {kind: [] for kind in actions}
    for turn in range(WARM_UP + CALLS):
        for kind, action in actions.items():
            took = await _timed(action)
            if turn >= WARM_UP:
                times[kind].append(took)
    return times


async def _together(actions: Mapping[str, Action]) -> Times:
    times: Times = {kind: [] for kind in actions}
    for turn in range(1 + ROUNDS):
        for kind, action in actions.items():
            found = await asyncio.gather(*(_caller(action, place) for place in range(CALLERS)))
            if turn:
                times[kind] += [took for each in found for took in each]
    return times


async def _caller(action: Action, place: int) -> list[float]:
    await asyncio.sleep(EVERY_S * place / CALLERS)
    took = []
    for _ in range(CALLS_OF_A_CALLER):
        took.append(await _timed(action))
        await asyncio.sleep(EVERY_S)
    return took


async def _timed(action: Action) -> float:
    started = time.perf_counter()
    await action()
    return (time.perf_counter() - started) * 1000


class _Shared(httpx2.AsyncBaseTransport):
    """Connections that outlive the client."""

    def __init__(self, pool: httpx2.AsyncHTTPTransport) -> None:
        self._pool = pool

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await self._pool.handle_async_request(request)


async def _isolated(url: str, pool: httpx2.AsyncHTTPTransport) -> None:
    params = CallToolRequestParams(name="add", arguments=dict(ARGUMENTS))
    async with (
        httpx2.AsyncClient(transport=_Shared(pool), trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http), mode=MODERN, cache=None) as client,
    ):
        await client.session.send_request(CallToolRequest(params=params), CallToolResult)
