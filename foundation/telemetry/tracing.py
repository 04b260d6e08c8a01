"""How a trace goes on from one process to the next: W3C trace context, and nothing beside it.

Neither baggage nor `tracestate` is passed on: callers can write into them what they like, and it
would travel to the servers of a tenant.
"""

from collections.abc import Mapping
from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACE_CONTEXT: Final = TraceContextTextMapPropagator()


def trace_id() -> str | None:
    """Return the id of the trace that the caller is part of, as traces are looked up by it."""
    context = get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


def trace_headers() -> dict[str, str]:
    """Return the headers that let the other side continue the trace; none where there is none."""
    headers: dict[str, str] = {}
    TRACE_CONTEXT.inject(headers)
    return headers


def continued(headers: Mapping[str, str]) -> Context:
    """Return where a request from outside belongs; nowhere when it does not say.

    Args:
        headers: Of the request, by names in small letters.
    """
    given = {"traceparent": headers["traceparent"]} if "traceparent" in headers else {}
    parent = get_current_span(TRACE_CONTEXT.extract(given, Context())).get_span_context()
    if not parent.is_valid:
        return Context()
    kept = SpanContext(
        parent.trace_id, parent.span_id, is_remote=True, trace_flags=parent.trace_flags
    )
    return set_span_in_context(NonRecordingSpan(kept), Context())
