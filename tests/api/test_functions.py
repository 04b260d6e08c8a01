"""The tenant's own catalogue over HTTP."""

import httpx2
import pytest

from tests.api.people import Person

pytestmark = pytest.mark.anyio

URL = "/api/v1/functions"
FUNCTION = "set: { line: 'Line ${ .line }' }\n"
WORKFLOW = """
document: { dsl: '1.0.3', namespace: plant, name: caller, version: '1.0.0' }
do: [ { say: { call: 'line:1.0.0@default', with: { line: 7 } } } ]
"""


async def put(http: httpx2.AsyncClient, person: Person, text: str = FUNCTION) -> httpx2.Response:
    headers = {**person.headers, "Content-Type": "application/yaml"}
    return await http.put(f"{URL}/line/versions/1.0.0", content=text, headers=headers)


async def test_a_function_is_published_listed_and_read(
    http: httpx2.AsyncClient, admin: Person
) -> None:
    first, again = await put(http, admin), await put(http, admin)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["published_by"] == admin.user_id
    for where in (URL, f"{URL}/line/versions"):
        listed = await http.get(where, headers=admin.headers)
        assert [each["version"] for each in listed.json()["items"]] == ["1.0.0"]
    found = await http.get(f"{URL}/line/versions/1.0.0", headers=admin.headers)
    assert found.json()["source"] == FUNCTION


async def test_a_published_function_cannot_be_changed(
    http: httpx2.AsyncClient, admin: Person
) -> None:
    await put(http, admin)
    assert (await put(http, admin, "set: { line: other }")).status_code == 409


async def test_what_is_wrong_with_a_function_is_at_its_line(
    http: httpx2.AsyncClient, admin: Person
) -> None:
    answer = await put(http, admin, "# mine\nset: { line: '${ $nope }' }\n")
    assert answer.status_code == 422
    (finding,) = answer.json()["findings"]
    assert (finding["line"], finding["pointer"]) == (2, "/set/line")


async def test_a_workflow_tells_where_its_parts_came_from(
    http: httpx2.AsyncClient, admin: Person
) -> None:
    await put(http, admin)
    headers = {**admin.headers, "Content-Type": "application/yaml"}
    answer = await http.post("/api/v1/workflows", content=WORKFLOW, headers=headers)
    assert answer.status_code == 201
    (origin,) = answer.json()["origins"]
    assert (origin["name"], origin["address"]) == ("line:1.0.0@default", "default")
    found = await http.get("/api/v1/workflows/plant/caller", headers=admin.headers)
    assert found.json()["origins"] == [origin]
    assert "line:1.0.0@default" in found.json()["document"]["use"]["functions"]


async def test_a_viewer_publishes_no_function(
    http: httpx2.AsyncClient, admin: Person, viewer: Person
) -> None:
    assert (await put(http, viewer)).status_code == 403
    await put(http, admin)
    found = await http.get(f"{URL}/line/versions/1.0.0", headers=viewer.headers)
    assert found.status_code == 200


async def test_functions_of_another_tenant_are_not_there(
    http: httpx2.AsyncClient, admin: Person, stranger: Person
) -> None:
    await put(http, admin)
    found = await http.get(f"{URL}/line/versions/1.0.0", headers=stranger.headers)
    assert found.status_code == 404
