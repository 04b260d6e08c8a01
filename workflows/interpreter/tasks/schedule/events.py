"""`schedule.on`: an instance for each event, or for each set of events that belong together.

Which events are brought to it is decided when the definition is published, so none is missed before
this has begun. A version that was replaced is followed until the events that came for it are used.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final

from temporalio import workflow
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.events.types import Interest
from activities.schedules.types import TriggerKind
from foundation.json import JsonObject, JsonValue
from workflows.interpreter.compiling import Place
from workflows.interpreter.faults import Fault
from workflows.interpreter.position import State
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome, Step
from workflows.interpreter.tasks.each import MAX_OUTPUT_BYTES
from workflows.interpreter.tasks.listen import Listen, compile_consumption, nothing_yet
from workflows.interpreter.tasks.listen.session import Session
from workflows.interpreter.tasks.schedule.starting import Starting, starting_of

# Sets of events that wait for the rest of them.
MAX_SETS: Final = 500


@dataclass(frozen=True, slots=True)
class OnEvents:
    """Start instances as events come, until the definition's schedule is another one.

    Attributes:
        over: No more events come for it; those that came are still to be used.
        begun: Sets of events that began under the version before.
    """

    starting: Starting
    listen: Listen
    over: bool
    begun: Sequence[State]

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        state, run = frame.state, frame.run
        if "request" not in state:
            self.listen.begin(None, frame)
            state["request"] = {**state["request"], "interests": [], "managed": True}
            state["sets"] = list(self.begun)
        session = Session(frame)
        while True:
            if state["waiting"]:
                await self._use_waiting(frame)
            elif run.rescheduled and not self.over:
                return Outcome(value)
            else:
                await session.more(self.listen.types(), at_once=self.over)
                if self.over and not state["waiting"]:
                    return Outcome(value)

    async def _use_waiting(self, frame: Frame) -> None:
        """Use the events that have come; what they start begins at the same time."""
        starts: list[Coroutine[Any, Any, None]] = []
        while frame.state["waiting"]:
            await frame.run.rest()
            sequence = frame.state["waiting"][0]["sequence"]
            events = await self._take_first(frame)
            if events is not None:
                starts.append(self._start(frame, sequence, events))
        # Only then are the events acknowledged.
        await asyncio.gather(*starts)

    async def _take_first(self, frame: Frame) -> list[JsonValue] | None:
        """Use the first waiting event; return all of the set when it was the last one needed.

        The oldest set that needs it gets it; it begins a new one when none does.
        """
        state, sets = frame.state, frame.state["sets"]
        event: JsonObject = state["waiting"][0]["event"]
        self.listen.skip_first(frame)
        for index, each in enumerate([*sets, nothing_yet()]):
            state.update(each)
            try:
                if not self.listen.counts(event, frame):
                    continue
                await self.listen.use(event, frame)
                is_over = self.listen.is_over(frame)
            except Fault as fault:
                # Events that nothing can be made of must not keep others from being used.
                workflow.logger.error("events_not_used", extra={"error": fault.error})
                del sets[index : index + 1]
                return None
            sets[index : index + 1] = [] if is_over else [{name: state[name] for name in each}]
            _give_up(sets)
            return list(state["outputs"]) if is_over else None
        return None

    async def _start(self, frame: Frame, sequence: int, events: list[JsonValue]) -> None:
        try:
            # No event is the last one of two sets.
            _ = await self.starting.begin(frame, str(sequence), events)
        except WorkflowAlreadyStartedError:
            workflow.logger.info("event_used_before", extra={"sequence": sequence})
        except Fault as fault:
            workflow.logger.error("events_not_used", extra={"error": fault.error})


def _give_up(sets: list[State]) -> None:
    """Forget the oldest sets when there are more than a run can carry."""
    while len(sets) > MAX_SETS or sum(each["size"] for each in sets) > MAX_OUTPUT_BYTES:
        workflow.logger.error("events_not_used", extra={"error": "Too many sets are open."})
        del sets[0]


def compile_on(place: Place, *, over: bool, begun: Sequence[State]) -> Step:
    """Compile the trigger of a definition that starts on events; see `OnEvents`.

    Raises:
        Fault: When it does not.
    """
    definition = place.unit.definition
    body = OnEvents(starting_of(definition, TriggerKind.ON), _listen(place), over, begun)
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
