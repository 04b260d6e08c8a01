"""What tells of a process: where spans and metrics begin."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from anyio import to_thread
from opentelemetry.metrics import Meter, NoOpMeter
from opentelemetry.trace import NoOpTracer, Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.util.types import AttributeValue


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Telemetry:
    """Makes spans and metrics, for one process.

    Attributes:
        max_servers: So many MCP servers have metrics of their own.
        on: It is of use to make spans.
        shut: Sends what is left.
    """

    tracer: Tracer = field(default_factory=NoOpTracer)
    meter: Meter = field(default_factory=lambda: NoOpMeter("millwright"))
    max_servers: int = 0
    on: bool = False
    shut: Callable[[], None] = _nothing

    @contextmanager
    def span(
        self, name: str, kind: SpanKind, attributes: Mapping[str, AttributeValue]
    ) -> Iterator[Span]:
        """Surround a piece of work. An error is not written into the span: it may hold anything."""
        with self.tracer.start_as_current_span(
            name,
            kind=kind,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span

    async def aclose(self) -> None:
        """Send what is left, at the end of the process."""
        await to_thread.run_sync(self.shut)


def failed(span: Span, code: str) -> None:
    """Say that the work of a span failed, by the code of the error."""
    span.set_attribute("error.type", code)
    span.set_status(Status(StatusCode.ERROR))


OFF: Final = Telemetry()
