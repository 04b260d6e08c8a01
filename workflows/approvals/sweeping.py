"""Approvals whose run was stopped at once, or has been forgotten: nobody waits for a decision.

A run that ends, faults or is cancelled says so itself; one that is terminated says nothing more.
"""

import asyncio
from typing import Final

import structlog
from temporalio.client import Client, WorkflowExecutionStatus

from activities.approvals.types import Approval
from foundation.errors import NotFoundError, UnavailableError
from workflows.approvals.desk import Desk
from workflows.interpreter.tasks.call.approval.naming import approval_id
from workflows.runs.rpc import RPC_TIMEOUT, translated

log = structlog.get_logger()

EVERY_S: Final = 5.0
# One look at each is a request to Temporal: ten a second at most for each worker.
AT_ONCE: Final = 50
CHECKED_AGAIN_S: Final = 60.0


async def still_waits(client: Client, approval: Approval) -> bool:
    """Tell whether the run that opened an approval, or one that goes on for it, is there still.

    Raises:
        UnavailableError: When Temporal does not answer.
    """
    handle = client.get_workflow_handle(approval.workflow_id)
    try:
        with translated(lambda: NotFoundError("Temporal has forgotten the run.")):
            found = await handle.describe(rpc_timeout=RPC_TIMEOUT)
    except NotFoundError:
        return False
    if found.status is not WorkflowExecutionStatus.RUNNING:
        return False
    # Retried, the instance has the same workflow id, and asks anew what it still has to know.
    first = found.raw_info.first_run_id
    return not first or approval.id == approval_id(found.id, first, approval.execution)


async def sweep(desk: Desk, client: Client, checked_again_s: float = CHECKED_AGAIN_S) -> int:
    """Close those that nobody waits for; return how many."""
    closed = 0
    for approval in await desk.unchecked(AT_ONCE, checked_again_s):
        if not await still_waits(client, approval):
            await desk.close(approval)
            closed += 1
    return closed


async def sweep_for_ever(desk: Desk, client: Client, every_s: float = EVERY_S) -> None:
    """Sweep until cancelled. Any number of processes may do it: rows are taken by one of them."""
    while True:
        try:
            await sweep(desk, client)
        except UnavailableError as error:
            log.warning("approvals_not_swept", why=error.message, again_in_s=every_s)
        await asyncio.sleep(every_s)
