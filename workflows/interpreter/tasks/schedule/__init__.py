"""`schedule`: what starts a definition by itself, in place of its tasks.

One file: instances that begin; one: after the one before; one: on events. `every` and `cron` are
kept by Temporal itself (`workflows.triggers`).
"""

from workflows.interpreter.tasks.schedule.after import compile_after
from workflows.interpreter.tasks.schedule.events import compile_on, interests_of
from workflows.interpreter.tasks.schedule.starting import Starting

__all__ = ["Starting", "compile_after", "compile_on", "interests_of"]
