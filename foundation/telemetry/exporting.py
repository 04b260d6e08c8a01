"""Sending spans and metrics: OTLP over HTTP to a collector, metrics for Prometheus to fetch."""

from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from threading import Thread
from typing import Final
from uuid import uuid4
from wsgiref.simple_server import WSGIServer

import structlog
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import NoOpTracer, Tracer
from prometheus_client import CollectorRegistry, start_http_server

from foundation.errors import InvalidInputError
from foundation.settings import TelemetrySettings
from foundation.telemetry.cleaning import CleanExporter
from foundation.telemetry.types import Telemetry

# Processes of one machine that share their settings take one each.
PORTS: Final = 32
_SCOPE: Final = "millwright"

log = structlog.get_logger()


def exporting(
    settings: TelemetrySettings,
    service: str,
    *,
    spans: SpanExporter | None = None,
    readers: list[MetricReader] | None = None,
) -> Telemetry:
    """Begin to send.

    Args:
        spans: Takes spans instead of the collector.
        readers: Take metrics beside what the settings say.

    Raises:
        InvalidInputError: When no port for Prometheus can be had.
    """
    resource = Resource.create(
        {
            "service.name": service,
            "service.namespace": "millwright",
            "service.version": version("millwright"),
            "service.instance.id": str(uuid4()),
        }
    )
    tracer, shut_tracer = _tracer(settings, resource, spans)
    meter, shut_meter = _meter(settings, resource, readers or [])

    def shut() -> None:
        shut_tracer()
        shut_meter()

    return Telemetry(
        tracer=tracer,
        meter=meter,
        max_servers=settings.max_servers,
        on=not isinstance(tracer, NoOpTracer),
        shut=shut,
    )


def _tracer(
    settings: TelemetrySettings, resource: Resource, spans: SpanExporter | None
) -> tuple[Tracer, Callable[[], None]]:
    if settings.otlp_endpoint is not None and spans is None:
        spans = OTLPSpanExporter(_address(settings, "traces"), headers=_headers(settings))
    if spans is None:
        return NoOpTracer(), lambda: None
    ratio = TraceIdRatioBased(settings.sample_ratio)
    # Who calls us may leave a trace out. That it wants one is no reason to pay for more of them
    # than we do for others; the ratio says the same of one trace in all of our processes.
    sampler = ParentBased(ratio, remote_parent_sampled=ratio)
    provider = TracerProvider(resource=resource, sampler=sampler, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(CleanExporter(spans)))
    return provider.get_tracer(_SCOPE), provider.shutdown


def _meter(
    settings: TelemetrySettings, resource: Resource, readers: list[MetricReader]
) -> tuple[Meter, Callable[[], None]]:
    readers = [*readers]
    if settings.otlp_endpoint is not None:
        exporter = OTLPMetricExporter(_address(settings, "metrics"), headers=_headers(settings))
        readers.append(PeriodicExportingMetricReader(exporter))
    close_port: Callable[[], None] = lambda: None  # noqa: E731 - there may be no port to close
    if settings.prometheus_port is not None:
        registry = CollectorRegistry()
        readers.append(PrometheusMetricReader(scope_info_enabled=False, registry=registry))
        close_port = _serve(settings.prometheus_host, settings.prometheus_port, registry)
    provider = MeterProvider(metric_readers=readers, resource=resource, shutdown_on_exit=False)

    def shut() -> None:
        close_port()
        provider.shutdown()

    return provider.get_meter(_SCOPE), shut


def _serve(host: str, first: int, registry: CollectorRegistry) -> Callable[[], None]:
    """Listen at the first port that is free; return what ends it."""
    why: OSError | None = None
    for port in range(first, first + PORTS):
        try:
            server, thread = start_http_server(port, host, registry)
        except OSError as error:
            why = error
            continue
        log.info("metrics_served", host=host, port=port)
        return partial(_close, server, thread)
    raise InvalidInputError(
        f"None of the ports {first} to {first + PORTS - 1} of '{host}' can be had for metrics "
        f"({why}). Set MILLWRIGHT_TELEMETRY_PROMETHEUS_PORT or _HOST."
    )


def _close(server: WSGIServer, thread: Thread) -> None:
    server.shutdown()
    server.server_close()
    thread.join()


def _address(settings: TelemetrySettings, signal: str) -> str:
    return f"{(settings.otlp_endpoint or '').rstrip('/')}/v1/{signal}"


def _headers(settings: TelemetrySettings) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in settings.otlp_headers.items()}
