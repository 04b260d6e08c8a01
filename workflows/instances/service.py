"""Instances: start, look at, list, follow, stop. The one door to runs for the API."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from foundation.errors import ConflictError, InvalidInputError, UnavailableError
from foundation.json import JsonObject, JsonValue, digest
from foundation.settings import TemporalSettings
from security.principal import Principal
from workflows.instances import listing
from workflows.instances.feed import Event
from workflows.instances.following import Followers
from workflows.instances.inspection import MEMO_REQUEST, MEMO_STARTED_BY, Inspector, Look, no_such
from workflows.instances.outcomes import outcome
from workflows.instances.progress import everything
from workflows.instances.resuming import Beginning, Failing, failed_execution, resumption
from workflows.instances.types import (
    Filters,
    Instance,
    InstancePage,
    InstanceSummary,
    Resumed,
    Started,
    Status,
)
from workflows.interpreter.types import (
    GONE_ON_BY,
    PAUSE_UPDATE,
    RESUME_UPDATE,
    StartInput,
    TaskEvent,
)
from workflows.interpreter.watching import Moment
from workflows.runs.launch import (
    Catalogue,
    Published,
    checked_input,
    labels,
    start_input,
    summary,
    title,
)
from workflows.runs.names import RunName, checked_key, new_key, of_instance_id
from workflows.runs.pages import PageTokens, page_limit
from workflows.runs.rpc import RPC_TIMEOUT, translated

# A worker that is there answers in milliseconds.
UPDATE_TIMEOUT: Final = timedelta(seconds=10)
# Events of the shortest run that a worker has looked at: started, and one workflow task.
_WITH_A_DECISION: Final = 5


@dataclass(frozen=True, slots=True)
class _Ended:
    """An instance that has ended, with what it did."""

    run: RunName
    description: WorkflowExecutionDescription
    events: list[TaskEvent]
    error: JsonObject | None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """How it is to go on.

    Attributes:
        version: Of the definition; None for the one it had.
    """

    moment: Moment
    value: JsonValue
    changed: bool
    preview: bool
    by: str | None
    version: str | None = None


class Instances:
    """Starts and inspects runs through the Temporal client. One per process.

    Args:
        client: Connected, with the pydantic data converter.
        catalogue: Where definitions are looked up; called in a thread.
        tokens: Seals the page tokens of listings.
    """

    def __init__(
        self,
        client: Client,
        catalogue: Catalogue,
        settings: TemporalSettings,
        tokens: PageTokens,
    ) -> None:
        self._client = client
        self._catalogue = catalogue
        self._settings = settings
        self._tokens = tokens
        self._inspector = Inspector(client, settings)
        self._followers = Followers(client, self._inspector)

    def dismiss(self) -> None:
        """End all waits and event streams; for a process that is about to stop.

        Who waited gets the instance as it is, who followed comes again and goes on where he was.
        """
        self._followers.dismiss()

    async def start(
        self,
        principal: Principal,
        namespace: str,
        name: str,
        *,
        version: str | None = None,
        value: JsonValue = None,
        key: str | None = None,
    ) -> Started:
        """Start a run, or find the one that this key started before.

        Args:
            version: Version of the definition; the newest one when left out.
            value: Input of the workflow.
            key: Makes a repetition safe; a new one is made when left out.

        Raises:
            InvalidInputError: When the key was used for another start, or is no key.
            NotFoundError: When there is no such definition.
            TooLargeError: When the input has more than 4 MB.
            UnavailableError: When Temporal does not answer; try again with the same key.
        """
        run = RunName(namespace, name, checked_key(key) if key is not None else new_key())
        checked_input(value)
        found = await asyncio.to_thread(
            self._catalogue.get, principal.tenant_id, namespace, name, version
        )
        request = digest([namespace, name, version, value])
        if await self._launch(principal, run, found, value, request):
            return Started(
                id=run.instance_id,
                namespace=namespace,
                name=name,
                version=found.version,
                status=Status.RUNNING,
                web_ui=self._inspector.web_ui(run.workflow_id(principal.tenant_id)),
                created=True,
            )
        return await self._repeated(principal.tenant_id, run, request)

    async def look(self, tenant_id: str, instance_id: str, *, wait_s: float = 0.0) -> Look:
        """Look at one instance, ready to be sent.

        Args:
            wait_s: Wait so long for it to end; the answer comes as soon as it has.

        Raises:
            NotFoundError: When this tenant has no such instance.
            UnavailableError: When Temporal does not answer.
        """
        run = _named(instance_id)
        closed = wait_s > 0 and await self._followers.wait((tenant_id, run), wait_s)
        return await self._inspector.look(tenant_id, run, closed=closed)

    async def get(self, tenant_id: str, instance_id: str) -> Instance:
        """Return one instance.

        Raises:
            NotFoundError: When this tenant has no such instance.
            UnavailableError: When Temporal does not answer.
        """
        return (await self.look(tenant_id, instance_id)).instance

    async def list(
        self,
        tenant_id: str,
        filters: Filters = Filters(),  # noqa: B008 - frozen
        *,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> InstancePage:
        """List instances, newest first.

        Raises:
            InvalidInputError: When the token belongs to another listing.
            UnavailableError: When Temporal does not answer.
        """
        query = listing.query(tenant_id, filters)
        position = self._tokens.open(query, page_token)
        with translated(lambda: InvalidInputError("This listing is no longer there.")):
            runs, after = await listing.page(
                self._client, tenant_id, query, page_limit(page_size), position
            )
        items = [self._inspector.summary(run, execution) for run, execution in runs]
        return InstancePage(items=items, next_page_token=self._tokens.seal(query, after))

    async def active(
        self,
        tenant_id: str,
        filters: Filters = Filters(),  # noqa: B008 - frozen
        *,
        page_size: int | None = None,
        page_token: str | None = None,
    ) -> InstancePage:
        """List the instances that have not ended, newest first."""
        return await self.list(
            tenant_id,
            replace(filters, active=True),
            page_size=page_size,
            page_token=page_token,
        )

    async def cancel(self, tenant_id: str, instance_id: str) -> InstanceSummary:
        """Ask a run to stop: its tasks are told and may clean up.

        Raises:
            NotFoundError: When this tenant has no such instance.
            ConflictError: When it has ended already.
            UnavailableError: When Temporal does not answer.
        """
        run = await self._running(tenant_id, instance_id)
        handle = self._client.get_workflow_handle(run.workflow_id(tenant_id))
        with translated(lambda: _over(instance_id)):
            await handle.cancel(rpc_timeout=RPC_TIMEOUT)
        return await self._after_act(tenant_id, run)

    async def terminate(self, tenant_id: str, instance_id: str, reason: str) -> InstanceSummary:
        """Stop a run at once; nothing is cleaned up.

        Raises:
            NotFoundError: When this tenant has no such instance.
            ConflictError: When it has ended already.
            UnavailableError: When Temporal does not answer.
        """
        run = await self._running(tenant_id, instance_id)
        handle = self._client.get_workflow_handle(run.workflow_id(tenant_id))
        with translated(lambda: _over(instance_id)):
            await handle.terminate(reason=reason, rpc_timeout=RPC_TIMEOUT)
        return await self._after_act(tenant_id, run)

    async def pause(self, tenant_id: str, instance_id: str) -> InstanceSummary:
        """Let a run begin no further task; calls under way come to their end.

        Raises:
            NotFoundError: When this tenant has no such instance.
            ConflictError: When it has ended already.
            UnavailableError: When Temporal or the worker does not answer.
        """
        return await self._told(tenant_id, instance_id, PAUSE_UPDATE)

    async def resume(self, tenant_id: str, instance_id: str) -> InstanceSummary:
        """Let a paused run go on.

        Raises:
            NotFoundError: When this tenant has no such instance.
            ConflictError: When it has ended already.
            UnavailableError: When Temporal or the worker does not answer.
        """
        return await self._told(tenant_id, instance_id, RESUME_UPDATE)

    async def retry(
        self,
        tenant_id: str,
        instance_id: str,
        *,
        value: JsonValue = None,
        changed: bool = False,
        preview: bool = False,
        by: str | None = None,
    ) -> Resumed:
        """Let a failed instance go on with the task that failed.

        Args:
            value: What that task gets instead of its input, when `changed`.
            preview: Only tell what would be done again.
            by: Who wants it, and so cannot approve what comes then.

        Raises:
            NotFoundError: When this tenant has no such instance.
            ConflictError: When it goes on still, no task failed, or what it did was undone.
            UnavailableError: When Temporal does not answer.
        """
        ended = await self._ended(tenant_id, instance_id)
        execution = failed_execution(ended.events, ended.error)
        wanted = _Wanted(Failing(execution), value, changed, preview, by)
        return await self._go_on(tenant_id, ended, wanted)

    async def rerun(
        self,
        tenant_id: str,
        instance_id: str,
        execution: str,
        *,
        value: JsonValue = None,
        changed: bool = False,
        preview: bool = False,
        by: str | None = None,
        version: str | None = None,
    ) -> Resumed:
        """Let an ended instance go on with one of its tasks; see `retry`.

        Args:
            version: Of the definition; the one it had when left out.

        Raises:
            InvalidInputError: When its last run has no such execution, or where it stood is not
                there in the other version.
            NotFoundError: When there is no such instance or version.
        """
        ended = await self._ended(tenant_id, instance_id)
        wanted = _Wanted(Beginning(execution), value, changed, preview, by, version)
        return await self._go_on(tenant_id, ended, wanted)

    async def _ended(self, tenant_id: str, instance_id: str) -> "_Ended":
        """Read an instance that has ended."""
        run = _named(instance_id)
        description = await self._inspector.describe(tenant_id, run)
        status = self._inspector.summary(run, description).status
        if status.active:
            raise ConflictError(f"The instance '{instance_id}' has not ended ({status.value}).")
        if status is Status.COMPENSATED:
            raise ConflictError(
                f"What the instance '{instance_id}' had done was undone. Start a new instance."
            )
        told = await everything(self._client, description.id, description.run_id)
        if told is None and description.history_length < _WITH_A_DECISION:
            raise ConflictError(
                f"The instance '{instance_id}' was stopped before it did anything. Start a new "
                "instance."
            )
        if told is None:
            raise UnavailableError("No worker can tell what the instance did. Try again.")
        ended = await outcome(self._client, description.id, description.run_id)
        return _Ended(run, description, told.events, ended.error)

    async def _go_on(self, tenant_id: str, ended: "_Ended", wanted: "_Wanted") -> Resumed:
        run, description = ended.run, ended.description
        handle = self._client.get_workflow_handle(description.id, run_id=description.run_id)
        other = None
        if wanted.version is not None:
            other = await asyncio.to_thread(
                self._catalogue.get, tenant_id, run.namespace, run.name, wanted.version
            )
        found = await resumption(
            self._client,
            await handle.fetch_history(),
            wanted.moment,
            ended.events,
            changed=wanted.changed,
            value=wanted.value,
            other=other,
        )
        if not wanted.preview:
            await self._begin_again(tenant_id, ended, found.start, wanted.by)
        return Resumed(
            instance=await self._after_act(tenant_id, run),
            begins_at=found.begins_at,
            repeats=found.repeats,
            version=found.start.version,
        )

    async def _begin_again(
        self, tenant_id: str, ended: "_Ended", start: StartInput, by: str | None
    ) -> None:
        description = ended.description
        before = await description.memo_value(GONE_ON_BY, None)
        gone_on_by = {*(before if isinstance(before, list) else []), *([by] if by else [])}
        try:
            with translated(lambda: no_such(ended.run.instance_id)):
                await self._client.start_workflow(
                    ended.run.workflow_type,
                    start,
                    id=description.id,
                    task_queue=self._settings.task_queue,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                    id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                    search_attributes=labels(tenant_id, start.version),
                    memo={
                        MEMO_REQUEST: await description.memo_value(MEMO_REQUEST, None),
                        MEMO_STARTED_BY: await description.memo_value(MEMO_STARTED_BY, None),
                        GONE_ON_BY: sorted(gone_on_by),
                    },
                    rpc_timeout=RPC_TIMEOUT,
                )
        except WorkflowAlreadyStartedError:
            raise ConflictError(
                f"Somebody else let '{ended.run.instance_id}' go on a moment ago."
            ) from None

    async def _told(self, tenant_id: str, instance_id: str, update: str) -> InstanceSummary:
        run = await self._running(tenant_id, instance_id)
        handle = self._client.get_workflow_handle(run.workflow_id(tenant_id))
        try:
            with translated(lambda: _over(instance_id)):
                await handle.execute_update(update, rpc_timeout=UPDATE_TIMEOUT)
        except WorkflowUpdateFailedError:
            raise _over(instance_id) from None
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            raise UnavailableError(
                f"No worker answered for '{instance_id}' in time. It will be told when one comes: "
                "look at the instance, and try again if its status does not change."
            ) from None
        return await self._after_act(tenant_id, run)

    async def events(
        self, tenant_id: str, instance_id: str, *, after: int = 0
    ) -> AsyncIterator[Event]:
        """Follow a run: its task events, and last how it ended.

        Returns an iterator once the instance is known to be there. It stops by itself after
        `LONGEST_FOLLOW_S` seconds; follow again with the last sequence number then.

        Args:
            after: Sequence number of the last event that was seen.

        Raises:
            NotFoundError: When this tenant has no such instance.
            UnavailableError: When Temporal does not answer.
        """
        run = _named(instance_id)
        await self._inspector.describe(tenant_id, run)
        return self._followers.follow((tenant_id, run), after)

    async def _launch(
        self, principal: Principal, run: RunName, found: Published, value: JsonValue, request: str
    ) -> bool:
        """Start the workflow; tell whether it is new."""
        tenant_id = principal.tenant_id
        try:
            with translated(lambda: no_such(run.instance_id)):
                await self._client.start_workflow(
                    run.workflow_type,
                    start_input(tenant_id, found, value),
                    id=run.workflow_id(tenant_id),
                    task_queue=self._settings.task_queue,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    # Running or ended, an earlier start is told by one and the same error.
                    id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                    search_attributes=labels(tenant_id, found.version),
                    static_summary=summary(f"{title(found)} {found.version}"),
                    memo={MEMO_REQUEST: request, MEMO_STARTED_BY: principal.subject},
                    rpc_timeout=RPC_TIMEOUT,
                )
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def _repeated(self, tenant_id: str, run: RunName, request: str) -> Started:
        """Answer a repeated start with what the first one started."""
        description = await self._inspector.describe(tenant_id, run)
        if await description.memo_value(MEMO_REQUEST, None) != request:
            raise InvalidInputError(
                f"The idempotency key '{run.key}' started {run.workflow_type} before, with another "
                "input or version. Use a new key for a new start."
            )
        seen = self._inspector.summary(run, description)
        return Started(
            id=seen.id,
            namespace=seen.namespace,
            name=seen.name,
            version=seen.version,
            status=seen.status,
            web_ui=seen.web_ui,
            created=False,
        )

    async def _running(self, tenant_id: str, instance_id: str) -> RunName:
        run = _named(instance_id)
        description = await self._inspector.describe(tenant_id, run)
        status = self._inspector.summary(run, description).status
        if not status.active:
            raise _over(instance_id, status.value)
        return run

    async def _after_act(self, tenant_id: str, run: RunName) -> InstanceSummary:
        self._inspector.forget(tenant_id, run)
        return self._inspector.summary(run, await self._inspector.describe(tenant_id, run))


def _named(instance_id: str) -> RunName:
    run = of_instance_id(instance_id)
    if run is None:
        raise no_such(instance_id)
    return run


def _over(instance_id: str, how: str = "meanwhile") -> ConflictError:
    return ConflictError(
        f"The instance '{instance_id}' has ended already ({how}); there is nothing to stop."
    )
