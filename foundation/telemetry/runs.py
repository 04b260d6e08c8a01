"""Traces through Temporal: from the start of a run to its activities, in the headers of both.

The library's own interceptor. Its spans in a run are made and ended at one moment and not at all in
a replay, and headers are no part of what a replay compares.
"""

from opentelemetry.trace import Tracer
from temporalio.contrib.opentelemetry import (
    TracingInterceptor,
    TracingWorkflowInboundInterceptor,
)
from temporalio.worker import WorkflowInboundInterceptor, WorkflowInterceptorClassInput
from typing_extensions import override

from foundation.telemetry.tracing import TRACE_CONTEXT


class _InRun(TracingWorkflowInboundInterceptor):
    def __init__(self, next: WorkflowInboundInterceptor) -> None:  # noqa: A002 - Temporal's name
        super().__init__(next)
        self.text_map_propagator = TRACE_CONTEXT


class RunTracing(TracingInterceptor):
    """Traces of clients, runs and activities."""

    def __init__(self, tracer: Tracer) -> None:
        super().__init__(tracer)
        self.text_map_propagator = TRACE_CONTEXT

    @override
    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[TracingWorkflowInboundInterceptor]:
        super().workflow_interceptor_class(input)
        return _InRun
