"""The one way from the interpreter to the outside world: an activity, by name.

Also keeps one run from hurting itself: Temporal terminates a workflow whose commands of one
workflow task exceed 4 MB (`handout`), and gives up on a worker that reads large answers for 2 s.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, TypedDict, TypeVar

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, from_json, to_json
from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    TimeoutType,
    is_cancelled_exception,
)
from temporalio.exceptions import TimeoutError as ActivityTimeout

from foundation.sizes import MAX_VALUE_BYTES
from workflows.definition import TEMPORALS_OWN
from workflows.interpreter.faults import Fault, fault_of_activity, fault_of_cause
from workflows.interpreter.handout import Handout, wire_size
from workflows.interpreter.policy import DEFAULT, Policy
from workflows.interpreter.window import Window

Answer = TypeVar("Answer", bound=BaseModel)
T = TypeVar("T")

MAX_SUMMARY_BYTES: Final = 400
# Temporal's is 1,000 bytes; names of tasks have no limit of their own.
MAX_ID_BYTES: Final = 500

# A call that certainly did not reach the other side is tried again for about 7 s: enough for a
# restarted server, short enough that a person waiting for the answer sees the error.
CALL_RETRY: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_attempts=4
)
# Looking up our own tables: the database comes back, and nothing else can be done meanwhile.
LOOKUP_RETRY: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)
)
# A worker that dies is noticed after this long; activities report at a third of it.
HEARTBEAT: Final = timedelta(seconds=10)
# Every pause before a local activity's next attempt is a timer: it survives the worker, and the run
# sees meanwhile what else has happened.
LOCAL_RETRY: Final = timedelta(milliseconds=1)
# Until then every failure of a local call was of the kind `runtime`.
LOCAL_FAILS_ALIKE: Final = "local-fails-alike"
# What a local activity may need besides the exchange itself.
LOCAL_MARGIN_S: Final = 1.0
# What an activity may need besides the exchange itself: a thread, a token, a slow database.
MARGIN: Final = timedelta(seconds=15)


class _Common(TypedDict):
    """What ordinary and local activities are both told."""

    activity_id: str
    start_to_close_timeout: timedelta
    retry_policy: RetryPolicy
    summary: str


async def _uncharged(_size: int) -> None:
    """Charge nothing, before there is a run."""


def _heartbeat(policy: Policy) -> timedelta:
    return HEARTBEAT if policy.heartbeat_s is None else timedelta(seconds=policy.heartbeat_s)


@dataclass(frozen=True, slots=True)
class OwnQueue:
    """Where activities of one kind wait for workers that do nothing else.

    Attributes:
        suffix: Its name is that of the queue that the run would use, and this.
        patience: How long one may wait there before somebody is told.
        advice: What to do then.
    """

    suffix: str
    patience: timedelta
    advice: str


@dataclass(slots=True)
class Calls:
    """Activities in flight of one run.

    Attributes:
        tenant_id: Whose they are; tenants take turns in the queue.
        charge: Called with the bytes that are about to be read or written; pauses when that has
            become much.
    """

    tenant_id: str = ""
    window: Window = field(default_factory=Window)
    handout: Handout = field(default_factory=Handout)
    charge: Callable[[int], Awaitable[None]] = _uncharged

    async def execute(
        self,
        activity: str,
        request: BaseModel,
        answer: type[Answer],
        *,
        activity_id: str,
        summary: str,
        timeout_s: float,
        heartbeat: bool = True,
        retry: RetryPolicy = CALL_RETRY,
        policy: Policy = DEFAULT,
        own_queue: OwnQueue | None = None,
        deadline: float | None = None,
        arrived: Callable[[RawValue], None] | None = None,
    ) -> Answer:
        """Run one activity and wait for it.

        Args:
            activity: Its wire name.
            activity_id: Unique in the run; shown in the Web UI.
            timeout_s: How long the outside may take for one attempt.
            policy: What the task wants of the engine.
            own_queue: Where other workers take it than those of the run.
            deadline: When the time of the task is over; local calls keep to it by themselves.
            arrived: Told of the answer also when a cancellation keeps it from being returned.

        Raises:
            Fault: When it failed for good, or its input is too large.
            TimeoutError: When a local one was under way at the deadline.
        """
        size = payload_size(request)
        await self.charge(size)
        common = _Common(
            activity_id=unique(activity_id),
            start_to_close_timeout=timedelta(seconds=timeout_s) + MARGIN,
            retry_policy=policy.retry or retry,
            summary=shortened(summary),
        )
        queue = policy.task_queue
        if queue is not None and queue.startswith(TEMPORALS_OWN):
            # Publishing refuses it; definitions of older versions may have it.
            detail = f"The task queue '{queue}' is Temporal's own. Name another one."
            raise Fault.of("configuration", "There is no such task queue", detail)
        if own_queue is not None:
            queue = (queue or workflow.info().task_queue) + own_queue.suffix
        async with self.window.one_more(size):
            try:
                raw: RawValue
                if policy.local:
                    raw = await self._local(
                        activity, request, common, timeout_s, deadline=deadline, arrived=arrived
                    )
                else:
                    mark = await self.handout.admit(wire_size(size))
                    handle: workflow.ActivityHandle[RawValue] = workflow.start_activity(
                        activity,
                        request,
                        **common,
                        result_type=RawValue,
                        task_queue=queue,
                        schedule_to_start_timeout=own_queue.patience if own_queue else None,
                        heartbeat_timeout=_heartbeat(policy) if heartbeat else None,
                        priority=policy.priority_for(self.tenant_id),
                    )
                    raw = await _answer_of(handle, arrived)
                    self.handout.arrived(mark)
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise asyncio.CancelledError from error
                if own_queue and _is_unserved(error):
                    detail = f"Nobody took it from the task queue '{queue}'. {own_queue.advice}"
                    raise Fault.of("timeout", "There is no worker for this", detail) from error
                raise fault_of_activity(error) from error
        return await self.read(raw, answer)

    async def read(self, raw: RawValue, answer: type[T]) -> T:
        """Read what came back, after a pause when much was read just before.

        A hundred large answers may arrive at the same moment; read at once they would take longer
        than Temporal waits for a worker.
        """
        await self.charge(len(raw.payload.data))
        found: T = workflow.payload_converter().from_payload(raw.payload, answer)
        return found

    async def _local(
        self,
        activity: str,
        request: BaseModel,
        common: _Common,
        timeout_s: float,
        *,
        deadline: float | None,
        arrived: Callable[[RawValue], None] | None,
    ) -> RawValue:
        """Run an activity in this worker, without a queue and without a heartbeat.

        While it runs the instance sees nothing else, no clock either: so it has to keep the time of
        its task by itself.
        """
        await self.handout.room_for_result()
        left = (
            None if deadline is None else timedelta(seconds=max(deadline - workflow.time(), 0.001))
        )
        longest = timedelta(seconds=timeout_s + LOCAL_MARGIN_S)
        common["start_to_close_timeout"] = longest
        size = 0
        try:
            with self.handout.promised_result():
                handle: workflow.ActivityHandle[RawValue] = workflow.start_local_activity(
                    activity,
                    request,
                    **common,
                    result_type=RawValue,
                    schedule_to_close_timeout=left,
                    local_retry_threshold=LOCAL_RETRY,
                )
                raw = await _answer_of(handle, arrived)
            size = len(raw.payload.data)
        except (ActivityError, ActivityTimeout) as error:
            # A replay finds the bare timeout, not that of an activity.
            if isinstance(error, ActivityError) and not isinstance(error.cause, ActivityTimeout):
                raise
            if left is not None and left <= longest:
                raise TimeoutError from error
            detail = f"{activity}: no end within {longest.total_seconds():g} s."
            raise Fault.of("timeout", "The call took too long", detail) from error
        except ApplicationError as error:
            # The SDK does not wrap what a local activity fails with as it does for others.
            if workflow.patched(LOCAL_FAILS_ALIKE):
                raise fault_of_cause(error, activity) from error
            raise
        finally:
            self.handout.recorded(size)
        return raw


async def _answer_of(
    handle: workflow.ActivityHandle[RawValue], arrived: Callable[[RawValue], None] | None
) -> RawValue:
    try:
        raw = await handle
    except asyncio.CancelledError:
        # Of an answer and a cancellation that come at the same moment the SDK hands on the latter,
        # and has no public way to the former.
        answer: asyncio.Future[RawValue] = handle._result_fut  # type: ignore[attr-defined]  # noqa: SLF001
        if arrived and answer.done() and not answer.cancelled() and not answer.exception():
            arrived(answer.result())
        raise
    if arrived:
        arrived(raw)
    return raw


def _is_unserved(error: ActivityError) -> bool:
    cause = error.cause
    return isinstance(cause, ActivityTimeout) and cause.type == TimeoutType.SCHEDULE_TO_START


def payload_size(value: Any) -> int:
    """Return the bytes a value takes on the wire.

    Raises:
        Fault: When that is more than one value may have, or the value is no JSON that others can
            read: half a character, NaN, nested too deeply.
    """
    try:
        text = to_json(value, inf_nan_mode="constants")
        from_json(text, allow_inf_nan=False)
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        raise Fault.of("validation", "The value is no JSON", str(error)) from None
    if len(text) > MAX_VALUE_BYTES:
        raise Fault.of(
            "validation",
            "The value is too large",
            f"{len(text):,} bytes; {MAX_VALUE_BYTES:,} are allowed. Keep only what the next "
            "tasks need (output.as), or pass a reference to the data instead of the data.",
        )
    return len(text)


def unique(activity_id: str) -> str:
    """Return an id that Temporal takes; a very long one keeps its beginning and a hash."""
    if len(activity_id.encode()) <= MAX_ID_BYTES:
        return activity_id
    beginning = activity_id.encode()[: MAX_ID_BYTES - 64].decode(errors="ignore")
    return f"{beginning}~{hashlib.sha256(activity_id.encode()).hexdigest()[:32]}"


def shortened(text: str) -> str:
    """Cut a text to what Temporal takes as a summary (400 bytes)."""
    return text.encode()[:MAX_SUMMARY_BYTES].decode(errors="ignore")
