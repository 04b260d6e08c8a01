"""Processes as they are started: what they tell a collector, and where Prometheus finds them."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import SecretStr

from deploy.local.excel_server import ExcelServer
from deploy.local.ports import free_port
from deploy.local.postgres import PostgresOptions
from foundation.settings import TelemetrySettings
from tests.fixtures.databases import fresh_database
from tests.fixtures.system import System, system_settings
from tests.fixtures.telemetry import Got, collector

KEY = "Bearer k3y"
DEFINITION = """
document: { dsl: '1.0.3', namespace: tests, name: traced, version: '1.0.0' }
do:
  - sheets:
      call: mcp.tool
      with: { server: excel, tool: create_workbook, arguments: { path: traced.xlsx } }
"""


@pytest.fixture
def told() -> Iterator[tuple[str, Got]]:
    with collector() as made:
        yield made


@pytest.fixture
def system(
    postgres: PostgresOptions,
    template_database: str,
    temporal_address: str,
    master_key: SecretStr,
    told: tuple[str, Got],
    tmp_path: Path,
) -> Iterator[System]:
    telemetry = TelemetrySettings(
        otlp_endpoint=told[0],
        otlp_headers={"Authorization": SecretStr(KEY)},
        prometheus_port=free_port(),
    )
    for url in fresh_database(postgres, template_database):
        settings = system_settings(url, temporal_address, master_key, {}, tmp_path / "blobs")
        made = System(settings.model_copy(update={"telemetry": telemetry}), tmp_path)
        try:
            made.start_worker()
            made.start_api()
            yield made
        finally:
            made.stop()


def test_api_and_worker_tell_of_one_trace_and_of_calls(
    system: System, told: tuple[str, Got], excel: ExcelServer
) -> None:
    with system.new_tenant() as client:
        client.mcp.register_server("excel", excel.url, token=excel.token)
        client.workflows.publish(DEFINITION)
        client.wait(client.workflows.start("tests", "traced").id, timeout=60)
    logs = "".join(path.read_text() for path in system.folder.glob("*.log"))
    ports = re.findall(r'"port": (\d+), "event": "metrics_served"', logs)
    assert len(ports) == 2, logs
    assert any("millwright_mcp_calls_total{" in fetched(port) for port in ports)
    system.stop()  # which sends what is left
    assert [child.returncode for child in system.children] == [0, 0]
    assert {key for _, key, _ in told[1]} == {KEY}
    assert any(
        path == "/v1/metrics" and b"millwright_mcp_calls" in body for path, _, body in told[1]
    )
    traces = services_by_trace(told[1], "tools/call create_workbook")
    assert traces == [{"millwright-api", "millwright-worker"}]


def fetched(port: str) -> str:
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        return str(answer.read().decode())


def services_by_trace(got: Got, name: str) -> list[set[str]]:
    """Return which processes are part of the traces that have a span of that name."""
    services: dict[bytes, set[str]] = {}
    wanted = set()
    for path, _, body in got:
        if path != "/v1/traces":
            continue
        for each in ExportTraceServiceRequest.FromString(body).resource_spans:
            of = {found.key: found.value.string_value for found in each.resource.attributes}
            for span in (span for scope in each.scope_spans for span in scope.spans):
                services.setdefault(span.trace_id, set()).add(of["service.name"])
                if span.name == name:
                    wanted.add(span.trace_id)
    return [services[trace] for trace in wanted]
