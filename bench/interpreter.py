"""An interpreted workflow of five calls against the same five calls written by hand.

Two workers with the same settings on one server; batches of all kinds take turns, so that what
else the machine does hits them alike. There are two yardsticks: the bare calls, and calls of which
Temporal is told as much as it is told of ours (a summary and the tenant of each call, search
attributes of the run): what is between those two is Temporal's price for it, not the interpreter's.
"""

import asyncio
import statistics

from bench.cluster import Cluster, client_of, cluster
from bench.handwritten import STEPS
from bench.interpreted import Batch, by_hand, definition, interleaved, interpreted
from bench.report import Figure, paired
from workflows.runs.launch import labels

KINDS = ("handwritten", "interpreter")
IN_FULL = "handwritten-in-full"
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
        IN_FULL: by_hand(client, IN_FULL, {"n": 1}, labelled=labels("bench", five.version)),
        "interpreter": interpreted(client, five, {"n": 1}),
    }
    sides = {
        kind: (start, "interpreter" if kind == "interpreter" else "handwritten")
        for kind, start in starts.items()
    }
    return await interleaved(running, sides, rounds=ROUNDS, runs=BATCH, at_once=CONCURRENCY)


def _figures(rows: dict[str, list[Batch]]) -> list[Figure]:
    bare = "interpreted : hand-written"
    full = "interpreted : hand-written, labelled alike"
    return [
        Figure(f"completions/s, {bare}", _rate(rows, "handwritten"), "x", ">=", 0.95),
        Figure(f"worker CPU per instance, {bare}", _cpu(rows, "handwritten"), "x", "<=", 1.15),
        Figure(f"completions/s, {full}", _rate(rows, IN_FULL), "x"),
        Figure(f"worker CPU per instance, {full}", _cpu(rows, IN_FULL), "x"),
        *(
            Figure(f"{kind}: {what}", statistics.median(values), unit)
            for kind in rows
            for what, values, unit in (
                ("completions per second", [each.per_second for each in rows[kind]], "1/s"),
                ("worker CPU per instance", [each.cpu_ms for each in rows[kind]], "ms"),
                ("server CPU per instance", [each.server_ms for each in rows[kind]], "ms"),
            )
        ),
    ]


def _rate(rows: dict[str, list[Batch]], kind: str) -> float:
    ours, theirs = rows["interpreter"], rows[kind]
    return paired([each.per_second for each in ours], [each.per_second for each in theirs])


def _cpu(rows: dict[str, list[Batch]], kind: str) -> float:
    ours, theirs = rows["interpreter"], rows[kind]
    return paired([each.cpu_ms for each in ours], [each.cpu_ms for each in theirs])
