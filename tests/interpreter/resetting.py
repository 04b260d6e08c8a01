"""Taking a run back to a moment of its history, for tests of what people are asked then."""

from typing import Any
from uuid import uuid4

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle

from tests.fixtures.polling import pause
from tests.interpreter.asking import the_one
from tests.interpreter.conftest import Runner
from workflows.approvals.schemas import ApprovalInfo


async def moments_of(handle: WorkflowHandle[Any, Any]) -> list[int]:
    """Return where a run can be taken back to."""
    return [
        each.event_id
        async for each in handle.fetch_history_events()
        if each.HasField("workflow_task_completed_event_attributes")
    ]


async def reset(
    client: Client, handle: WorkflowHandle[Any, Any], to: int
) -> WorkflowHandle[Any, Any]:
    execution = WorkflowExecution(workflow_id=handle.id, run_id=handle.first_execution_run_id or "")
    answer = await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=execution,
            reason="tests",
            workflow_task_finish_event_id=to,
            request_id=uuid4().hex,
        )
    )
    return client.get_workflow_handle(
        handle.id, run_id=answer.run_id, first_execution_run_id=answer.run_id
    )


async def until_votes(run: Runner, count: int) -> ApprovalInfo:
    while len((shown := await the_one(run)).votes) != count or shown.status != "PENDING":
        await pause()
    return shown
