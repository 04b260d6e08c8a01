"""Lifecycle events of the language: CloudEvents that tell what an instance and its tasks are doing.

They are made in the run and sent beside it, many at once. Nobody waits for them but the end of the
run, and even that not for ever: what cannot be sent for a while is handed to a workflow of its own.
So an instance is neither failed nor held up by what is told about it, and nothing told is lost.

teller         makes the events
outbox         sends them
handing_over   the workflow for what could not be sent
lifecycle      what is told, and when
"""

from workflows.interpreter.lifecycle.handing_over import HandedOver
from workflows.interpreter.lifecycle.lifecycle import Lifecycle
from workflows.interpreter.lifecycle.outbox import Outbox
from workflows.interpreter.lifecycle.teller import Teller

__all__ = ["HandedOver", "Lifecycle", "Outbox", "Teller"]
