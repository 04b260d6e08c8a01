"""Notifications of an approval: beside the wait for a decision, which they keep back in no way."""

from typing import Any

import pytest

from tests.fixtures.polling import pause
from tests.interpreter.asking import asking, finished, person, says, the_one
from tests.interpreter.conftest import Ended, Runner
from workflows.interpreter.types import RunStatus, TaskState

pytestmark = pytest.mark.anyio

# Nobody waits so long in a test.
SLOW = """
use: { functions: { tell: { do: [ { takes: { wait: P1D } } ] } } }
do:
  - release:
      call: approval
      with:
        title: Release
        candidates: { roles: [ manager ] }
        notify: tell
        %s
"""


def told(ended: Ended, state: TaskState = TaskState.CANCELLED) -> int:
    return ended.names(state).count("takes")


async def test_a_decision_does_not_wait_for_a_slow_notification(run: Runner) -> None:
    handle = await run.start(SLOW % "")
    await run.until(handle, asking)
    assert (await run.progress(handle)).status is RunStatus.WAITING
    await says(run, person(run, "m", "manager"), await the_one(run))
    ended = await finished(run, handle)
    assert ended.output["approved"] is True
    assert told(ended) == 1


async def test_time_passes_while_a_slow_notification_runs(run: Runner) -> None:
    """It is reminded, escalates and ends; what was to be told then is not told any more."""
    more = """
        reminders: [ PT0.1S ]
        escalation: [ { after: PT0.2S, candidates: { roles: [ admin ] } } ]
        timeout: { after: PT0.5S, then: approve }
"""
    handle = await run.start(SLOW % more)
    ended = await finished(run, handle)
    assert ended.output["approved"] is True
    assert (await the_one(run)).roles == ["admin", "manager"]
    assert told(ended) == 1


async def test_who_is_asked_later_decides_while_a_slow_notification_runs(run: Runner) -> None:
    later = "escalation: [ { after: PT0.1S, candidates: { roles: [ admin ] } } ]"
    handle = await run.start(SLOW % later)
    while "admin" not in (shown := await the_one(run)).roles:
        await pause()
    await says(run, person(run, "a", "admin"), shown)
    assert (await finished(run, handle)).output["approved"] is True


async def test_a_timeout_of_the_task_ends_a_slow_notification_too(run: Runner) -> None:
    tasks = """
use: { functions: { tell: { do: [ { takes: { wait: P1D } } ] } } }
do:
  - first:
      try:
        - release:
            call: approval
            with: { title: Release, candidates: { roles: [ manager ] }, notify: tell }
            timeout: { after: { milliseconds: 300 } }
      catch: { do: [ { back: { set: { back: true } } } ] }
"""
    ended = await run(tasks)
    assert ended.output == {"back": True}
    assert told(ended) == 1


async def test_a_run_goes_on_as_a_new_one_while_people_are_told(restless: Runner) -> None:
    """Each of the two is told once, whichever run began and ended it."""
    tasks = """
use:
  functions:
    tell:
      do:
        - begin: { set: { reason: '${ .reason }' } }
        - takes: { wait: PT0.4S }
        - said: { set: { said: '${ .reason }' } }
do:
  - both:
      fork:
        branches:
          - ask:
              call: approval
              with:
                title: Release
                candidates: { roles: [ manager ] }
                notify: tell
                reminders: [ PT0.1S ]
          - work:
              for: { in: '[ range(40) ]' }
              do: [ { step: { wait: { milliseconds: 20 } } } ]
"""
    handle = await restless.start(tasks)
    done: list[str] = []
    while done.count("said") < 2:
        await pause()
        events: Any = await restless.events(handle)
        done = [each.name for each in events if each.state is TaskState.COMPLETED]
    await says(restless, person(restless, "m", "manager"), await the_one(restless))
    ended = await restless.ended(handle)
    assert await restless.replay(handle) > 1
    assert ended.output[0]["approved"] is True
    assert (done.count("begin"), done.count("takes"), done.count("said")) == (2, 2, 2)
