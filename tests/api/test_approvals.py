"""Approvals over HTTP: the inbox, and who may decide. The run behind them is a real one."""

from typing import Any

import httpx2
import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from activities.approvals import ApprovalActivities
from api.services import Services
from tests.api.people import Person, person
from tests.fixtures.polling import pause
from workflows.interpreter.workflow import Interpreter

pytestmark = pytest.mark.anyio

APPROVALS = "/api/v1/approvals"
DEFINITION = """
document: { dsl: '1.0.3', namespace: press-line, name: release, version: '1.0.0' }
do:
  - ask:
      call: approval
      with: { title: Release, data: '${ . }', candidates: { roles: [ operator ] } }
"""


async def the_one(http: httpx2.AsyncClient, who: Person) -> dict[str, Any]:
    while not (items := (await http.get(APPROVALS, headers=who.headers)).json()["items"]):
        await pause()
    found: dict[str, Any] = items[0]
    return found


async def test_an_instance_waits_until_an_operator_has_approved_over_rest(
    http: httpx2.AsyncClient,
    services: Services,
    temporal: Client,
    admin: Person,
    viewer: Person,
    stranger: Person,
) -> None:
    operator = person(services.accounts, admin.tenant_id, "operator", new_tenant=False)
    asks = person(services.accounts, admin.tenant_id, "manager", new_tenant=False)
    published = await http.post(
        "/api/v1/workflows",
        content=DEFINITION,
        headers={**asks.headers, "Content-Type": "application/yaml"},
    )
    assert published.status_code == 201, published.text
    started = await http.post(
        "/api/v1/workflows/press-line/release/instances",
        json={"input": {"lot": 7}},
        headers=asks.headers,
    )
    async with Worker(
        temporal,
        task_queue=services.settings.temporal.task_queue,
        workflows=[Interpreter],
        activities=[ApprovalActivities(services.approvals.inbox.desk).show],
    ):
        shown = await the_one(http, operator)
        assert (shown["title"], shown["data"], shown["mine"]) == ("Release", {"lot": 7}, True)
        assert shown["instance_id"] == started.json()["id"]
        where = f"{APPROVALS}/{shown['id']}"
        said = {"data_hash": shown["data_hash"], "comment": "fine"}
        # A viewer sees nothing to decide, another tenant nothing at all.
        assert (await http.get(APPROVALS, headers=viewer.headers)).status_code == 403
        assert (await http.get(where, headers=stranger.headers)).status_code == 404
        answer = await http.post(f"{where}:approve", json=said, headers=stranger.headers)
        assert answer.status_code == 404
        everything = {"everybody": True}
        answer = await http.get(APPROVALS, params=everything, headers=operator.headers)
        assert answer.status_code == 403
        answer = await http.get(APPROVALS, params=everything, headers=asks.headers)
        assert [each["mine"] for each in answer.json()["items"]] == [False]
        # Whoever started the instance does not approve it.
        answer = await http.post(f"{where}:approve", json=said, headers=asks.headers)
        assert (answer.status_code, answer.json()["detail"][:26]) == (
            403,
            "You cannot decide this: yo",
        )
        wrong = {"data_hash": "0" * 64}
        answer = await http.post(f"{where}:approve", json=wrong, headers=operator.headers)
        assert answer.status_code == 409
        answer = await http.post(f"{where}:delegate", json={"to": "x"}, headers=operator.headers)
        assert answer.status_code == 422
        answer = await http.post(f"{where}:approve", json=said, headers=operator.headers)
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "APPROVED"
        assert [vote["verified"] for vote in answer.json()["votes"]] == [True]
        again = await http.post(f"{where}:approve", json=said, headers=operator.headers)
        assert again.status_code == 200
        ended = await http.get(
            f"/api/v1/workflows/instances/{shown['instance_id']}",
            params={"wait_s": 10},
            headers=asks.headers,
        )
        assert ended.json()["output"]["approved"] is True
    listed = await http.get(APPROVALS, headers=operator.headers)
    assert listed.json()["items"] == []
    listed = await http.get(APPROVALS, params={"status": "APPROVED"}, headers=operator.headers)
    assert len(listed.json()["items"]) == 1
