"""Going on with instances that have ended: with the task that failed, or with another one."""

from dataclasses import dataclass
from typing import Final

from temporalio.client import WorkflowExecutionDescription
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from foundation.errors import ConflictError, UnavailableError
from foundation.json import JsonObject, JsonValue
from workflows.instances.door import Door, named
from workflows.instances.inspection import MEMO_REQUEST, MEMO_STARTED_BY, no_such
from workflows.instances.outcomes import outcome
from workflows.instances.progress import everything
from workflows.instances.resuming import Beginning, Failing, failed_execution, resumption
from workflows.instances.types import Resumed, Status
from workflows.instances.undoing import Undone, undone_at
from workflows.interpreter.requesters import wanted_by
from workflows.interpreter.types import GONE_ON_BY, StartInput, TaskEvent
from workflows.interpreter.watching import Moment
from workflows.runs.launch import labels
from workflows.runs.names import RunName
from workflows.runs.rpc import RPC_TIMEOUT, translated

# Events of the shortest run that a worker has looked at: started, and one workflow task.
_WITH_A_DECISION: Final = 5


@dataclass(frozen=True, slots=True)
class _Ended:
    """An instance that has ended, with what it did."""

    run: RunName
    description: WorkflowExecutionDescription
    events: list[TaskEvent]
    error: JsonObject | None
    failed_at: str | None
    undone: Undone


@dataclass(frozen=True, slots=True)
class _Wanted:
    """How it is to go on.

    Attributes:
        reuse: How the run has to have ended that is the newest one when it goes on.
        version: Of the definition; None for the one it had.
    """

    moment: Moment
    reuse: WorkflowIDReusePolicy
    value: JsonValue
    changed: bool
    preview: bool
    by: str | None
    version: str | None = None


class GoingOn(Door):
    """Lets runs that have ended go on."""

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
            ConflictError: When it goes on still, no task failed, or something that it did was
                undone or should have been.
            UnavailableError: When Temporal does not answer.
        """
        ended = await self._ended(tenant_id, instance_id)
        execution = failed_execution(ended.events, ended.error, ended.failed_at)
        ended.undone.require_nothing(execution)
        reuse = WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY
        wanted = _Wanted(Failing(execution), reuse, value, changed, preview, by)
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
            ConflictError: When it goes on still, or something that it had done before that task
                was undone.
            InvalidInputError: When its last run has no such execution, or where it stood is not
                there in the other version.
            NotFoundError: When there is no such instance or version.
        """
        ended = await self._ended(tenant_id, instance_id)
        reuse = WorkflowIDReusePolicy.ALLOW_DUPLICATE
        wanted = _Wanted(Beginning(execution), reuse, value, changed, preview, by, version)
        return await self._go_on(tenant_id, ended, wanted)

    async def _ended(self, tenant_id: str, instance_id: str) -> "_Ended":
        """Read an instance that has ended."""
        run = named(instance_id)
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
        undone = undone_at(told.compensation)
        return _Ended(run, description, told.events, ended.error, told.failed_at, undone)

    async def _go_on(self, tenant_id: str, ended: "_Ended", wanted: "_Wanted") -> Resumed:
        run, description = ended.run, ended.description
        handle = self._client.get_workflow_handle(description.id, run_id=description.run_id)
        other = None
        if wanted.version is not None:
            other = await self._definition(tenant_id, run.namespace, run.name, wanted.version)
        found = await resumption(
            self._client,
            await handle.fetch_history(),
            wanted.moment,
            ended.events,
            ended.undone,
            changed=wanted.changed,
            value=wanted.value,
            other=other,
        )
        if not wanted.preview:
            await self._begin_again(tenant_id, ended, found.start, wanted)
        return Resumed(
            instance=await self._after_act(tenant_id, run),
            begins_at=found.begins_at,
            repeats=found.repeats,
            version=found.start.version,
        )

    async def _begin_again(
        self, tenant_id: str, ended: "_Ended", start: StartInput, wanted: "_Wanted"
    ) -> None:
        description = ended.description
        # Temporal cannot be told which run has to be the newest one, and finding out where that
        # stood took its time.
        newest = await self._inspector.describe(tenant_id, ended.run)
        if newest.run_id != description.run_id:
            raise _overtaken(ended.run)
        before = wanted_by(await description.memo(), description.id)
        gone_on_by = {*before, *([wanted.by] if wanted.by else [])}
        try:
            with translated(lambda: no_such(ended.run.instance_id)):
                await self._client.start_workflow(
                    ended.run.workflow_type,
                    start,
                    id=description.id,
                    task_queue=self._settings.task_queue,
                    id_reuse_policy=wanted.reuse,
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
            raise _overtaken(ended.run) from None


def _overtaken(run: RunName) -> ConflictError:
    return ConflictError(
        f"Somebody else let '{run.instance_id}' go on a moment ago. GET it to see what it does."
    )
