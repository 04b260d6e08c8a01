"""Instances that tell of themselves and have not told their end.

One that Temporal ends, or somebody in Temporal, runs no code any more: its end is told for it.
"""
