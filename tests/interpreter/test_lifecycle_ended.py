"""Instances that are ended from outside tell their end all the same: once."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDReusePolicy

from foundation.database import Database
from foundation.json import JsonObject
from tests.fixtures.polling import pause
from tests.interpreter.conftest import Runner
from tests.interpreter.told import ALL, WORKFLOW, Told
from workflows.definition import prepare
from workflows.definition.generations import generation_of
from workflows.events.telling.models import TellingInstance
from workflows.events.telling.sweeping import sweep
from workflows.interpreter.types import ENGINE, Progress, StartInput

pytestmark = pytest.mark.anyio

REST = "do: [ { rest: { wait: { hours: 1 } } } ]"


def waiting(progress: Progress) -> bool:
    return bool(progress.waiting_for)


def known(database: Database, tenant: str) -> int:
    with database.session() as session:
        found = select(func.count()).where(TellingInstance.tenant_id == tenant)
        return session.scalar(found) or 0


async def swept(run: Runner) -> None:
    """Look at all that are known, whoever's they are."""
    assert run.events_desk is not None
    await sweep(run.events_desk, run.client, timedelta(0))


async def began(run: Runner, database: Database, count: int = 1) -> None:
    while Told(database, run.tenant).workflow.count("started") < count:
        await pause()


async def test_who_is_terminated_in_temporal_has_its_end_told_once(
    run: Runner, shared_database: Database
) -> None:
    handle = await run.start(WORKFLOW + REST)
    await began(run, shared_database)
    await run.until(handle, waiting)
    await swept(run)
    assert Told(shared_database, run.tenant).workflow == ["started"]
    await handle.terminate("enough")
    for _ in range(2):
        await swept(run)
    told = Told(shared_database, run.tenant)
    assert (told.workflow, told.phases[-1]) == (["started", "cancelled"], "cancelled")
    closed = (await handle.describe()).close_time
    assert closed is not None
    assert told.data("cancelled")["cancelledAt"] == (
        closed.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
    assert told.events[-1]["source"] == f"/{handle.id}"
    assert known(shared_database, run.tenant) == 0


async def test_who_is_out_of_time_in_temporal_is_told_to_have_faulted(
    run: Runner, shared_database: Database
) -> None:
    handle = await started(run, WORKFLOW + REST, execution_timeout=timedelta(seconds=2))
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    await swept(run)
    told = Told(shared_database, run.tenant)
    assert (told.workflow, told.phases[-1]) == (["started", "faulted"], "faulted")
    error: JsonObject = told.data("faulted")["error"]
    assert (str(error["type"]).rpartition("/")[2], error["status"]) == ("timeout", 408)


async def test_the_end_that_is_told_for_it_is_as_far_down_as_itself(
    run: Runner, shared_database: Database
) -> None:
    """What such an end starts would start the next without an end otherwise."""
    handle = await started(run, WORKFLOW + REST, generation=3)
    await began(run, shared_database)
    await handle.terminate("enough")
    await swept(run)
    events = Told(shared_database, run.tenant).events
    assert {generation_of(each) for each in events} == {3}
    assert any(each["type"].endswith(".cancelled.v1") for each in events)


async def test_who_ends_by_itself_or_is_cancelled_is_left_alone(
    run: Runner, shared_database: Database
) -> None:
    ended = await run.start(ALL + "do: [ { a: { wait: { milliseconds: 200 } } } ]")
    await ended.result()
    stopped = await run.start(WORKFLOW + REST)
    await run.until(stopped, waiting)
    await stopped.cancel()
    with pytest.raises(WorkflowFailureError):
        await stopped.result()
    before = Told(shared_database, run.tenant).events
    await swept(run)
    assert Told(shared_database, run.tenant).events == before
    assert known(shared_database, run.tenant) == 0


async def test_who_was_terminated_and_retried_since_has_both_ends_told(
    run: Runner, shared_database: Database
) -> None:
    first = await run.start(WORKFLOW + REST)
    await began(run, shared_database)
    await first.terminate("enough")
    again = await started(run, WORKFLOW + REST, workflow_id=first.id)
    await began(run, shared_database, 2)
    await again.terminate("enough again")
    assert known(shared_database, run.tenant) == 2
    while known(shared_database, run.tenant):
        await swept(run)
    told = Told(shared_database, run.tenant)
    assert sorted(told.workflow) == ["cancelled", "cancelled", "started", "started"]
    ends = [each for each in told.events if each["type"].endswith(".cancelled.v1")]
    assert len({each["id"] for each in ends}) == 2


async def started(
    run: Runner,
    tasks: str,
    workflow_id: str | None = None,
    generation: int = 0,
    **more: Any,
) -> WorkflowHandle[Any, Any]:
    prepared = prepare(tasks)
    return await run.client.start_workflow(
        f"{prepared.namespace}.{prepared.name}",
        StartInput(
            tenant_id=run.tenant,
            definition_hash=prepared.hash,
            document=prepared.document,
            engine=ENGINE,
            generation=generation,
        ),
        id=workflow_id or f"{run.tenant}/{prepared.namespace}/{prepared.name}/timed",
        task_queue=run.task_queue,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        **more,
    )
