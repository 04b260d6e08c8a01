"""What once made a run hang for ever, lose its way on replay, or take its worker with it."""

import asyncio
from typing import Any

import pytest

from tests.interpreter.conftest import Runner

pytestmark = pytest.mark.anyio


async def test_fuel_is_counted_for_each_run_by_itself_however_many_compute_at_once(
    run: Runner,
) -> None:
    tasks = """
do:
  - loop:
      for: { in: '[range(60)]' }
      do: [ { work: { set: { n: '${ [range(6000)] | map(. + $index) | length }' } } } ]
"""
    # Each of them is replayed alone: pauses must fall where they fell.
    ended = await asyncio.gather(*(run(tasks) for _ in range(6)))
    assert [each.output for each in ended] == [{"n": 6000}] * 6


async def test_a_call_that_timed_out_can_be_made_again_by_a_jump(run: Runner) -> None:
    ended = await run(
        """
do:
  - attempt:
      try:
        - ask:
            call: http
            with: { method: get, endpoint: 'http://127.0.0.1:9/x' }
            timeout: { after: { milliseconds: 200 } }
      catch: { do: [ { count: { set: '${ . + 1 }' } } ] }
  - again: { switch: [ { more: { when: '. < 3', then: attempt } } ] }
""",
        0,
    )
    assert ended.output == 3


async def test_events_of_a_task_that_jumps_lead_back_to_have_ids_of_their_own(run: Runner) -> None:
    ended = await run(
        """
do:
  - tell: { emit: { event: { with: { type: a.b } } }, output: { as: '$input + 1' } }
  - again: { switch: [ { more: { when: '. < 3', then: tell } } ] }
""",
        0,
    )
    ids = {event.event["id"] for event in ended.progress.events if event.event}
    assert len(ids) == 3


async def test_half_a_character_becomes_the_replacement_character(run: Runner) -> None:
    ended = await run("do: [ { x: { set: { a: '${ \"\\ud800\" }' } } } ]")
    assert ended.output == {"a": "\ufffd"}


# Takes most of what one evaluation may, and gives 1.
HEAVY = "reduce range(20000) as $i (1; . + 1 - 1)"
BRANCHES = ", ".join(f"{{ b{n}: {{ set: {{ a: '${{ {HEAVY} }}' }} }} }}" for n in range(200))
CASES = ", ".join(f"{{ c{n}: {{ when: '{HEAVY} == 2', then: end }} }}" for n in range(200))


@pytest.mark.parametrize(
    "tasks",
    [
        pytest.param(f"x: {{ fork: {{ branches: [ {BRANCHES} ] }} }}", id="branches"),
        pytest.param(f"x: {{ switch: [ {CASES} ] }}", id="cases"),
        pytest.param(
            f"x: {{ for: {{ in: '[range(200)]' }}, while: '{HEAVY}', do: [] }}", id="loop"
        ),
    ],
)
async def test_much_computation_at_one_place_does_not_trip_the_deadlock_detector(
    run: Runner, tasks: str
) -> None:
    ended = await run(f"do: [ {{ {tasks} }} ]")
    assert ended.error is None


async def test_one_value_cannot_be_made_of_endlessly_many_expressions(run: Runner) -> None:
    members = ", ".join(f"a{n}: '${{ {HEAVY} }}'" for n in range(200))
    ended = await run(f"do: [ {{ x: {{ set: {{ {members} }} }} }} ]")
    assert ended.kind == "expression"
    assert "together" in ended.error["detail"]


HUGE = "reduce range(13) as $i (10; . * .)"
DEEP = "reduce range(400) as $i (1; [.])"


@pytest.mark.parametrize(
    ("tasks", "value"),
    [
        pytest.param("x: { set: { a: '${ .t | todate }' } }", {"t": 10**18}, id="date"),
        pytest.param("x: { wait: '${ {seconds: .n} }' }", {"n": 10**400}, id="duration"),
        pytest.param(f"x: {{ set: {{ a: '${{ {DEEP} }}' }} }}", None, id="deep output"),
        pytest.param(
            "x: { call: http, with: { method: post, endpoint: 'http://127.0.0.1:9', "
            f"body: '${{ {DEEP} }}' }} }}",
            None,
            id="deep body",
        ),
        pytest.param(
            f"a: {{ set: {{ id: '${{ {HUGE} }}' }} }} }}, {{ x: {{ call: http, with: "
            "{ method: get, endpoint: 'http://127.0.0.1:9/{id}' } }",
            None,
            id="endless number in a URI",
        ),
        pytest.param(
            "x: { call: http, with: { method: get, endpoint: 'http://127.0.0.1:9', "
            "headers: { a: '한글' } } }",
            None,
            id="header",
        ),
        pytest.param(
            "x: { raise: { error: { type: 'https://a.example/x', status: 500, "
            "detail: '${ \"x\" * 1900000 }' } } }",
            None,
            id="endless detail",
        ),
        pytest.param("x: { set: { a: '${ error(\"x\" * 1900000) }' } }", None, id="endless error"),
        pytest.param("x: { set: { a: '${ nan }' } }", None, id="not a number"),
        pytest.param(
            "x: { emit: { event: { with: { type: a.b, data: '${ \"x\" * 900000 }' } } } }",
            None,
            id="large event",
        ),
    ],
)
async def test_odd_data_ends_the_run_with_an_error_object(
    run: Runner, tasks: str, value: Any
) -> None:
    async with asyncio.timeout(20):
        ended = await run(f"do: [ {{ {tasks} }} ]", value)
    assert ended.error is not None
    assert ended.error["type"].startswith("https://")
    assert len(str(ended.error)) < 10_000
