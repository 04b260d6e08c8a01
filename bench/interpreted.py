"""Starting definitions and workflows on the workers of a bench, alone and many at a time."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from uuid import uuid4

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.common import TypedSearchAttributes

from bench.cluster import Cluster, queue_of
from bench.processes import cpu_seconds
from foundation.json import JsonValue
from workflows.definition import PreparedDefinition, prepare
from workflows.runs.launch import labels, start_input

# Starts one run and waits for its result; returns the id.
Run: TypeAlias = Callable[[], Awaitable[str]]


def definition(name: str, tasks: str) -> PreparedDefinition:
    """Prepare a definition of the bench with these tasks."""
    head = f"document: {{ dsl: '1.0.3', namespace: bench, name: {name}, version: '1.0.0' }}"
    return prepare(f"{head}\ndo:\n{tasks}")


def interpreted(
    client: Client,
    prepared: PreparedDefinition,
    value: JsonValue,
    *,
    task_queue: str = queue_of("interpreter"),
    eager: bool = False,
) -> Run:
    """Return what runs a definition once.

    Args:
        eager: Let a worker in this process have the first workflow task with the answer.
    """
    kind = f"{prepared.namespace}.{prepared.name}"
    start = start_input("bench", prepared, value)
    if start.document is None:
        # There is no catalogue to read it from.
        start = start.model_copy(update={"document": prepared.document})

    async def run() -> str:
        key = f"bench/{prepared.namespace}/{prepared.name}/{uuid4().hex}"
        await client.execute_workflow(
            kind,
            start,
            id=key,
            task_queue=task_queue,
            search_attributes=labels("bench", prepared.version),
            request_eager_start=eager,
        )
        return key

    return run


def by_hand(
    client: Client,
    name: str,
    value: JsonValue,
    *,
    labelled: TypedSearchAttributes | None = None,
) -> Run:
    """Return what runs a hand-written workflow once.

    Args:
        labelled: By what runs of it can be found.
    """

    async def run() -> str:
        key = f"bench/{name}/{uuid4().hex}"
        await client.execute_workflow(
            name,
            value,
            id=key,
            task_queue=queue_of("handwritten"),
            search_attributes=labelled,
        )
        return key

    return run


async def events(client: Client, key: str) -> Counter[str]:
    """Count the events of a run that has ended, by their name: `WORKFLOW_TASK_COMPLETED`."""
    history = await client.get_workflow_handle(key).fetch_history()
    names = (EventType.Name(event.event_type) for event in history.events)
    return Counter(name.removeprefix("EVENT_TYPE_") for name in names)


@dataclass(frozen=True)
class Batch:
    """What one batch of runs took.

    Attributes:
        per_second: Completions.
        cpu_ms: CPU of the worker, per run.
        server_ms: CPU of Temporal, per run.
    """

    per_second: float
    cpu_ms: float
    server_ms: float


async def batch(run: Run, running: Cluster, kind: str, *, runs: int, at_once: int) -> Batch:
    """Run a batch and measure it.

    Args:
        kind: Of the worker whose CPU counts.
    """
    slots = asyncio.Semaphore(at_once)

    async def one() -> None:
        async with slots:
            await run()

    worker, server = running.workers[kind].pid, running.server.pid
    cpu, of_server, started = cpu_seconds(worker), cpu_seconds(server), time.perf_counter()
    await asyncio.gather(*(one() for _ in range(runs)))
    seconds = time.perf_counter() - started
    return Batch(
        per_second=runs / seconds,
        cpu_ms=(cpu_seconds(worker) - cpu) / runs * 1000,
        server_ms=(cpu_seconds(server) - of_server) / runs * 1000,
    )


async def interleaved(
    running: Cluster,
    sides: Mapping[str, tuple[Run, str]],
    *,
    rounds: int,
    runs: int,
    at_once: int,
) -> dict[str, list[Batch]]:
    """Let all sides take turns, so that what else the machine does hits them alike.

    Args:
        sides: What runs once, and the kind of worker that it runs on.
    """
    measured: dict[str, list[Batch]] = {name: [] for name in sides}
    # Connections, imports and caches are not what is measured: the first round does not count.
    for turn in range(rounds + 1):
        for name in list(sides)[:: 1 if turn % 2 else -1]:
            run, kind = sides[name]
            took = await batch(run, running, kind, runs=runs, at_once=at_once)
            if turn:
                measured[name].append(took)
    return measured
