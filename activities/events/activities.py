"""Events between runs. The desk is handed in; this floor does not know it."""

from dataclasses import dataclass
from typing import Protocol

from temporalio import activity

from activities.events.types import Listening, Publish, PublishAll, Take, Taken
from activities.faults import translated
from activities.types import ActivityResult, result_of
from foundation.json import JsonObject


class EventDesk(Protocol):
    """Where events are kept for those who wait for them."""

    async def take(self, request: Take) -> Taken:
        """Return the next events, and remember who wants more."""
        ...

    async def close(self, request: Listening) -> None:
        """Forget who wanted more."""
        ...

    async def emit(self, tenant_id: str, *events: JsonObject) -> None:
        """Pass events on to all who wait for them; what was passed on before is not again."""
        ...

    async def tell(self, tenant_id: str, *events: JsonObject) -> None:
        """Pass on what runs tell of themselves, and see to it that their end is told."""
        ...


@dataclass(frozen=True)
class EventActivities:
    """Activities over one desk."""

    desk: EventDesk

    @activity.defn(name="events-take")
    async def take(self, request: Take) -> Taken:
        """Give a run the events that it waits for."""
        with translated():
            taken = await self.desk.take(request)
            return taken.model_copy(update={"attempts": activity.info().attempt})

    @activity.defn(name="events-close")
    async def close(self, request: Listening) -> ActivityResult:
        """End the listening of a run."""
        with translated():
            await self.desk.close(request)
            return result_of(None)

    @activity.defn(name="event-publish")
    async def publish(self, request: Publish) -> ActivityResult:
        """Pass on what a run emits."""
        with translated():
            await self.desk.emit(request.tenant_id, request.event)
            return result_of(None)

    @activity.defn(name="events-publish")
    async def publish_all(self, request: PublishAll) -> ActivityResult:
        """Pass on what a run tells of itself."""
        with translated():
            await self.desk.tell(request.tenant_id, *request.events)
            return result_of(None)
