"""Spans and metrics of a process: where they go, what leaves, and what of a caller counts."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import structlog
import structlog.testing
from opentelemetry.context import attach, detach
from opentelemetry.trace import SpanKind, StatusCode
from pydantic import SecretStr

from deploy.local.ports import free_port
from foundation import logs
from foundation.errors import InvalidInputError
from foundation.settings import LogSettings, TelemetrySettings
from foundation.telemetry import OFF, continued, open_telemetry, trace_headers, trace_id
from foundation.telemetry.exporting import PORTS, exporting
from tests.fixtures.telemetry import Told, collector, traceparent

CANARY = "kim.minsu@plant.example"
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_without_a_place_to_send_to_there_is_no_telemetry() -> None:
    assert open_telemetry(TelemetrySettings(), "tests") is OFF
    with OFF.span("work", SpanKind.INTERNAL, {}):
        assert (trace_id(), trace_headers()) == (None, {})


def test_what_may_be_anything_does_not_leave_in_a_span() -> None:
    told = Told()
    with (
        suppress(ValueError),
        told.telemetry.tracer.start_as_current_span("work", attributes={"who": CANARY}) as span,
    ):
        span.set_attribute("error.type", "tool-failed")
        span.add_event(CANARY, {"who": CANARY})
        raise ValueError(CANARY)  # the SDK writes it into the span
    span_told = told.span("work")
    assert CANARY not in span_told.to_json()
    assert dict(span_told.attributes or {}) == {"error.type": "tool-failed"}
    assert (span_told.status.status_code, span_told.events) == (StatusCode.ERROR, ())


def test_a_trace_of_a_caller_goes_on_without_what_else_the_caller_says() -> None:
    headers = {"traceparent": CALLER, "tracestate": f"who={CANARY}", "baggage": f"who={CANARY}"}
    told = Told()
    token = attach(continued(headers))
    with told.telemetry.span("work", SpanKind.SERVER, {}):
        passed_on = trace_headers()
    detach(token)
    assert passed_on == {"traceparent": traceparent(told.span("work"))}
    assert passed_on["traceparent"].split("-")[1] == CALLER.split("-")[1]


@pytest.mark.parametrize("given", [{}, {"traceparent": "00-0-0-01"}, {"traceparent": CANARY}])
def test_who_names_no_trace_begins_one(given: dict[str, str]) -> None:
    token = attach(continued(given))
    assert trace_id() is None
    detach(token)


def test_a_caller_can_have_a_trace_left_out_and_cannot_have_more_of_them() -> None:
    def leaves(flags: str, ratio: float) -> bool:
        told = Told(TelemetrySettings(sample_ratio=ratio))
        token = attach(continued({"traceparent": CALLER[:-2] + flags}))
        with told.telemetry.span("work", SpanKind.SERVER, {}):
            pass
        detach(token)
        return bool(told.spans())

    assert [leaves("01", 1.0), leaves("00", 1.0), leaves("01", 0.0)] == [True, False, False]


def test_prometheus_gets_metrics_and_a_second_process_has_the_next_port() -> None:
    first = free_port()
    settings = TelemetrySettings(prometheus_port=first)
    with structlog.testing.capture_logs() as logged:
        both = [open_telemetry(settings, name) for name in ("first", "second")]
    for telemetry in both:
        telemetry.meter.create_counter("millwright_mcp_calls").add(3, {"tenant": "press"})
    ports = [each["port"] for each in logged]
    assert first <= ports[0] < ports[1] < first + PORTS
    for name, port in zip(("first", "second"), ports, strict=True):
        text = fetched(port)
        assert 'millwright_mcp_calls_total{tenant="press"} 3.0' in text
        assert f'service_name="{name}"' in text
    assert not both[0].on, "spans have nowhere to go"
    for telemetry in both:
        telemetry.shut()
    with pytest.raises(URLError):
        fetched(ports[0])


def fetched(port: int) -> str:
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        return str(answer.read().decode())


def test_an_address_that_is_not_ours_is_refused_with_the_setting() -> None:
    settings = TelemetrySettings(prometheus_port=9464, prometheus_host="203.0.113.7")
    with pytest.raises(InvalidInputError, match="MILLWRIGHT_TELEMETRY_PROMETHEUS_PORT"):
        open_telemetry(settings, "tests")


def test_a_collector_gets_spans_and_metrics_with_its_key() -> None:
    with collector() as (address, got):
        settings = TelemetrySettings(
            otlp_endpoint=address, otlp_headers={"Authorization": SecretStr("Bearer k3y")}
        )
        telemetry = exporting(settings, "tests")
        with telemetry.span("work", SpanKind.INTERNAL, {"error.type": "seen"}):
            telemetry.meter.create_counter("millwright_mcp_calls").add(1)
        telemetry.shut()
    assert {path for path, _, _ in got} == {"/v1/traces", "/v1/metrics"}
    assert {key for _, key, _ in got} == {"Bearer k3y"}
    sent = b"".join(body for _, _, body in got)
    assert b"work" in sent
    assert b"millwright_mcp_calls" in sent


@pytest.fixture
def _logging() -> Iterator[None]:
    root, kept = logging.getLogger(), logging.getLogger().handlers
    level = root.level
    yield
    root.handlers, root.level = kept, level
    structlog.reset_defaults()


@pytest.mark.usefixtures("_logging")
def test_a_line_of_the_log_names_its_trace(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogSettings())
    # What is kept now would go to this place in all tests after this one.
    structlog.configure(cache_logger_on_first_use=False)
    told = Told()
    with told.telemetry.span("work", SpanKind.INTERNAL, {}):
        logging.getLogger("within").warning("something")
    logging.getLogger("without").warning("something")
    _, trace, span, _ = traceparent(told.span("work")).split("-")
    within, without = capfd.readouterr().err.splitlines()
    assert f'"trace_id": "{trace}"' in within
    assert f'"span_id": "{span}"' in within
    assert "trace_id" not in without
