"""The interpreter's own account of a run, by query. None when no worker can give it now."""

from datetime import timedelta
from typing import Final

from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from workflows.interpreter.types import PROGRESS_QUERY, Progress

# A worker that is there answers in milliseconds, even when it must replay first.
QUERY_TIMEOUT: Final = timedelta(seconds=2)


async def progress(
    client: Client, workflow_id: str, after: int, *, run_id: str | None = None
) -> Progress | None:
    """Return the events that follow the one numbered `after`, one page of them.

    Raises:
        RPCError: When there is no such run.
    """
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)
    try:
        told: Progress = await handle.query(
            PROGRESS_QUERY, after, result_type=Progress, rpc_timeout=QUERY_TIMEOUT
        )
    except WorkflowQueryFailedError:
        return None  # not our interpreter, or one that cannot replay this run
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            raise
        return None  # no worker polls, or it is stuck: the caller has another way to find out
    return told


async def everything(client: Client, workflow_id: str, run_id: str) -> Progress | None:
    """Return all events that the interpreter still has; None when it stops answering.

    Raises:
        RPCError: When there is no such run.
    """
    told = await progress(client, workflow_id, 0, run_id=run_id)
    if told is None:
        return None
    events = list(told.events)
    while events and events[-1].sequence < told.last:
        more = await progress(client, workflow_id, events[-1].sequence, run_id=run_id)
        if more is None:
            return None
        if not more.events:
            break
        events += more.events
    return told.model_copy(update={"events": events})
