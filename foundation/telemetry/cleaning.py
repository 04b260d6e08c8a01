"""What may leave in a span: a list of names, not a list of exceptions.

Libraries write errors into spans, with texts that servers, people or definitions wrote. So events
and descriptions never leave, and of attributes those named here, which hold no text of theirs.
"""

from collections.abc import Sequence
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status
from typing_extensions import override

ALLOWED: Final = frozenset(
    {
        "error.type",
        "gen_ai.operation.name",
        "gen_ai.tool.name",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "mcp.method.name",
        "millwright.attempt",
        "millwright.mcp.executed",
        "millwright.mcp.fallback",
        "millwright.mcp.server",
        "millwright.tenant",
        # Of Temporal: not the id of the workflow, which ends in a key that callers choose.
        "temporalActivityID",
        "temporalActivityType",
        "temporalRunID",
    }
)


class CleanExporter(SpanExporter):
    """Hands spans on, without what may be anything."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([cleaned(span) for span in spans])

    @override
    def shutdown(self) -> None:
        self._exporter.shutdown()

    @override
    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def cleaned(span: ReadableSpan) -> ReadableSpan:
    """Return a span that says the same, without what may be anything."""
    given = span.attributes or {}
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={name: value for name, value in given.items() if name in ALLOWED},
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
