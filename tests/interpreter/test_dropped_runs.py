"""A worker drops runs without telling them: what it collects as garbage must do nothing more.

Python throws `GeneratorExit` into coroutines that it collects, in whatever thread and at whatever
time; pytest turns an error there into a failure of the test.
"""

import gc

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from tests.interpreter.conftest import Runner
from workflows.interpreter.types import RunStatus
from workflows.interpreter.workflow import Interpreter

pytestmark = pytest.mark.anyio

WAITS = """
do:
  - both:
      fork:
        branches:
          - long: { wait: PT1H }
          - longer: { do: [{ sleeps: { wait: PT2H } }] }
"""


async def test_a_run_that_a_worker_drops_does_nothing_more(
    temporal: Client, task_queue: str, tenant: str
) -> None:
    run = Runner(temporal, task_queue, tenant)
    async with Worker(
        temporal,
        task_queue=task_queue,
        workflows=[Interpreter],
        disable_safe_workflow_eviction=True,
    ):
        handle = await run.start(WAITS)
        await run.until(handle, lambda progress: progress.status is RunStatus.WAITING)
    gc.collect()
    await handle.terminate()
