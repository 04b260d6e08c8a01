"""Secrets over HTTP: who may do what, and that no value comes back: in no answer, in no log."""

import json
import logging
from typing import Any

import httpx2
import pytest
import structlog
from fastapi import FastAPI
from typing_extensions import override

from api.services import Services
from foundation.errors import UnavailableError
from foundation.json import JsonValue
from security.secrets.schemas import SecretInfo
from security.secrets.service import Secrets
from tests.api.people import Person, person

pytestmark = pytest.mark.anyio

SECRETS = "/api/v1/secrets"
ERP = f"{SECRETS}/erp"
PLANTED = "s3cr3t-plant-key"
PAIR = {"username": "press-line", "password": PLANTED}


@pytest.fixture
def engineer(services: Services, admin: Person) -> Person:
    return person(services.accounts, admin.tenant_id, "ai-engineer", new_tenant=False)


@pytest.fixture
def manager(services: Services, admin: Person) -> Person:
    return person(services.accounts, admin.tenant_id, "manager", new_tenant=False)


@pytest.fixture
async def stored(http: httpx2.AsyncClient, engineer: Person) -> httpx2.Response:
    answer = await http.put(ERP, json={"value": PAIR}, headers=engineer.headers)
    assert answer.status_code == 201, answer.text
    return answer


def problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    ), answer.text
    found: dict[str, Any] = answer.json()
    assert found["type"] == f"urn:millwright:problem:{code}"
    assert PLANTED not in answer.text
    return found


async def test_a_stored_secret_is_answered_without_its_value(
    stored: httpx2.Response, http: httpx2.AsyncClient, engineer: Person, services: Services
) -> None:
    assert stored.headers["location"] == ERP
    assert stored.headers["etag"]
    assert PLANTED not in stored.text
    assert (stored.json()["version"], stored.json()["updated_by"]) == (1, engineer.user_id)
    shown = await http.get(ERP, headers=engineer.headers)
    assert (shown.json(), shown.headers["etag"]) == (stored.json(), stored.headers["etag"])
    assert services.secrets.read(engineer.tenant_id, ("erp",)) == {"erp": PAIR}


async def test_a_rotation_needs_the_etag_that_is_current_when_it_sends_one(
    stored: httpx2.Response, http: httpx2.AsyncClient, engineer: Person, services: Services
) -> None:
    guarded = {**engineer.headers, "If-Match": stored.headers["etag"]}
    rotated = await http.put(ERP, json={"value": "rotated once"}, headers=guarded)
    assert (rotated.status_code, rotated.json()["version"]) == (200, 2)
    assert rotated.headers["etag"] != stored.headers["etag"]
    late = await http.put(ERP, json={"value": PLANTED}, headers=guarded)
    assert "Read it again" in problem(late, 412, "changed-meanwhile")["detail"]
    problem(await http.delete(ERP, headers=guarded), 412, "changed-meanwhile")
    assert services.secrets.read(engineer.tenant_id, ("erp",)) == {"erp": "rotated once"}
    anyway = await http.put(ERP, json={"value": "rotated twice"}, headers=engineer.headers)
    assert anyway.json()["version"] == 3


async def test_a_deleted_secret_is_not_found(
    stored: httpx2.Response, http: httpx2.AsyncClient, engineer: Person
) -> None:
    guarded = {**engineer.headers, "If-Match": stored.headers["etag"]}
    gone = await http.delete(ERP, headers=guarded)
    assert (gone.status_code, gone.content) == (204, b"")
    for answer in (
        await http.get(ERP, headers=engineer.headers),
        await http.delete(ERP, headers=engineer.headers),
    ):
        assert f"PUT {ERP}" in problem(answer, 404, "unknown-secret")["detail"]


@pytest.mark.usefixtures("stored")
async def test_secrets_are_listed_page_by_page_without_values(
    http: httpx2.AsyncClient, engineer: Person, manager: Person
) -> None:
    for name in ("mes", "wms"):
        await http.put(f"{SECRETS}/{name}", json={"value": PLANTED}, headers=engineer.headers)
    first = await http.get(SECRETS, params={"page_size": 2}, headers=manager.headers)
    token = first.json()["next_page_token"]
    rest = await http.get(SECRETS, params={"page_token": token}, headers=manager.headers)
    names = [item["name"] for item in first.json()["items"] + rest.json()["items"]]
    assert names == ["erp", "mes", "wms"]
    assert rest.json()["next_page_token"] is None
    assert PLANTED not in first.text + rest.text


@pytest.mark.usefixtures("stored")
async def test_another_tenant_sees_and_changes_nothing(
    http: httpx2.AsyncClient, stranger: Person, engineer: Person, services: Services
) -> None:
    problem(await http.get(ERP, headers=stranger.headers), 404, "unknown-secret")
    problem(await http.delete(ERP, headers=stranger.headers), 404, "unknown-secret")
    assert (await http.get(SECRETS, headers=stranger.headers)).json()["items"] == []
    own = await http.put(ERP, json={"value": "of another plant"}, headers=stranger.headers)
    assert own.status_code == 201
    assert services.secrets.read(engineer.tenant_id, ("erp",)) == {"erp": PAIR}


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("role", ["viewer", "analyst", "operator", "manager"])
async def test_only_those_who_manage_secrets_change_them(
    http: httpx2.AsyncClient, services: Services, admin: Person, role: str
) -> None:
    somebody = person(services.accounts, admin.tenant_id, role, new_tenant=False)
    for method, given in (("PUT", {"value": PLANTED}), ("DELETE", None)):
        answer = await http.request(method, ERP, json=given, headers=somebody.headers)
        assert "secret:manage" in problem(answer, 403, "forbidden")["detail"]
        problem(await http.request(method, ERP, json=given), 401, "unauthenticated")
    for path in (SECRETS, ERP):
        answer = await http.get(path, headers=somebody.headers)
        if role == "manager":
            assert answer.status_code == 200
        else:
            problem(answer, 403, "forbidden")
        problem(await http.get(path), 401, "unauthenticated")


# Bodies that are refused, at every depth at which something refuses them.
REFUSED: list[tuple[str, int, str]] = [
    (json.dumps(PLANTED), 422, "invalid-input"),
    (json.dumps([PLANTED]), 422, "invalid-input"),
    (json.dumps(PAIR), 422, "invalid-input"),
    (json.dumps({"value": PLANTED, "note": PLANTED}), 422, "invalid-input"),
    (json.dumps({"Value": PLANTED}), 422, "invalid-input"),
    (json.dumps({"value": [PLANTED]}), 422, "invalid-secret"),
    (json.dumps({"value": {"a": PLANTED, "b": [PLANTED, 17]}}), 422, "invalid-secret"),
    (json.dumps({"value": {"a": PLANTED, "b": None}}), 422, "invalid-secret"),
    (json.dumps({"value": {"a": PLANTED, "b": "abc"}}), 422, "invalid-secret"),
    (json.dumps({"value": PLANTED * 5000}), 413, "too-large"),
    ('{"value": ' + '{"a":' * 9 + f'"{PLANTED}"' + "}" * 10, 413, "too-large"),
    ('{"value": ' + '{"a":' * 200 + f'"{PLANTED}"' + "}" * 201, 422, "invalid-input"),
    (f'{{"value": "{PLANTED}\\u0000"}}', 422, "invalid-input"),
    (f'{{"value": "{PLANTED}\\ud800"}}', 422, "invalid-input"),
    (f'{{"value": ["{PLANTED}", NaN]}}', 422, "invalid-input"),
    (f'{{"value": "{PLANTED}"', 400, "malformed"),
    (f'{{"value": "{PLANTED}" "{PLANTED}"}}', 400, "malformed"),
    (f"{{'value': '{PLANTED}'}}", 400, "malformed"),
    (PLANTED, 400, "malformed"),
]


@pytest.mark.parametrize(("body", "status", "code"), REFUSED)
async def test_a_refused_value_is_in_no_answer_and_in_no_log(
    http: httpx2.AsyncClient,
    engineer: Person,
    caplog: pytest.LogCaptureFixture,
    body: str,
    status: int,
    code: str,
) -> None:
    headers = {**engineer.headers, "Content-Type": "application/json"}
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as logs:
        answer = await http.put(ERP, content=body, headers=headers)
    problem(answer, status, code)
    assert "http_request" in [line["event"] for line in logs]
    assert PLANTED not in str(logs) + caplog.text


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_value_that_is_not_sent_as_json_is_not_repeated(
    http: httpx2.AsyncClient, engineer: Person, media: str
) -> None:
    headers = {**engineer.headers, "Content-Type": media}
    answer = await http.put(ERP, content=f"value={PLANTED}", headers=headers)
    problem(answer, 415, "unsupported-media-type")


async def test_bytes_that_are_no_text_are_not_repeated(
    http: httpx2.AsyncClient, engineer: Person
) -> None:
    headers = {**engineer.headers, "Content-Type": "application/json"}
    answer = await http.put(ERP, content=f'"{PLANTED}'.encode() + b"\xff", headers=headers)
    assert answer.status_code == 400
    assert PLANTED not in answer.text


@pytest.mark.parametrize("name", ["1st", "a.b", "a b", "비밀", "x" * 64])
async def test_a_name_that_no_secret_can_have_is_refused(
    http: httpx2.AsyncClient, engineer: Person, name: str
) -> None:
    for method, given in (("PUT", {"value": PLANTED}), ("GET", None), ("DELETE", None)):
        answer = await http.request(
            method, f"{SECRETS}/{name}", json=given, headers=engineer.headers
        )
        found = problem(answer, 422, "invalid-input")
        assert [error["pointer"] for error in found["errors"]] == ["/name"]


class Defective(Secrets):
    """Fails as code fails that nobody foresaw, with the value in its hands."""

    @override
    def put(
        self, tenant_id: str, name: str, value: JsonValue, by: str, *, etag: str | None = None
    ) -> SecretInfo:
        raise RuntimeError(f"cannot store '{name}' of {tenant_id}, {len(str(value))} characters")


class Away(Secrets):
    """Has no database."""

    @override
    def put(
        self, tenant_id: str, name: str, value: JsonValue, by: str, *, etag: str | None = None
    ) -> SecretInfo:
        raise UnavailableError("The database cannot be reached.")


# Traces without local variables, see `foundation.logs`.
as_processes_write_it = structlog.processors.format_exc_info


@pytest.mark.parametrize(
    ("kind", "status", "code"), [(Defective, 500, "internal"), (Away, 503, "unavailable")]
)
async def test_a_failure_of_ours_repeats_no_value(
    app: FastAPI,
    engineer: Person,
    kind: type[Secrets],
    status: int,
    code: str,
) -> None:
    services: Services = app.state.services
    object.__setattr__(services, "secrets", kind.__new__(kind))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as http:
        with structlog.testing.capture_logs([as_processes_write_it]) as logs:
            answer = await http.put(ERP, json={"value": PLANTED}, headers=engineer.headers)
    problem(answer, status, code)
    assert {"request_failed", "request_not_served"} & {line["event"] for line in logs}
    assert PLANTED not in str(logs)


async def test_a_list_refuses_the_page_token_of_another(
    http: httpx2.AsyncClient, engineer: Person
) -> None:
    answer = await http.get(SECRETS, params={"page_token": "x"}, headers=engineer.headers)
    assert "page_token" in problem(answer, 422, "invalid-input")["detail"]
