"""Features over HTTP: who may switch them, and what that changes for definitions."""

import httpx2
import pytest

from api.services import Services
from tests.api.people import Person, person

pytestmark = pytest.mark.anyio

PROGRAMS = "/api/v1/tenant/features/programs"
CONTAINERS = "/api/v1/tenant/features/containers"
DEFINITION = (
    "document: { dsl: '1.0.3', namespace: tests, name: shell, version: '1.0.0' }\n"
    "do: [ { a: { run: { shell: { command: ls } } } } ]"
)


async def publish(http: httpx2.AsyncClient, who: Person, at: str = "") -> httpx2.Response:
    headers = {**who.headers, "Content-Type": "application/yaml"}
    return await http.post(f"/api/v1/workflows{at}", content=DEFINITION, headers=headers)


@pytest.fixture
def engineer(services: Services, admin: Person) -> Person:
    return person(services.accounts, admin.tenant_id, "ai-engineer", new_tenant=False)


async def test_programs_are_published_once_an_administrator_has_enabled_them(
    http: httpx2.AsyncClient, admin: Person, engineer: Person
) -> None:
    refused = await publish(http, engineer)
    assert refused.status_code == 422
    (finding,) = refused.json()["findings"]
    assert (finding["code"], finding["pointer"]) == ("not-enabled", "/do/0/a/run/shell")
    assert "PUT /api/v1/tenant/features/programs" in finding["message"]
    checked = (await publish(http, engineer, "/validate")).json()
    assert [each["code"] for each in checked["findings"]] == ["not-enabled"]

    enabled = await http.put(PROGRAMS, json={"enabled": True}, headers=admin.headers)
    assert (enabled.status_code, enabled.json()["enabled"]) == (200, True)
    assert enabled.json()["changed_by"] == admin.user_id
    assert (await publish(http, engineer, "/validate")).json()["findings"] == []
    assert (await publish(http, engineer)).status_code == 201


async def test_only_an_administrator_switches(
    http: httpx2.AsyncClient, services: Services, admin: Person, engineer: Person
) -> None:
    manager = person(services.accounts, admin.tenant_id, "manager", new_tenant=False)
    for other in (engineer, manager):
        refused = await http.put(PROGRAMS, json={"enabled": True}, headers=other.headers)
        assert refused.status_code == 403
        assert "feature:manage" in refused.json()["detail"]
    shown = await http.get("/api/v1/tenant/features", headers=engineer.headers)
    assert [each["enabled"] for each in shown.json()["items"]] == [False, False]
    assert (await http.get(PROGRAMS, headers=engineer.headers)).json()["enabled"] is False


@pytest.mark.parametrize("body", [{}, {"enabled": "true"}, {"enabled": 1}, {"enabled": None}])
async def test_a_switch_is_true_or_false(
    http: httpx2.AsyncClient, admin: Person, body: object
) -> None:
    refused = await http.put(PROGRAMS, json=body, headers=admin.headers)
    assert refused.status_code == 422


async def test_an_unknown_feature_is_named(http: httpx2.AsyncClient, admin: Person) -> None:
    where = "/api/v1/tenant/features/progams"
    refused = await http.put(where, json={"enabled": True}, headers=admin.headers)
    assert (refused.status_code, "There are: programs" in refused.json()["detail"]) == (404, True)


async def test_containers_are_published_once_enabled_and_their_images_are_shown(
    http: httpx2.AsyncClient, admin: Person, engineer: Person
) -> None:
    headers = {**engineer.headers, "Content-Type": "application/yaml"}
    content = DEFINITION.replace("shell: { command: ls }", "container: { image: 'tool:1' }")
    await http.put(PROGRAMS, json={"enabled": True}, headers=admin.headers)
    refused = await http.post("/api/v1/workflows", content=content, headers=headers)
    (finding,) = refused.json()["findings"]
    assert (finding["code"], finding["pointer"]) == ("not-enabled", "/do/0/a/run/container")
    assert "'containers' is not enabled" in finding["message"]
    exact = f"tool@sha256:{'0' * 64}"
    body = {"enabled": True, "images": ["tool", exact]}
    changed = await http.put(CONTAINERS, json=body, headers=admin.headers)
    assert changed.json()["images"] == ["tool:latest", exact]
    await http.put(CONTAINERS, json={"enabled": True}, headers=admin.headers)
    shown = await http.get(CONTAINERS, headers=engineer.headers)
    assert shown.json()["images"] == ["tool:latest", exact]
    refused = await http.post("/api/v1/workflows", content=content, headers=headers)
    (finding,) = refused.json()["findings"]
    assert (finding["code"], finding["pointer"]) == ("not-enabled", "/do/0/a/run/container/image")
    assert finding["message"].startswith("The image 'tool:1' is not allowed for this tenant.")
    for image in ("tool", exact, "${ .image }"):
        known = content.replace("tool:1", image).replace("1.0.0", f"1.0.{len(image)}")
        made = await http.post("/api/v1/workflows", content=known, headers=headers)
        assert made.status_code == 201, made.text


@pytest.mark.parametrize("images", [["a b"], [""], ["a@sha256:12"], ["-v"], "a", [1], ["a"] * 201])
async def test_what_is_no_image_is_not_allowed(
    http: httpx2.AsyncClient, admin: Person, images: object
) -> None:
    body = {"enabled": True, "images": images}
    assert (await http.put(CONTAINERS, json=body, headers=admin.headers)).status_code == 422
    assert not (await http.get(CONTAINERS, headers=admin.headers)).json()["enabled"]
