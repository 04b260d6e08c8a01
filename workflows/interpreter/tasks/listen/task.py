"""`listen`: wait until the events have come that the task is about, and do something with each.

Events are kept by a desk (`workflows.events`) in the order in which they arrived. The run asks for
those that may be meant, decides which are, and goes on where it was when it goes on as a new run.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

from temporalio import workflow

from activities.events.types import Interest
from foundation.json import JsonObject, JsonValue
from workflows.definition import EventConsumption, ListenTask
from workflows.expressions import Expression
from workflows.interpreter.calls import payload_size
from workflows.interpreter.compiling import Place
from workflows.interpreter.position import State
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome
from workflows.interpreter.tasks.each import Each, compile_each, within_bounds
from workflows.interpreter.tasks.listen.filters import Filter, compile_filter
from workflows.interpreter.tasks.listen.session import Session
from workflows.matching import expression_of, sole_type

ReadAs: TypeAlias = Literal["data", "envelope", "raw"]

_EVERY: Final = "every event"


@dataclass(frozen=True, slots=True)
class Strategy:
    """How many events are needed.

    Attributes:
        all: One for each filter; else one for any of them.
        first: Number of its first filter among all filters of the task.
    """

    filters: Sequence[Filter]
    all: bool
    first: int = 0

    def numbers(self) -> range:
        """Return the numbers of its filters."""
        return range(self.first, self.first + len(self.filters))


@dataclass(frozen=True, slots=True)
class Listen:
    """Consume events until there are enough.

    Attributes:
        until: `.` is what the task would give if it ended now; asked before each event.
        until_events: Which events end it.
        endless: It never ends by itself, so what it would give is not kept.
        kept: Whether events that came before it are meant too.
    """

    to: Strategy
    until: Expression | None
    until_events: Strategy | None
    read: ReadAs
    each: Each | None
    endless: bool
    kept: bool
    version: str
    filters: Sequence[Filter] = field(default=())

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        state = frame.state
        if "request" not in state:
            self.begin(value, frame)
            frame.run.lifecycle.correlates(frame.path)
        async with Session(frame) as session:
            while not self.is_over(frame):
                if state["waiting"]:
                    await frame.run.rest()
                    await self.take_first(frame)
                else:
                    await session.more(self.types())
        frame.run.lifecycle.correlated(frame.path, self._keys(frame))
        outputs: list[JsonValue] = state["outputs"]
        return Outcome(outputs)

    def _keys(self, frame: Frame) -> JsonObject:
        """Return what the events had in common that it consumed."""
        keys: JsonObject = {}
        for number in sorted(frame.state["met"]):
            keys.update(frame.state["expected"][number])
        return {**keys, **frame.state["seen"]}

    def begin(self, value: JsonValue, frame: Frame) -> None:
        """Say what is wanted, and that nothing has come yet."""
        expected = [each.expected(value, frame) for each in self.filters]
        interests = [each.model_dump() for each in self.interests(expected)]
        frame.state.update(
            request={
                "tenant_id": frame.run.tenant_id,
                "workflow_id": workflow.info().workflow_id,
                "name": frame.path,
                "interests": interests,
                "missed": self.kept,
            },
            # What is computed once stays, whatever events export later.
            expected=expected,
            **nothing_yet(),
            waiting=[],
            more=False,
            after=0,
            used=[],
            takes=0,
        )

    def interests(self, expected: Sequence[JsonObject]) -> list[Interest]:
        """Return which events have to be brought here, by what each filter expects."""
        found = [each.interest(known) for each, known in zip(self.filters, expected, strict=True)]
        if not self.to.filters:
            found.append(Filter.anything(self.version))
        return found

    async def take_first(self, frame: Frame) -> None:
        """Consume the first waiting event, if it is meant."""
        state = frame.state
        first = state["waiting"][0]
        # In the middle of its tasks nothing is asked again.
        if not state["inside"]:
            if not self.counts(first["event"], frame):
                self.skip_first(frame)
                return
            # Once, also when its tasks fault.
            state["used"].append(first["sequence"])
        await self.use(first["event"], frame)
        self.skip_first(frame)

    def counts(self, event: JsonObject, frame: Frame) -> bool:
        """Tell whether an event is meant, and remember that it came."""
        if self._consumes(event, frame):
            frame.state["inside"] = True
            return True
        return self._ends(event, frame)

    async def use(self, event: JsonObject, frame: Frame) -> None:
        """Do with an event that counts what is to be done; nothing with one that only ends it."""
        state = frame.state
        if not state["inside"]:
            return
        thing = _read(event, self.read)
        if self.each is not None:
            thing = await self.each.execute(thing, state["count"], frame)
        if not self.endless:
            state["size"] = within_bounds(state["size"] + payload_size(thing))
            state["outputs"].append(thing)
        state["count"] += 1
        state["inside"] = False

    @staticmethod
    def skip_first(frame: Frame) -> None:
        """Be done with the first waiting event."""
        first = frame.state["waiting"].pop(0)
        frame.state["after"] = first["sequence"]

    def _consumes(self, event: JsonObject, frame: Frame) -> bool:
        if self.until_events is not None and self._meant(event, self.until_events, frame):
            return False
        return not self.to.filters or self._meets(event, self.to, frame)

    def _ends(self, event: JsonObject, frame: Frame) -> bool:
        return self.until_events is not None and self._meets(event, self.until_events, frame)

    def _meant(self, event: JsonObject, strategy: Strategy, frame: Frame) -> bool:
        return any(self._learned(event, number, frame) is not None for number in strategy.numbers())

    def _meets(self, event: JsonObject, strategy: Strategy, frame: Frame) -> bool:
        """Let an event count for the first filter that still needs one."""
        met: list[int] = frame.state["met"]
        for number in strategy.numbers():
            if strategy.all and number in met:
                continue
            learned = self._learned(event, number, frame)
            if learned is not None:
                frame.state["seen"] = {**learned, **frame.state["seen"]}
                if number not in met:
                    met.append(number)
                return True
        return False

    def _learned(self, event: JsonObject, number: int, frame: Frame) -> JsonObject | None:
        state = frame.state
        expected: Mapping[str, JsonValue] = {**state["seen"], **state["expected"][number]}
        return self.filters[number].learned(event, expected, frame)

    def is_over(self, frame: Frame) -> bool:
        """Tell whether enough events have come."""
        state = frame.state
        if state["inside"] or self.endless:
            return False
        met = set(state["met"])
        if self.until_events is not None:
            return _is_met(self.until_events, met)
        if self.until is not None:
            now = {"context": frame.run.context}
            return frame.holds(self.until, state["outputs"], now)
        if not self.to.filters:
            return self.to.all or state["count"] > 0
        return _is_met(self.to, met)

    def types(self) -> list[str]:
        """Tell people which events are waited for."""
        if not self.to.filters:
            return [_EVERY]
        return [sole_type(each.attributes) or _EVERY for each in self.filters]


def _is_met(strategy: Strategy, met: set[int]) -> bool:
    numbers = strategy.numbers()
    return met.issuperset(numbers) if strategy.all else not met.isdisjoint(numbers)


def _read(event: JsonObject, how: ReadAs) -> JsonValue:
    """Return what of an event the task is about; `raw` is the bytes of its data, in base64."""
    if how == "envelope":
        return event
    if how == "data" or "data_base64" in event:
        return event.get("data", event.get("data_base64"))
    data = event.get("data")
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return base64.b64encode(text.encode()).decode()


def nothing_yet() -> State:
    """Return what is known of the events that are needed before one has come."""
    return {
        "seen": {},
        "met": [],
        "inside": False,
        "outputs": [],
        "count": 0,
        "size": 0,
    }


def compile_listen(task: ListenTask, place: Place) -> Listen:
    """Compile a `listen` task."""
    return replace(
        compile_consumption(task.listen.to, task.listen.read, place),
        each=compile_each(task.foreach, place, "foreach") if task.foreach else None,
        kept=task.millwright.kept_events,
    )


def compile_consumption(given: EventConsumption, read: ReadAs, place: Place) -> Listen:
    """Compile which events are meant, how many, and what of them is read."""
    to, until = _strategy(given, place), given.until
    until_events = (
        _strategy(until, place, first=len(to.filters))
        if isinstance(until, EventConsumption)
        else None
    )
    return Listen(
        to=to,
        until=place.condition(until) if isinstance(until, str) else None,
        until_events=until_events,
        read=read,
        each=None,
        endless=isinstance(until, str) and expression_of(until).strip() == "false",
        kept=True,
        version=place.unit.version.name,
        filters=[*to.filters, *(until_events.filters if until_events else ())],
    )


def _strategy(given: EventConsumption, place: Place, first: int = 0) -> Strategy:
    written = given.all if given.all is not None else given.any
    filters = [given.one] if given.one is not None else list(written or ())
    return Strategy(
        [compile_filter(each, place) for each in filters], all=given.all is not None, first=first
    )
