"""What callers of the API wait for: one run from start to result, and looking at instances."""

import asyncio
import statistics
import time
from uuid import uuid4

import httpx

from bench.report import Figure, percentile
from bench.system import Bench
from millwright_client import Millwright

STEPS = 5
RUNS = 40
CLIENTS = 50
# Each client looks once in this time, as a dashboard does: 50 clients make 200 requests a second.
EVERY_S = 0.25
LOOK_S = 15.0
INSTANCES = 20

DEFINITION = (
    "document: { dsl: '1.0.3', namespace: bench, name: five-tools, version: '1.0.0' }\ndo:\n"
    + "".join(
        f"""  - step{number}:
      call: mcp.tool
      with: {{ server: bench, tool: add, arguments: {{ a: {number}, b: 1 }} }}
"""
        for number in range(STEPS)
    )
)
LONG = """
document: { dsl: '1.0.3', namespace: bench, name: waiting, version: '1.0.0' }
do:
  - first: { set: { a: 1 } }
  - nap: { wait: { minutes: 30 } }
"""


def measure(bench: Bench, client: Millwright) -> tuple[list[Figure], dict[str, object]]:
    """Measure on an otherwise idle system. The MCP server `bench` is registered already."""
    client.workflows.publish(DEFINITION)
    client.workflows.publish(LONG)
    alone = _alone(client)
    ended = [_finished(client) for _ in range(INSTANCES)]
    running = [client.workflows.start("bench", "waiting").id for _ in range(INSTANCES)]
    paced = {
        kind: asyncio.run(_looking(bench, client, ids, EVERY_S))
        for kind, ids in (("ended", ended), ("running", running))
    }
    flat_out = asyncio.run(_looking(bench, client, ended, 0))
    for instance in running:
        client.instances.terminate(instance, reason="measured")
    return [
        Figure(
            "one run of 5 tool calls through REST, p50", statistics.median(alone), "ms", "<=", 150
        ),
        Figure("one run of 5 tool calls through REST, p95", percentile(alone, 0.95), "ms"),
        *(
            figure
            for kind, times in paced.items()
            for figure in (
                Figure(
                    f"GET instance ({kind}), {CLIENTS} clients, p50", percentile(times, 0.5), "ms"
                ),
                Figure(
                    f"GET instance ({kind}), {CLIENTS} clients, p99",
                    *(percentile(times, 0.99), "ms", "<=", 25),
                ),
            )
        ),
        Figure("GET instance (ended), without pause, p99", percentile(flat_out, 0.99), "ms"),
        Figure("GET instance (ended), without pause", len(flat_out) / LOOK_S, "1/s"),
    ], {
        "runs": RUNS,
        "clients": CLIENTS,
        "every_s": EVERY_S,
        "requests": {kind: len(times) for kind, times in paced.items()},
    }


def _finished(client: Millwright) -> str:
    started = client.workflows.start("bench", "five-tools", idempotency_key=uuid4().hex)
    return client.wait(started.id, timeout=30).id


def _alone(client: Millwright) -> list[float]:
    times = []
    for turn in range(RUNS + 5):
        started = time.perf_counter()
        _finished(client)
        if turn >= 5:  # connections, compiled definitions
            times.append((time.perf_counter() - started) * 1000)
    return times


async def _looking(bench: Bench, client: Millwright, ids: list[str], every_s: float) -> list[float]:
    """Let many clients look at instances; return how long each answer took, in ms.

    Each client has a connection of its own, as real ones do: a shared pool of fifty costs more than
    the API does.
    """
    times: list[float] = []

    async def look(number: int) -> None:
        instance = ids[number % len(ids)]
        async with _connection(bench, client) as http:
            (await http.get(instance)).raise_for_status()
            await asyncio.sleep(every_s * number / CLIENTS)
            end = time.perf_counter() + LOOK_S
            while (started := time.perf_counter()) < end:
                (await http.get(instance)).raise_for_status()
                took = time.perf_counter() - started
                times.append(took * 1000)
                await asyncio.sleep(max(0.0, every_s - took))

    await asyncio.gather(*(look(number) for number in range(CLIENTS)))
    return times


def _connection(bench: Bench, client: Millwright) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"{bench.stack.api_url}/api/v1/workflows/instances/",
        headers={"Authorization": f"Bearer {client.access_token}"},
        timeout=30,
        verify=False,  # noqa: S501 - plain HTTP on loopback; loading certificates takes 25 ms
    )
