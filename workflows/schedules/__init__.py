"""Schedules: runs that begin by themselves. Temporal keeps them; we keep no table of them."""
