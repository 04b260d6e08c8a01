"""Definitions that start by themselves, over HTTP: published, listed, changed by publishing."""

import httpx2
import pytest

from api.services import Services
from tests.api.people import Person, person

pytestmark = pytest.mark.anyio

WORKFLOWS, SCHEDULES = "/api/v1/workflows", "/api/v1/schedules"
OWN = f"{SCHEDULES}/definition:press-line.report"
TEXT = """\
document: { dsl: '1.0.3', namespace: press-line, name: report, version: '%s' }
%s
do: [ { note: { set: { x: 1 } } } ]
"""
DAILY = "schedule: { cron: '@daily' }"


async def publish(
    http: httpx2.AsyncClient, who: Person, version: str, schedule: str
) -> httpx2.Response:
    headers = {**who.headers, "Content-Type": "application/yaml"}
    return await http.post(WORKFLOWS, content=TEXT % (version, schedule), headers=headers)


async def test_publishing_makes_a_schedule_that_only_publishing_changes(
    http: httpx2.AsyncClient, admin: Person
) -> None:
    assert (await publish(http, admin, "1.0.0", DAILY)).status_code == 201
    answer = await http.get(OWN, headers=admin.headers)
    shown = answer.json()
    assert (shown["of_definition"], shown["cron"]) == (True, ["@daily"])
    assert shown["version"] == "1.0.0"

    for refused in (
        await http.patch(OWN, json={"cron": ["@hourly"]}, headers=admin.headers),
        await http.delete(OWN, headers=admin.headers),
    ):
        assert refused.status_code == 409
        assert "Publish the next version" in refused.json()["detail"]
    paused = await http.post(f"{OWN}:pause", headers=admin.headers)
    assert paused.json()["paused"] is True

    assert (await publish(http, admin, "2.0.0", "")).status_code == 201
    assert (await http.get(OWN, headers=admin.headers)).status_code == 404


async def test_a_schedule_needs_who_may_manage_schedules(
    http: httpx2.AsyncClient, services: Services, admin: Person
) -> None:
    author = person(services.accounts, admin.tenant_id, "ai-engineer", new_tenant=False)
    refused = await publish(http, author, "1.0.0", DAILY)
    assert refused.status_code == 403
    assert "schedule:manage" in refused.json()["detail"]
    assert (await publish(http, author, "1.0.0", "")).status_code == 201
