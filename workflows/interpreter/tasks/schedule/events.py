"""`schedule.on`: an instance for each event, or for each set of events that belong together.

Which events are brought to it is decided when the definition is published, so none is missed before
this has begun. A version that was replaced is followed until the events that came for it are used.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from temporalio import workflow
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.workflow import ChildWorkflowHandle

from activities.events.types import Interest
from activities.schedules.types import TriggerKind
from foundation.json import JsonObject, JsonValue
from workflows.definition.generations import generation_of
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
# Temporal fails every workflow task of a run with 2,000 of them.
MAX_INSTANCES: Final = 1_000

Instance: TypeAlias = ChildWorkflowHandle[Any, Any]


@dataclass(frozen=True, slots=True)
class Filled:
    """A set that has all of its events.

    Attributes:
        sequences: Of its events; the last one tells it from all other sets.
        generation: How many instances have led to the instance that it starts.
    """

    events: list[JsonValue]
    sequences: list[int]
    generation: int


@dataclass(frozen=True, slots=True)
class OnEvents:
    """Start instances as events come, until the definition's schedule is another one.

    Events stay with the desk until they are used: also those of sets that wait for the rest, so a
    run that was stopped and begun again finds them there.

    Attributes:
        over: No more events come for it; those that came are still to be used.
        begun: Sets of events that began under the version before.
        seen: The last event that the version before has seen.
    """

    starting: Starting
    listen: Listen
    over: bool
    begun: Sequence[State]
    seen: int

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        state, run = frame.state, frame.run
        if "request" not in state:
            self.listen.begin(None, frame)
            state["request"] = {**state["request"], "interests": [], "managed": True}
            state["sets"] = list(self.begun)
            state["after"] = self.seen
        # What went on from an older version of this program did not say so.
        state["request"]["keeps"] = True
        session = Session(frame)
        instances: list[Instance] = []
        while True:
            if _still_running(instances) >= MAX_INSTANCES:
                # A run that goes on for this one has none: they go their own way.
                run.control.leave()
                await run.control.boundary(frame.position)
            elif state["waiting"]:
                await self._use_waiting(frame, instances)
            elif run.rescheduled and not self.over:
                return Outcome(value)
            else:
                await session.more(self.listen.types(), at_once=self.over)
                if self.over and not state["waiting"]:
                    return Outcome(value)

    async def _use_waiting(self, frame: Frame, instances: list[Instance]) -> None:
        """Use the events that have come; what they start begins at the same time."""
        starts: list[Coroutine[Any, Any, Instance | None]] = []
        while frame.state["waiting"]:
            await frame.run.rest()
            filled = await self._take_first(frame)
            if filled is not None:
                starts.append(self._start(frame, filled))
        instances += [each for each in await asyncio.gather(*starts) if each is not None]

    async def _take_first(self, frame: Frame) -> Filled | None:
        """Use the first waiting event; return all of the set when it was the last one needed.

        The oldest set that needs it gets it; it begins a new one when none does.
        """
        state, sets = frame.state, frame.state["sets"]
        event: JsonObject = state["waiting"][0]["event"]
        sequence: int = state["waiting"][0]["sequence"]
        self.listen.skip_first(frame)
        for index, each in enumerate([*sets, _no_events()]):
            state.update({**_no_events(), **each})
            try:
                if not self.listen.counts(event, frame):
                    continue
                state["sequences"] = [*state["sequences"], sequence]
                state["generation"] = max(state["generation"], generation_of(event) + 1)
                await self.listen.use(event, frame)
                is_over = self.listen.is_over(frame)
            except (Fault, ValueError) as error:
                # Events that nothing can be made of must not keep others from being used.
                why = error.error if isinstance(error, Fault) else str(error)
                workflow.logger.error("events_not_used", extra={"error": why})
                del sets[index : index + 1]
                state["used"] += state["sequences"]
                return None
            sets[index : index + 1] = (
                [] if is_over else [{name: state[name] for name in _no_events()}]
            )
            state["used"] += _given_up(sets)
            if not is_over:
                return None
            return Filled(list(state["outputs"]), state["sequences"], state["generation"])
        state["used"].append(sequence)
        return None

    async def _start(self, frame: Frame, filled: Filled) -> Instance | None:
        instance = None
        try:
            # No event is the last one of two sets.
            cause = str(filled.sequences[-1])
            instance = await self.starting.begin(frame, cause, filled.events, filled.generation)
            instance.add_done_callback(_nobody_looks)
        except WorkflowAlreadyStartedError:
            workflow.logger.info("event_used_before", extra={"sequence": filled.sequences[-1]})
        except Fault as fault:
            workflow.logger.error("events_not_used", extra={"error": fault.error})
        # Only now are the events acknowledged.
        frame.state["used"] += filled.sequences
        return instance


def _nobody_looks(instance: asyncio.Task[Any]) -> None:
    """Take how an instance has ended, which would be reported as overlooked."""
    if not instance.cancelled():
        instance.exception()


def _still_running(instances: list[Instance]) -> int:
    """Count instances that run, and forget the others."""
    if len(instances) >= MAX_INSTANCES:
        instances[:] = [each for each in instances if not each.done()]
    return len(instances)


def _no_events() -> State:
    """Return what is known of a set before one of its events has come."""
    return {**nothing_yet(), "sequences": [], "generation": 0}


def _given_up(sets: list[State]) -> list[int]:
    """Forget the oldest sets when there are more than a run can carry; return their events."""
    gone: list[int] = []
    while len(sets) > MAX_SETS or sum(each["size"] for each in sets) > MAX_OUTPUT_BYTES:
        workflow.logger.error("events_not_used", extra={"error": "Too many sets are open."})
        gone += sets.pop(0).get("sequences", [])
    return gone


def compile_on(
    place: Place, wanted_by: str | None, *, over: bool, begun: Sequence[State], seen: int
) -> Step:
    """Compile the trigger of a definition that starts on events; see `OnEvents`.

    Raises:
        Fault: When it does not.
    """
    definition = place.unit.definition
    starting = starting_of(definition, TriggerKind.ON, wanted_by)
    body = OnEvents(starting, _listen(place), over, begun, seen)
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
