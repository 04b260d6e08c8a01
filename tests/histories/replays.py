"""Replay a recording in the sandbox, and tell how it ended this time.

Temporal compares commands, not results, so the results are caught here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    Replayer,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)
from typing_extensions import override

from tests.histories.recordings import Recording
from tests.histories.running import told_of
from workflows.interpreter.workflow import Interpreter


@dataclass
class Ends:
    """How runs ended, in order: output and error."""

    seen: list[tuple[Any, Any]] = field(default_factory=list)


_ENDS = Ends()


class _Inbound(WorkflowInboundInterceptor):
    @override
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
        try:
            output = await super().execute_workflow(input)
        except BaseException as error:
            _ENDS.seen.append((None, told_of(error)))
            raise
        _ENDS.seen.append((output, None))
        return output


class _Watching(Interceptor):
    @override
    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        return _Inbound


async def replayed(
    recording: Recording, interceptors: Sequence[Interceptor] = ()
) -> tuple[Any, Any]:
    """Replay all runs; return output and error of the last one."""
    _ENDS.seen.clear()
    replayer = Replayer(
        # A busy machine is slow, and that is no deadlock.
        debug_mode=True,
        workflows=[Interpreter],
        data_converter=pydantic_data_converter,
        interceptors=[*interceptors, _Watching()],
    )
    for history in recording.runs:
        await replayer.replay_workflow(history)
    return _ENDS.seen[-1]
