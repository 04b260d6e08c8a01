"""A thousand calls in one instance against the same calls in a window written by hand.

Both keep at most a hundred in flight. One run at a time; both kinds take turns.
"""

import asyncio
import statistics
from typing import Final

from bench.cluster import Cluster, client_of, cluster
from bench.handwritten import CALLS, WINDOW
from bench.interpreted import Batch, by_hand, definition, events, interleaved, interpreted
from bench.report import Figure, paired
from foundation.json import JsonObject

ROUNDS = 7
VALUE: Final[JsonObject] = {"n": 1}

BRANCHES = "  - calls:\n      fork:\n        branches:\n" + "".join(
    f"""
          - call{number}:
              call: http
              with: {{ method: post, endpoint: 'http://b/{number}', body: '${{ . }}' }}
"""
    for number in range(CALLS)
)


def measure() -> tuple[list[Figure], dict[str, object]]:
    """Measure on a server and workers of its own."""
    with cluster(("handwritten", "interpreter")) as running:
        rows = asyncio.run(_rounds(running))
    seconds = {kind: [1 / each.per_second for each in rows[kind]] for kind in rows}
    cpu = {kind: [each.cpu_ms for each in rows[kind]] for kind in rows}
    return [
        Figure(
            f"time of {CALLS:,} calls, interpreted : hand-written",
            *(paired(seconds["interpreted"], seconds["handwritten"]), "x", "<=", 1.2),
        ),
        Figure(
            f"worker CPU of {CALLS:,} calls, interpreted : hand-written",
            *(paired(cpu["interpreted"], cpu["handwritten"]), "x"),
        ),
        *(
            Figure(f"{kind}: {what}", statistics.median(values), unit)
            for kind in rows
            for what, values, unit in (
                ("time", seconds[kind], "s"),
                ("worker CPU", cpu[kind], "ms"),
                ("server CPU", [each.server_ms for each in rows[kind]], "ms"),
            )
        ),
    ], {"rounds": ROUNDS, "calls": CALLS, "window": WINDOW}


async def _rounds(running: Cluster) -> dict[str, list[Batch]]:
    client = await client_of(running.settings)
    calls = interpreted(client, definition("thousand", BRANCHES), VALUE)
    seen = await events(client, await calls())
    if seen["ACTIVITY_TASK_COMPLETED"] != CALLS:
        raise ValueError(f"Not {CALLS:,} calls: {dict(seen)}")
    sides = {
        "interpreted": (calls, "interpreter"),
        "handwritten": (by_hand(client, "handwritten-window", VALUE), "handwritten"),
    }
    return await interleaved(running, sides, rounds=ROUNDS, runs=1, at_once=1)
