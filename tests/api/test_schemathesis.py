"""No request is a server error: neither what the description of the API allows, nor the rest.

Against the real processes, over real HTTP, with a worker: what is started runs.
"""

from collections.abc import Iterator
from uuid import uuid4

import httpx2
import pytest
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.openapi import from_url
from schemathesis.schemas import BaseSchema

from deploy.local.excel_server import ExcelServer
from foundation.database import Database
from security.accounts.wiring import build_accounts
from security.sealing import Sealer
from tests.api.people import person
from tests.fixtures.system import System

# What the examples in the description speak of, so that requests find something.
DEFINITION = """
document: { dsl: '1.0.3', namespace: press-line, name: defect-watch, version: '1.0.0' }
do:
  - judge: { set: { judged: '${ . }' } }
"""
RUN = {"input": {"line": 7}}
SCHEDULE = {
    "id": "every-morning",
    "namespace": "press-line",
    "name": "defect-watch",
    "cron": ["0 6 * * MON-FRI"],
}

CONFIG = {
    "generation": {"max-examples": 8},
    "request-timeout": 20,
    "max-stream-events": 3,
    "seed": 20261123,
    # A registered server that does not answer is somebody else's failure, and 502 says so.
    "checks": {"not_a_server_error": {"expected-statuses": ["2XX", "3XX", "4XX", "502"]}},
}


@pytest.fixture
def schema(system: System, excel: ExcelServer) -> BaseSchema:
    headers = log_in(system)
    with httpx2.Client(base_url=f"{system.url}/api/v1", headers=headers, timeout=20) as http:
        furnish(http, excel)
    config = SchemathesisConfig.from_dict({**CONFIG, "headers": headers})
    return from_url(f"{system.url}/openapi.json", config=config)


def log_in(system: System) -> dict[str, str]:
    sealer = Sealer.from_settings(system.settings.security)
    database = Database(system.settings.database)
    try:
        accounts = build_accounts(database, sealer, system.settings)
        return person(accounts, f"t{uuid4().hex}", "admin").headers
    finally:
        database.close()


def furnish(http: httpx2.Client, excel: ExcelServer) -> None:
    yaml = {"Content-Type": "application/yaml"}
    server = {
        "name": "excel",
        "url": excel.url,
        "credential": {"kind": "bearer", "token": excel.token},
    }
    run = "press-line/defect-watch/instances"
    for answer in (
        http.post("/workflows", content=DEFINITION, headers=yaml),
        http.post(f"/workflows/{run}", json=RUN, headers={"Idempotency-Key": "order-4711"}),
        http.post("/schedules", json=SCHEDULE),
        http.post("/mcp/servers", json=server),
    ):
        assert answer.is_success, answer.text


def failures(schema: BaseSchema) -> Iterator[str]:
    """Run every phase: examples, edge cases, random data, sequences of requests."""
    for event in from_schema(schema).execute():
        if isinstance(event, ScenarioFinished):
            yield from broken_rules(event.recorder)
        elif isinstance(event, NonFatalError | FatalError):
            yield str(event)


def broken_rules(recorder: ScenarioRecorder) -> Iterator[str]:
    for checks in recorder.checks.values():
        for check in checks:
            if info := check.failure_info:
                yield f"{recorder.label}: {info.failure}\n{info.code_sample}"


@pytest.mark.timeout(180)
def test_no_request_is_a_server_error(schema: BaseSchema) -> None:
    found = list(failures(schema))
    assert not found, "\n\n".join(found)
