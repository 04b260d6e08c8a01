"""The end of instances that were ended from outside: terminated, or out of time in Temporal.

An instance that ends by itself tells so before it does, or has handed that over. Whoever finds one
that was ended tells the same event that it would have told, with the same id.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import structlog
from anyio import to_thread
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus

from foundation.errors import NotFoundError
from foundation.json import JsonObject
from workflows.events.service import Events
from workflows.events.telling.register import Telling
from workflows.interpreter.faults import Fault
from workflows.interpreter.lifecycle.teller import NOTHING, Teller
from workflows.runs.rpc import RPC_TIMEOUT, translated

log = structlog.get_logger()

EVERY_S: Final = 5.0
# One look at each is a request to Temporal: ten a second at most for each worker.
AT_ONCE: Final = 50
CHECKED_AGAIN: Final = timedelta(minutes=1)

LISTED_WITHIN: Final = timedelta(hours=1)

_TOLD_AS: Final = {
    WorkflowExecutionStatus.TERMINATED: "cancelled",
    WorkflowExecutionStatus.TIMED_OUT: "faulted",
}
_GOES_ON: Final = {WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW}


class _Found(NamedTuple):
    """The newest run of an instance, and the id of its first one, once Temporal lists it."""

    run: WorkflowExecution
    first: str
    is_listed: bool = True


async def sweep(events: Events, client: Client, checked_again: timedelta = CHECKED_AGAIN) -> int:
    """Tell the end of those that cannot; return how many.

    Raises:
        UnavailableError: When Temporal or the database does not answer.
    """
    register, told = events.register, 0
    for telling in await to_thread.run_sync(register.unchecked, AT_ONCE, checked_again):
        found = await _last_run(client, telling)
        if found is None:
            log.warning("lifecycle_end_unknown", workflow_id=telling.workflow_id)
        elif not found.is_listed or found.run.status in _GOES_ON:
            continue
        elif found.run.status in _TOLD_AS:
            # The same id every time: who dies before the next line harms nobody.
            await events.emit(telling.tenant_id, *_end(telling, found))
            told += 1
        await to_thread.run_sync(register.forget, telling)
    return told


async def _last_run(client: Client, telling: Telling) -> _Found | None:
    """Find the newest run of an instance; None when Temporal has forgotten it."""
    handle = client.get_workflow_handle(telling.workflow_id)
    try:
        with translated(lambda: NotFoundError("Temporal has forgotten the run.")):
            found = await handle.describe(rpc_timeout=RPC_TIMEOUT)
            first = found.raw_info.first_run_id or found.run_id
            if _began(telling, first):
                return _Found(found, first)
            # It was retried. What is listed lags behind: then it is looked for again.
            is_new = datetime.now(UTC) - found.start_time < LISTED_WITHIN
            query = f"WorkflowId = '{telling.workflow_id}'"
            runs = [each async for each in client.list_workflows(query, rpc_timeout=RPC_TIMEOUT)]
    except NotFoundError:
        return None
    past = _of_chain(telling, sorted(runs, key=lambda each: each.start_time))
    return past if past is not None or not is_new else _Found(found, first, is_listed=False)


def _of_chain(telling: Telling, runs: Sequence[WorkflowExecution]) -> _Found | None:
    """Find where an instance ended that was retried since: under the same id others came after."""
    found = None
    for run in runs:
        if found is None and _began(telling, run.run_id):
            found = _Found(run, run.run_id)
        elif found and found.run.status is WorkflowExecutionStatus.CONTINUED_AS_NEW:
            found = _Found(run, found.first)
    return found


def _began(telling: Telling, first_run: str) -> bool:
    """Tell whether that run was the first one of an instance."""
    started = Teller(telling.workflow_id, first_run).of_workflow("started", "")
    return started["id"] == telling.started_id


def _end(telling: Telling, found: _Found) -> list[JsonObject]:
    what = _TOLD_AS[found.run.status] if found.run.status else ""
    at = _spelled(found.run.close_time)
    timeout = Fault.of("timeout", "It took too long", "Temporal ended the instance: out of time.")
    data = {"error": timeout.error} if what == "faulted" else NOTHING
    teller = Teller(telling.workflow_id, found.first, telling.generation)
    return [
        teller.of_workflow(what, at, data=data),
        teller.of_workflow("status-changed", at, "ended", data={"status": what}),
    ]


def _spelled(time: datetime | None) -> str:
    assert time is not None  # noqa: S101 - it has ended
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
