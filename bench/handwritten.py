"""The yardstick: five steps as a developer would write them, and no-op activities for both sides.

`python -m bench.handwritten TASK_QUEUE KIND` is one worker; both kinds have the same settings, the
same activities and the same process shape.
"""

import sys
from datetime import timedelta

import uvloop
from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from activities.http.types import HttpCall
from activities.types import ActivityResult
from foundation.json import JsonValue
from foundation.settings import Settings
from foundation.temporal import connect
from workflows.interpreter.workflow import Interpreter

STEPS = 5


@activity.defn(name="http-call")
async def http_call(call: HttpCall) -> ActivityResult:
    """Answer at once: what is measured is everything around the work."""
    return ActivityResult(value=call.body, attempts=1)


@workflow.defn(name="handwritten", sandboxed=False)
class Handwritten:
    """Five calls in a row, each with the last one's answer."""

    @workflow.run
    async def run(self, value: JsonValue) -> JsonValue:
        for step in range(STEPS):
            answer = await workflow.execute_activity(
                "http-call",
                HttpCall(tenant_id="bench", method="POST", uri=f"http://b/{step}", body=value),
                result_type=ActivityResult,
                start_to_close_timeout=timedelta(seconds=45),
                heartbeat_timeout=timedelta(seconds=10),
                retry_policy=RetryPolicy(maximum_attempts=4),
            )
            value = answer.value
        return value


async def main(task_queue: str, kind: str) -> None:
    """Poll until killed."""
    client = await connect(Settings().temporal)
    worker = Worker(
        client,
        task_queue=task_queue,
        workflows=[Interpreter if kind == "interpreter" else Handwritten],
        activities=[http_call],
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
    )
    await worker.run()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2]))
