"""Temporal is made to agree with what the tables say: schedules, and runs that start others.

Everything here can be done twice, and by any process; one at a time does it for a definition.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog
from temporalio.client import (
    Client,
    Schedule,
    ScheduleAlreadyRunningError,
    ScheduleDescription,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from activities.schedules.types import TriggerKind
from foundation.errors import NotFoundError, UnavailableError
from foundation.settings import TemporalSettings
from workflows.catalog import Catalog, PublishedDefinition
from workflows.definition import Definition, load_definition
from workflows.interpreter.types import RESCHEDULED_SIGNAL, StartInput
from workflows.runs.launch import labels, summary
from workflows.runs.names import trigger_id
from workflows.runs.rpc import RPC_TIMEOUT, translated
from workflows.schedules.changing import change_schedule
from workflows.schedules.translation import (
    MEMO_CREATED_BY,
    Requesters,
    owned_id,
    requesters_of,
    start_of,
    temporal_id,
)
from workflows.triggers.ledger import HELD, ScheduleLedger, Task
from workflows.triggers.repository import Name
from workflows.triggers.times import has_times, settings_of, temporal_schedule

log = structlog.get_logger()

# Before others may take it.
AT_MOST: Final = HELD - timedelta(seconds=10)
_GONE: Final = NotFoundError("It is not there.")


class Triggers:
    """Keeps what definitions start by themselves. One per process.

    Args:
        client: Connected, with the pydantic data converter.
        catalogue: Where definitions are looked up; called in a thread.
    """

    def __init__(
        self,
        ledger: ScheduleLedger,
        client: Client,
        catalogue: Catalog,
        settings: TemporalSettings,
    ) -> None:
        self.ledger = ledger
        self._client = client
        self._catalogue = catalogue
        self._settings = settings

    async def published(self, tenant_id: str, namespace: str, name: str) -> None:
        """Let Temporal know at once what was published; if that fails, the sweep does it."""
        try:
            await self.keep(Name(tenant_id, namespace, name))
        except Exception as error:  # noqa: BLE001 - it is published, and that is to be told
            log.warning("schedule_not_kept_yet", definition=f"{namespace}.{name}", why=str(error))

    async def keep(self, name: Name) -> None:
        """Make Temporal agree with what is wanted, if nobody else is doing that.

        Raises:
            UnavailableError: When Temporal or the database does not answer.
        """
        while (task := await asyncio.to_thread(self.ledger.hold, name)) is not None:
            try:
                async with asyncio.timeout(AT_MOST.total_seconds()):
                    keeps = await self._agree(task)
            except TimeoutError:
                why = f"Temporal did not agree within {AT_MOST.seconds} s."
                await asyncio.to_thread(self.ledger.let_go, task, why)
                raise UnavailableError(f"{why} It is tried again later.") from None
            except Exception as error:
                why = f"{type(error).__name__}: {error}"
                await asyncio.to_thread(self.ledger.let_go, task, why)
                raise
            except BaseException:
                await asyncio.to_thread(self.ledger.let_go, task)
                raise
            if await asyncio.to_thread(self.ledger.settle, task, keeps=keeps):
                return

    async def _agree(self, task: Task) -> bool:
        """Make Temporal agree; return whether there is anything that has to stay."""
        found = await asyncio.to_thread(self._catalogue.get, *task.name, task.version)
        definition = load_definition(found.document)
        schedule = definition.schedule
        timed = has_times(definition)
        repeats = schedule is not None and schedule.after is not None
        with translated(lambda: _GONE):
            if timed:
                await self._keep_times(task, found, definition)
            elif task.changed:
                await self._end_times(task)
            await self._keep_trigger(task, TriggerKind.AFTER, wanted=repeats)
            await self._keep_trigger(task, TriggerKind.ON, wanted=task.listens)
        return timed or repeats or task.listens

    async def _keep_times(
        self, task: Task, found: PublishedDefinition, definition: Definition
    ) -> None:
        tenant_id, queue = task.name.tenant_id, self._settings.task_queue
        key = temporal_id(tenant_id, owned_id(found.namespace, found.name))
        makers = [found.published_by]
        try:
            await self._client.create_schedule(
                key,
                temporal_schedule(
                    tenant_id, found, settings_of(definition), queue, Requesters(makers)
                ),
                search_attributes=labels(tenant_id, None),
                memo={MEMO_CREATED_BY: found.published_by},
                rpc_timeout=RPC_TIMEOUT,
            )
        except ScheduleAlreadyRunningError:

            async def revise(now: ScheduleDescription) -> Schedule | None:
                known = await start_of(self._client, now)
                wanted = await requesters_of(self._client, now)
                if known.version == found.version and list(wanted.makers) == makers:
                    return None
                state = now.schedule.state
                settings = settings_of(definition, paused=state.paused, note=state.note or "")
                requesters = replace(wanted, makers=makers)
                return temporal_schedule(tenant_id, found, settings, queue, requesters)

            await change_schedule(self._client, key, revise)

    async def _end_times(self, task: Task) -> None:
        tenant_id, namespace, name = task.name
        handle = self._client.get_schedule_handle(temporal_id(tenant_id, owned_id(namespace, name)))
        try:
            await handle.delete(rpc_timeout=RPC_TIMEOUT)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    async def _keep_trigger(self, task: Task, kind: TriggerKind, *, wanted: bool) -> None:
        """Let the trigger run if it is wanted, and know of what has changed."""
        workflow_id = trigger_id(*task.name, kind)
        tenant_id, namespace, name = task.name
        if wanted:
            await self._client.start_workflow(
                f"{namespace}.{name}",
                StartInput(tenant_id=tenant_id, trigger=kind),
                id=workflow_id,
                task_queue=self._settings.task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                start_signal=RESCHEDULED_SIGNAL if task.changed else None,
                static_summary=summary(f"{namespace}.{name}: schedule.{kind}"),
                rpc_timeout=RPC_TIMEOUT,
            )
        elif task.changed:
            try:
                await self._client.get_workflow_handle(workflow_id).signal(
                    RESCHEDULED_SIGNAL, rpc_timeout=RPC_TIMEOUT
                )
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
