"""The interpreter's own account of an instance, by query. None when no worker can give it now.

An instance whose history became long has several runs; each tells what happened in it.
"""

from datetime import timedelta
from typing import Final

from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from workflows.interpreter.types import PROGRESS_QUERY, Progress

# A worker that is there answers in milliseconds, even when it must replay first.
QUERY_TIMEOUT: Final = timedelta(seconds=2)
# How many runs we go back; a worker has to replay each of them.
MAX_RUNS_BACK: Final = 20


async def progress(
    client: Client, workflow_id: str, after: int, *, run_id: str | None = None
) -> Progress | None:
    """Return the events that follow the one numbered `after`, one page of them.

    Raises:
        RPCError: When there is no such run.
    """
    newest = told = await _ask(client, workflow_id, after, run_id)
    for _ in range(MAX_RUNS_BACK):
        if newest is None or told is None or after >= told.dropped or told.run_before is None:
            break
        before = await _before(client, workflow_id, after, told.run_before)
        if before is None or not before.events:
            break
        # What the run before did after it was gone back to does not count.
        counted = [event for event in before.events if event.sequence <= told.dropped]
        told = before.model_copy(update={"events": counted})
    if newest is None or told is None:
        return None
    return newest.model_copy(update={"events": told.events, "dropped": told.dropped})


async def _before(client: Client, workflow_id: str, after: int, run_id: str) -> Progress | None:
    try:
        return await _ask(client, workflow_id, after, run_id)
    except RPCError:
        return None  # Temporal has forgotten it: its events are no longer kept


async def _ask(client: Client, workflow_id: str, after: int, run_id: str | None) -> Progress | None:
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
