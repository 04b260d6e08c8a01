"""Long instances: the history starts anew, and nobody can tell from what happens."""

import pytest

from tests.interpreter.conftest import Runner

pytestmark = pytest.mark.anyio

GET = "call: http, with: { method: get, endpoint: 'https://petstore.swagger.io/v2/pet/1' }"
KEEP = "output: { as: '$input' }"


async def test_a_loop_of_calls_goes_on_where_it_was(restless: Runner) -> None:
    ended = await restless(
        f"""
do:
  - each:
      for: {{ each: number, in: '[range(12)]', at: turn }}
      do:
        - ask: {{ {GET}, {KEEP} }}
        - add: {{ set: '${{ . + [$number + $turn] }}' }}
  - last: {{ set: {{ all: '${{ . }}', input: '${{ $workflow.input }}' }} }}
""",
        [],
    )

    assert ended.output == {"all": [2 * n for n in range(12)], "input": []}
    assert ended.runs > 2


async def test_what_happened_is_told_over_all_runs(restless: Runner) -> None:
    handle = await restless.start(
        f"do: [ {{ loop: {{ for: {{ in: '[range(10)]' }}, do: [ {{ ask: {{ {GET} }} }} ] }} }} ]"
    )
    ended = await restless.ended(handle)

    events = await restless.events(handle)
    assert await restless.replay(handle) > 1
    assert ended.progress.dropped > 0
    # The loop once, each call once: began and ended.
    assert [event.sequence for event in events] == list(range(1, 2 + 2 * 10 + 1))
    assert [event.iteration for event in events[1:-1:2]] == [str(turn) for turn in range(10)]


async def test_jumps_exports_and_conditions_survive(restless: Runner) -> None:
    ended = await restless(
        """
do:
  - count:
      call: http
      with: { method: get, endpoint: 'https://petstore.swagger.io/v2/pet/1' }
      output: { as: '($context.count // 0) + 1' }
      export: { as: '{count: .}' }
  - again:
      switch:
        - more: { when: '$context.count < 9', then: count }
        - enough: { then: finish }
  - finish: { set: { count: '${ $context.count }' } }
""",
        {},
    )

    assert ended.output == {"count": 9}
    assert ended.runs > 1


async def test_branches_stop_together_and_go_on_together(restless: Runner) -> None:
    calls = f"for: {{ in: '[range(6)]' }}, do: [ {{ ask: {{ {GET}, output: {{ as: .id }} }} }} ]"
    ended = await restless(
        f"""
do:
  - both:
      fork:
        branches:
          - quick: {{ set: {{ quick: true }} }}
          - left: {{ {calls} }}
          - right: {{ {calls} }}
          - nested:
              fork:
                branches:
                  - deep: {{ {calls} }}
                  - sleep: {{ wait: PT1S }}
"""
    )

    assert ended.output == [{"quick": True}, 1, 1, [1, None]]
    assert ended.runs > 1


async def test_a_wait_goes_on_with_what_is_left_of_it(restless: Runner) -> None:
    calls = f"for: {{ in: '[range(8)]' }}, do: [ {{ ask: {{ {GET} }} }} ]"
    handle = await restless.start(
        f"""
do:
  - both:
      fork:
        branches:
          - sleep: {{ wait: PT3S }}
          - calls: {{ {calls} }}
"""
    )
    ended = await restless.ended(handle)
    runs = await restless.replay(handle)

    began = (
        await restless.client.get_workflow_handle(
            handle.id, run_id=handle.first_execution_run_id
        ).describe()
    ).start_time
    closed = (await handle.describe()).close_time
    assert closed is not None
    assert 3 <= (closed - began).total_seconds() < 6
    assert runs > 1
    assert ended.error is None


async def test_the_first_branch_wins_in_whichever_run_it_ends(restless: Runner) -> None:
    calls = f"for: {{ in: '[range(8)]' }}, do: [ {{ ask: {{ {GET}, output: {{ as: .id }} }} }} ]"
    ended = await restless(
        f"""
do:
  - race:
      fork:
        compete: true
        branches:
          - sleep: {{ wait: PT1H }}
          - bad: {{ raise: {{ error: {{ type: 'https://e.com/bad', status: 400 }} }} }}
          - calls: {{ {calls} }}
"""
    )

    assert ended.output == 1
    assert ended.runs > 1


async def test_attempts_and_their_delays_are_counted_over_all_runs(restless: Runner) -> None:
    calls = f"for: {{ in: '[range(3)]' }}, do: [ {{ ask: {{ {GET}, {KEEP} }} }} ]"
    ended = await restless(
        f"""
do:
  - attempt:
      try:
        - calls: {{ {calls} }}
        - fail:
            raise: {{ error: {{ type: 'https://e.com/bad', status: 400 }} }}
      catch:
        as: problem
        retry: {{ delay: PT0.1S, limit: {{ attempt: {{ count: 4 }} }} }}
        do:
          - calls: {{ {calls} }}
          - tell: {{ set: {{ problem: '${{ $problem.type }}', input: '${{ . }}' }} }}
""",
        "kept",
    )

    assert ended.output == {"problem": "https://e.com/bad", "input": "kept"}
    assert ended.runs > 2


async def test_a_task_times_out_in_a_later_run(restless: Runner) -> None:
    ended = await restless(
        f"""
do:
  - slow:
      timeout: {{ after: PT2S }}
      do:
        - calls: {{ for: {{ in: '[range(8)]' }}, do: [ {{ ask: {{ {GET} }} }} ] }}
        - sleep: {{ wait: PT1H }}
"""
    )

    assert ended.kind == "timeout"
    assert ended.error["instance"] == "/do/0/slow"
    assert ended.runs > 1


async def test_events_keep_their_ids_apart(restless: Runner) -> None:
    handle = await restless.start(
        f"""
do:
  - loop:
      for: {{ in: '[range(8)]' }}
      do:
        - ask: {{ {GET} }}
        - tell: {{ emit: {{ event: {{ with: {{ source: 'https://e.com', type: t }} }} }} }}
"""
    )
    await restless.ended(handle)
    ids = [event.event["id"] for event in await restless.events(handle) if event.event]
    assert len(ids) == len(set(ids)) == 8
    assert await restless.replay(handle) > 1


async def test_a_call_under_way_is_waited_for(restless: Runner) -> None:
    """The branch that is done soon does not wait for ever for the one that is not."""
    ended = await restless(
        f"""
do:
  - both:
      fork:
        branches:
          - calls: {{ for: {{ in: '[range(10)]' }}, do: [ {{ ask: {{ {GET} }} }} ] }}
          - other: {{ for: {{ in: '[range(10)]' }}, do: [ {{ ask: {{ {GET} }} }} ] }}
  - last: {{ set: {{ done: true }} }}
"""
    )

    assert ended.output == {"done": True}
