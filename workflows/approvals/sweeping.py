"""Approvals whose run was stopped at once, or has been forgotten: nobody waits for a decision.

A run that ends, faults or is cancelled says so itself. One that is terminated says nothing more; in
place of one that was reset another one asks what it comes to again.
"""

from typing import Final

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus

from activities.approvals.types import Approval
from foundation.errors import NotFoundError
from workflows.approvals.desk import Desk
from workflows.interpreter.tasks.call.approval.naming import approval_id
from workflows.runs.rpc import RPC_TIMEOUT, translated

EVERY_S: Final = 5.0
# One look at each is a request to Temporal: ten a second at most for each worker.
AT_ONCE: Final = 50
CHECKED_AGAIN_S: Final = 60.0

_GOES_ON: Final = (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW)


async def still_waits(client: Client, approval: Approval) -> bool:
    """Tell whether the run that opened an approval, or one that goes on for it, asks it still.

    Raises:
        UnavailableError: When Temporal does not answer.
    """
    found = await _going_on(client, approval)
    return found is not None and not await _undone(client, approval, found)


async def goes_on(client: Client, approval: Approval) -> bool:
    """Tell whether the instance that has asked is there still, even if it was reset.

    Raises:
        UnavailableError: When Temporal does not answer.
    """
    return await _going_on(client, approval) is not None


async def was_undone(client: Client, approval: Approval) -> bool:
    """Tell whether somebody has reset the run that told what is known of an approval.

    Raises:
        UnavailableError: When Temporal does not answer.
    """
    found = await _described(client, approval)
    return found is not None and await _undone(client, approval, found)


async def _going_on(client: Client, approval: Approval) -> WorkflowExecutionDescription | None:
    found = await _described(client, approval)
    if found is None or found.status is not WorkflowExecutionStatus.RUNNING:
        return None
    # Retried, the instance has the same workflow id, and asks anew what it still has to know.
    first = found.raw_info.first_run_id
    is_it = not first or approval.id == approval_id(found.id, first, approval.execution)
    return found if is_it else None


async def _undone(client: Client, approval: Approval, latest: WorkflowExecutionDescription) -> bool:
    if approval.told_by in ("", latest.run_id):
        return False
    told_by = await _described(client, approval, approval.told_by)
    if told_by is None or told_by.raw_info.first_run_id != latest.raw_info.first_run_id:
        return False
    # One that has not gone on as another one itself has another one in its place.
    return told_by.status not in _GOES_ON or bool(
        told_by.raw_description.workflow_extended_info.reset_run_id
    )


async def _described(
    client: Client, approval: Approval, run_id: str | None = None
) -> WorkflowExecutionDescription | None:
    """Return what Temporal knows of the latest run, or of a certain one; None when it forgot it."""
    handle = client.get_workflow_handle(approval.workflow_id, run_id=run_id)
    try:
        with translated(lambda: NotFoundError("Temporal has forgotten the run.")):
            return await handle.describe(rpc_timeout=RPC_TIMEOUT)
    except NotFoundError:
        return None


async def sweep(desk: Desk, client: Client, checked_again_s: float = CHECKED_AGAIN_S) -> int:
    """Close those that nobody waits for; return how many."""
    closed = 0
    for approval in await desk.unchecked(AT_ONCE, checked_again_s):
        if not await still_waits(client, approval):
            await desk.close(approval)
            closed += 1
    return closed
