"""Events between runs: taken by those who listen, published by those who emit."""

from activities.events.activities import EventActivities, EventDesk
from activities.events.types import (
    Arrival,
    Interest,
    Listening,
    Publish,
    PublishAll,
    Take,
    Taken,
)

__all__ = [
    "Arrival",
    "EventActivities",
    "EventDesk",
    "Interest",
    "Listening",
    "Publish",
    "PublishAll",
    "Take",
    "Taken",
]
