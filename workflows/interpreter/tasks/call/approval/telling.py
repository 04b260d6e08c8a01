"""Notify people of an approval, beside the wait for their decision.

However long that takes, it keeps no decision back. What is not told yet when the approval ends is
cancelled: nobody has to be asked any more. That is waited for, as for everything that is cancelled:
what another workflow does at its end takes as long as it takes.
"""

import asyncio
from types import TracebackType
from typing import Final, Self

from temporalio import workflow

from activities.approvals.marks import mark
from activities.approvals.types import Approval
from foundation.json import JsonValue
from workflows.interpreter.control import Leaving
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame, instant, moment
from workflows.interpreter.steps import Step, WorkflowEnd, run_step
from workflows.interpreter.tasks.call.approval.box import Box

TOLD_BESIDE: Final = "approval-told-beside"
ENDS_ITSELF: Final = "approval-notification-ends-itself"


def is_told_beside() -> bool:
    """Tell whether this run notifies beside its wait; what older versions asked waits for it."""
    return workflow.patched(TOLD_BESIDE)


class Telling:
    """Tells what stands in the state's `tell`, one after the other."""

    def __init__(self, notify: Step | None, frame: Frame, box: Box) -> None:
        self._notify = notify
        self._frame = frame
        self._box = box
        self._task: asyncio.Task[None] | None = None

    async def go_on(self) -> bool:
        """Tell what is to be told; return whether that was waited for, as in older versions."""
        if not self._frame.state["tell"]:
            return False
        if not self._frame.state.get("beside"):
            await self._tell_next()
            return True
        if self._task is not None and self._task.done():
            self._task.result()
            self._task = None
        if self._task is None:
            control = self._frame.run.control
            # Whoever waits for the decision goes on, so there is one branch more.
            control.began(2)
            self._task = asyncio.create_task(self._tell_all())
            # Also when it is cancelled before it has begun.
            self._task.add_done_callback(lambda _: control.ended(1))
        return False

    @property
    def is_under_way(self) -> bool:
        """Whether the first of them is being told."""
        return self._task is not None and not self._task.done()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._task is None or (kind is not None and issubclass(kind, GeneratorExit)):
            return
        if kind is None or not issubclass(kind, Leaving):
            self._task.cancel()
        (ended,) = await asyncio.gather(self._task, return_exceptions=True)
        if ended is not None and not isinstance(ended, (asyncio.CancelledError, Leaving)):
            raise ended

    async def _tell_all(self) -> None:
        control = self._frame.run.control
        # A run that is left leaves what has not begun to the next one.
        while self._frame.state["tell"] and not control.leaving:
            await self._tell_next()

    async def _tell_next(self) -> None:
        """Notify people. When that fails they still see it in the inbox."""
        state = self._frame.state
        if self._notify is not None:
            scope = self._frame.inside(mark=f"/notify/{state['told']}")
            try:
                await run_step(self._notify, _told(state["tell"][0], self._box.approval), scope)
            except Fault as fault:
                workflow.logger.warning("approval_not_notified", extra={"error": fault.error})
            except WorkflowEnd:
                # `then: end` ends what is told. In older versions it ended the workflow, undecided.
                if not workflow.patched(ENDS_ITSELF):
                    raise
            state["told"] += 1
        state["tell"].pop(0)


def _told(reason: str, approval: Approval) -> JsonValue:
    return {
        "reason": reason,
        "approval": {
            "id": approval.id,
            # No link yet: what decides must not stand in the history.
            "link": mark(approval.id),
            "title": approval.title,
            "description": approval.description,
            "users": list(approval.users),
            "roles": list(approval.roles),
            "dueAt": instant(moment(approval.due_at)) if approval.due_at else None,
        },
    }
