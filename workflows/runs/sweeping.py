"""Delete the blobs that no run needs any more.

A payload is put into the store just before the event that refers to it, so who needs it was running
on that day. Temporal tells which runs it still knows, going on or ended: when all of a tenant's
began later than a blob was put, none of them refers to it. Schedules refer to the input of runs
that are still to come; those blobs are kept by name.
"""

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from temporalio.api.common.v1 import Payload
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, ScheduleActionStartWorkflow
from temporalio.service import RPCError

from foundation.blobs import BlobsKeptError, BlobStore
from foundation.errors import ConflictError, UnavailableError

# Clocks differ, and a run begins a moment after its input was stored.
_SLACK: Final = timedelta(days=1)


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


async def _swept(
    store: BlobStore, client: Client, tenant: str, days: list[date], keep: set[str]
) -> Swept:
    began, run = await _oldest(client, tenant, days[-1])
    going = [day for day in days if began is None or day < began - _SLACK]
    blobs, kept = 0, None
    for day in going:
        try:
            blobs += await store.delete(tenant, day, keep)
        except BlobsKeptError as error:
            # One day, or tenant, that is locked must not keep what others need no more.
            kept = kept or error.message
    return Swept(tenant, blobs, run if len(going) < len(days) else None, kept)


async def _oldest(client: Client, tenant: str, until: date) -> tuple[date | None, str | None]:
    """Return when the oldest run began of those that may need blobs of that day, and its id."""
    end = datetime.combine(until, time.max, UTC) + _SLACK
    # By their ids: what starts instances and what tells of them has no tenant for people to find.
    query = f"WorkflowId STARTS_WITH '{tenant}/' AND StartTime <= '{end.isoformat()}'"
    known = [(each.start_time, each.id) async for each in client.list_workflows(query)]
    if not known:
        return None, None
    began, run = min(known)
    return began.date(), run


async def _scheduled(client: Client) -> dict[str, set[str]]:
    """Return the digests that schedules refer to, by tenant."""
    found: dict[str, set[str]] = defaultdict(set)
    async for schedule in await client.list_schedules():
        described = await client.get_schedule_handle(schedule.id).describe()
        action = described.schedule.action
        if isinstance(action, ScheduleActionStartWorkflow):
            for payload in action.args:
                if isinstance(payload, Payload) and payload.external_payloads:
                    claim = json.loads(payload.data)["claimData"]
                    found[claim["tenant"]].add(claim["sha256"])
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
