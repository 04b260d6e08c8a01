"""`run: workflow`: other definitions as runs of their own."""

import pytest
from temporalio.client import WorkflowExecutionStatus

from tests.interpreter.conftest import Runner
from workflows.interpreter.tasks import run_workflow
from workflows.interpreter.types import TaskState

pytestmark = pytest.mark.anyio

BAD = "raise: { error: { type: 'https://e.com/bad', status: 418, detail: no tea } }"


def run_it(name: str, more: str = "", after: str = "") -> str:
    workflow = f"{{ namespace: tests, name: {name}, version: latest{more} }}"
    return f"do: [ {{ it: {{ run: {{ workflow: {workflow}{after} }} }} }} ]"


async def test_its_output_is_that_of_the_task(run: Runner) -> None:
    run.publish("double", "do: [ { a: { set: '${ {twice: (2 * .n)} }' } } ]")
    ended = await run(run_it("double", ", input: { n: '${ .number + 1 }' }"), {"number": 20})

    assert ended.output == {"twice": 42}


async def test_without_an_input_it_gets_that_of_the_task(run: Runner) -> None:
    run.publish("same", "do: [ { a: { set: '${ {got: .} }' } } ]")
    assert (await run(run_it("same"), {"x": 1})).output == {"got": {"x": 1}}


async def test_its_fault_is_that_of_the_task_and_can_be_caught(run: Runner) -> None:
    run.publish("bad", f"do: [ {{ stop: {{ {BAD} }} }} ]")
    ended = await run(run_it("bad"))
    assert (ended.kind, ended.error["status"]) == ("bad", 418)
    assert ended.error["instance"] == "/do/0/it"
    assert "no tea (in the instance 'tests.bad." in ended.error["detail"]

    workflow = "{ namespace: tests, name: bad, version: latest }"
    caught = await run(
        f"do: [ {{ t: {{ try: [ {{ it: {{ run: {{ workflow: {workflow} }} }} }} ], "
        "catch: { errors: { with: { status: 418 } }, do: [ { ok: { set: { ok: true } } } ] } } } ]"
    )
    assert caught.output == {"ok": True}


async def test_a_definition_that_is_not_there_is_a_fault(run: Runner) -> None:
    ended = await run(run_it("nothing"))
    assert "There is no definition tests.nothing" in ended.error["detail"]


async def test_the_timeline_leads_to_it_and_it_belongs_to_the_tenant(run: Runner) -> None:
    run.publish("child", "do: [ { a: { set: { x: 1 } } } ]")
    ended = await run(run_it("child"))
    (event,) = [e for e in ended.progress.events if e.state is TaskState.COMPLETED]
    assert event.child is not None

    namespace, name, key = event.child.split(".")
    child = run.client.get_workflow_handle(f"{run.tenant}/{namespace}/{name}/{key}")
    described = await child.describe()
    assert described.status == WorkflowExecutionStatus.COMPLETED
    assert described.search_attributes["MillwrightTenant"] == [run.tenant]


async def test_one_that_is_not_awaited_goes_its_own_way(run: Runner) -> None:
    run.publish("slow", "do: [ { w: { wait: PT1H } } ]")
    ended = await run(run_it("slow", after=", await: false"), {"x": 1})

    assert ended.output == {"x": 1}
    (event,) = [e for e in ended.progress.events if e.state is TaskState.COMPLETED]
    child = run.client.get_workflow_handle(f"{run.tenant}/{str(event.child).replace('.', '/')}")
    assert (await child.describe()).status == WorkflowExecutionStatus.RUNNING
    await child.terminate()


async def test_it_is_cancelled_with_the_task(run: Runner) -> None:
    run.publish("slow", "do: [ { w: { wait: PT1H } } ]")
    workflow = "{ namespace: tests, name: slow, version: latest }"
    ended = await run(
        f"do: [ {{ it: {{ timeout: {{ after: PT1S }}, run: {{ workflow: {workflow} }} }} }} ]"
    )

    assert ended.kind == "timeout"
    child = [e.child for e in ended.progress.events if e.child][-1]
    handle = run.client.get_workflow_handle(f"{run.tenant}/{str(child).replace('.', '/')}")
    assert (await handle.describe()).status == WorkflowExecutionStatus.CANCELED


async def test_workflows_do_not_run_each_other_for_ever(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_workflow, "MAX_GENERATIONS", 3)
    run.publish("again", run_it("again"))
    ended = await run(run_it("again"))

    assert ended.error["title"] == "Too many workflows run each other"


async def test_what_goes_on_in_a_new_run_still_waits_for_it(restless: Runner) -> None:
    restless.publish("child", "do: [ { w: { wait: PT0.5S } }, { a: { set: { x: 1 } } } ]")
    workflow = "{ namespace: tests, name: child, version: latest }"
    loop = f"for: {{ in: '[range(6)]' }}, do: [ {{ it: {{ run: {{ workflow: {workflow} }} }} }} ]"
    ended = await restless(f"do: [ {{ l: {{ {loop} }} }} ]")

    assert ended.output == {"x": 1}
    assert ended.runs > 1
