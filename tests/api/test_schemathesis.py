"""No request is a server error: neither what the description of the API allows, nor the rest.

Against the real processes, over real HTTP, with a worker: what is started runs.
"""

from dataclasses import dataclass, field
from uuid import uuid4

import httpx2
import pytest
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
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
    "generation": {"max-examples": 4},
    "request-timeout": 20,
    "max-stream-events": 3,
    "seed": 20261123,
    "checks": {
        # A registered server that does not answer is somebody else's failure, and 502 says so.
        "not_a_server_error": {"expected-statuses": ["2XX", "3XX", "4XX", "502"]},
        # Much of what is right or wrong about a definition or a schedule is beyond JSON Schema.
        "positive_data_acceptance": {"enabled": False},
    },
    "operations": [
        {
            # Its answer to whatever is sent is a list of findings.
            "include-name": "POST /api/v1/workflows/validate",
            "checks": {"negative_data_rejection": {"enabled": False}},
        }
    ],
}


BEYOND_CHANCE = {
    # Nobody guesses a password or a token,
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/refresh",
    # or the address of a server,
    "POST /api/v1/mcp/servers",
    "POST /api/v1/mcp/servers:import",
    "PATCH /api/v1/mcp/servers/{server}",
    # or agrees in a browser,
    "POST /api/v1/mcp/servers/{server}:authorize",
    "GET /api/v1/mcp/servers/{server}/consent",
    "DELETE /api/v1/mcp/servers/{server}/consent",
    # which arguments a tool takes, or a change that nobody has made to it,
    "POST /api/v1/mcp/tools/call",
    "GET /api/v1/mcp/servers/{server}/tools/{tool}/drift",
    "POST /api/v1/mcp/servers/{server}/tools/{tool}:accept",
    # and a policy fits a tool that is there,
    "PUT /api/v1/mcp/servers/{server}/tools/{tool}/policy",
    "DELETE /api/v1/mcp/servers/{server}/tools/{tool}/policy",
    # and runs as short as these have ended before somebody stops them.
    "POST /api/v1/workflows/instances/{instance_id}:cancel",
    "POST /api/v1/workflows/instances/{instance_id}:terminate",
    "POST /api/v1/workflows/instances/{instance_id}:pause",
    "POST /api/v1/workflows/instances/{instance_id}:resume",
    # Nobody guesses an execution, or makes an instance fail at a task.
    "POST /api/v1/workflows/instances/{instance_id}:rerun",
    "POST /api/v1/workflows/instances/{instance_id}:retry",
    # Nothing that runs here waits for people, and nobody guesses the id of an approval.
    "GET /api/v1/approvals/{approval_id}",
    "POST /api/v1/approvals/{approval_id}:approve",
    "POST /api/v1/approvals/{approval_id}:delegate",
    "POST /api/v1/approvals/{approval_id}:reject",
    "GET /api/v1/approvals/{approval_id}/links",
    "POST /api/v1/approvals/{approval_id}/links",
    "DELETE /api/v1/approvals/{approval_id}/links/{link_id}",
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
        http.put("/secrets/erp", json={"value": "the-password"}),
    ):
        assert answer.is_success, answer.text


@dataclass
class Report:
    """What came out.

    Attributes:
        broken: Rules that an answer broke, with the request that shows it.
        worked: Operations that did what they are for at least once.
    """

    broken: list[str] = field(default_factory=list)
    worked: set[str] = field(default_factory=set)

    def add(self, recorder: ScenarioRecorder) -> None:
        for checks in recorder.checks.values():
            for check in checks:
                if info := check.failure_info:
                    self.broken.append(f"{recorder.label}: {info.failure}\n{info.code_sample}")
        for case_id, interaction in recorder.interactions.items():
            if interaction.response and interaction.response.status_code < 300:
                self.worked.add(recorder.cases[case_id].value.operation.label)


def everything(schema: BaseSchema) -> Report:
    """Run every phase: examples, edge cases, random data, sequences of requests."""
    report = Report()
    for event in from_schema(schema).execute():
        if isinstance(event, ScenarioFinished):
            report.add(event.recorder)
        elif isinstance(event, NonFatalError | FatalError):
            report.broken.append(str(event))
    return report


@pytest.mark.timeout(180)
def test_no_request_is_a_server_error(schema: BaseSchema) -> None:
    report = everything(schema)
    assert not report.broken, "\n\n".join(report.broken)
    # That would be easy to say of requests that all get a 401.
    operations = {
        found.ok().label for found in schema.get_all_operations() if isinstance(found, Ok)
    }
    assert len(operations) > len(BEYOND_CHANCE)
    assert operations - report.worked <= BEYOND_CHANCE
