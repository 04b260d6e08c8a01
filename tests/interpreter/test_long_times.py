"""Days and weeks pass in seconds: each run has a clock of its own, which skips idle time.

`TimeSkipper` is what `WorkflowEnvironment.start_time_skipping_v2` is made of; here it is put on the
server, with the settings, that all other tests use.
"""

from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any, Final

import anyio.lowlevel
import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import TimeSkipper

from foundation.database import Database
from foundation.settings import TemporalSettings
from foundation.temporal import connect
from tests.interpreter.asking import finished, person, says, the_one
from tests.interpreter.conftest import Ended, Runner, working
from tests.interpreter.resetting import moments_of, reset
from tests.interpreter.test_retry import Busy, busy
from workflows.interpreter.types import TaskState

pytestmark = pytest.mark.anyio
__all__ = ["busy"]

HOUR: Final = 3_600.0
# While a busy machine works for a run its clock goes on; all that is waited for is far longer.
SLACK_S: Final = 300.0
BAD = "raise: { error: { type: 'https://e.com/bad', status: 400 } }"


@pytest.fixture
async def run(
    skipping_address: str,
    task_queue: str,
    tenant: str,
    stub_hosts: dict[str, str],
    shared_database: Database,
) -> AsyncIterator[Runner]:
    """Runs whose clock skips the time in which nobody works for them."""
    client = TimeSkipper(await connect(TemporalSettings(address=skipping_address))).client
    async with working(client, task_queue, tenant, stub_hosts, shared_database) as runner:
        yield runner


def hours(ended: Ended, name: str, state: TaskState = TaskState.RUNNING) -> list[float]:
    """Return when a task came into a state, each time, in hours since the run began."""
    events = ended.progress.events
    return [
        (event.time - events[0].time).total_seconds() / HOUR
        for event in events
        if event.name == name and event.state is state
    ]


def about(*wanted: float) -> Any:
    return pytest.approx(list(wanted), abs=SLACK_S / HOUR)


def days(*wanted: float) -> Any:
    return about(*(24 * each for each in wanted))


async def timers(run: Runner, handle: WorkflowHandle[Any, Any]) -> list[float]:
    """Return how long the timers of a run were, in hours, as its history tells."""
    history = await run.client.get_workflow_handle(handle.id).fetch_history()
    return [
        event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta().total_seconds()
        / HOUR
        for event in history.events
        if event.HasField("timer_started_event_attributes")
    ]


async def test_a_wait_of_seven_days(run: Runner) -> None:
    handle = await run.start("do: [ { w: { wait: P7D } }, { after: { set: { x: 1 } } } ]")
    ended = await finished(run, handle)
    assert ended.output == {"x": 1}
    assert hours(ended, "after") == days(7)
    assert await timers(run, handle) == days(7)


async def test_a_quarter_of_weeks(run: Runner) -> None:
    ended = await run("""
do:
  - weeks:
      for: { in: '[range(13)]' }
      do: [ { week: { wait: P7D } } ]
""")
    assert hours(ended, "week") == days(*range(0, 91, 7))


async def test_the_first_of_two_waits_ends_a_competition(run: Runner) -> None:
    ended = await run("""
do:
  - race:
      fork:
        compete: true
        branches:
          - slow: { wait: P30D }
          - fast:
              do:
                - half: { wait: P1D }
                - rest: { wait: P1D }
                - won: { set: { won: true } }
""")
    assert ended.output == {"won": True}
    assert hours(ended, "slow", TaskState.CANCELLED) == days(2)
    assert hours(ended, "race", TaskState.COMPLETED) == days(2)


ASK = """
use: { functions: { tell: { set: { told: '${ .reason }' },
  export: { as: '${ $context + { told: ($context.told + [.told]) } }' } } } }
do:
  - release:
      call: approval
      with:
        title: 'Release lot ${ .lot }'
        candidates: { users: [ ada@plant.example ] }
        notify: tell
%s
  - released: { set: { how: '${ . }', told: '${ $context.told }' } }
"""


async def test_people_are_reminded_and_then_others_are_asked(run: Runner) -> None:
    ladder = """
        reminders: [ PT30M, PT4H, P2D ]
        escalation:
          - { after: P1D, candidates: { roles: [ manager ] } }
          - { after: P3D, candidates: { roles: [ admin ] } }
"""
    handle = await run.start(ASK % ladder, {"lot": 7})
    while "admin" not in (shown := await the_one(run)).roles:
        await anyio.lowlevel.checkpoint()
    await says(run, person(run, "d", "admin"), shown)
    ended = await finished(run, handle)
    told = ["opened", "reminder", "reminder", "escalated", "reminder", "escalated"]
    assert ended.output["told"] == told
    assert hours(ended, "tell") == about(0, 0.5, 4, 24, 48, 96)
    assert ended.output["how"]["approved"] is True


@pytest.mark.parametrize(
    ("then", "how", "status"),
    [("reject", None, "REJECTED"), ("approve", True, "APPROVED"), ("default", 7, "DEFAULTED")],
)
async def test_what_counts_when_nobody_has_decided_for_days(
    run: Runner, then: str, how: Any, status: str
) -> None:
    timeout = f"        timeout: {{ after: P3D, then: {then}, value: 7 }}"
    handle = await run.start(ASK % timeout, {"lot": 7})
    ended = await finished(run, handle)
    if how is None:
        assert ended.kind == "authorization"
        assert hours(ended, "release", TaskState.FAULTED) == days(3)
    else:
        given = ended.output["how"]
        assert (given if then == "default" else given["approved"]) == how
        assert hours(ended, "released") == days(3)
    assert (await the_one(run)).status == status


@pytest.mark.parametrize(
    ("second", "told", "end"), [("P5D", days(0, 3, 6), days(9)), ("P1D", days(0, 3, 4), days(6))]
)
async def test_a_rung_follows_so_long_after_the_one_before_also_when_that_came_early(
    run: Runner, second: str, told: Any, end: Any
) -> None:
    ladder = f"""
        timeout: {{ after: P3D, then: escalate }}
        escalation:
          - {{ after: P5D, candidates: {{ roles: [ manager ] }} }}
          - {{ after: {second}, candidates: {{ roles: [ admin ] }} }}
"""
    handle = await run.start(ASK % ladder, {"lot": 7})
    ended = await finished(run, handle)
    assert ended.kind == "authorization"
    assert hours(ended, "tell") == told
    assert hours(ended, "release", TaskState.FAULTED) == end


async def test_listening_ends_after_days(run: Runner) -> None:
    ended = await run("""
do:
  - patient:
      try:
        - heard:
            listen: { to: { one: { with: { type: race.started } } } }
            timeout: { after: P2D }
      catch:
        errors: { with: { status: 408 } }
        do: [ { nobody: { set: { heard: false } } } ]
""")
    assert ended.output == {"heard": False}
    assert hours(ended, "nobody") == days(2)


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        ("delay: PT1H, limit: { attempt: { count: 4 } }", [0, 1, 2, 3]),
        ("delay: PT1H, backoff: { linear: {} }, limit: { attempt: { count: 4 } }", [0, 1, 3, 6]),
        (
            "delay: PT1H, backoff: { exponential: {} }, limit: { attempt: { count: 5 } }",
            [0, 1, 3, 7, 15],
        ),
        # The next attempt would be too late.
        ("delay: PT1H, backoff: { exponential: {} }, limit: { duration: PT10H }", [0, 1, 3, 7]),
        # No delay is longer than a week.
        (
            "delay: P4D, backoff: { exponential: {} }, limit: { attempt: { count: 4 } }",
            [0, 4 * 24, 11 * 24, 18 * 24],
        ),
    ],
)
async def test_attempts_are_hours_apart(run: Runner, policy: str, wanted: list[float]) -> None:
    ended = await run(
        f"do: [ {{ again: {{ try: [ {{ fail: {{ {BAD} }} }} ], "
        f"catch: {{ retry: {{ {policy} }} }} }} }} ]"
    )
    assert ended.kind == "bad"
    assert hours(ended, "fail") == about(*wanted)


async def test_jitter_is_added_to_the_delay(run: Runner) -> None:
    ended = await run(
        f"do: [ {{ again: {{ try: [ {{ fail: {{ {BAD} }} }} ], catch: {{ retry: {{ delay: PT10H, "
        "jitter: { from: PT1H, to: PT3H }, limit: { attempt: { count: 3 } } } } } } ]"
    )
    began = hours(ended, "fail")
    pauses = [after - before for before, after in pairwise(began)]
    assert len(pauses) == 2
    assert all(11 <= pause <= 13.1 for pause in pauses)


async def test_an_attempt_may_take_so_many_hours(run: Runner) -> None:
    ended = await run("""
do:
  - again:
      try: [ { long: { wait: P1D } } ]
      catch: { retry: { delay: PT1H, limit: { attempt: { count: 2, duration: PT6H } } } }
""")
    assert ended.kind == "timeout"
    assert hours(ended, "long") == about(0, 7)
    assert hours(ended, "long", TaskState.CANCELLED) == about(6, 13)


async def test_a_call_is_tried_again_by_temporal_after_hours(run: Runner, busy: Busy) -> None:
    busy.answers = [503, 503, 503]
    policy = "{ retry: { attempts: 4, delay: PT1H, backoff: 2 } }"
    ended = await run(
        f"do: [ {{ ask: {{ call: http, with: {{ method: get, endpoint: '{busy.url}' }}, "
        f"metadata: {{ millwright: {policy} }} }} }} ]"
    )
    assert hours(ended, "ask", TaskState.COMPLETED) == about(1 + 2 + 4)
    assert ended.progress.events[-1].attempts == 4


async def test_a_task_has_days(run: Runner) -> None:
    ended = await run("""
do:
  - outer:
      do:
        - inner: { do: [ { long: { wait: P30D } } ], timeout: { after: P3D } }
      timeout: { after: P5D }
""")
    assert ended.kind == "timeout"
    assert ended.error["instance"] == "/do/0/outer/do/0/inner"
    assert hours(ended, "inner", TaskState.FAULTED) == days(3)


async def test_the_shorter_time_counts(run: Runner) -> None:
    ended = await run("""
do:
  - outer:
      do:
        - inner: { do: [ { long: { wait: P30D } } ], timeout: { after: P5D } }
      timeout: { after: P3D }
""")
    assert ended.error["instance"] == "/do/0/outer"
    assert hours(ended, "inner", TaskState.CANCELLED) == days(3)


async def test_a_workflow_has_days(run: Runner) -> None:
    ended = await run("""
timeout: { after: P10D }
do:
  - weeks: { for: { in: '[range(9)]' }, do: [ { week: { wait: P7D } } ] }
""")
    assert ended.kind == "timeout"
    assert hours(ended, "week") == days(0, 7)
    assert hours(ended, "weeks", TaskState.CANCELLED) == days(10)


async def test_who_is_asked_anew_has_the_time_that_was_left_at_the_moment(run: Runner) -> None:
    ladder = """
        reminders: [ P1D ]
        escalation: [ { after: P2D, candidates: { roles: [ manager ] } } ]
        timeout: { after: P4D, then: default, value: 7 }
"""
    handle = await run.start(ASK % ladder, {"lot": 7})
    ended = await finished(run, handle)
    assert ended.output["told"] == ["opened", "reminder", "escalated"]
    history = await run.client.get_workflow_handle(handle.id).fetch_history()
    asked = next(
        event.event_id
        for event in history.events
        if event.HasField("timer_started_event_attributes")
    )
    moments = await moments_of(handle)
    # To where people had been asked, and to where the last time had just passed.
    for moment, told, lasting in (
        (
            next(each for each in moments if each > asked),
            ["opened", "opened", "reminder", "escalated"],
            about(24, 24, 24, 48),
        ),
        (
            moments[-2],
            ["opened", "reminder", "escalated", "opened"],
            about(24, 24, 48, 48),
        ),
    ):
        again = await reset(run.client, handle, moment)
        ended = await finished(run, again)
        assert (ended.output["told"], ended.output["how"]) == (told, 7)
        assert await timers(run, again) == lasting
