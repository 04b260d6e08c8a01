import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError

from activities.definitions import Engine
from tests.interpreter.conftest import Runner
from workflows.interpreter.types import ENGINE, TaskState

pytestmark = pytest.mark.anyio


async def test_end_inside_nested_tasks_ends_the_workflow_with_that_output(run: Runner) -> None:
    ended = await run(
        """
do:
  - outer:
      do:
        - inner: { set: { a: 1 }, then: end }
        - never: { set: { a: 2 } }
  - neither: { set: { a: 3 } }
""".replace("        - never: { set: { a: 2 } }\n", "")
    )
    assert ended.output == {"a": 1}
    assert ended.names(TaskState.COMPLETED) == ["inner", "outer"]


async def test_exit_leaves_the_list_and_goes_on_behind_it(run: Runner) -> None:
    ended = await run(
        """
do:
  - outer:
      do:
        - leave: { if: .go, set: '${ . + { left: true } }', then: exit }
        - rest: { set: '${ . + { rest: true } }' }
  - after: { set: '${ . + { after: true } }' }
""",
        {"go": True},
    )
    assert ended.output == {"go": True, "left": True, "after": True}


async def test_for_stops_when_its_condition_fails_and_sees_only_its_own_variables(
    run: Runner,
) -> None:
    ended = await run(
        """
do:
  - loop:
      for: { each: part, in: .parts, at: n }
      while: $part.good
      do:
        - take: { set: { parts: '${ .parts }', taken: '${ (.taken // []) + [$part.id + $n] }' } }
""",
        {"parts": [{"id": 10, "good": True}, {"id": 20, "good": True}, {"id": 30, "good": False}]},
    )
    assert ended.output["taken"] == [10, 21]
    turns = [(e.reference, e.iteration) for e in ended.progress.events if e.name == "take"]
    assert turns[::2] == [("/do/0/loop/do/0/take", "0"), ("/do/0/loop/do/0/take", "1")]


async def test_for_over_something_else_than_a_list_faults(run: Runner) -> None:
    ended = await run("do: [ { loop: { for: { in: .x }, do: [ { a: { set: { b: 1 } } } ] } } ]", {})
    assert ended.kind == "expression"
    assert "null" in ended.error["detail"]


async def test_fork_gives_the_outputs_in_branch_order_whichever_ends_first(run: Runner) -> None:
    ended = await run("""
do:
  - both:
      fork:
        branches:
          - slow: { do: [ { nap: { wait: { milliseconds: 300 } } }, { a: { set: { n: 1 } } } ] }
          - fast: { set: { n: 2 } }
""")
    assert ended.output == [{"n": 1}, {"n": 2}]


async def test_the_losers_of_a_race_are_cancelled(run: Runner) -> None:
    ended = await run("""
do:
  - race:
      fork:
        compete: true
        branches:
          - broken: { raise: { error: { type: 'https://a.example/x', status: 500 } } }
          - slow: { do: [ { nap: { wait: { hours: 1 } } }, { a: { set: { n: 1 } } } ] }
          - fast: { do: [ { short: { wait: { milliseconds: 50 } } }, { b: { set: { n: 2 } } } ] }
""")
    assert ended.output == {"n": 2}
    assert ended.names(TaskState.CANCELLED) == ["nap", "slow"]


async def test_a_branch_that_faults_stops_the_others(run: Runner) -> None:
    ended = await run("""
do:
  - both:
      fork:
        branches:
          - slow: { wait: { hours: 1 } }
          - broken: { raise: { error: { type: 'https://a.example/x', status: 418, title: No } } }
""")
    assert ended.error["instance"] == "/do/0/both/fork/branches/1/broken"
    assert ended.names(TaskState.CANCELLED) == ["slow"]


@pytest.mark.parametrize(
    ("catch", "caught"),
    [
        ("{ errors: { with: { status: 418 } }", True),
        ("{ errors: { with: { status: 500 } }", False),
        ("{ when: '$error.status == 418'", True),
        ("{ exceptWhen: '$error.status == 418'", False),
        ("{ as: oops, when: '$oops.title == \"No\"'", True),
    ],
)
async def test_a_catch_takes_what_its_filters_let_in(run: Runner, catch: str, caught: bool) -> None:
    ended = await run(f"""
do:
  - attempt:
      try:
        - broken:
            raise: {{ error: {{ type: 'https://a.example/x', status: 418, title: No }} }}
      catch: {catch}, do: [ {{ mend: {{ set: {{ mended: true }} }} }} ] }}
""")
    assert (ended.output == {"mended": True}) is caught
    assert (ended.error is None) is caught


async def test_a_task_that_takes_too_long_faults_and_can_be_caught(run: Runner) -> None:
    ended = await run("""
do:
  - attempt:
      try:
        - nap: { wait: { hours: 1 }, timeout: { after: { milliseconds: 100 } } }
      catch:
        errors: { with: { status: 408 } }
        as: late
        do: [ { a: { set: '${ $late }' } } ]
""")
    assert ended.output["type"].endswith("/timeout")
    assert ended.output["instance"] == "/do/0/attempt/try/0/nap"


async def test_an_error_by_name_has_its_texts_filled_in(run: Runner) -> None:
    ended = await run(
        """
use:
  errors:
    scrap:
      { type: 'https://a.example/scrap', status: 422, title: Scrap, detail: '${ "Part \\(.id)" }' }
do:
  - stop: { raise: { error: scrap } }
""",
        {"id": 7},
    )
    assert ended.error["detail"] == "Part 7"


async def test_a_declared_function_sees_its_arguments_only(run: Runner) -> None:
    ended = await run(
        """
use:
  functions:
    double: { set: { result: '${ .n * 2 }', keys: '${ keys }' } }
do:
  - call: { call: double, with: { n: '${ .value }' } }
""",
        {"value": 4},
    )
    assert ended.output == {"result": 8, "keys": ["n"]}


async def test_an_emitted_event_is_recorded_with_the_same_id_on_every_replay(run: Runner) -> None:
    ended = await run("do: [ { tell: { emit: { event: { with: { type: a.b.v1, data: 1 } } } } } ]")
    [event] = [event.event for event in ended.progress.events if event.event]
    assert event == ended.output
    assert event["specversion"] == "1.0"


async def test_a_cancelled_run_notes_what_it_was_doing(run: Runner) -> None:
    handle = await run.start("do: [ { nap: { wait: { hours: 1 } } } ]")
    await run.until(handle, lambda progress: bool(progress.events))
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert (await handle.describe()).status == WorkflowExecutionStatus.CANCELED
    assert (await run.progress(handle)).events[-1].state == TaskState.CANCELLED


async def test_a_skipped_task_does_not_follow_its_then(run: Runner) -> None:
    ended = await run("""
do:
  - never: { if: 'false', set: { a: 0 }, then: end }
  - always: { set: { b: 1 } }
""")
    assert ended.output == {"b": 1}


async def test_a_catch_without_tasks_swallows_the_error_and_passes_the_input_on(
    run: Runner,
) -> None:
    ended = await run(
        """
do:
  - attempt:
      try:
        - broken: { raise: { error: { type: 'https://a.example/x', status: 418 } } }
      catch: {}
""",
        {"kept": True},
    )
    assert ended.output == {"kept": True}


async def test_a_run_keeps_the_engine_it_was_started_with(run: Runner) -> None:
    ended = await run("do: [ { tell: { set: { version: '${ $runtime.metadata }' } } } ]")
    assert ended.output == {"version": ENGINE.model_dump()}
    assert ended.progress.engine == ENGINE


async def test_a_worker_leaves_a_run_of_another_engine_alone(run: Runner) -> None:
    other = Engine(interpreter="0", expressions="none")
    handle = await run.start("do: [ { tell: { set: { a: 1 } } } ]", engine=other)
    failed = run.task_failure(handle)
    assert "interpreter='0'" in await failed
    assert (await handle.describe()).status == WorkflowExecutionStatus.RUNNING
    await handle.terminate()


async def test_zero_is_true_as_in_jq(run: Runner) -> None:
    ended = await run("do: [ { once: { if: '${ 0 }', set: { ran: true } } } ]", {})
    assert ended.output == {"ran": True}
