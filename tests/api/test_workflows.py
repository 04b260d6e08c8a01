"""Definitions over HTTP: publish, check, list, read."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest

from tests.api.people import Person

pytestmark = pytest.mark.anyio

URL = "/api/v1/workflows"
YAML = """\
document:
  dsl: '1.0.3'
  namespace: press-line
  name: hello
  version: '1.0.0'
  title: Hello
do:
  - greet: { set: { greeting: '${ .name }' } } # a comment
"""
BROKEN = YAML.replace("set:", "sett:").replace("'1.0.3'", "'9.9.9'")

Publish = Callable[..., Awaitable[httpx2.Response]]


@pytest.fixture
def publish(http: httpx2.AsyncClient, admin: Person) -> Publish:
    async def send(
        text: str | bytes = YAML, media_type: str = "application/yaml", where: str = ""
    ) -> httpx2.Response:
        headers = {**admin.headers, "Content-Type": media_type}
        return await http.post(f"{URL}{where}", content=text, headers=headers)

    return send


async def get(http: httpx2.AsyncClient, person: Person, where: str = "", **more: str) -> Any:
    return await http.get(f"{URL}{where}", headers={**person.headers, **more})


async def test_publishing_answers_where_the_version_is(
    http: httpx2.AsyncClient, admin: Person, publish: Publish
) -> None:
    answer = await publish()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{URL}/press-line/hello/versions/1.0.0"
    body = answer.json()
    assert (body["title"], body["created"], body["findings"]) == ("Hello", True, [])
    assert body["published_by"] == admin.user_id
    found = await http.get(answer.headers["Location"], headers=admin.headers)
    assert found.json()["hash"] == body["hash"]
    assert found.json()["source"] == YAML
    assert found.json()["document"]["do"] == [{"greet": {"set": {"greeting": "${ .name }"}}}]


async def test_publishing_the_same_again_is_no_change(publish: Publish) -> None:
    first, again = await publish(), await publish(YAML.replace(" # a comment", ""))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["created"] is False
    assert again.headers["Location"] == first.headers["Location"]


async def test_a_published_version_cannot_be_changed(publish: Publish) -> None:
    await publish()
    answer = await publish(YAML.replace("greeting", "salute"))
    assert answer.status_code == 409
    assert "document.version" in answer.json()["detail"]


@pytest.mark.parametrize(
    "media_type",
    [
        *("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/plain"),
        *("application/yaml; charset=utf-8", "Text/YAML"),
    ],
)
async def test_yaml_is_accepted_under_all_its_names(publish: Publish, media_type: str) -> None:
    assert (await publish(media_type=media_type)).status_code == 201


async def test_json_is_accepted_as_it_is(
    http: httpx2.AsyncClient, admin: Person, publish: Publish
) -> None:
    document = (await publish(where="/validate")).json()
    assert document == {"valid": True, "findings": []}
    text = json.dumps(
        {
            "document": {"dsl": "1.0.3", "namespace": "a", "name": "b", "version": "1.0.0"},
            "do": [{"one": {"set": {"x": "😀"}}}],
        }
    )
    assert (await publish(text, "application/json")).status_code == 201
    assert (await get(http, admin, "/a/b")).json()["source"] == text


async def test_other_media_types_are_refused(publish: Publish) -> None:
    answer = await publish(media_type="application/xml")
    assert answer.status_code == 415
    assert "application/yaml" in answer.json()["detail"]


async def test_a_wrong_definition_is_refused_with_everything_that_is_wrong(
    publish: Publish,
) -> None:
    answer = await publish(BROKEN)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == "urn:millwright:problem:invalid-definition"
    assert [(each["code"], each["line"]) for each in body["findings"]] == [
        ("dsl-version", 2),
        ("task-kind", 8),
    ]
    assert "Did you mean 'set'?" in body["findings"][1]["message"]


async def test_checking_answers_with_the_same_findings(publish: Publish) -> None:
    checked = (await publish(BROKEN, where="/validate")).json()
    refused = (await publish(BROKEN)).json()
    assert checked == {"valid": False, "findings": refused["findings"]}


async def test_warnings_come_with_the_publication(publish: Publish) -> None:
    answer = await publish(YAML.replace("'${ .name }'", ".name"))
    assert answer.status_code == 201
    assert [each["severity"] for each in answer.json()["findings"]] == ["warning"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "empty-document"),
        (b"\xff\xfe", "encoding"),
        (b"a: \x00", "control-character"),
        (b'{"a": ', "syntax"),
        (b"[" * 5_000, "too-deep"),
        (b"#" * 300_000, "too-large"),
        (b"just text", "wrong-type"),
        (b"a: !!python/object/apply:os.system [ls]", "custom-tag"),
    ],
)
@pytest.mark.parametrize("media_type", ["application/yaml", "text/plain"])
async def test_malformed_text_is_explained(
    publish: Publish, text: bytes, code: str, media_type: str
) -> None:
    answer = await publish(text, media_type)
    assert answer.status_code == 422
    assert code in {each["code"] for each in answer.json()["findings"]}


@pytest.mark.parametrize("text", [b'{"a": "\\u0000"}', b"\x00", b"[" * 5_000, b'{"a"', b"NaN"])
async def test_malformed_json_is_the_callers_mistake(publish: Publish, text: bytes) -> None:
    assert 400 <= (await publish(text, "application/json")).status_code < 500


async def test_the_newest_version_and_every_other_can_be_read(
    http: httpx2.AsyncClient, admin: Person, viewer: Person, publish: Publish
) -> None:
    for version in ("1.9.0", "1.10.0", "2.0.0-rc.1+build.7"):
        await publish(YAML.replace("1.0.0", version))
    assert (await get(http, viewer, "/press-line/hello")).json()["version"] == "1.10.0"
    listed = (await get(http, admin, "/press-line/hello/versions?page_size=2")).json()
    assert [each["version"] for each in listed["items"]] == ["2.0.0-rc.1+build.7", "1.10.0"]
    rest = await get(
        http, admin, f"/press-line/hello/versions?page_token={listed['next_page_token']}"
    )
    assert [each["version"] for each in rest.json()["items"]] == ["1.9.0"]
    found = await get(http, admin, "/press-line/hello/versions/2.0.0-rc.1+build.7")
    assert found.status_code == 200


async def test_the_authors_text_is_returned_on_request(
    http: httpx2.AsyncClient, admin: Person, publish: Publish
) -> None:
    location = (await publish()).headers["Location"].removeprefix(URL)
    for where in (location, "/press-line/hello"):
        answer = await get(http, admin, where, Accept="application/yaml")
        assert answer.headers["Content-Type"].startswith("application/yaml")
        assert answer.text == YAML
    for accept in ("*/*", "application/json, application/yaml;q=0.5", "text/html", ""):
        answer = await get(http, admin, location, Accept=accept)
        assert answer.headers["Content-Type"] == "application/json"


async def test_workflows_are_listed_page_by_page(
    http: httpx2.AsyncClient, admin: Person, publish: Publish
) -> None:
    for name in ("c", "a", "b"):
        await publish(YAML.replace("hello", name))
    first = (await get(http, admin, "?page_size=2")).json()
    second = (await get(http, admin, f"?page_token={first['next_page_token']}")).json()
    assert [each["name"] for each in first["items"] + second["items"]] == ["a", "b", "c"]
    assert second["next_page_token"] is None
    assert (await get(http, admin, "?namespace=none")).json()["items"] == []


async def test_what_another_tenant_published_does_not_exist(
    http: httpx2.AsyncClient, stranger: Person, publish: Publish
) -> None:
    location = (await publish()).headers["Location"].removeprefix(URL)
    for where in (location, "/press-line/hello", "/press-line/hello/versions"):
        answer = await get(http, stranger, where)
        assert answer.status_code == 404
        assert "hello" in answer.json()["detail"]
    assert (await get(http, stranger)).json()["items"] == []


async def test_reading_does_not_permit_publishing(http: httpx2.AsyncClient, viewer: Person) -> None:
    headers = {**viewer.headers, "Content-Type": "application/yaml"}
    assert (await http.post(URL, content=YAML, headers=headers)).status_code == 403
    checked = await http.post(f"{URL}/validate", content=YAML, headers=headers)
    assert checked.json()["valid"] is True


@pytest.mark.parametrize(
    ("where", "status"),
    [
        ("/press-line/none", 404),
        ("/press-line/none/versions", 404),
        ("/press-line/none/versions/1.0.0", 404),
        ("/press%00line/hello", 422),
        ("/a.b/hello", 422),
        ("/press-line/hello/versions/latest", 422),
        ("?page_token=nonsense", 422),
        ("?page_size=0", 422),
        ("?namespace=%00", 422),
    ],
)
async def test_a_wrong_address_is_the_callers_mistake(
    http: httpx2.AsyncClient, admin: Person, where: str, status: int
) -> None:
    answer = await get(http, admin, where)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
