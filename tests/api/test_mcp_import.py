"""Importing a server.json over HTTP: what comes back, who may, and that no refusal has a secret."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest

from api.services import Services
from foundation.settings import EgressSettings
from security.egress import UNRULED, Egress
from tests.api.people import Person, person
from tests.toolhub.importing.conftest import document
from tests.toolhub.servers import Seen, good_server, serving

pytestmark = pytest.mark.anyio
IMPORT = "/api/v1/mcp/servers:import"
SECRET = "sk-0123456789"


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    egress = Egress(EgressSettings(allow_networks=["127.0.0.0/8"]), UNRULED)
    yield egress
    await egress.aclose()


@pytest.fixture(scope="module")
def good() -> Iterator[str]:
    with serving(good_server(Seen())) as url:
        yield url


@pytest.fixture
def body(good: str) -> dict[str, Any]:
    return {
        "document": document("sheets"),
        "values": {"base_url": good},
        "secrets": {"X-Api-Key": SECRET},
    }


async def test_a_server_is_imported_and_again_changes_nothing(
    http: httpx2.AsyncClient, admin: Person, body: dict[str, Any]
) -> None:
    first = await http.post(IMPORT, json=body, headers=admin.headers)
    assert (first.status_code, first.json()["outcome"]) == (201, "registered")
    assert SECRET not in first.text
    place = first.headers["Location"]
    assert place == "/api/v1/mcp/servers/sheet-server"
    shown = await http.get(place, headers=admin.headers)
    assert shown.headers["ETag"] == first.headers["ETag"]
    assert shown.json()["imported"]["version"] == "1.4.0"
    again = await http.post(IMPORT, json=body, headers=admin.headers)
    assert (again.status_code, again.json()["outcome"]) == (200, "unchanged")
    assert again.headers["ETag"] == first.headers["ETag"]


async def test_a_trial_stores_nothing_and_names_what_is_missing(
    http: httpx2.AsyncClient, admin: Person, body: dict[str, Any]
) -> None:
    del body["secrets"]
    answer = await http.post(IMPORT, json={**body, "dry_run": True}, headers=admin.headers)
    assert (answer.status_code, answer.json()["plan"]["missing"]) == (200, ["X-Api-Key"])
    refused = await http.post(IMPORT, json=body, headers=admin.headers)
    assert (refused.status_code, refused.json()["missing"]) == (422, ["X-Api-Key"])
    listed = await http.get("/api/v1/mcp/servers", headers=admin.headers)
    assert listed.json()["items"] == []


async def test_importing_is_for_those_who_manage_servers(
    http: httpx2.AsyncClient, services: Services, admin: Person, body: dict[str, Any]
) -> None:
    operator = person(services.accounts, admin.tenant_id, "operator", new_tenant=False)
    refused = await http.post(IMPORT, json=body, headers=operator.headers)
    assert refused.status_code == 403


@pytest.mark.parametrize(
    "broken",
    [
        {"secrets": {"X-Api-Key": [SECRET]}},
        {"secrets": {"X-Api-Key\n": SECRET}},
        {"secrets": {"X-Api-Key": f"{SECRET}\n"}},
        {"values": {"X-Api-Key": SECRET}},
        {"document": {**document("sheets"), "version": [SECRET]}},
    ],
)
async def test_a_refusal_repeats_no_secret(
    http: httpx2.AsyncClient, admin: Person, body: dict[str, Any], broken: dict[str, Any]
) -> None:
    answer = await http.post(IMPORT, json={**body, **broken}, headers=admin.headers)
    assert answer.status_code == 422
    assert SECRET not in answer.text


async def test_a_document_that_is_nested_without_end_is_refused(
    http: httpx2.AsyncClient, admin: Person
) -> None:
    for depth in (40, 50_000):
        deep = '{"document": {"x": ' + "[" * depth + "]" * depth + "}}"
        assert len(json.dumps(deep)) < 200_000
        headers = {**admin.headers, "Content-Type": "application/json"}
        answer = await http.post(IMPORT, content=deep, headers=headers)
        assert answer.status_code in {400, 422}


@pytest.mark.parametrize("odd", ["NaN", "1e999", '"\\ud800"', '"\\u0000"'])
@pytest.mark.parametrize("where", ["_meta", "description", "title", "version"])
async def test_what_no_database_can_hold_is_refused_or_replaced(
    http: httpx2.AsyncClient, admin: Person, body: dict[str, Any], odd: str, where: str
) -> None:
    body["document"][where] = "ODD"
    content = json.dumps(body).replace('"ODD"', odd)
    headers = {**admin.headers, "Content-Type": "application/json"}
    answer = await http.post(IMPORT, content=content, headers=headers)
    assert answer.status_code in {201, 400, 422}
