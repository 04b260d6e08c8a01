"""Rules about hosts over HTTP: who may make them, and that calls keep to them at once."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest

from api.services import Services
from foundation.database import Database
from foundation.settings import EgressSettings
from security.egress import Egress
from security.egress.stored import StoredRules
from tests.api.people import Person, person
from tests.toolhub.servers import Seen, good_server, serving

pytestmark = pytest.mark.anyio

RULES = "/api/v1/tenant/egress"


@pytest.fixture
async def egress(database: Database) -> AsyncIterator[Egress]:
    settings = EgressSettings(allow_networks=["127.0.0.0/8"])
    egress = Egress(settings, StoredRules(database))
    yield egress
    await egress.aclose()


@pytest.fixture(scope="module")
def good() -> Iterator[str]:
    with serving(good_server(Seen())) as url:
        yield f"{url}/mcp"


async def put(http: httpx2.AsyncClient, who: Person, **body: Any) -> httpx2.Response:
    given = {"allow": [], "deny": [], **body}
    return await http.put(RULES, json=given, headers=who.headers)


async def test_an_administrator_makes_rules_and_others_look(
    http: httpx2.AsyncClient, services: Services, admin: Person, viewer: Person, stranger: Person
) -> None:
    first = await http.get(RULES, headers=viewer.headers)
    assert first.json()["allow"] == first.json()["deny"] == []
    assert (first.headers["etag"], first.json()["changed_by"]) == ('"0"', None)
    manager = person(services.accounts, admin.tenant_id, "manager", new_tenant=False)
    for other in (viewer, manager):
        refused = await put(http, other, deny=["a.example"])
        assert (refused.status_code, "egress:manage" in refused.json()["detail"]) == (403, True)
    made = await put(http, admin, allow=["*.Plant.example", "*.plant.example"], deny=["x:81"])
    assert (made.status_code, made.headers["etag"]) == (200, '"1"')
    assert made.json()["allow"] == ["*.plant.example"]
    assert made.json()["changed_by"] == admin.user_id
    shown = await http.get(RULES, headers=viewer.headers)
    assert shown.json() == made.json()
    assert (await http.get(RULES, headers=stranger.headers)).json()["allow"] == []


async def test_rules_that_somebody_else_has_changed_are_not_replaced(
    http: httpx2.AsyncClient, admin: Person
) -> None:
    headers = {**admin.headers, "If-Match": '"0"'}
    body = {"allow": [], "deny": ["a.example"]}
    assert (await http.put(RULES, json=body, headers=headers)).status_code == 200
    refused = await http.put(RULES, json={"allow": [], "deny": []}, headers=headers)
    assert refused.status_code == 412
    assert refused.json()["type"].endswith(":egress-rules-changed")
    assert (await http.get(RULES, headers=admin.headers)).json()["deny"] == ["a.example"]


@pytest.mark.parametrize(
    "body",
    [
        {}, {"allow": []}, {"allow": [], "deny": "a"}, {"allow": [], "deny": [1]},
        {"allow": [], "deny": ["a/b"]}, {"allow": [""], "deny": []},
        {"allow": [], "deny": ["a"] * 201}, {"allow": [], "deny": [], "more": 1},
    ],
)  # fmt: skip
async def test_what_are_no_rules_are_refused(
    http: httpx2.AsyncClient, admin: Person, body: object
) -> None:
    refused = await http.put(RULES, json=body, headers=admin.headers)
    assert refused.status_code == 422
    assert (await http.get(RULES, headers=admin.headers)).json()["version"] == 0


async def test_asking_says_which_rule_refuses(
    http: httpx2.AsyncClient, admin: Person, viewer: Person
) -> None:
    async def ask(url: str) -> Any:
        answer = await http.post(f"{RULES}:check", json={"url": url}, headers=viewer.headers)
        return answer.json()

    await put(http, admin, allow=["127.0.0.1", "https://*.plant.example"], deny=["127.0.0.1:81"])
    assert (await ask("http://127.0.0.1/a?b=c"))["allowed"] is True
    assert (await ask("mqtt://127.0.0.1:1883"))["allowed"] is True
    assert "the rule is '127.0.0.1:81'" in (await ask("http://127.0.0.1:81/"))["why"]
    assert "not among those" in (await ask("http://x.plant.example"))["why"]
    assert "spelling" in (await ask("http://2130706433/"))["why"]
    for nothing in ("mqtt://127.0.0.1", "127.0.0.1", "x:y:z"):
        assert (await ask(nothing))["status"] == 422


async def test_a_server_that_a_rule_denies_is_neither_registered_nor_called(
    http: httpx2.AsyncClient, admin: Person, good: str
) -> None:
    server = {"name": "line", "url": good}
    made = await http.post("/api/v1/mcp/servers", json=server, headers=admin.headers)
    assert made.status_code == 201, made.text
    call = {"server": "line", "tool": "greet", "arguments": {"name": "Kim"}}

    async def called() -> httpx2.Response:
        where = "/api/v1/mcp/tools/call"
        return await http.post(where, json=call, headers=admin.headers)

    assert (await called()).status_code == 200
    await put(http, admin, deny=["127.0.0.1"])
    for _ in range(12):
        refused = await called()
        assert refused.json()["type"].endswith(":mcp-server-not-allowed"), refused.text
    assert "the rule is '127.0.0.1'" in refused.json()["detail"]
    refused = await http.post(
        "/api/v1/mcp/servers", json={**server, "name": "b"}, headers=admin.headers
    )
    assert refused.json()["type"].endswith(":mcp-server-not-allowed")
    await put(http, admin)
    # Nothing counted against the server: its breaker is closed.
    assert (await called()).status_code == 200
