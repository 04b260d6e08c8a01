"""The yardsticks: what a developer would write, and a no-op activity for both sides."""

import asyncio
from datetime import timedelta
from typing import Any, TypedDict

from temporalio import activity, workflow
from temporalio.common import Priority, RetryPolicy
from typing_extensions import Unpack

from activities.http.types import HttpCall
from activities.types import ActivityResult
from foundation.json import JsonValue

STEPS = 5
CALLS = 1_000
WINDOW = 100


class Told(TypedDict, total=False):
    """What Temporal may be told about a call for those who look on, and for other tenants."""

    activity_id: str
    summary: str
    priority: Priority


@activity.defn(name="http-call")
async def http_call(call: HttpCall) -> ActivityResult:
    """Answer at once: what is measured is everything around the work."""
    return ActivityResult(value=call.body, attempts=1)


async def called(number: int, value: JsonValue, **options: Unpack[Told]) -> JsonValue:
    """Make one call."""
    answer: ActivityResult = await workflow.execute_activity(
        "http-call",
        HttpCall(tenant_id="bench", method="POST", uri=f"http://b/{number}", body=value),
        result_type=ActivityResult,
        start_to_close_timeout=timedelta(seconds=45),
        heartbeat_timeout=timedelta(seconds=10),
        retry_policy=RetryPolicy(maximum_attempts=4),
        **options,
    )
    return answer.value


@workflow.defn(name="handwritten", sandboxed=False)
class Handwritten:
    """Five calls in a row, each with the last one's answer."""

    @workflow.run
    async def run(self, value: Any) -> Any:
        for step in range(STEPS):
            value = await called(step, value)
        return value


@workflow.defn(name="handwritten-in-full", sandboxed=False)
class HandwrittenInFull:
    """The five calls of somebody whose runs read as well, and whose tenants take turns too."""

    @workflow.run
    async def run(self, value: Any) -> Any:
        for step in range(STEPS):
            path = f"/do/{step}/step{step}"
            summary, fair = f"{path} POST http://b/{step}", Priority(fairness_key="bench")
            value = await called(step, value, activity_id=path, summary=summary, priority=fair)
        return value


@workflow.defn(name="handwritten-window", sandboxed=False)
class HandwrittenWindow:
    """A thousand calls, at most a hundred at the same time."""

    @workflow.run
    async def run(self, value: Any) -> list[JsonValue]:
        slots = asyncio.Semaphore(WINDOW)

        async def one(number: int) -> JsonValue:
            async with slots:
                return await called(number, value)

        return await asyncio.gather(*map(one, range(CALLS)))


@workflow.defn(name="handwritten-nothing", sandboxed=False)
class HandwrittenNothing:
    """Give back what came in: what any workflow costs."""

    @workflow.run
    async def run(self, value: Any) -> Any:
        return value
