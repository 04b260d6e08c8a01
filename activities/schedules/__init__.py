"""What a schedule inside a definition says now, for the run that starts the instances."""

from activities.schedules.activities import ScheduleActivities, ScheduleSource
from activities.schedules.types import Follow, Followed, Following, TriggerKind

__all__ = [
    "Follow",
    "Followed",
    "Following",
    "ScheduleActivities",
    "ScheduleSource",
    "TriggerKind",
]
