"""An interpreted workflow of five calls against the same five calls written by hand.

Two workers with the same settings on one server; batches of both kinds take turns, so that what
else the machine does hits both.
"""

import asyncio
import statistics

from bench.cluster import Cluster, client_of, cluster
from bench.handwritten import STEPS
from bench.interpreted import Batch, by_hand, definition, interleaved, interpreted
from bench.report import Figure, paired

KINDS = ("handwritten", "interpreter")
ROUNDS = 10
BATCH = 100
CONCURRENCY = 50

FIVE_CALLS = "".join(
    f"""
  - step{number}:
      call: http
      with: {{ method: post, endpoint: 'http://b/{number}', body: '${{ . }}' }}
"""
    for number in range(STEPS)
)


def measure() -> tuple[list[Figure], dict[str, object]]:
    """Run the comparison on a server and workers of its own."""
    with cluster(KINDS) as running:
        rows = asyncio.run(_rounds(running))
    return _figures(rows), {"rounds": ROUNDS, "batch": BATCH, "concurrency": CONCURRENCY}


async def _rounds(running: Cluster) -> dict[str, list[Batch]]:
    client = await client_of(running.settings)
    five = definition("five-steps", FIVE_CALLS)
    starts = {
        "handwritten": by_hand(client, "handwritten", {"n": 1}),
        "interpreter": interpreted(client, five, {"n": 1}),
    }
    sides = {kind: (starts[kind], kind) for kind in KINDS}
    return await interleaved(running, sides, rounds=ROUNDS, runs=BATCH, at_once=CONCURRENCY)


def _figures(rows: dict[str, list[Batch]]) -> list[Figure]:
    ours, theirs = rows["interpreter"], rows["handwritten"]
    rate = paired([each.per_second for each in ours], [each.per_second for each in theirs])
    cpu = paired([each.cpu_ms for each in ours], [each.cpu_ms for each in theirs])
    return [
        Figure("completions/s, interpreted : hand-written", rate, "x", ">=", 0.95),
        Figure("worker CPU per instance, interpreted : hand-written", cpu, "x", "<=", 1.15),
        *(
            Figure(f"{kind}: {what}", statistics.median(values), unit)
            for kind in KINDS
            for what, values, unit in (
                ("completions per second", [each.per_second for each in rows[kind]], "1/s"),
                ("worker CPU per instance", [each.cpu_ms for each in rows[kind]], "ms"),
                ("server CPU per instance", [each.server_ms for each in rows[kind]], "ms"),
            )
        ),
    ]
