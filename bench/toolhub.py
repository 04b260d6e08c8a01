"""What the ToolHub adds to a tool call, against the official client on the same server.

The yardstick is the cheapest direct call there is: one client, connected once, used for all calls.
Both kinds take turns call by call.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

from mcp import Client

from bench.report import Figure, percentile
from bench.system import Bench
from foundation.database import Database
from millwright_client import Millwright
from security.egress import Egress
from security.sealing import Sealer
from toolhub.schemas import CallTool
from toolhub.wiring import build_toolhub

WARM_UP = 50
CALLS = 500
TENANT = "demo"


def measure(bench: Bench, client: Millwright) -> tuple[list[Figure], dict[str, object]]:
    """Measure one caller on an otherwise idle system."""
    client.mcp.register_server("bench", url=bench.mcp_url)
    direct, hub = asyncio.run(_times(bench))
    p50 = statistics.median(hub) - statistics.median(direct)
    return [
        Figure("ToolHub over a direct call, p50", p50, "ms", "<=", 3.0),
        Figure("direct call, p50", statistics.median(direct), "ms"),
        Figure("through the hub, p50", statistics.median(hub), "ms"),
        Figure("direct call, p95", percentile(direct, 0.95), "ms"),
        Figure("through the hub, p95", percentile(hub, 0.95), "ms"),
    ], {"calls": CALLS, "concurrency": 1}


async def _times(bench: Bench) -> tuple[list[float], list[float]]:
    settings = bench.stack.settings
    database = Database(settings.database)
    egress = Egress(settings.egress)
    hub = build_toolhub(database, Sealer.from_settings(settings.security), egress).hub
    call = CallTool(tenant_id=TENANT, server="bench", tool="add", arguments={"a": 1, "b": 2})
    direct: list[float] = []
    through: list[float] = []
    async with Client(bench.mcp_url) as client:
        for turn in range(WARM_UP + CALLS):
            one = await _timed(lambda: client.call_tool("add", {"a": 1, "b": 2}))
            other = await _timed(lambda: hub.call(call))
            if turn >= WARM_UP:
                direct.append(one)
                through.append(other)
    await egress.aclose()
    database.close()
    return direct, through


async def _timed(action: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    await action()
    return (time.perf_counter() - started) * 1000
