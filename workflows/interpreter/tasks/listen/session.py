"""How a listening task gets its events: it asks for them, and is woken when there are more."""

from typing import Final

from temporalio import workflow
from typing_extensions import override

from activities.events.types import Listening, Take, Taken
from activities.types import ActivityResult
from foundation.json import JsonObject
from workflows.interpreter.calls import LOOKUP_RETRY
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame
from workflows.interpreter.tasks.lasting import Lasting

# One transaction of our own database.
TIMEOUT_S: Final = 15.0


class Session(Lasting):
    """The listening of one execution of the task.

    Its state is part of the task's: `request` is what it wants, `waiting` what came and is not used
    yet, `after` the last event that it has seen, `used` those that it has used since it asked.
    """

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        # Whether a run before this one was woken is not known.
        self._asks = True

    async def more(self, types: list[str], *, at_once: bool = False) -> None:
        """Wait for events, and take the next ones.

        Args:
            types: What is waited for, for people.
            at_once: Ask without waiting.

        Raises:
            Leaving: When the rest is for the next run.
        """
        frame, state = self._frame, self._frame.state
        if not (self._asks or at_once or state["more"]):
            with frame.waits("event", events=list(types)):
                await self._woken()
        await frame.run.breathe()
        await frame.run.control.boundary(frame.position)
        frame.run.woken.discard(frame.path)
        self._asks = False
        state["takes"] += 1
        path = f"{frame.path} take {state['takes']}"
        taken = await frame.run.calls.execute(
            "events-take",
            Take(**state["request"], after=state["after"], consumed=state["used"]),
            Taken,
            activity_id=path,
            summary=path,
            timeout_s=TIMEOUT_S,
            heartbeat=False,
            retry=LOOKUP_RETRY,
        )
        waiting: list[JsonObject] = [each.model_dump() for each in taken.arrivals]
        state.update(waiting=waiting, more=taken.more, used=[])

    @override
    async def close(self) -> None:
        """Want no more. When that fails, the first event for nobody shows that nobody is there."""
        frame, state = self._frame, self._frame.state
        frame.run.woken.discard(frame.path)
        if not state["takes"]:
            return
        request: JsonObject = state["request"]
        who = {name: request[name] for name in ("tenant_id", "workflow_id", "name")}
        path = f"{frame.path} close"
        try:
            await frame.run.calls.execute(
                "events-close",
                Listening.model_validate(
                    {**who, "after": state["after"], "consumed": state["used"]}
                ),
                ActivityResult,
                activity_id=path,
                summary=path,
                timeout_s=TIMEOUT_S,
                heartbeat=False,
                retry=LOOKUP_RETRY,
            )
        except Fault as fault:
            workflow.logger.warning("listening_not_closed", extra={"error": fault.error})

    async def _woken(self) -> None:
        frame = self._frame
        run, control = frame.run, frame.run.control
        while frame.path not in run.woken:
            await workflow.wait_condition(lambda: frame.path in run.woken or control.leaving)
            if control.leaving:
                await control.boundary(frame.position)
