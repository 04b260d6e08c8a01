"""Stopping instances, and pausing them. What they are told they do at their next task."""

from datetime import timedelta
from typing import Final

from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError

from foundation.errors import ConflictError, UnavailableError
from workflows.instances.door import Door, named
from workflows.instances.types import InstanceSummary
from workflows.interpreter.types import PAUSE_UPDATE, RESUME_UPDATE
from workflows.runs.names import RunName
from workflows.runs.rpc import RPC_TIMEOUT, translated

# A worker that is there answers in milliseconds.
UPDATE_TIMEOUT: Final = timedelta(seconds=10)


class Stopping(Door):
    """Stops runs that go on, for good or for a while."""

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

    async def _running(self, tenant_id: str, instance_id: str) -> RunName:
        run = named(instance_id)
        description = await self._inspector.describe(tenant_id, run)
        status = self._inspector.summary(run, description).status
        if not status.active:
            raise _over(instance_id, status.value)
        return run


def _over(instance_id: str, how: str = "meanwhile") -> ConflictError:
    return ConflictError(
        f"The instance '{instance_id}' has ended already ({how}); there is nothing to stop."
    )
