"""An operator takes a run back to a moment of its history: people are asked anew."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowHandle

from foundation.database import Database
from tests.fixtures.polling import pause
from tests.interpreter.asking import asked, finished, person, says, the_one
from tests.interpreter.conftest import Runner
from workflows.approvals.models import ApprovalLink
from workflows.approvals.schemas import ApprovalInfo

pytestmark = pytest.mark.anyio

TWO = "        quorum: 2"


async def decisions(handle: WorkflowHandle[Any, Any]) -> list[int]:
    """Return where a run can be taken back to."""
    return [
        each.event_id
        async for each in handle.fetch_history_events()
        if each.HasField("workflow_task_completed_event_attributes")
    ]


async def reset(run: Runner, handle: WorkflowHandle[Any, Any], to: int) -> WorkflowHandle[Any, Any]:
    execution = WorkflowExecution(workflow_id=handle.id, run_id=handle.first_execution_run_id or "")
    answer = await run.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=run.client.namespace,
            workflow_execution=execution,
            reason="tests",
            workflow_task_finish_event_id=to,
            request_id=uuid4().hex,
        )
    )
    return run.client.get_workflow_handle(
        handle.id, run_id=answer.run_id, first_execution_run_id=answer.run_id
    )


async def until_votes(run: Runner, count: int) -> ApprovalInfo:
    while len((shown := await the_one(run)).votes) != count or shown.status != "PENDING":
        await pause()
    return shown


@pytest.mark.parametrize("before_it_was_asked", [True, False])
async def test_what_was_decided_after_the_moment_does_not_count_and_can_be_decided_again(
    run: Runner, before_it_was_asked: bool
) -> None:
    handle, shown = await asked(run, TWO)
    moments = await decisions(handle)
    await says(run, person(run, "ada"), shown)
    await says(run, person(run, "m", "manager"), shown, approves=False)
    assert (await finished(run, handle)).error is not None

    again = await reset(run, handle, moments[0 if before_it_was_asked else -1])
    shown = await until_votes(run, 0)
    await says(run, person(run, "ada"), shown)
    await says(run, person(run, "bo", "manager"), await until_votes(run, 1))
    ended = await finished(run, again)
    assert [vote["by"] for vote in ended.output["how"]["votes"]] == [
        "ada@plant.example",
        "bo@plant.example",
    ]


async def test_what_was_decided_before_the_moment_counts(run: Runner) -> None:
    handle, shown = await asked(run, TWO)
    await says(run, person(run, "ada"), shown)
    await until_votes(run, 1)
    moments = await decisions(handle)
    await says(run, person(run, "m", "manager"), shown, approves=False)
    again = await reset(run, handle, moments[-1])
    shown = await until_votes(run, 1)
    await says(run, person(run, "bo", "manager"), shown)
    assert (await finished(run, again)).error is None


async def test_links_of_the_time_after_the_moment_are_taken_back(
    run: Runner, shared_database: Database
) -> None:
    handle, shown = await asked(run)
    moments = await decisions(handle)
    with shared_database.session() as session:
        session.add(
            ApprovalLink(
                tenant_id=run.tenant,
                id=uuid4().hex,
                approval_id=shown.id,
                workflow_id=handle.id,
                user_id="ada",
                decisions=["approve"],
                data_hash=shown.data_hash,
                expires_at=shown.opened_at.replace(year=2200),
            )
        )
    await says(run, person(run, "m", "manager"), shown, approves=False)
    await finished(run, handle)
    await reset(run, handle, moments[0])
    await until_votes(run, 0)
    with shared_database.session() as session:
        (link,) = session.scalars(
            select(ApprovalLink).where(ApprovalLink.tenant_id == run.tenant)
        ).all()
    assert link.revoked_at is not None
