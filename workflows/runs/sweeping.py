"""Delete the blobs that no run needs any more.

A payload is put into the store just before the event that refers to it, so who needs it was running
on that day. Temporal tells which runs it still knows, going on or ended: when all of a tenant's
began later than a blob was put, none of them refers to it.

When a run began is what its first event says: a run that was reset is listed as a new one, and has
the events of the one before. What that first event itself refers to may be older still (a schedule
keeps one input for years), and so may what schedules hold for runs to come: those blobs are kept by
name.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Final

from temporalio.api.common.v1 import Payload
from temporalio.api.common.v1 import WorkflowExecution as Execution
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    GetWorkflowExecutionHistoryRequest,
)
from temporalio.client import Client, ScheduleActionStartWorkflow, WorkflowExecution
from temporalio.service import RPCError, RPCStatusCode

from foundation.blobs import BlobsKeptError, BlobStore
from foundation.errors import ConflictError, UnavailableError

# Clocks differ, and a run begins a moment after its input was stored.
_SLACK: Final = timedelta(days=1)
# Runs whose first event is read at the same time.
_AT_ONCE: Final = 32


@dataclass(frozen=True)
class Swept:
    """What was deleted of one tenant.

    Attributes:
        blocked_by: The oldest run that Temporal still knows, when it kept blobs from being deleted.
        kept: What the store did not let go, in its words.
    """

    tenant_id: str
    blobs: int
    blocked_by: str | None = None
    kept: str | None = None


async def sweep(store: BlobStore, client: Client, keep_days: int, today: date) -> list[Swept]:
    """Delete what is older than `keep_days` and belongs to no run and no schedule.

    Raises:
        ConflictError: When Temporal keeps ended runs longer than that.
        UnavailableError: When the store or Temporal cannot be reached; nothing is deleted blindly.
    """
    limit = today - timedelta(days=keep_days)
    try:
        await _require_longer_than_retention(client, keep_days)
        old = {
            tenant: days
            for tenant in await store.tenants()
            if (days := [day for day in await store.days(tenant) if day < limit])
        }
        scheduled = await _scheduled(client) if old else {}
        return [
            await _swept(store, client, tenant, days, scheduled.get(tenant, set()))
            for tenant, days in old.items()
        ]
    except RPCError as error:
        raise UnavailableError(
            f"Temporal did not say which runs there are ({error.message}). Sweep again later."
        ) from error


@dataclass(frozen=True)
class Beginning:
    """What the first event of a run says.

    Attributes:
        at: When the run began; one that was reset, when the one before did.
        needs: Digests of the blobs that the event refers to, however old they are.
    """

    at: datetime
    needs: frozenset[str]


async def beginning(client: Client, run: WorkflowExecution) -> Beginning | None:
    """Read how a run began; None when Temporal has forgotten it meanwhile.

    Raises:
        RPCError: When Temporal does not answer.
    """
    try:
        answer = await client.workflow_service.get_workflow_execution_history(
            GetWorkflowExecutionHistoryRequest(
                namespace=client.namespace,
                execution=Execution(workflow_id=run.id, run_id=run.run_id),
                maximum_page_size=1,
            )
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    first = answer.history.events[0]
    said = first.workflow_execution_started_event_attributes
    payloads = chain(
        said.input.payloads,
        said.last_completion_result.payloads,
        said.memo.fields.values(),
        said.header.fields.values(),
    )
    needs = frozenset(digest for _, digest in _references(payloads))
    return Beginning(first.event_time.ToDatetime(UTC), needs)


async def _swept(
    store: BlobStore, client: Client, tenant: str, days: list[date], keep: set[str]
) -> Swept:
    began, oldest = date.max, None
    needed = set(keep)
    async for run, known in _known(client, tenant):
        needed |= known.needs
        if known.at.date() < began:
            began, oldest = known.at.date(), run.id
    going = [day for day in days if oldest is None or day < began - _SLACK]
    blobs, kept = 0, None
    for day in going:
        try:
            blobs += await store.delete(tenant, day, needed)
        except BlobsKeptError as error:
            # One day, or tenant, that is locked must not keep what others need no more.
            kept = kept or error.message
    return Swept(tenant, blobs, oldest if len(going) < len(days) else None, kept)


async def _known(client: Client, tenant: str) -> AsyncIterator[tuple[WorkflowExecution, Beginning]]:
    """Go through all runs of a tenant that Temporal knows."""
    # By their ids: what starts instances and what tells of them has no tenant for people to find.
    found = client.list_workflows(f"WorkflowId STARTS_WITH '{tenant}/'")
    runs: list[WorkflowExecution] = []
    async for run in found:
        runs.append(run)
        if len(runs) == _AT_ONCE:
            for each in await _begun(client, runs):
                yield each
            runs = []
    for each in await _begun(client, runs):
        yield each


async def _begun(
    client: Client, runs: list[WorkflowExecution]
) -> list[tuple[WorkflowExecution, Beginning]]:
    found = await asyncio.gather(*(beginning(client, run) for run in runs))
    return [(run, known) for run, known in zip(runs, found, strict=True) if known is not None]


def _references(payloads: Iterable[Payload]) -> Iterable[tuple[str, str]]:
    """Return tenant and digest of the blobs that payloads stand for."""
    for payload in payloads:
        if payload.external_payloads:
            claim = json.loads(payload.data)["claimData"]
            yield claim["tenant"], claim["sha256"]


async def _scheduled(client: Client) -> dict[str, set[str]]:
    """Return the digests that schedules refer to, by tenant."""
    found: dict[str, set[str]] = defaultdict(set)
    async for schedule in await client.list_schedules():
        try:
            described = await client.get_schedule_handle(schedule.id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                continue  # deleted since it was listed; its runs name what they need themselves
            raise
        action = described.schedule.action
        if isinstance(action, ScheduleActionStartWorkflow):
            held = (each for each in action.args if isinstance(each, Payload))
            for tenant, digest in _references(held):
                found[tenant].add(digest)
    return found


async def _require_longer_than_retention(client: Client, keep_days: int) -> None:
    described = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace)
    )
    retention = described.config.workflow_execution_retention_ttl.ToTimedelta()
    if timedelta(days=keep_days) <= retention:
        raise ConflictError(
            f"MILLWRIGHT_BLOBS_KEEP_DAYS is {keep_days}, and Temporal keeps ended runs for "
            f"{retention.days} days. Set it to at least {retention.days + 1}."
        )
