"""Every run keeps the meaning of its expressions, whatever the worker's newest version is."""

from collections.abc import Iterator
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from activities.definitions import Engine
from tests.interpreter.conftest import Runner
from workflows.expressions import CURRENT, Version
from workflows.expressions.compiler.code import Code
from workflows.expressions.versions import VERSIONS
from workflows.interpreter.types import ENGINE
from workflows.interpreter.workflow import Interpreter

pytestmark = pytest.mark.anyio

# In this version `ascii_downcase` shouts, and a long loop is too long.
OLD = Version(
    "jq-0-of-tests",
    fuel=CURRENT.fuel // 10,
    replaced={
        ("ascii_downcase", 0): lambda *_: Code(one=lambda value, _env, _run: f"{value.upper()}!")
    },
)
PINNED = Engine(interpreter=ENGINE.interpreter, expressions=OLD.name)
SAY = """
do:
  - say:
      if: 'ascii_downcase != ""'
      set: { text: 'It is ${ ascii_downcase }.' }
      output: { as: '{text, version: $runtime.metadata.expressions}' }
"""
LOOP = "do: [ { loop: { set: '${ {n: reduce range(20000) as $i (0; . + 1)} }' } } ]"


@pytest.fixture(autouse=True)
def old_version() -> Iterator[None]:
    VERSIONS[OLD.name] = OLD
    yield
    del VERSIONS[OLD.name]


async def replay(handle: WorkflowHandle[Any, Any]) -> None:
    replayer = Replayer(workflows=[Interpreter], data_converter=pydantic_data_converter)
    await replayer.replay_workflow(await handle.fetch_history())


async def test_versions_live_side_by_side_in_one_worker(run: Runner) -> None:
    old = await run.start(SAY, "Hot", engine=PINNED)
    new = await run.start(SAY, "Hot")
    assert await old.result() == {"text": "It is HOT!.", "version": OLD.name}
    assert await new.result() == {"text": "It is hot.", "version": CURRENT.name}
    await replay(old)
    await replay(new)


async def test_a_version_has_a_budget_of_its_own(run: Runner) -> None:
    old = await run.start(LOOP, engine=PINNED)
    new = await run.start(LOOP)
    assert (await run.ended(old)).kind == "expression"
    assert (await run.ended(new)).output == {"n": 20_000}
    await replay(old)


async def test_a_run_of_a_version_that_the_worker_does_not_know_is_left_to_another_one(
    run: Runner,
) -> None:
    unknown = Engine(interpreter=ENGINE.interpreter, expressions="jq-1000")
    handle = await run.start(SAY, "Hot", engine=unknown)
    failure = await run.task_failure(handle)
    assert "There is no version 'jq-1000' of the expression language" in failure
    assert (await handle.describe()).status == WorkflowExecutionStatus.RUNNING
    await handle.terminate()
