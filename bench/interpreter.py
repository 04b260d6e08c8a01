"""An interpreted workflow of five calls against the same five calls written by hand.

Two workers with the same settings on one server; batches of both kinds take turns, so that what
else the machine does hits both.
"""

import asyncio
import os
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from temporalio.client import Client

from bench.handwritten import STEPS
from bench.processes import cpu_seconds
from bench.report import Figure
from deploy.local.environment import child_environment
from deploy.local.ports import free_port
from deploy.local.processes import Child, Program
from deploy.local.temporal_server import TemporalOptions, temporal_program, temporal_ready
from foundation.settings import Settings, TemporalSettings
from foundation.temporal import connect
from workflows.definition import prepare
from workflows.interpreter.types import ENGINE, StartInput

KINDS = ("handwritten", "interpreter")
ROUNDS = 8
BATCH = 100
CONCURRENCY = 50

DEFINITION = """
document: { dsl: '1.0.3', namespace: bench, name: five-steps, version: '1.0.0' }
do:
""" + "".join(
    f"""
  - step{number}:
      call: http
      with: {{ method: post, endpoint: 'http://b/{number}', body: '${{ . }}' }}
"""
    for number in range(STEPS)
)


def measure() -> tuple[list[Figure], dict[str, object]]:
    """Run the comparison on a server and workers of its own."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        options = TemporalOptions(port=free_port(), log=Path(folder) / "temporal.log")
        server = Child(temporal_program(options))
        stack.callback(server.stop)
        temporal_ready(server, options.address)
        settings = Settings(_env_file=None, temporal=TemporalSettings(address=options.address))
        workers = {kind: _worker(kind, settings, Path(folder)) for kind in KINDS}
        for worker in workers.values():
            stack.callback(worker.stop)
        rows = asyncio.run(_rounds(settings, workers))
    return _figures(rows), {"rounds": ROUNDS, "batch": BATCH, "concurrency": CONCURRENCY}


def _worker(kind: str, settings: Settings, folder: Path) -> Child:
    return Child(
        Program(
            name=f"worker {kind}",
            command=(sys.executable, "-m", "bench.handwritten", f"bench-{kind}", kind),
            log=folder / f"{kind}.log",
            environment=child_environment(os.environ, settings),
        )
    )


async def _rounds(
    settings: Settings, workers: dict[str, Child]
) -> dict[str, list[tuple[float, float]]]:
    """Return completions per second and worker CPU ms per instance, a pair per round and kind."""
    client = await connect(settings.temporal)
    for kind in KINDS:
        await _batch(client, kind)  # Connections, imports and caches are not what is measured.
    rows: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    for turn in range(ROUNDS):
        for kind in KINDS if turn % 2 else reversed(KINDS):
            cpu, started = cpu_seconds(workers[kind].pid), time.perf_counter()
            await _batch(client, kind)
            seconds = time.perf_counter() - started
            spent = cpu_seconds(workers[kind].pid) - cpu
            rows[kind].append((BATCH / seconds, spent / BATCH * 1000))
    return rows


async def _batch(client: Client, kind: str) -> None:
    slots = asyncio.Semaphore(CONCURRENCY)
    prepared = prepare(DEFINITION)

    async def one() -> None:
        async with slots:
            if kind == "handwritten":
                await client.execute_workflow(
                    "handwritten", {"n": 1}, id=uuid4().hex, task_queue="bench-handwritten"
                )
                return
            start = StartInput(
                tenant_id="bench",
                input={"n": 1},
                definition_hash=prepared.hash,
                document=prepared.document,
                engine=ENGINE,
            )
            await client.execute_workflow(
                "bench.five-steps",
                start,
                id=f"bench/bench/five-steps/{uuid4().hex}",
                task_queue="bench-interpreter",
            )

    await asyncio.gather(*(one() for _ in range(BATCH)))


def _figures(rows: dict[str, list[tuple[float, float]]]) -> list[Figure]:
    # Neighbours in time are compared with each other; the median ignores a disturbed pair.
    pairs = list(zip(rows["interpreter"], rows["handwritten"], strict=True))
    rate = statistics.median(ours[0] / theirs[0] for ours, theirs in pairs)
    cpu = statistics.median(ours[1] / theirs[1] for ours, theirs in pairs)
    return [
        Figure("completions/s, interpreted : hand-written", rate, "x", ">=", 0.90),
        Figure("worker CPU per instance, interpreted : hand-written", cpu, "x", "<=", 1.30),
        *(
            Figure(f"{kind}: {what}", statistics.median(row[index] for row in rows[kind]), unit)
            for kind in KINDS
            for index, what, unit in (
                (0, "completions per second", "1/s"),
                (1, "worker CPU per instance", "ms"),
            )
        ),
    ]
