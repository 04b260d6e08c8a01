"""One instance as it is now: Temporal's description, the interpreter's timeline, the outcome.

No database on this way. What was read is kept: an ended instance does not change, a running one is
read again only when its history has grown. Each look is spelled as JSON once.
"""

import asyncio
import hashlib
import time
from dataclasses import dataclass, replace
from typing import Final, TypeAlias
from urllib.parse import quote

from cachetools import TTLCache
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionDescription

from foundation.errors import NotFoundError
from foundation.settings import TemporalSettings
from workflows.instances.history import recorded, started
from workflows.instances.outcomes import Outcome, outcome
from workflows.instances.progress import everything
from workflows.instances.retries import Try, retries, tries
from workflows.instances.sharing import SingleFlight
from workflows.instances.timeline import Account, fold
from workflows.instances.types import (
    ACTIVE,
    STATUS_OF,
    Instance,
    InstanceSummary,
    Status,
    TimelineSource,
)
from workflows.interpreter.attributes import STATUS, VERSION
from workflows.runs.names import RunName
from workflows.runs.rpc import RPC_TIMEOUT, translated

MEMO_REQUEST: Final = "request"
MEMO_STARTED_BY: Final = "started_by"

# Ended instances do not change, but an operator may reset one in Temporal.
FRESH_ENDED_S: Final = 60.0
# A run that no worker has begun with was started and has a workflow task to be taken.
_NOT_BEGUN_EVENTS: Final = 2
# Long enough that fifty watchers cost what one costs, too short for a person to see.
FRESH_RUNNING_S: Final = 0.25
# Without a worker every look waits QUERY_TIMEOUT for one; that need not be each caller's own wait.
FRESH_INCOMPLETE_S: Final = 5.0
KEEP_S: Final = 60.0
CACHE_BYTES: Final = 64 * 1024 * 1024
# The parsed instance beside its JSON takes about three times the room.
_MEMORY_PER_BYTE: Final = 4

Key: TypeAlias = tuple[str, RunName]
# Run, events in its history, tries of the activities under way: what the interpreter knows changes
# only together with the second.
Mark: TypeAlias = tuple[str, int, dict[str, Try]]


@dataclass(frozen=True, slots=True)
class Look:
    """One instance at one moment, ready to be sent.

    Attributes:
        read_at: When, by the monotonic clock.
        mark: What Temporal's own description said then, as far as it can change a running instance.
    """

    instance: Instance
    body: bytes
    etag: str
    read_at: float
    mark: Mark

    @property
    def ended(self) -> bool:
        """Whether it will never look different."""
        return not self.instance.status.active

    @property
    def complete(self) -> bool:
        """Whether the interpreter told about all tasks."""
        return self.instance.timeline_source is TimelineSource.INTERPRETER

    @property
    def fresh(self) -> bool:
        """Whether it may be shown without asking again."""
        kept = FRESH_ENDED_S if self.ended else FRESH_RUNNING_S
        return time.monotonic() < self.read_at + (kept if self.complete else FRESH_INCOMPLETE_S)


def no_such(instance_id: str) -> NotFoundError:
    """Make the one answer for ids that are malformed, unknown, or another tenant's."""
    return NotFoundError(
        f"There is no workflow instance '{instance_id[:200]}'. "
        "GET /api/v1/workflows/instances lists yours."
    )


class Inspector:
    """Reads instances. One per process."""

    def __init__(self, client: Client, settings: TemporalSettings) -> None:
        self._client = client
        self._settings = settings
        self._flights: SingleFlight[Look] = SingleFlight()
        self._looks: TTLCache[Key, Look] = TTLCache(
            maxsize=CACHE_BYTES,
            ttl=KEEP_S,
            timer=time.monotonic,
            getsizeof=lambda look: _MEMORY_PER_BYTE * len(look.body),
        )

    async def look(self, tenant_id: str, run: RunName, *, closed: bool = False) -> Look:
        """Look at one instance.

        Args:
            closed: It is known to have ended: do not show a look from before.

        Raises:
            NotFoundError: When there is none.
            UnavailableError: When Temporal does not answer.
        """
        key = (tenant_id, run)
        found = self._looks.get(key)
        if found is not None and found.fresh and (found.ended or not closed):
            return found
        return await self._flights.run((key, closed), lambda: self._read(key))

    def forget(self, tenant_id: str, run: RunName) -> None:
        """Drop what is kept of an instance that was just acted upon."""
        self._looks.pop((tenant_id, run), None)

    async def describe(self, tenant_id: str, run: RunName) -> WorkflowExecutionDescription:
        """Ask Temporal for its description alone.

        Raises:
            NotFoundError: When there is no such instance.
            UnavailableError: When Temporal does not answer.
        """
        handle = self._client.get_workflow_handle(run.workflow_id(tenant_id))
        with translated(lambda: no_such(run.instance_id)):
            return await handle.describe(rpc_timeout=RPC_TIMEOUT)

    def summary(self, run: RunName, execution: WorkflowExecution) -> InstanceSummary:
        """Return the line of a listing for a run."""
        return InstanceSummary(
            id=run.instance_id,
            namespace=run.namespace,
            name=run.name,
            version=execution.typed_search_attributes.get(VERSION),
            status=_status(execution),
            started_at=execution.start_time,
            ended_at=execution.close_time,
            web_ui=self.web_ui(execution.id, execution.run_id),
        )

    def web_ui(self, workflow_id: str, run_id: str | None = None) -> str:
        """Return the address of a run in the Temporal Web UI."""
        base = f"{self._settings.ui_url.rstrip('/')}/namespaces/{self._settings.namespace}"
        page = f"{base}/workflows/{quote(workflow_id, safe='')}"
        return f"{page}/{run_id}/history" if run_id else page

    async def _read(self, key: Key) -> Look:
        tenant_id, run = key
        # First the description: what is asked after it cannot be older than "ended".
        description = await self.describe(tenant_id, run)
        mark = _mark(description)
        known = self._looks.get(key)
        if known is not None and known.complete and not known.ended and known.mark == mark:
            look = replace(known, read_at=time.monotonic())
        else:
            with translated(lambda: no_such(run.instance_id)):
                look = _spelled(await self._assemble(run, description), mark)
        self._keep(key, look)
        return look

    def _keep(self, key: Key, look: Look) -> None:
        if _MEMORY_PER_BYTE * len(look.body) <= CACHE_BYTES:
            self._looks[key] = look

    async def _assemble(self, run: RunName, description: WorkflowExecutionDescription) -> Instance:
        head = self.summary(run, description)
        ended, account, again = await asyncio.gather(
            self._outcome(head.status, description),
            self._account(description),
            retries(description),
        )
        status = head.status
        if status.active and account.status is not None:
            status = Status(account.status)
        elif status.active and description.history_length <= _NOT_BEGUN_EVENTS:
            status = Status.PENDING
        return Instance(
            **{**dict(head), "version": head.version or account.version, "status": status},
            definition_hash=account.definition_hash,
            engine=account.engine,
            started_by=await description.memo_value(MEMO_STARTED_BY, None),
            input=account.input,
            output=ended.output,
            error=ended.error,
            tasks=account.tasks,
            waiting_for=[*account.waiting_for, *again] if status.active else [],
            compensation=account.compensation,
            timeline_source=account.source,
            events_dropped=account.events_dropped,
        )

    async def _outcome(self, status: Status, description: WorkflowExecutionDescription) -> Outcome:
        if status.active:
            return Outcome()
        return await outcome(self._client, description.id, description.run_id)

    async def _account(self, description: WorkflowExecutionDescription) -> Account:
        """Ask the interpreter; when no worker answers, read the history."""
        attempts = {name: each.attempt for name, each in tries(description).items()}
        told = await everything(self._client, description.id, description.run_id)
        if told is None:
            return await recorded(self._client, description, attempts)
        value = told.input
        if not told.input_told:
            start = await started(self._client, description)
            value = start.input if start else None
        return Account(
            source=TimelineSource.INTERPRETER,
            tasks=fold(told.events, attempts),
            input=value,
            version=told.version,
            definition_hash=told.definition_hash,
            engine=told.engine,
            events_dropped=told.dropped,
            status=told.status,
            waiting_for=told.waiting_for,
            compensation=told.compensation,
        )


def _status(execution: WorkflowExecution) -> Status:
    """Return the status as Temporal knows it, with what the run said of itself."""
    status = STATUS_OF[execution.status] if execution.status else Status.RUNNING
    said = execution.typed_search_attributes.get(STATUS)
    if status is Status.RUNNING and said in ACTIVE:
        return Status(said)
    if status in {Status.FAILED, Status.CANCELLED} and said == Status.COMPENSATED:
        return Status.COMPENSATED
    if status is Status.FAILED and said == Status.TIMED_OUT:
        return Status.TIMED_OUT
    return status


def _mark(description: WorkflowExecutionDescription) -> Mark:
    return (description.run_id, description.history_length, tries(description))


def _spelled(instance: Instance, mark: Mark) -> Look:
    body = instance.model_dump_json().encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    return Look(instance, body, etag, time.monotonic(), mark)
