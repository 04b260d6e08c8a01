"""Waiting for events: which are meant, how many, in which order, and that none is lost."""

from typing import Any

import anyio
import pytest

from foundation.json import JsonObject
from tests.interpreter.conftest import Runner
from workflows.interpreter.types import Progress, RunStatus, TaskState

pytestmark = pytest.mark.anyio


def waiting(progress: Progress) -> bool:
    """Tell whether the run waits for events."""
    return any(each["kind"] == "event" for each in progress.waiting_for)


async def heard(run: Runner, tasks: str, *events: dict[str, Any], value: Any = None) -> Any:
    """Start, wait until it listens, send the events one by one, return the output."""
    handle = await run.start(tasks, value)
    await run.until(handle, waiting)
    for event in events:
        await run.send(event)
    ended = await run.ended(handle)
    assert ended.error is None
    await run.replay(handle)
    return ended.output


ONE = """
do:
  - started:
      listen: { to: { one: { with: { type: race.started } } } }
"""
ONLY_NEW = "      metadata: { millwright: { keptEvents: false } }\n"


async def test_one_event_is_waited_for_and_its_data_is_the_output(run: Runner) -> None:
    handle = await run.start(ONE)
    await run.until(handle, waiting)
    progress = await run.progress(handle)
    assert progress.status is RunStatus.WAITING
    assert progress.waiting_for[0]["events"] == ["race.started"]
    assert (
        await run.send({"type": "race.over"}, {"type": "race.started", "data": 3})
    ).accepted == 2
    ended = await run.ended(handle)
    assert ended.output == [3]
    await run.replay(handle)


async def test_what_is_read_of_an_event_can_be_chosen(run: Runner) -> None:
    for how, given, wanted in (
        ("data", {"data": {"n": 1}}, {"n": 1}),
        ("data", {"data_base64": "AAE="}, "AAE="),
        ("raw", {"data": {"n": 1}}, "eyJuIjogMX0="),
        ("raw", {"data": "text"}, "dGV4dA=="),
        ("data", {}, None),
    ):
        tasks = ONE.replace("listen: {", f"listen: {{ read: {how},") + ONLY_NEW
        assert await heard(run, tasks, {"type": "race.started", **given}) == [wanted]
    tasks = ONE.replace("listen: {", "listen: { read: envelope,") + ONLY_NEW
    (event,) = await heard(run, tasks, {"type": "race.started", "id": "7", "line": "a"})
    assert event == {
        "specversion": "1.0",
        "id": "7",
        "source": "/tests",
        "type": "race.started",
        "line": "a",
    }


async def test_any_of_several_filters_is_enough(run: Runner) -> None:
    tasks = """
do:
  - doctor:
      listen:
        to:
          any:
            - with: { type: temperature, data: "${ .temperature > 38 }" }
            - with: { type: bpm, data: "${ .bpm < 60 or .bpm > 100 }" }
"""
    events = (
        {"type": "temperature", "data": {"temperature": 37}},
        {"type": "bpm", "data": {"bpm": 80}},
        {"type": "temperature", "data": "no object"},
        {"type": "bpm", "data": {"bpm": 120}},
        {"type": "temperature", "data": {"temperature": 40}},
    )
    assert await heard(run, tasks, *events) == [{"bpm": 120}]


async def test_all_filters_need_an_event_of_their_own(run: Runner) -> None:
    tasks = """
do:
  - both:
      listen:
        to:
          all:
            - with: { type: door, data: { state: open } }
            - with: { type: door }
            - with: { type: light }
"""
    events = (
        {"type": "door", "data": {"state": "open", "n": 1}},
        {"type": "light", "data": 2},
        {"type": "light", "data": 3},
        {"type": "door", "data": {"state": "open", "n": 4}},
    )
    assert await heard(run, tasks, *events) == [
        {"state": "open", "n": 1},
        2,
        {"state": "open", "n": 4},
    ]


async def test_any_event_is_meant_by_no_filter(run: Runner) -> None:
    tasks = """
do:
  - four:
      listen: { to: { any: [], until: "( . | length ) > 3" } }
"""
    events = [{"type": f"t{number}", "data": number} for number in range(5)]
    assert await heard(run, tasks, *events) == [0, 1, 2, 3]


async def test_events_can_end_the_listening(run: Runner) -> None:
    tasks = """
do:
  - watch:
      listen:
        to:
          any:
            - with: { type: reading }
          until:
            all:
              - with: { type: shift.over }
              - with: { type: line.stopped }
"""
    events = (
        {"type": "reading", "data": 1},
        {"type": "line.stopped"},
        {"type": "reading", "data": 2},
        {"type": "shift.over"},
        {"type": "reading", "data": 3},
    )
    assert await heard(run, tasks, *events) == [1, 2]


async def test_tasks_are_done_with_each_event(run: Runner) -> None:
    tasks = """
do:
  - watch:
      listen: { to: { any: [{ with: { type: reading } }], until: "$context.last == 0" } }
      foreach:
        item: reading
        at: number
        do:
          - doubled: { set: { value: "${ $reading * 2 }", number: "${ $number }" } }
        output: { as: "${ .value + .number }" }
        export: { as: "${ { last: $reading } }" }
  - shown: { set: { all: "${ . }", last: "${ $context.last }" } }
"""
    events = [{"type": "reading", "data": number} for number in (5, 7, 0, 9)]
    assert await heard(run, tasks, *events) == {"all": [10, 15, 2], "last": 0}


@pytest.mark.parametrize(
    ("given", "event", "meant"),
    [
        ("{ source: '/line/[0-9]+' }", {"source": "/line/12"}, True),
        ("{ source: '/line/[0-9]+' }", {"source": "/line/x"}, False),
        ("{ type: a.b }", {"type": "axb"}, False),
        ("{ subject: '${ $input.wanted }' }", {"subject": "seven"}, True),
        ("{ subject: '${ $input.wanted }' }", {"subject": "eight"}, False),
        ("{ subject: '${ startswith(\"se\") }' }", {"subject": "seven"}, True),
        ("{ subject: '${ true }' }", {}, False),
        ("{ data: { n: 1 } }", {"data": {"n": 1.0, "m": 2}}, True),
        ("{ data: { n: 1 } }", {"data": {"n": True}}, False),
        ("{ data: { n: [1] } }", {"data": {"n": [1, 2]}}, False),
        ("{ data: { n: { m: '${ . > 1 }' } } }", {"data": {"n": {"m": 2}}}, True),
        ("{ data: { n: null } }", {"data": {}}, False),
        ("{ data: { n: null } }", {"data": {"n": None}}, True),
        ("{ priority: 3 }", {"priority": 3}, True),
        ("{ priority: 3 }", {"priority": "3"}, False),
    ],
)  # fmt: skip
async def test_an_event_is_meant_when_each_attribute_is(
    run: Runner, given: str, event: dict[str, Any], *, meant: bool
) -> None:
    tasks = f"""
do:
  - first:
      listen:
        read: envelope
        to: {{ any: [{{ with: {given} }}, {{ with: {{ type: end }} }}] }}
"""
    sent: dict[str, Any] = {"type": "begin", **event}
    (found,) = await heard(run, tasks, sent, {"type": "end"}, value={"wanted": "seven"})
    assert (found["type"] != "end") is meant


async def test_events_correlate_with_what_the_run_expects(run: Runner) -> None:
    tasks = """
do:
  - paid:
      listen:
        to:
          one:
            with: { type: order.paid }
            correlate:
              order: { from: "${ .data.order }", expect: "${ $input.order }" }
              line: { from: .line, expect: a }
"""
    handles = [await run.start(tasks, {"order": number}) for number in range(3)]
    for handle in handles:
        await run.until(handle, waiting)
    await run.send({"type": "order.paid", "data": {"order": 1, "n": 0}, "line": "b"})
    for number in (2, 0, 1):
        data = {"order": number, "n": number}
        await run.send({"type": "order.paid", "data": data, "line": "a"})
    for number, handle in enumerate(handles):
        assert (await run.ended(handle)).output == [{"order": number, "n": number}]
        # Only its own event woke it: the one for line b was for nobody.
        signals = [
            event
            async for event in handle.fetch_history_events()
            if event.HasField("workflow_execution_signaled_event_attributes")
        ]
        assert len(signals) == 1


async def test_events_correlate_with_each_other(run: Runner) -> None:
    tasks = """
do:
  - room:
      listen:
        to:
          all:
            - with: { type: temperature }
              correlate: { room: { from: .room } }
            - with: { type: humidity }
              correlate: { room: { from: .room } }
"""
    events = (
        {"type": "temperature", "data": 1},
        {"type": "temperature", "data": 2, "room": "a"},
        {"type": "humidity", "data": 3, "room": "b"},
        {"type": "humidity", "data": 4, "room": "a"},
    )
    assert await heard(run, tasks, *events) == [2, 4]


async def test_an_event_that_came_before_is_kept_unless_it_is_not_wanted(run: Runner) -> None:
    await run.send({"type": "race.started", "data": "early"})
    assert (await run(ONE)).output == ["early"]
    assert await heard(run, ONE + ONLY_NEW, {"type": "race.started", "data": "late"}) == ["late"]


async def test_an_instance_gets_an_event_once(run: Runner) -> None:
    tasks = """
do:
  - turns:
      for: { in: "${ [1, 2, 3] }", each: turn }
      do:
        - next: { listen: { to: { one: { with: { type: part } } } } }
        - keep:
            set: { part: "${ .[0] }" }
            export: { as: "${ ($context // []) + [.part] }" }
output: { as: "${ $context }" }
"""
    await run.send({"type": "part", "data": 1}, {"type": "part", "data": 2})
    handle = await run.start(tasks)
    await run.until(handle, waiting)
    await run.send({"type": "part", "data": 3})
    assert (await run.ended(handle)).output == [1, 2, 3]


async def test_an_event_whose_tasks_fault_is_not_given_to_the_next_attempt(run: Runner) -> None:
    tasks = """
do:
  - again:
      try:
        - heard:
            listen: { to: { one: { with: { type: part } } } }
            foreach:
              do:
                - bad:
                    if: $item == 1
                    raise: { error: { type: 'https://e.com/bad', status: 400 } }
      catch: { retry: { limit: { attempt: { count: 2 } } } }
"""
    assert await heard(run, tasks, {"type": "part", "data": 1}, {"type": "part", "data": 2}) == [2]


async def test_the_same_source_and_id_is_the_same_event(run: Runner) -> None:
    tasks = """
do:
  - two: { listen: { to: { any: [], until: "length == 2" } } }
"""
    handle = await run.start(tasks)
    await run.until(handle, waiting)
    first = {"type": "t", "id": "1", "data": "first"}
    assert (await run.send(first, first)).duplicates == 1
    assert (await run.send(first)).accepted == 0
    await run.send({"type": "t", "id": "1", "source": "/other", "data": "second"})
    assert (await run.ended(handle)).output == ["first", "second"]


async def test_what_one_run_emits_another_one_hears(run: Runner) -> None:
    listening = await run.start(ONE)
    await run.until(listening, waiting)
    emitted = await run("""
do:
  - start:
      emit: { event: { with: { type: race.started, data: { n: 1 } } } }
""")
    assert emitted.output["id"]
    assert (await run.ended(listening)).output == [{"n": 1}]


async def test_nobody_hears_the_events_of_another_tenant(run: Runner) -> None:
    handle = await run.start(ONE)
    await run.until(handle, waiting)
    assert run.events_desk is not None
    event: JsonObject = {
        "specversion": "1.0",
        "id": "1",
        "source": "/x",
        "type": "race.started",
        "data": 1,
    }
    assert (await run.events_desk.publish(f"{run.tenant}x", [event])).accepted == 1
    await run.send({"type": "race.started", "data": "own"})
    assert (await run.ended(handle)).output == ["own"]


async def test_a_timeout_ends_the_listening(run: Runner) -> None:
    tasks = ONE + "      timeout: { after: { milliseconds: 300 } }\n"
    ended = await run(tasks)
    assert ended.kind == "timeout"
    assert ended.names(TaskState.FAULTED)


async def test_branches_listen_each_for_its_own(run: Runner) -> None:
    tasks = """
do:
  - both:
      fork:
        branches:
          - a: { listen: { to: { one: { with: { type: a } } } } }
          - b: { listen: { to: { one: { with: { type: b } } } } }
"""
    handle = await run.start(tasks)
    await run.until(handle, lambda progress: len(progress.waiting_for) == 2)
    await run.send({"type": "b", "data": "B"}, {"type": "a", "data": "A"})
    assert (await run.ended(handle)).output == [["A"], ["B"]]


async def test_nothing_is_lost_or_doubled_when_the_run_goes_on_as_a_new_one(
    restless: Runner,
) -> None:
    tasks = """
do:
  - many:
      listen: { to: { any: [{ with: { type: part } }], until: "length == 40" } }
      foreach:
        do:
          - pause: { wait: { milliseconds: 1 } }
          - number: { set: "${ $item }" }
"""
    handle = await restless.start(tasks)
    async with anyio.create_task_group() as group:

        async def send(first: int) -> None:
            for number in range(first, first + 10):
                await restless.send({"type": "part", "data": number})

        for first in (0, 10, 20, 30):
            group.start_soon(send, first)
    ended = await restless.ended(handle)
    assert sorted(ended.output) == list(range(40))
    for first in (0, 10, 20, 30):
        own = [number for number in ended.output if first <= number < first + 10]
        assert own == sorted(own)
    assert await restless.replay(handle) > 2
