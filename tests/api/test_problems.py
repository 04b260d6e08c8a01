import json
from collections.abc import AsyncIterator

import httpx2
import pytest
import structlog
from fastapi import APIRouter, FastAPI

from api.app import create_app
from api.services import Services
from tests.api.people import Person

pytestmark = pytest.mark.anyio

LOGIN = "/api/v1/auth/login"
ME = "/api/v1/auth/me"
JSON = {"content-type": "application/json"}


def assert_problem(answer: httpx2.Response, status: int, code: str) -> str:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body.keys() >= {"type", "title", "status", "detail", "instance"}
    assert body["type"] == f"urn:millwright:problem:{code}"
    assert body["status"] == status
    assert body["instance"] == answer.request.url.path
    assert "Traceback" not in answer.text
    return str(body["detail"])


async def test_an_unknown_path_is_a_problem(http: httpx2.AsyncClient) -> None:
    detail = assert_problem(await http.get("/api/v1/nothing"), 404, "not-found")
    assert "GET /api/v1/nothing" in detail


async def test_a_path_with_a_slash_too_many_is_unknown(http: httpx2.AsyncClient) -> None:
    assert_problem(await http.get("/healthz/"), 404, "not-found")


async def test_a_wrong_method_names_the_right_one(http: httpx2.AsyncClient) -> None:
    answer = await http.delete(LOGIN)
    assert "Allowed: POST" in assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/v1/schedules", "GET, POST"),
        ("/api/v1/schedules/every-morning", "DELETE, GET, PATCH"),
        ("/api/v1/schedules/every-morning:pause", "POST"),
        ("/api/v1/workflows/instances/active", "GET"),
    ],
)
async def test_a_wrong_method_names_all_that_the_resource_has(
    http: httpx2.AsyncClient, path: str, allowed: str
) -> None:
    assert (await http.options(path)).headers["allow"] == allowed


@pytest.mark.parametrize("body", [b"{", b"", b"{'a': 1}", b"\xff\xfe\x00", b"[" * 100_000, b"nul"])
async def test_a_body_that_is_no_json_is_malformed(http: httpx2.AsyncClient, body: bytes) -> None:
    answer = await http.post(LOGIN, content=body, headers=JSON)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


async def test_malformed_json_names_the_place(http: httpx2.AsyncClient) -> None:
    answer = await http.post(LOGIN, content=b'{"email": }', headers=JSON)
    assert "at character 10" in assert_problem(answer, 400, "malformed")


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "application/yaml", ""])
async def test_a_body_of_another_media_type_is_unsupported(
    http: httpx2.AsyncClient, media_type: str
) -> None:
    body = b'{"email": "a@b", "password": "x"}'
    answer = await http.post(LOGIN, content=body, headers={"content-type": media_type})
    assert "application/json" in assert_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ('{"email": "a\\u0000@b", "password": "x"}', "/email"),
        ('{"email": "\\ud800", "password": "x"}', "/email"),
        ('{"email": "\\udfff\\ud800", "password": "x"}', "/email"),
        ('{"email": NaN, "password": "x"}', "/email"),
        ('{"email": -Infinity, "password": "x"}', "/email"),
        ('{"email": 1e999, "password": "x"}', "/email"),
        ('{"email": {"a/b": [0, "\\u0000"]}, "password": "x"}', "/email/a~1b/1"),
        ('{"\\u0000": 1}', ""),
        ('{"email": ' + "[" * 200 + "]" * 200 + "}", "/email" + "/0" * 99),
    ],
)
async def test_what_cannot_be_stored_is_refused_with_its_place(
    http: httpx2.AsyncClient, body: str, pointer: str
) -> None:
    answer = await http.post(LOGIN, content=body.encode(), headers=JSON)
    assert_problem(answer, 422, "invalid-input")
    assert {"in": "body", "pointer": pointer} in [
        {"in": error["in"], "pointer": error["pointer"]} for error in answer.json()["errors"]
    ]


async def test_surrogates_in_raw_bytes_are_refused(http: httpx2.AsyncClient) -> None:
    body = b'{"email": "\xed\xa0\x80", "password": "x"}'
    assert_problem(await http.post(LOGIN, content=body, headers=JSON), 422, "invalid-input")


async def test_escaped_pairs_and_backslashes_are_ordinary_text(http: httpx2.AsyncClient) -> None:
    body = rb'{"email": "\ud83d\ude00 \\u0000@b", "password": "x"}'
    answer = await http.post(LOGIN, content=body, headers=JSON)
    assert answer.status_code == 401


async def test_nul_in_a_query_is_refused(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/healthz?a=%00")
    assert_problem(answer, 422, "invalid-input")
    assert answer.json()["errors"][0]["in"] == "query"


async def test_an_announced_body_over_the_limit_is_refused_unread(
    http: httpx2.AsyncClient, services: Services
) -> None:
    limit = services.settings.api.max_body_bytes

    async def body() -> AsyncIterator[bytes]:
        raise AssertionError("nobody may read this")
        yield b""

    for path in (LOGIN, ME, "/nowhere"):
        headers = {**JSON, "content-length": str(limit + 1)}
        answer = await http.post(path, content=body(), headers=headers)
        assert f"{limit:,} bytes" in assert_problem(answer, 413, "too-large")


async def test_a_body_that_grows_over_the_limit_is_cut_off(
    http: httpx2.AsyncClient, services: Services
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 64 * 1024
            yield b" " * 64 * 1024

    answer = await http.post(LOGIN, content=endless(), headers=JSON)
    assert_problem(answer, 413, "too-large")
    assert sent <= services.settings.api.max_body_bytes + 2 * 64 * 1024


async def test_a_body_of_exactly_the_limit_is_read(
    http: httpx2.AsyncClient, services: Services
) -> None:
    body = b"{}".ljust(services.settings.api.max_body_bytes)
    assert_problem(await http.post(LOGIN, content=body, headers=JSON), 422, "invalid-input")


@pytest.mark.parametrize("host", ["[", "a b", "", "[::1", "a:b:c", "\xe9"])
async def test_a_hostile_host_header_changes_nothing(http: httpx2.AsyncClient, host: str) -> None:
    answer = await http.get("/nowhere", headers={b"host": host.encode("latin-1")})
    assert_problem(answer, 404, "not-found")


@pytest.fixture
def broken(services: Services) -> FastAPI:
    """The application with one route that has a defect."""
    router = APIRouter()

    @router.get("/api/v1/auth/broken")
    async def broken() -> None:
        raise RuntimeError("the password is swordfish")

    app = create_app(services, services.settings)
    app.include_router(router)
    return app


async def test_a_defect_of_ours_gives_a_request_id_and_nothing_of_its_trace(
    broken: FastAPI,
) -> None:
    transport = httpx2.ASGITransport(app=broken)
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as http:
        with structlog.testing.capture_logs() as logs:
            answer = await http.get("/api/v1/auth/broken", headers={"X-Request-ID": "abc-1"})
    assert "abc-1" in assert_problem(answer, 500, "internal")
    assert "swordfish" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    failed = next(line for line in logs if line["event"] == "request_failed")
    assert "swordfish" in str(failed["exc_info"])


async def test_the_request_id_of_the_caller_comes_back_and_is_logged(
    http: httpx2.AsyncClient,
) -> None:
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as logs:
        answer = await http.get("/healthz", headers={"X-Request-ID": "caller.7_x-1"})
    assert answer.headers["x-request-id"] == "caller.7_x-1"
    line = next(line for line in logs if line["event"] == "http_request")
    assert (line["request_id"], line["status"], line["path"]) == ("caller.7_x-1", 200, "/healthz")


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a;b", "<script>", 'a"b'])
async def test_an_id_that_could_not_be_logged_is_replaced(
    http: httpx2.AsyncClient, given: str
) -> None:
    answer = await http.get("/healthz", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 32


async def test_every_answer_carries_the_security_headers(
    http: httpx2.AsyncClient, admin: Person
) -> None:
    for path in ("/healthz", "/nowhere", ME, "/docs"):
        headers = (await http.get(path, headers=admin.headers)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]


async def test_the_description_promises_problems_for_every_operation(
    http: httpx2.AsyncClient,
) -> None:
    document = (await http.get("/openapi.json")).json()
    for path in document["paths"].values():
        for operation in path.values():
            content = operation["responses"]["default"]["content"]
            assert list(content) == ["application/problem+json"]
    assert "HTTPValidationError" not in json.dumps(document)
