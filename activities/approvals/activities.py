"""Show people what a run waits for. The inbox is handed in; this floor does not know it."""

from dataclasses import dataclass
from typing import Protocol

from temporalio import activity

from activities.approvals.types import Approval, Telling
from activities.faults import translated
from activities.types import ActivityResult, result_of


class ApprovalDesk(Protocol):
    """Where people find what waits for them."""

    async def show(self, approval: Approval, telling: Telling) -> None:
        """Keep an approval as it is now, unless a newer state is there already."""
        ...


@dataclass(frozen=True)
class ApprovalActivities:
    """Activities over one desk."""

    desk: ApprovalDesk

    @activity.defn(name="approval-show")
    async def show(self, request: Approval) -> ActivityResult:
        """Show the state of an approval; return whether the run that tells it has asked it."""
        with translated():
            info = activity.info()
            telling = Telling(run_id=info.workflow_run_id or "", at=info.scheduled_time)
            await self.desk.show(request, telling)
            return result_of(request.asked_by == telling.run_id)
