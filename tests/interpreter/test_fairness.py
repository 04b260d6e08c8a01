"""Tenants take turns, on a real server with the worker as it is in production."""

import asyncio

import pytest
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from foundation.database import Database
from foundation.settings import Settings, WorkerSettings
from tests.instances.eventually import eventually
from tests.interpreter.conftest import Runner
from tests.interpreter.door import Door, door
from tests.interpreter.product import at_work
from workers.main import is_fair

pytestmark = pytest.mark.anyio
__all__ = ["door"]

SLOTS = 2


def calls(count: int, url: str) -> str:
    """Make so many calls at once."""
    branches = "\n".join(
        f"          - c{number}: {{ call: http, with: {{ method: get, endpoint: '{url}' }} }}"
        for number in range(count)
    )
    return f"do:\n  - all:\n      fork:\n        branches:\n{branches}\n"


async def queued(client: Client, task_queue: str) -> int:
    """Tell how many activities wait for a worker."""
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
            report_stats=True,
        )
    )
    return answer.stats.approximate_backlog_count


async def turns(
    client: Client, settings: Settings, database: Database, door: Door, *, fair: bool
) -> list[int]:
    """Let one tenant queue 150 calls and then another one 10; return when the latter came."""
    queue = settings.temporal.task_queue
    large, small = (
        Runner(client, queue, tenant) for tenant in (f"large-{queue}", f"small-{queue}")
    )
    async with at_work(client, settings, database, slots=SLOTS, fair=fair):
        runs = [await large.start(calls(75, f"{door.url}/large")) for _ in range(2)]
        await asyncio.to_thread(door.until, SLOTS)
        await eventually(lambda: queued(client, queue), lambda found: found >= 150 - 2 * SLOTS)
        runs.append(await small.start(calls(10, f"{door.url}/small")))
        await eventually(lambda: queued(client, queue), lambda found: found >= 160 - 2 * SLOTS)
        door.open()
        for run in runs:
            await run.result()
    return [at for at, path in enumerate(door.came) if path == "/small"]


async def test_a_tenant_with_150_queued_calls_does_not_delay_another_ones_10(
    temporal: Client, settings: Settings, database: Database, door: Door
) -> None:
    positions = await turns(temporal, settings, database, door, fair=True)
    assert len(positions) == 10
    assert positions[-1] < 25


def test_tenants_take_turns_in_production_unless_told_otherwise(settings: Settings) -> None:
    def fair(profile: str, *, said: bool | None) -> bool:
        worker = WorkerSettings(fair=said)
        return is_fair(settings.model_copy(update={"profile": profile, "worker": worker}))

    assert fair("production", said=None)
    assert not fair("local", said=None)
    assert fair("local", said=True)
    assert not fair("production", said=False)
