"""Agreeing that an MCP server is used as oneself, over HTTP and with the command."""

import json
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from api.services import Services
from cli.main import FAILED, OK
from foundation.settings import EgressSettings
from security.egress import UNRULED, Egress
from tests.api.people import Person
from tests.api.test_mcp import SERVERS, problem
from tests.cli.test_secrets import Command, address, millwright, somebody
from tests.fixtures.token_server import TokenServer
from tests.toolhub.protected import Protected, protected
from toolhub.consents.types import ConsentAnswer

__all__ = ["address", "millwright", "somebody"]

pytestmark = pytest.mark.anyio

CRM = f"{SERVERS}/crm"
METADATA = "/api/v1/mcp/oauth/client-metadata.json"


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    egress = Egress(EgressSettings(allow_networks=["127.0.0.0/8"]), UNRULED)
    yield egress
    await egress.aclose()


@pytest.fixture
def crm(token_server: TokenServer) -> Iterator[Protected]:
    with protected(token_server) as server:
        yield server


@pytest.fixture
async def registered(http: httpx2.AsyncClient, admin: Person, crm: Protected) -> Protected:
    about = {
        "name": "crm",
        "url": crm.endpoint,
        "credential": {"kind": "oauth2-authorization-code"},
    }
    answer = await http.post(SERVERS, json=about, headers=admin.headers)
    assert (answer.status_code, answer.json()["status"]) == (201, "undiscovered")
    return crm


async def sent_back(url: str) -> str:
    async with httpx2.AsyncClient() as browser:
        where: str = (await browser.get(url)).headers["location"]
    return where


@pytest.mark.usefixtures("registered")
async def test_who_agrees_in_a_browser_needs_no_token_of_ours_to_come_back(
    http: httpx2.AsyncClient, admin: Person, viewer: Person, token_server: TokenServer
) -> None:
    begin = f"{CRM}:authorize"
    problem(await http.post(begin, headers=viewer.headers), 403, "forbidden")
    start = await http.post(begin, headers=admin.headers)
    assert start.status_code == 201
    back = urlsplit(await sent_back(start.json()["url"]))
    assert f"{back.scheme}://{back.netloc}" == "http://127.0.0.1:8080"
    callback = "/api/v1/mcp/oauth/callback"
    issuer = sha256(token_server.authority.encode()).hexdigest()[:32]
    assert back.path == f"{callback}/{issuer}"
    done = await http.get(f"{back.path}?{back.query}")
    assert (done.status_code, done.headers["cache-control"]) == (200, "no-store")
    assert "may now use the MCP server 'crm' as you. It has 2 tools." in done.text
    problem(await http.get(f"{back.path}?{back.query}"), 422, "mcp-consent")
    consent = await http.get(f"{CRM}/consent", headers=viewer.headers)
    assert (consent.json()["agreed_by"], consent.json()["wanted_scopes"]) == (admin.user_id, [])
    tried = {"server": "crm", "tool": "book", "arguments": {"part": 7}}
    answer = await http.post("/api/v1/mcp/tools/call", json=tried, headers=admin.headers)
    assert answer.json()["value"] == "booked 7"
    seen = f"{start.text} {done.text} {consent.text} {answer.text}"
    assert [token for token in token_server.issued if token in seen] == []
    problem(await http.delete(f"{CRM}/consent", headers=viewer.headers), 403, "forbidden")
    assert (await http.delete(f"{CRM}/consent", headers=admin.headers)).status_code == 204
    problem(await http.get(f"{CRM}/consent", headers=admin.headers), 404, "not-found")


@pytest.mark.usefixtures("registered")
async def test_who_comes_back_from_elsewhere_than_he_was_sent_is_not_believed(
    http: httpx2.AsyncClient, admin: Person, token_server: TokenServer
) -> None:
    for elsewhere in ("", f"/{'0' * 32}"):
        start = await http.post(f"{CRM}:authorize", headers=admin.headers)
        back = urlsplit(await sent_back(start.json()["url"]))
        answer = await http.get(f"{back.path.rpartition('/')[0]}{elsewhere}?{back.query}")
        assert "where others answer" in problem(answer, 422, "mcp-consent")["detail"]
    assert token_server.forms == []


@pytest.mark.usefixtures("registered")
async def test_nobody_of_another_tenant_can_begin_or_look(
    http: httpx2.AsyncClient, stranger: Person
) -> None:
    for method, path in (("POST", f"{CRM}:authorize"), ("GET", f"{CRM}/consent")):
        answer = await http.request(method, path, headers=stranger.headers)
        problem(answer, 404, "unknown-mcp-server")


@pytest.mark.usefixtures("registered")
async def test_who_comes_back_with_somebody_elses_secret_is_told_nothing(
    http: httpx2.AsyncClient, admin: Person, token_server: TokenServer
) -> None:
    start = await http.post(f"{CRM}:authorize", headers=admin.headers)
    back = dict(parse_qsl(urlsplit(await sent_back(start.json()["url"])).query))
    for state in ("", "x", f"{admin.tenant_id}.guess", back["state"][:-1]):
        said = {**back, "state": state}
        answer = await http.get("/api/v1/mcp/oauth/callback", params=said)
        problem(answer, 422, "mcp-consent")
    assert token_server.forms == []


async def test_authorization_servers_read_who_we_are(http: httpx2.AsyncClient) -> None:
    said: dict[str, Any] = (await http.get(METADATA)).json()
    assert said["client_id"] == f"http://127.0.0.1:8080{METADATA}"
    assert said["redirect_uris"] == ["http://127.0.0.1:8080/api/v1/mcp/oauth/callback"]
    assert said["token_endpoint_auth_method"] == "none"


@pytest.mark.usefixtures("registered")
async def test_the_command_says_where_to_agree(
    millwright: Command, somebody: Person, services: Services
) -> None:
    status, out, _ = await millwright("mcp", "login", "crm")
    (url,) = [line for line in out.splitlines() if line.startswith("http")]
    assert status == OK
    assert "response_type=code" in url
    status, out, _ = await millwright("mcp", "login", "crm", "--json")
    assert (status, set(json.loads(out))) == (OK, {"url", "expires_at"})
    status, _, err = await millwright("mcp", "logout", "crm")
    assert status == FAILED
    assert "Nobody has agreed to the MCP server 'crm' yet" in err
    start = await services.consenting.begin(
        somebody.tenant_id, "crm", by="kim", redirect_uri="http://127.0.0.1:8080/back"
    )
    came_to, _, query = (await sent_back(start.url)).partition("?")
    back = {**dict(parse_qsl(query)), "came_to": came_to}
    await services.consenting.complete(ConsentAnswer.model_validate(back))
    status, out, _ = await millwright("mcp", "logout", "crm")
    assert (status, "used as nobody any more" in out) == (OK, True)
