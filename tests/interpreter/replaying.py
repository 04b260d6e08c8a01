"""Replay an exported history in this process and print the output: a program for subprocesses.

Temporal compares commands, not results, so the output is printed, for the test to compare.
"""

import asyncio
import json
import os
import sys
from typing import Any

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    Replayer,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)
from typing_extensions import override

from workflows.interpreter.workflow import Interpreter


class _Inbound(WorkflowInboundInterceptor):
    @override
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
        output = await super().execute_workflow(input)
        sys.stdout.write(json.dumps(output) + "\n")
        return output


class _Outputs(Interceptor):
    @override
    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        return _Inbound


async def _replay(workflow_id: str, text: str) -> None:
    replayer = Replayer(
        # A busy machine is slow, and that is no deadlock.
        debug_mode=True,
        workflows=[Interpreter],
        data_converter=pydantic_data_converter,
        interceptors=[_Outputs()],
    )
    await replayer.replay_workflow(WorkflowHistory.from_json(workflow_id, text))


if __name__ == "__main__":
    asyncio.run(_replay(sys.argv[1], sys.stdin.read()))
    sys.stdout.flush()
    # Threads of the SDK's core may still let go of objects of ours; when the interpreter is just
    # ending, that aborts the process.
    os._exit(0)
