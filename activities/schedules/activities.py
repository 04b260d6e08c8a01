"""Reading what a trigger follows. Who knows it is handed in; this floor does not know them."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from temporalio import activity

from activities.faults import translated
from activities.schedules.types import Follow, Following


class ScheduleSource(Protocol):
    """What this activity needs of whoever keeps the schedules of definitions."""

    def follow(self, request: Follow) -> Following:
        """Return what to follow now."""
        ...


@dataclass(frozen=True)
class ScheduleActivities:
    """Activities over one source of schedules."""

    source: ScheduleSource

    @activity.defn(name="schedule-follow")
    async def follow(self, request: Follow) -> Following:
        """Tell a trigger what the definition's schedule is now."""
        with translated():
            return await asyncio.to_thread(self.source.follow, request)
