"""`python -m bench.worker TASK_QUEUE KIND`: one worker process.

Both kinds have the same settings, the same activity and the same process shape.
"""

import sys

import uvloop
from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from bench.cluster import client_of
from bench.handwritten import (
    Handwritten,
    HandwrittenInFull,
    HandwrittenNothing,
    HandwrittenWindow,
    http_call,
)
from foundation import garbage
from foundation.settings import Settings
from workflows.interpreter.workflow import Interpreter


def worker(client: Client, task_queue: str, kind: str) -> Worker:
    """Make a worker: of the interpreter, or of what is written by hand."""
    by_hand = [Handwritten, HandwrittenInFull, HandwrittenWindow, HandwrittenNothing]
    return Worker(
        client,
        task_queue=task_queue,
        workflows=[Interpreter] if kind == "interpreter" else by_hand,
        activities=[http_call],
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
    )


async def main(task_queue: str, kind: str) -> None:
    """Poll until killed."""
    client = await client_of(Settings())
    # As the product's worker does.
    garbage.settle()
    await worker(client, task_queue, kind).run()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2]))
