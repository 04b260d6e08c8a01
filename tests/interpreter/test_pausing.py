"""Pausing an instance and letting it go on; what it is doing."""

import pytest
from temporalio.client import WorkflowExecutionStatus

from tests.interpreter.asking import asking, person, says, the_one
from tests.interpreter.conftest import Runner
from tests.interpreter.door import Door, door
from workflows.interpreter.types import (
    PAUSE_UPDATE,
    RESUME_UPDATE,
    Progress,
    RunStatus,
    TaskState,
)

pytestmark = pytest.mark.anyio
__all__ = ["door"]

GET = "call: http, with: { method: get, endpoint: 'https://petstore.swagger.io/v2/pet/1' }"


async def test_a_paused_run_begins_no_task_until_it_is_resumed(run: Runner) -> None:
    handle = await run.start("do: [ { w: { wait: PT0.2S } }, { after: { set: { x: 1 } } } ]")
    await handle.execute_update(PAUSE_UPDATE)
    await run.until(handle, lambda told: len(told.events) > 1)
    told = await run.progress(handle)

    assert [event.name for event in told.events if event.state is TaskState.RUNNING] == ["w"]
    assert told.status is RunStatus.PAUSED

    await handle.execute_update(RESUME_UPDATE)
    assert (await run.ended(handle)).output == {"x": 1}
    assert await run.replay(handle) == 1


async def test_all_branches_are_paused(run: Runner) -> None:
    branch = "do: [ { w: { wait: PT0.2S } }, { after: { set: { x: 1 } } } ]"
    branches = f"[ {{ a: {{ {branch} }} }}, {{ b: {{ {branch} }} }} ]"
    handle = await run.start(f"do: [ {{ f: {{ fork: {{ branches: {branches} }} }} }} ]")
    await handle.execute_update(PAUSE_UPDATE)
    await run.until(
        handle, lambda told: [event.state for event in told.events].count(TaskState.COMPLETED) == 2
    )
    assert "after" not in [event.name for event in (await run.progress(handle)).events]

    await handle.execute_update(RESUME_UPDATE)
    assert (await run.ended(handle)).output == [{"x": 1}, {"x": 1}]


async def test_a_paused_run_stays_paused_when_it_goes_on_as_a_new_one(restless: Runner) -> None:
    handle = await restless.start(
        f"do: [ {{ l: {{ for: {{ in: '[range(20)]' }}, do: [ {{ ask: {{ {GET} }} }} ] }} }} ]"
    )
    await restless.until(handle, lambda told: told.last > 8)
    await handle.execute_update(PAUSE_UPDATE)
    told = await restless.progress(handle)
    assert told.status is RunStatus.PAUSED
    await handle.execute_update(RESUME_UPDATE)

    assert (await restless.ended(handle)).error is None
    assert await restless.replay(handle) > 1


async def test_a_run_that_only_waits_says_for_what(run: Runner) -> None:
    branches = "[ { a: { wait: PT1H } }, { b: { wait: PT2H } } ]"
    handle = await run.start(
        f"do: [ {{ f: {{ fork: {{ compete: true, branches: {branches} }} }} }} ]"
    )
    await run.until(handle, lambda told: told.status is RunStatus.WAITING)
    told = await run.progress(handle)

    assert [(each["kind"], each["task"]) for each in told.waiting_for] == [
        ("timer", "/do/0/f/fork/branches/0/a"),
        ("timer", "/do/0/f/fork/branches/1/b"),
    ]
    attribute = (await handle.describe()).search_attributes["MillwrightStatus"]
    assert attribute == ["WAITING"]
    await handle.terminate()


async def test_a_cancelled_run_need_not_be_resumed(run: Runner) -> None:
    handle = await run.start("do: [ { w: { wait: PT0.1S } }, { after: { set: { x: 1 } } } ]")
    await handle.execute_update(PAUSE_UPDATE)
    await run.until(handle, lambda told: len(told.events) > 1)
    await handle.cancel()
    await run.until(handle, lambda told: told.ended)

    assert (await handle.describe()).status == WorkflowExecutionStatus.CANCELED


async def test_a_run_that_goes_on_as_a_new_one_while_paused_can_still_be_decided(
    restless: Runner, door: Door
) -> None:
    handle = await restless.start(
        f"""
do:
  - all:
      fork:
        branches:
          - busy: {{ for: {{ in: '[range(60)]' }}, do: [ {{ w: {{ wait: PT0.001S }} }} ] }}
          - held: {{ call: http, with: {{ method: get, endpoint: '{door.url}/' }} }}
          - ask: {{ call: approval, with: {{ title: Go on, candidates: {{ roles: [manager] }} }} }}
  - after: {{ set: '${{ .[2].approved }}' }}
"""
    )
    seen = [0]

    def stands_still(told: Progress) -> bool:
        seen.append(told.last)
        return asking(told) and len(seen) > 20 and seen[-20] == told.last

    # Its history is long, and only the call keeps it from being left.
    await restless.until(handle, stands_still)
    await handle.execute_update(PAUSE_UPDATE)
    door.open()
    await restless.until(handle, lambda told: told.run_before is not None and asking(told))
    assert (await restless.progress(handle)).status is RunStatus.PAUSED

    await says(restless, person(restless, "ada", "manager"), await the_one(restless))
    await restless.until(handle, lambda told: not asking(told))
    assert (await restless.progress(handle)).status is RunStatus.PAUSED

    await handle.execute_update(RESUME_UPDATE)
    assert (await restless.ended(handle)).output is True
    assert await restless.replay(handle) > 1
