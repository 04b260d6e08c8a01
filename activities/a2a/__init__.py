"""Ask agents that speak A2A (Agent2Agent)."""

from activities.a2a.activities import A2aActivities
from activities.a2a.types import A2aCall

__all__ = ["A2aActivities", "A2aCall"]
