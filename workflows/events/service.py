"""The desk of one process: events come in, those who wait for them are woken."""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

import structlog
from anyio import from_thread, to_thread
from pydantic import BaseModel
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.events.types import Listening, Take, Taken
from foundation.json import JsonObject, JsonValue
from workflows.events.cloud_events import checked
from workflows.events.ledger import Ledger
from workflows.events.repository import Subscriber
from workflows.events.telling.register import Register
from workflows.interpreter.types import EVENTS_SIGNAL
from workflows.runs.names import is_trigger
from workflows.runs.rpc import RPC_TIMEOUT

log = structlog.get_logger()

AT_ONCE: Final = 50
# So many runs are woken before the answer; the others just after it.
IN_THE_REQUEST: Final = 100


class Published(BaseModel, frozen=True):
    """What became of the events of a request.

    Attributes:
        accepted: How many were taken in.
        duplicates: How many had come before: same source, same id.
    """

    accepted: int
    duplicates: int


class Events:
    """Publishes events, gives them to runs, wakes runs. One per process.

    Args:
        client: Signals the runs.
        broker: There is one that gets what runs emit.
    """

    def __init__(self, ledger: Ledger, client: Client, *, broker: bool = False) -> None:
        self.ledger = ledger
        self.register = Register(ledger.database)
        # Set when there is something for the broker.
        self.outgoing = asyncio.Event()
        self._client = client
        self._broker = broker
        self._later: set[asyncio.Task[None]] = set()

    async def publish(
        self, tenant_id: str, given: Sequence[JsonValue], *, outgoing: bool = False
    ) -> Published:
        """Take events in. When this returns they are kept, and come to all who wait for them.

        Args:
            outgoing: The broker is to get them, too.

        Raises:
            InvalidInputError: When one is no CloudEvent; then none was taken.
            TooLargeError: When one is too large; then none was taken.
            UnavailableError: When the database is away; send them again.
        """
        several = len(given) > 1
        events = [
            checked(event, f"Event {number}" if several else "The event")
            for number, event in enumerate(given)
        ]
        if not events:
            return Published(accepted=0, duplicates=0)
        publish = partial(self.ledger.publish, outgoing=outgoing)
        accepted = await to_thread.run_sync(publish, tenant_id, events)
        if outgoing and accepted.new:
            self.outgoing.set()
        wakes = [(tenant_id, each) for each in accepted.wakes]
        await self.wake(wakes[:IN_THE_REQUEST])
        if later := wakes[IN_THE_REQUEST:]:
            # What is lost with this process is found by the sweep.
            task = asyncio.create_task(self.wake(later))
            self._later.add(task)
            task.add_done_callback(self._later.discard)
        return Published(accepted=accepted.new, duplicates=len(events) - accepted.new)

    async def emit(self, tenant_id: str, *events: JsonObject) -> None:
        """Publish what a run emits, also to the broker; see `publish`."""
        await self.publish(tenant_id, events, outgoing=self._broker)

    async def tell(self, tenant_id: str, *events: JsonObject) -> None:
        """Publish what runs tell of themselves, and know whose end is still to be told."""
        await to_thread.run_sync(self.register.began, tenant_id, events)
        await self.emit(tenant_id, *events)
        await to_thread.run_sync(self.register.ended, tenant_id, events)

    async def take(self, request: Take) -> Taken:
        """Give a listening task its next events; see `Ledger.take`."""
        return await to_thread.run_sync(self.ledger.take, request)

    async def close(self, request: Listening) -> None:
        """Forget a listening task; see `Ledger.close`."""
        await to_thread.run_sync(self.ledger.close, request)

    async def wake(self, wakes: Iterable[tuple[str, Subscriber]]) -> None:
        """Tell runs that there are events for them: one signal for each."""
        names: dict[tuple[str, str], list[str]] = {}
        for tenant_id, subscriber in wakes:
            names.setdefault((tenant_id, subscriber.workflow_id), []).append(subscriber.name)
        slots = asyncio.Semaphore(AT_ONCE)

        async def signal(tenant_id: str, workflow_id: str, listening: list[str]) -> None:
            async with slots:
                await self._signal(tenant_id, workflow_id, listening)

        await asyncio.gather(*(signal(*key, listening) for key, listening in names.items()))

    async def _signal(self, tenant_id: str, workflow_id: str, listening: list[str]) -> None:
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            await handle.signal(EVENTS_SIGNAL, listening, rpc_timeout=RPC_TIMEOUT)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND and not is_trigger(workflow_id):
                await self._forget(tenant_id, workflow_id)
                return
            # It is marked as not woken: the sweep tries again. A trigger may not have begun yet.
            log.warning("run_not_woken", workflow_id=workflow_id, why=error.message)

    async def _forget(self, tenant_id: str, workflow_id: str) -> None:
        """Forget an instance that a signal did not find, unless it goes on again."""

        def is_over() -> bool:
            return from_thread.run(self._is_over, workflow_id)

        try:
            await to_thread.run_sync(self.ledger.forget, tenant_id, workflow_id, is_over)
        except RPCError as error:
            # What is kept is marked as not woken: the sweep looks again.
            log.warning("run_not_forgotten", workflow_id=workflow_id, why=error.message)

    async def _is_over(self, workflow_id: str) -> bool:
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            found = await handle.describe(rpc_timeout=RPC_TIMEOUT)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return True
            raise
        return found.status is not WorkflowExecutionStatus.RUNNING

    async def aclose(self) -> None:
        """Finish waking runs."""
        if self._later:
            await asyncio.wait(self._later)
