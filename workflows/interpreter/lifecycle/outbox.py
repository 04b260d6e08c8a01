"""What a run tells others, on its way: sent beside the run, many events at once."""

import asyncio
from contextlib import suppress
from typing import Final

from pydantic_core import to_json
from temporalio import workflow
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

from activities.events.types import PublishAll
from activities.types import ActivityResult
from foundation.json import JsonObject
from workflows.interpreter.calls import Calls, shortened
from workflows.interpreter.faults import Fault
from workflows.interpreter.lifecycle.handing_over import HANDED_OVER

# One transaction, and a payload that Temporal keeps.
BATCH: Final = 100
BATCH_BYTES: Final = 256 * 1024
# A run that tells more than can be sent waits at its next task.
MAX_WAITING: Final = 400
# Of one attempt; there are four, as of every call.
TIMEOUT_S: Final = 10.0


class Outbox:
    """Events of one run that are not sent yet, oldest first."""

    def __init__(self, calls: Calls, workflow_id: str) -> None:
        self._calls = calls
        self._workflow_id = workflow_id
        self._waiting: list[tuple[JsonObject, int]] = []
        self._sender: asyncio.Task[None] | None = None
        self._batches = 0

    def add(self, event: JsonObject) -> None:
        """Send an event soon."""
        self._waiting.append((event, len(to_json(event))))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())

    @property
    def is_full(self) -> bool:
        """Whether there is more than can be sent."""
        return len(self._waiting) > MAX_WAITING

    async def room(self) -> None:
        """Wait until there is less."""
        await workflow.wait_condition(lambda: not self.is_full)

    async def settle(self) -> None:
        """Wait until all have been sent or handed over. Nobody can cancel this."""
        if not self._waiting:
            return
        settling = asyncio.create_task(workflow.wait_condition(lambda: not self._waiting))
        while not settling.done():
            try:
                await asyncio.shield(settling)
            except asyncio.CancelledError:
                if settling.cancelled():
                    raise  # a worker has dropped the run

    async def _send(self) -> None:
        try:
            while self._waiting:
                batch = self._batch()
                try:
                    await self._publish(batch)
                except Exception:  # noqa: BLE001 - what is told neither fails nor keeps a run
                    workflow.logger.exception("lifecycle_events_lost")
                del self._waiting[: len(batch)]
        finally:
            self._sender = None

    def _batch(self) -> list[JsonObject]:
        total, batch = 0, list[JsonObject]()
        for event, size in self._waiting[:BATCH]:
            total += size
            if batch and total > BATCH_BYTES:
                break
            batch.append(event)
        return batch

    async def _publish(self, batch: list[JsonObject]) -> None:
        self._batches += 1
        name = f"lifecycle {self._batches}"
        request = PublishAll(tenant_id=self._calls.tenant_id, events=batch)
        try:
            await self._calls.execute(
                "events-publish",
                request,
                ActivityResult,
                activity_id=name,
                summary=f"{name}: {len(batch)} events",
                timeout_s=TIMEOUT_S,
                heartbeat=False,
            )
        except Fault:
            await self._hand_over(request)

    async def _hand_over(self, request: PublishAll) -> None:
        """Let a workflow of its own send them, however long that takes."""
        first = request.events[0]["id"]
        # A run that was reset has the same events.
        with suppress(WorkflowAlreadyStartedError):
            _ = await workflow.start_child_workflow(
                HANDED_OVER,
                request,
                id=f"{self._workflow_id}/lifecycle/{first}",
                parent_close_policy=ParentClosePolicy.ABANDON,
                static_summary=shortened(f"events of {self._workflow_id}"),
            )
