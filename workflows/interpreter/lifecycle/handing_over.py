"""Events that could not be sent for a while: sent by a workflow of their own.

So an instance ends when it has ended, and what it told of itself is not lost with it.
"""

from datetime import timedelta
from typing import Final

from temporalio import workflow

from activities.events.types import PublishAll
from activities.types import ActivityResult
from workflows.interpreter.calls import LOOKUP_RETRY
from workflows.interpreter.policy import DEFAULT

HANDED_OVER: Final = "millwright-events"
TIMEOUT: Final = timedelta(seconds=30)


@workflow.defn(name=HANDED_OVER, sandboxed=False)
class HandedOver:
    """Try until they have been sent. The same source and id is the same event."""

    @workflow.run
    async def run(self, request: PublishAll) -> None:
        """Send them."""
        await workflow.execute_activity(
            "events-publish",
            request,
            result_type=ActivityResult,
            start_to_close_timeout=TIMEOUT,
            retry_policy=LOOKUP_RETRY,
            priority=DEFAULT.priority_for(request.tenant_id),
        )
