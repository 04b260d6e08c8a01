"""One instance makes turn after turn, goes on as new runs, and stays small.

Twenty thousand turns here; `make prove-million` takes a million, and keeps the figures in
bench/results/million.json.
"""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from time import monotonic

import pytest
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus

from bench.report import Figure, save, show
from millwright_client import Millwright
from tests.durability.test_load import Plant, insist, plant

__all__ = ["plant"]
MILLION = 1_000_000
TURNS = int(os.environ.get("MILLWRIGHT_TEST_TURNS", "20000"))
DEFINITION = Path(__file__).with_name("counting.yaml").read_text(encoding="utf-8")
# Ten times what it takes on a machine that has nothing else to do.
PATIENCE_S = 120 + TURNS // 800


@pytest.mark.timeout(PATIENCE_S + 180)
def test_each_of_very_many_turns_happens_once(plant: Plant) -> None:
    memory = plant.memory
    with plant.system.new_tenant() as client, memory.watched():
        client.workflows.publish(DEFINITION)
        idle, began = memory.now(), monotonic()
        given = {"thousands": TURNS // 1_000, "turns": 0}
        instance = client.workflows.start("tests", "counting", input=given).id
        output = _output_of(client, instance)
        seconds = monotonic() - began
    assert output == TURNS
    runs = asyncio.run(_runs(plant))
    continued = [each for each in runs if each.status is WorkflowExecutionStatus.CONTINUED_AS_NEW]
    assert len(runs) == len(continued) + 1
    if TURNS >= MILLION:
        assert continued, "so many do not fit into one history"
        _keep(runs, seconds, idle, memory.most)


def _output_of(client: Millwright, instance: str) -> object:
    """Wait for the end, and return what came out."""
    deadline = monotonic() + PATIENCE_S
    while (found := insist(lambda: client.instances.get(instance))).status != "COMPLETED":
        assert found.status in {"PENDING", "RUNNING", "WAITING"}, found
        assert monotonic() < deadline, f"{instance} is {found.status}"
        Event().wait(1)
    return found.output


async def _runs(plant: Plant) -> Sequence[WorkflowExecutionDescription]:
    """Describe all runs of the instance."""
    settings = plant.system.settings.temporal
    client = await Client.connect(settings.address, namespace=settings.namespace)
    return [
        await client.get_workflow_handle(each.id, run_id=each.run_id).describe()
        async for each in client.list_workflows("WorkflowType = 'tests.counting'")
    ]


def _keep(
    runs: Sequence[WorkflowExecutionDescription], seconds: float, idle: float, most: float
) -> None:
    sizes = [each.raw_description.workflow_execution_info.history_size_bytes for each in runs]
    figures = [
        Figure("turns", TURNS, "", ">=", MILLION),
        Figure("time", seconds, "s", "<=", 1_200),
        Figure("time of a turn", 1_000 * seconds / TURNS, "ms"),
        Figure("runs", len(runs), ""),
        Figure("longest history", max(each.history_length for each in runs), "events"),
        Figure("largest history", max(sizes) / 1_024, "KiB"),
        Figure("worker, idle", idle, "MiB"),
        Figure("worker, at most", most, "MiB", "<=", 512),
    ]
    show("A million turns", figures)
    save("million", figures, {"turns": TURNS})
