"""Keeps count of calls that have limits, over all workers and machines."""

from workflows.limits.service import CountedGate

__all__ = ["CountedGate"]
