"""Twenty tasks in a row that only decide: one workflow task, and little CPU.

Beside it a hand-written workflow that gives back its input, for what any run costs. Both take
turns. CPU is that of the whole worker process, so it includes what the SDK spends on a run; it is
the median of the rounds, as a worker that waits for a busy machine burns nothing meanwhile.
"""

import asyncio
import statistics
from typing import Final

from bench.cluster import Cluster, client_of, cluster
from bench.interpreted import Batch, by_hand, definition, events, interleaved, interpreted
from bench.report import Figure
from foundation.json import JsonObject

TASKS = 20
ROUNDS = 8
BATCH = 200
CONCURRENCY = 50
MAX_CPU_MS = 5

# Two conditions each; the second one holds, and leads on.
DECISIONS = "".join(
    f"""
  - decide{number}:
      switch:
        - low: {{ when: '.measured.value < .limits.low', then: exit }}
        - good: {{ when: '.measured.ok and .measured.value > {number}', then: continue }}
        - otherwise: {{ then: end }}
"""
    for number in range(TASKS)
)
VALUE: Final[JsonObject] = {
    "measured": {"value": 71.5, "ok": True, "line": "L3"},
    "limits": {"low": 12.5},
}


def measure() -> tuple[list[Figure], dict[str, object]]:
    """Measure on a server and workers of its own."""
    with cluster(("handwritten", "interpreter")) as running:
        rows, tasks = asyncio.run(_measured(running))
    cpu = {name: statistics.median(each.cpu_ms for each in rows[name]) for name in rows}
    return [
        Figure(f"workflow tasks of a run of {TASKS} conditions", tasks, "", "<=", 1),
        Figure(
            f"worker CPU of a run of {TASKS} conditions", cpu["conditions"], "ms", "<=", MAX_CPU_MS
        ),
        Figure("worker CPU of a hand-written run of nothing", cpu["nothing"], "ms"),
        Figure(
            "completions per second",
            statistics.median(each.per_second for each in rows["conditions"]),
            "1/s",
        ),
    ], {"rounds": ROUNDS, "batch": BATCH, "concurrency": CONCURRENCY}


async def _measured(running: Cluster) -> tuple[dict[str, list[Batch]], int]:
    client = await client_of(running.settings)
    conditions = interpreted(client, definition("conditions", DECISIONS), VALUE)
    sides = {
        "conditions": (conditions, "interpreter"),
        "nothing": (by_hand(client, "handwritten-nothing", VALUE), "handwritten"),
    }
    tasks = (await events(client, await conditions()))["WORKFLOW_TASK_COMPLETED"]
    rows = await interleaved(running, sides, rounds=ROUNDS, runs=BATCH, at_once=CONCURRENCY)
    return rows, tasks
