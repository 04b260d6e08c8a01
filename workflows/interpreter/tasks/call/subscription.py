"""The `subscription` of `call: asyncapi`: take messages, do something with each, until it is over.

The broker keeps the subscription; an activity opens it, others take messages in batches, a last one
closes it. What a poll gave is acknowledged by the next one, when it is part of the run's history:
see `activities.asyncapi.mqtt`. All of it goes on when the run goes on as a new one.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, TypeVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import RetryPolicy
from typing_extensions import override

from activities.asyncapi.types import AsyncApiConsume, Polled
from activities.types import ActivityResult
from foundation.json import JsonObject, JsonValue
from workflows.definition import AsyncApiSubscription, SubscriptionIterator
from workflows.expressions import Expression
from workflows.interpreter.calls import CALL_RETRY, payload_size
from workflows.interpreter.compiling import Place
from workflows.interpreter.durations import Delay
from workflows.interpreter.faults import Fault
from workflows.interpreter.position import State
from workflows.interpreter.requests import Blueprint
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome
from workflows.interpreter.tasks.call.activity import TIMEOUT_S
from workflows.interpreter.tasks.each import Each, compile_each, within_bounds
from workflows.interpreter.tasks.lasting import Lasting

Answer = TypeVar("Answer", bound=BaseModel)

# A poll without messages costs as much history as one with many.
WAIT_S: Final = 240.0
BATCH: Final = 64
# A broker that is restarted or moved comes back within minutes, and its messages wait there.
POLL_RETRY: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    maximum_interval=timedelta(seconds=30),
    maximum_attempts=20,
)


class Session(Lasting):
    """The subscription of one execution of the task.

    Its state is part of the task's: `request` is what identifies the subscription, `carried` are
    keys that the last poll could not settle, `taken` those of what was consumed since.
    """

    def __init__(self, frame: Frame, request: AsyncApiConsume) -> None:
        self._frame = frame
        self._request = request

    async def open(self) -> None:
        """Let the broker keep messages from now on."""
        answer = await self._call("subscribe", self._request, ActivityResult, CALL_RETRY)
        self._note(answer.attempts)

    async def poll(self, limit: int, wait_s: float) -> None:
        """Wait for the next messages; what was taken is acknowledged."""
        state = self._frame.state
        state["polls"] += 1
        # Trying the whole task again would begin a new subscription: messages would be missed.
        request = self._request.model_copy(
            update={**self._keys, "limit": limit, "wait_s": wait_s, "repeats": True}
        )
        answer = await self._call(f"poll {state['polls']}", request, Polled, POLL_RETRY)
        self._note(answer.attempts)
        waiting = [delivery.model_dump() for delivery in answer.deliveries]
        state.update(waiting=waiting, carried=answer.carried, taken=[])

    @override
    async def close(self) -> None:
        """Let the broker forget it. When that fails the messages are no worse for it."""
        request = self._request.model_copy(update={**self._keys, "repeats": True})
        try:
            await self._call("close", request, ActivityResult, CALL_RETRY)
        except Fault as fault:
            workflow.logger.warning("subscription_not_closed", extra={"error": fault.error})

    @property
    def _keys(self) -> Mapping[str, list[str]]:
        state = self._frame.state
        return {"taken": list(state["taken"]), "carried": list(state["carried"])}

    async def _call(
        self, what: str, request: AsyncApiConsume, answer: type[Answer], retry: RetryPolicy
    ) -> Answer:
        name, path = f"asyncapi-{what.split(maxsplit=1)[0]}", f"{self._frame.path} {what}"
        # A local activity has no heartbeat, and a poll waits for minutes.
        policy = replace(self._frame.step.policy, local=False)
        return await self._frame.run.calls.execute(
            name,
            request,
            answer,
            activity_id=path,
            summary=path,
            # The document may have to be read first.
            timeout_s=request.wait_s + 2 * request.timeout_s,
            retry=retry,
            policy=policy,
        )

    def _note(self, attempts: int) -> None:
        """Show the worst of the activities behind this task."""
        self._frame.attempts = max(attempts, self._frame.attempts or 1)


@dataclass(frozen=True, slots=True)
class Subscription:
    """Take messages that pass `filter` until there are `amount`, or time or a condition ends it.

    `.` of `filter` is the message, of `while` and `until` the last one that was consumed: `until`
    is asked before each message and before the first, `while` after each.
    """

    blueprint: Blueprint[AsyncApiConsume]
    fixed: Mapping[str, object]
    filter: Expression | None
    amount: int | None
    period: Delay | None
    while_: Expression | None
    until: Expression | None
    each: Each

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        state = frame.state
        if "request" not in state:
            self._begin(value, frame)
        async with Session(frame, AsyncApiConsume.model_validate(state["request"])) as session:
            if not state["open"]:
                await session.open()
                state["open"] = True
            while await self._consumes(session, frame):
                pass
        outputs: list[JsonValue] = state["outputs"]
        return Outcome(outputs)

    def _begin(self, value: JsonValue, frame: Frame) -> None:
        policy = frame.step.policy
        request = self.blueprint.request(
            value,
            frame,
            session=_name(frame),
            timeout_s=policy.timeout.seconds(value, frame) if policy.timeout else TIMEOUT_S,
            repeats=policy.retry is not None or not frame.scope.retried,
            **self.fixed,
        )
        period = self.period.seconds(value, frame) if self.period else None
        frame.state.update(
            # What is computed once stays, whatever messages export later.
            request=request.model_dump(mode="json", exclude_unset=True),
            end=None if period is None else workflow.time() + period,
            open=False,
            inside=False,
            waiting=[],
            carried=[],
            taken=[],
            outputs=[],
            last=None,
            size=0,
            polls=0,
        )

    async def _consumes(self, session: Session, frame: Frame) -> bool:
        """Consume what is waiting, then wait for more; tell whether to go on."""
        state = frame.state
        while state["waiting"]:
            await frame.run.rest()
            if not await self._takes_first(frame):
                # What is left over was not consumed: it is not acknowledged either.
                return False
        left = _left(state)
        if left <= 0 or self._is_over(frame):
            return False
        await frame.run.breathe()
        await frame.run.control.boundary(frame.position)
        await session.poll(self._limit(len(state["outputs"])), left)
        return True

    async def _takes_first(self, frame: Frame) -> bool:
        """Consume the first waiting message, or drop it; tell whether it was needed."""
        state = frame.state
        key, message = state["waiting"][0]["key"], state["waiting"][0]["message"]
        # In the middle of its tasks nothing is asked again.
        if state["inside"] or self._passes(message, frame):
            if not state["inside"] and self._is_over(frame):
                return False
            state["inside"] = True
            output = await self.each.execute(message, len(state["outputs"]), frame)
            size = within_bounds(state["size"] + payload_size(output))
            state["outputs"].append(output)
            state.update(size=size, last=message, inside=False)
        state["waiting"].pop(0)
        if key:
            state["taken"].append(key)
        return True

    def _limit(self, consumed: int) -> int:
        """Ask for no more than can be needed, where that is known."""
        if self.amount is None or self.filter is not None:
            return BATCH
        return min(BATCH, self.amount - consumed)

    def _passes(self, message: JsonObject, frame: Frame) -> bool:
        return self.filter is None or _holds(self.filter, message, frame)

    def _is_over(self, frame: Frame) -> bool:
        consumed, last = len(frame.state["outputs"]), frame.state["last"]
        if self.amount is not None:
            return consumed >= self.amount
        if self.until is not None:
            return _holds(self.until, last, frame)
        if self.while_ is not None and consumed:
            return not _holds(self.while_, last, frame)
        return False


def _holds(condition: Expression, value: JsonValue, frame: Frame) -> bool:
    # Messages before this one may have exported.
    return frame.holds(condition, value, {"context": frame.run.context})


def _left(state: State) -> float:
    end: float | None = state["end"]
    return WAIT_S if end is None else min(WAIT_S, end - workflow.time())


def _name(frame: Frame) -> str:
    """Name the session: the same in all of its activities, and no other has it."""
    info = workflow.info()
    return hashlib.sha256(f"{info.workflow_id} {info.run_id} {frame.path}".encode()).hexdigest()


def compile_subscription(
    given: AsyncApiSubscription,
    blueprint: Blueprint[AsyncApiConsume],
    fixed: Mapping[str, object],
    place: Place,
) -> Subscription:
    """Compile the `subscription` of a `call: asyncapi` task."""
    consume = given.consume
    return Subscription(
        blueprint=blueprint,
        fixed=fixed,
        filter=place.condition(given.filter) if given.filter else None,
        amount=consume.amount,
        period=place.delay(consume.for_) if consume.for_ is not None else None,
        while_=place.condition(consume.while_) if consume.while_ else None,
        until=place.condition(consume.until) if consume.until else None,
        each=compile_each(
            given.foreach or SubscriptionIterator(), place, "with", "subscription", "foreach"
        ),
    )
