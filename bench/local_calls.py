"""Five calls in a row as local activities (`local: true`) against the same as ordinary ones.

Both run on one worker and take turns. Then one at a time, where worker and client are one process,
so that the answer to a start brings the first workflow task along (eager start): the median of many
runs, from the start to the result.
"""

import asyncio
import statistics
import time
from typing import Final

import uvloop

from bench.cluster import Cluster, client_of, cluster, queue_of
from bench.handwritten import STEPS
from bench.interpreted import Batch, Run, definition, events, interleaved, interpreted
from bench.report import Figure, paired, percentile
from bench.worker import worker
from foundation.json import JsonObject
from foundation.settings import Settings

ROUNDS = 8
BATCH = 100
CONCURRENCY = 50
ALONE = 100
WARM_UP = 10
MAX_ALONE_MS = 40
HERE = "alone"
VALUE: Final[JsonObject] = {"n": 1}


def five_puts(more: str = "") -> str:
    """Write five requests that may be repeated, as local ones have to be."""
    return "".join(
        f"""
  - step{number}:
      call: http
      with: {{ method: put, endpoint: 'http://b/{number}', body: '${{ . }}' }}
      {more}
"""
        for number in range(STEPS)
    )


ORDINARY = five_puts()
LOCAL = five_puts("metadata: { millwright: { local: true } }")


def measure() -> tuple[list[Figure], dict[str, object]]:
    """Measure on a server and a worker of its own."""
    with cluster(("interpreter",)) as running:
        rows = asyncio.run(_together(running))
    with cluster() as running:
        eager, waiting = uvloop.run(_alone(running.settings))
    ours, theirs = rows["local"], rows["ordinary"]
    rate = paired([each.per_second for each in ours], [each.per_second for each in theirs])
    return [
        Figure("completions/s, local : ordinary", rate, "x", ">=", 1.5),
        *(
            Figure(f"{kind}: {what}", statistics.median(values), unit)
            for kind in rows
            for what, values, unit in (
                ("completions per second", [each.per_second for each in rows[kind]], "1/s"),
                ("worker CPU per instance", [each.cpu_ms for each in rows[kind]], "ms"),
                ("server CPU per instance", [each.server_ms for each in rows[kind]], "ms"),
            )
        ),
        Figure("one alone, eager start, p50", statistics.median(eager), "ms", "<=", MAX_ALONE_MS),
        Figure("one alone, eager start, best", min(eager), "ms"),
        Figure("one alone, eager start, p95", percentile(eager, 0.95), "ms"),
        Figure("one alone, ordinary start, p50", statistics.median(waiting), "ms"),
    ], {"rounds": ROUNDS, "batch": BATCH, "concurrency": CONCURRENCY, "alone": ALONE}


async def _together(running: Cluster) -> dict[str, list[Batch]]:
    client = await client_of(running.settings)
    sides = {
        "local": (interpreted(client, definition("local", LOCAL), VALUE), "interpreter"),
        "ordinary": (interpreted(client, definition("ordinary", ORDINARY), VALUE), "interpreter"),
    }
    return await interleaved(running, sides, rounds=ROUNDS, runs=BATCH, at_once=CONCURRENCY)


async def _alone(settings: Settings) -> tuple[list[float], list[float]]:
    """Return the milliseconds of runs with eager start, and of runs without."""
    client = await client_of(settings)
    local, queue = definition("local", LOCAL), queue_of(HERE)
    eager = interpreted(client, local, VALUE, task_queue=queue, eager=True)
    waiting = interpreted(client, local, VALUE, task_queue=queue)
    times: tuple[list[float], list[float]] = ([], [])
    async with worker(client, queue, "interpreter"):
        seen = await events(client, await eager())
        if seen["WORKFLOW_TASK_SCHEDULED"] != 1 or seen["MARKER_RECORDED"] != STEPS:
            raise ValueError(f"Not five local activities in one workflow task: {dict(seen)}")
        for turn in range(WARM_UP + ALONE):
            for run, kept in zip((eager, waiting), times, strict=True):
                took = await _timed(run)
                if turn >= WARM_UP:
                    kept.append(took)
    return times


async def _timed(run: Run) -> float:
    started = time.perf_counter()
    await run()
    return (time.perf_counter() - started) * 1000
