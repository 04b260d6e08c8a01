"""`schedule.on`: an instance for each event, or for each set of events that belong together.

Which events are brought to it is decided when the definition is published, so none is missed before
this has begun. A version that was replaced is followed until the events that came for it are used.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from temporalio import workflow
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.events.types import Interest
from activities.schedules.types import TriggerKind
from foundation.json import JsonValue
from workflows.interpreter.compiling import Place
from workflows.interpreter.faults import Fault
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome, Step
from workflows.interpreter.tasks.listen import Listen, compile_consumption
from workflows.interpreter.tasks.listen.session import Session
from workflows.interpreter.tasks.schedule.starting import Starting, starting_of


@dataclass(frozen=True, slots=True)
class OnEvents:
    """Start instances as events come, until the definition's schedule is another one."""

    starting: Starting
    listen: Listen

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        state, run = frame.state, frame.run
        if "request" not in state:
            self.listen.begin(None, frame)
            state["request"] = {**state["request"], "interests": [], "managed": True}
        session = Session(frame)
        while True:
            if state["waiting"]:
                await run.rest()
                await self._take_first(frame)
                continue
            # What came for it before it was over has to be asked for once more.
            is_over = run.rescheduled
            await session.more(self.listen.types(), at_once=is_over)
            if is_over and not state["waiting"]:
                return Outcome(value)

    async def _take_first(self, frame: Frame) -> None:
        """Use the first waiting event; start an instance when it was the last one needed."""
        state = frame.state
        sequence = state["waiting"][0]["sequence"]
        try:
            if not await self.listen.take_first(frame) or not self.listen.is_over(frame):
                return
            await self._start(frame, sequence)
        except Fault as fault:
            # One event that nothing can be made of must not keep the others from being used.
            workflow.logger.error("event_not_used", extra={"error": fault.error})
            if state["waiting"] and state["waiting"][0]["sequence"] == sequence:
                self.listen.skip_first(frame)
        self.listen.begin_again(frame)

    async def _start(self, frame: Frame, sequence: int) -> None:
        events: Sequence[JsonValue] = frame.state["outputs"]
        try:
            # No event is the last one of two sets.
            _ = await self.starting.begin(frame, str(sequence), list(events))
        except WorkflowAlreadyStartedError:
            workflow.logger.info("event_used_before", extra={"sequence": sequence})


def compile_on(place: Place) -> Step:
    """Compile the trigger of a definition that starts on events.

    Raises:
        Fault: When it does not.
    """
    definition = place.unit.definition
    body = OnEvents(starting_of(definition, TriggerKind.ON), _listen(place))
    return Step(name="on", reference=place.reference, kind="schedule", definition={}, body=body)


def interests_of(place: Place) -> list[Interest]:
    """Return which events have to be brought to the trigger of a definition."""
    listen = _listen(place)
    return listen.interests([each.fixed() for each in listen.filters])


def _listen(place: Place) -> Listen:
    schedule = place.unit.definition.schedule
    if schedule is None or schedule.on is None:
        raise Fault.of("configuration", "The definition has no schedule.on", place.reference)
    return compile_consumption(schedule.on, schedule.read, place)
