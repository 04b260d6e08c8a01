"""Approvals: what people see of them outside of the run that waits."""

from activities.approvals.activities import ApprovalActivities, ApprovalDesk
from activities.approvals.types import Approval, Person, Telling, Vote

__all__ = ["Approval", "ApprovalActivities", "ApprovalDesk", "Person", "Telling", "Vote"]
