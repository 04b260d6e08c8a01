import pytest

from tests.interpreter.conftest import Runner
from workflows.interpreter.types import TaskState

pytestmark = pytest.mark.anyio


async def test_input_output_and_export_shape_what_flows(run: Runner) -> None:
    ended = await run(
        """
input: { from: .wrapped }
do:
  - pick:
      input: { from: .a }
      set: { doubled: '${ . * 2 }', seen: '${ $input }' }
      output: { as: .doubled }
      export: { as: '$context + { doubled: $output }' }
  - read:
      set: { context: '${ $context.doubled }', input: '${ . }' }
output: { as: '{ result: ., name: $workflow.definition.document.name }' }
""",
        {"wrapped": {"a": 21}},
    )
    assert ended.output == {"result": {"context": 42, "input": 42}, "name": "sample"}


async def test_a_task_whose_condition_fails_is_skipped_and_passes_its_input_on(run: Runner) -> None:
    ended = await run(
        """
do:
  - never: { if: .a > 5, set: { a: 0 } }
  - always: { if: '${ .a < 5 }', set: { b: '${ .a }' } }
""",
        {"a": 1},
    )
    assert ended.output == {"b": 1}
    assert ended.names(TaskState.SKIPPED) == ["never"]


@pytest.mark.parametrize(
    ("tasks", "instance"),
    [
        pytest.param(
            "input: { schema: { document: { type: object, required: [line] } } }\n"
            "do: [ { x: { set: { a: 1 } } } ]",
            "/",
            id="workflow input",
        ),
        pytest.param(
            "do: [ { x: { input: { schema: { document: { type: array } } }, set: { a: 1 } } } ]",
            "/do/0/x",
            id="task input",
        ),
        pytest.param(
            "do: [ { x: { set: { a: 1 }, output: { schema: { document: { type: string } } } } } ]",
            "/do/0/x",
            id="task output",
        ),
        pytest.param(
            "do: [ { x: { set: { a: 1 } } } ]\noutput: { schema: { document: { type: string } } }",
            "/",
            id="workflow output",
        ),
    ],
)
async def test_a_value_that_breaks_its_schema_faults_with_its_place(
    run: Runner, tasks: str, instance: str
) -> None:
    ended = await run(tasks, {})
    assert ended.kind == "validation"
    assert ended.error["instance"] == instance


async def test_a_text_with_expressions_is_filled_in(run: Runner) -> None:
    ended = await run(
        """
do:
  - tell:
      set:
        text: 'Hello ${ .name }, line ${ .line }: ${ .nothing } ${ [1.5, "a"] } ${ "${" }}'
        kept: ' ${ .line } '
      output: { as: '.seen = "as \\(.text)"' }
""",
        {"name": "Kim", "line": 7},
    )
    text = 'Hello Kim, line 7: null [1.5,"a"] ${}'
    assert ended.output == {"text": text, "kept": 7, "seen": f"as {text}"}


async def test_a_failing_expression_faults_at_its_task(run: Runner) -> None:
    ended = await run("do: [ { x: { set: { a: '${ .a + 1 }' } } } ]", {"a": {}})
    assert (ended.kind, ended.error["instance"]) == ("expression", "/do/0/x")
    assert ended.names(TaskState.FAULTED) == ["x"]


async def test_an_endless_expression_faults_instead_of_freezing_the_worker(run: Runner) -> None:
    ended = await run("do: [ { x: { set: { a: '${ [range(infinite)] }' } } } ]")
    assert ended.kind == "expression"
    assert "steps" in ended.error["detail"]


async def test_a_loop_of_many_small_tasks_does_not_trip_the_deadlock_detector(run: Runner) -> None:
    ended = await run(
        """
do:
  - count:
      for: { in: '[range(20000)]' }
      do: [ { add: { set: '${ . + 1 }' } } ]
""",
        0,
    )
    assert ended.output == 20_000
    assert ended.progress.dropped > 0
