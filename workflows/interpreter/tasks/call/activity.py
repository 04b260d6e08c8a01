"""One activity as a task: what all calls have in common."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Generic, TypeVar

from temporalio.common import RawValue

from activities.requests import Request
from activities.types import ActivityResult
from foundation.json import JsonValue
from workflows.definition import MAX_LOCAL_S, TaskBase
from workflows.interpreter.admission import admitted, limits_of
from workflows.interpreter.calls import OwnQueue
from workflows.interpreter.compiling import Place
from workflows.interpreter.durations import Delay
from workflows.interpreter.policy import Policy
from workflows.interpreter.requests import Blueprint
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome

R = TypeVar("R", bound=Request)

# A request without a task timeout: longer than any page, shorter than a person's patience.
TIMEOUT_S: Final = 30.0
# When the time of a task is over, its own clock is to say so: the error is then `timeout`.
GRACE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class ActivityCall(Generic[R]):
    """Make the request here, let an activity carry it out.

    Attributes:
        activity: Wire name.
        label: What the Web UI shows of a request, after the task's path.
        fixed: Fields of the request that are the same in every execution.
        timeout: How long the other side may take, where the author says so.
        timeout_s: The same, where nobody says so.
        exchanges: How many of them one request may need.
        own_queue: Where workers take it that do nothing else.
    """

    activity: str
    blueprint: Blueprint[R]
    label: Callable[[R], str]
    fixed: Mapping[str, object] = field(default_factory=dict)
    timeout: Delay | None = None
    timeout_s: float = TIMEOUT_S
    exchanges: int = 1
    own_queue: OwnQueue | None = None

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        _, answer = await self.answered(value, frame)
        return Outcome(answer.value)

    async def answered(
        self,
        value: JsonValue,
        frame: Frame,
        arrived: Callable[[R, RawValue], None] | None = None,
    ) -> tuple[R, ActivityResult]:
        """Return the request that was made, and what the activity says.

        Args:
            arrived: Told of both also when a cancellation keeps them from being returned.
        """
        policy = frame.step.policy
        timeout = self.timeout or policy.timeout
        timeout_s = timeout.seconds(value, frame) if timeout else self.timeout_s
        if policy.local:
            timeout_s = min(timeout_s, MAX_LOCAL_S)
        limits = limits_of(value, frame)
        request = self.blueprint.request(
            value,
            frame,
            timeout_s=timeout_s,
            repeats=policy.retry is not None or not frame.scope.retried,
            **({"again": True} if frame.scope.again else {}),
            idempotency_key=frame.text(policy.idempotency_key, value),
            **self.fixed,
            **({"limits": limits} if limits else {}),
        )

        summary = frame.text(policy.summary, value) or f"{frame.path} {self.label(request)}"
        return request, await self.sent(
            request, frame, self.activity, frame.path, summary, policy=policy, arrived=arrived
        )

    async def sent(
        self,
        request: R,
        frame: Frame,
        activity: str,
        activity_id: str,
        summary: str,
        *,
        policy: Policy,
        arrived: Callable[[R, RawValue], None] | None = None,
    ) -> ActivityResult:
        """Let an activity carry a request out, when it is its turn; return what that says.

        Args:
            activity: Wire name.
            activity_id: Unique in the run.
        """
        timeout_s = request.timeout_s

        async def attempt() -> ActivityResult:
            return await frame.run.calls.execute(
                activity,
                request,
                ActivityResult,
                activity_id=activity_id,
                summary=summary,
                timeout_s=timeout_s if policy.local else timeout_s * self.exchanges,
                policy=policy,
                own_queue=self.own_queue,
                deadline=frame.deadline,
                arrived=partial(arrived, request) if arrived else None,
            )

        answer = await (attempt() if request.limits is None else admitted(frame, attempt))
        frame.attempts = answer.attempts
        if answer.fallback is not None:
            frame.degraded(answer.fallback)
        return answer


def patience(task: TaskBase, place: Place) -> Delay | None:
    """Take the task's timeout for that of the call: the language has no other word for it.

    `metadata.millwright.timeout`, which is ours, goes first.
    """
    timeout = place.timeout(task.timeout)
    if timeout is None or task.millwright.timeout is not None:
        return None
    return replace(timeout, more_s=GRACE_S)
