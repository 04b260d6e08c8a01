"""Servers that are used as a person: he agrees once, in a browser; tokens go on by themselves."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from anyio import to_thread
from sqlalchemy import text

from foundation.database import Database
from foundation.errors import NotFoundError
from security.authority import keeping
from security.authority.tokens import Token
from security.egress import Egress
from security.sealing import Sealer
from tests.fixtures.hubs import build_toolhub
from tests.fixtures.polling import pause
from tests.fixtures.token_server import BASIC_SECRET, TokenServer
from tests.toolhub.protected import Protected, protected
from toolhub.consents import tokens
from toolhub.consents.repository import Consents, Elsewhere, Good, Turn
from toolhub.consents.types import ConsentAnswer
from toolhub.errors import CallForbiddenError, ConsentError, NoTokenError, RegistrationError
from toolhub.logins.types import Registered
from toolhub.schemas import CallTool, ServerChange, ServerInfo, ServerRegistration, ServerStatus
from toolhub.wiring import ToolhubParts

pytestmark = pytest.mark.anyio

BACK = "https://millwright.example/api/v1/mcp/oauth/callback"
OURS = "https://millwright.example/api/v1/mcp/oauth/client-metadata.json"


@pytest.fixture
def crm(token_server: TokenServer) -> Iterator[Protected]:
    with protected(token_server) as server:
        yield server


async def register(parts: ToolhubParts, crm: Protected, **more: Any) -> ServerInfo:
    credential = {"kind": "oauth2-authorization-code", **more}
    about = {"name": "crm", "url": crm.endpoint, "credential": credential}
    return await parts.registry.register("press", ServerRegistration.model_validate(about))


async def asked(parts: ToolhubParts, by: str = "kim", **more: Any) -> str:
    start = await parts.consenting.begin("press", "crm", by=by, redirect_uri=BACK, **more)
    return start.url


async def browsed(url: str) -> dict[str, str]:
    """Agree in a browser; return what one is sent back with."""
    async with httpx2.AsyncClient() as browser:
        answer = await browser.get(url)
    came_to, _, query = answer.headers["location"].partition("?")
    assert came_to.startswith(f"{BACK}/")
    return {**dict(parse_qsl(query)), "came_to": came_to}


async def agree(parts: ToolhubParts, **more: Any) -> None:
    came_with = await browsed(await asked(parts, **more))
    await parts.consenting.complete(ConsentAnswer.model_validate(came_with))


async def call(parts: ToolhubParts, tool: str = "book") -> Any:
    given = {"part": 7} if tool == "book" else {}
    asked_for = CallTool(tenant_id="press", server="crm", tool=tool, arguments=dict(given))
    return (await parts.hub.call(asked_for)).value


async def test_a_person_agrees_and_the_server_is_used_as_him(
    parts: ToolhubParts, crm: Protected, token_server: TokenServer, database: Database
) -> None:
    crm.says = {"scopes_supported": ["crm:read"]}
    assert (await register(parts, crm)).status is ServerStatus.UNDISCOVERED
    with pytest.raises(NoTokenError, match="millwright mcp login crm"):
        await parts.registry.refresh("press", "crm")
    await agree(parts)
    assert (await parts.registry.refresh("press", "crm")).tool_count == 2
    assert await call(parts) == "booked 7"
    found = await parts.consenting.get("press", "crm")
    assert (found.agreed_by, found.issuer) == ("kim", token_server.authority)
    assert (found.client_id, found.scopes, found.renewable) == ("made-1", ["crm:read"], True)
    assert token_server.forms[0]["resource"] == crm.endpoint
    with database.session() as session:
        rows = str(session.execute(text("select * from mcp_consents")).all())
    secrets = [*token_server.issued, token_server.refresh]
    assert [secret for secret in secrets if secret in rows or secret in str(found)] == []


async def test_a_token_is_renewed_once_for_all_processes(
    parts: ToolhubParts, another: ToolhubParts, crm: Protected, token_server: TokenServer
) -> None:
    token_server.rotates = True
    await register(parts, crm)
    await agree(parts)
    await parts.registry.refresh("press", "crm")
    for each in (parts, another):
        await call(each)
    token_server.revoke()
    # A refresh token that is used twice is refused, and ends everything.
    await asyncio.gather(*(call(each) for each in (parts, another) for _ in range(5)))
    assert token_server.grants["refresh_token"] == 1
    assert crm.seen.ran["book"] == 12
    token_server.revoke()
    await asyncio.gather(*(call(each) for each in (parts, another)))
    assert token_server.grants["refresh_token"] == 2


async def test_a_process_that_dies_while_it_renews_leaves_it_to_another_one(
    parts: ToolhubParts, crm: Protected, token_server: TokenServer, database: Database
) -> None:
    token_server.expires_in = 0
    await register(parts, crm)
    await agree(parts)
    past = datetime.now(tz=UTC) - timedelta(seconds=1)
    with database.session() as session:
        session.execute(text("update mcp_consents set renewed_until = :past"), {"past": past})
    assert (await parts.registry.refresh("press", "crm")).tool_count == 2


@asynccontextmanager
async def renewing(parts: ToolhubParts, tokens_of: TokenServer) -> AsyncIterator[None]:
    """Have a process wait for a token in place of another one, until it is handed out."""
    tokens_of.revoke()
    tokens_of.asked.clear()
    tokens_of.held.clear()
    waiting = asyncio.create_task(parts.registry.refresh("press", "crm"))
    await to_thread.run_sync(tokens_of.asked.wait, 20)
    yield
    tokens_of.held.set()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_a_process_that_stops_while_it_renews_stores_what_it_gets(
    parts: ToolhubParts, another: ToolhubParts, crm: Protected, token_server: TokenServer
) -> None:
    token_server.rotates = True
    await register(parts, crm)
    await agree(parts)
    async with renewing(parts, token_server):
        stopping = asyncio.create_task(parts.logins.aclose())
        await pause()
        token_server.held.set()
        await stopping
    assert (await another.registry.refresh("press", "crm")).tool_count == 2
    assert token_server.grants["refresh_token"] == 1


async def test_a_process_that_is_stopped_while_it_renews_lets_nobody_use_the_same_at_once(
    parts: ToolhubParts,
    crm: Protected,
    token_server: TokenServer,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeping, "FINISH_S", 0.0)
    await register(parts, crm)
    await agree(parts)
    async with renewing(parts, token_server):
        await parts.logins.aclose()
    with database.session() as session:
        assert session.scalar(text("select renewed_until > now() from mcp_consents"))


async def test_who_is_late_with_renewing_ends_nobody_elses_turn(
    parts: ToolhubParts,
    crm: Protected,
    token_server: TokenServer,
    database: Database,
    sealer: Sealer,
) -> None:
    token_server.expires_in = 0
    await register(parts, crm)
    await agree(parts)
    consents = Consents(database, sealer)
    with database.session() as session:
        row = session.execute(text("select server_id, credential_version from mcp_consents")).one()
    server = Registered(tenant_id="press", server_id=str(row[0]), version=row[1])
    late = consents.step(server, None)
    with database.session() as session:
        session.execute(text("update mcp_consents set renewed_until = now()"))
    now = consents.step(server, None)
    assert isinstance(late, Turn)
    assert isinstance(now, Turn)
    consents.gave_up(server, late)
    assert isinstance(consents.step(server, None), Elsewhere)
    consents.renewed(server, late, Token("late-but-good", 60.0))
    consents.renewed(server, now, Token("got-with-what-was-used-up", 60.0))
    found = consents.step(server, None)
    assert isinstance(found, Good)
    assert found.token.text == "late-but-good"
    assert isinstance(consents.step(server, "late-but-good"), Elsewhere)
    consents.gave_up(server, now)
    assert isinstance(consents.step(server, "late-but-good"), Turn)


async def test_an_authority_that_is_away_while_it_renews_may_be_asked_again(
    parts: ToolhubParts, crm: Protected, token_server: TokenServer
) -> None:
    token_server.expires_in = 0
    await register(parts, crm)
    await agree(parts)
    token_server.way = "503"
    with pytest.raises(Exception, match="out of order"):
        await parts.registry.refresh("press", "crm")
    token_server.way = ""
    assert (await parts.registry.refresh("press", "crm")).tool_count == 2


async def test_what_ended_at_the_other_side_is_agreed_to_anew(
    parts: ToolhubParts, crm: Protected, token_server: TokenServer
) -> None:
    await register(parts, crm)
    await agree(parts)
    token_server.revoke()
    token_server.refresh = "rt-of-somebody-else"
    with pytest.raises(NoTokenError, match=r"invalid_grant.*millwright mcp login crm"):
        await parts.registry.refresh("press", "crm")
    await agree(parts, by="lee")
    await parts.registry.refresh("press", "crm")
    assert (await parts.consenting.get("press", "crm")).agreed_by == "lee"
    assert list(token_server.made) == ["made-1"]


async def test_scopes_that_are_missing_are_asked_for_with_those_there_were(
    parts: ToolhubParts, crm: Protected
) -> None:
    crm.scopes, crm.tool_scopes = {"crm:read"}, {"crm:write"}
    crm.says = {"scopes_supported": ["crm:read"]}
    await register(parts, crm)
    await agree(parts)
    await parts.registry.refresh("press", "crm")
    with pytest.raises(CallForbiddenError, match=r"crm:write\. Somebody can agree to that"):
        await call(parts)
    assert (await parts.consenting.get("press", "crm")).wanted_scopes == ["crm:read", "crm:write"]
    await agree(parts)
    assert await call(parts) == "booked 7"


async def test_a_client_that_is_known_is_not_made_anew(
    parts: ToolhubParts, crm: Protected, token_server: TokenServer
) -> None:
    await register(parts, crm, client_id="public")
    await agree(parts)
    assert (await parts.consenting.get("press", "crm")).client_id == "public"
    assert token_server.made == {}


async def test_a_client_that_is_known_belongs_to_whom_the_server_named_when_it_was_registered(
    parts: ToolhubParts, crm: Protected, token_server: TokenServer
) -> None:
    stored = await register(parts, crm, client_id="basic:client", client_secret=BASIC_SECRET)
    assert stored.credential.token is not None
    assert stored.credential.token.issuer == token_server.authority
    token_server.requests.clear()
    crm.says = {"authorization_servers": [f"{token_server.url}/realms/thief"]}
    with pytest.raises(NoTokenError, match="does not take tokens of"):
        await asked(parts)
    assert token_server.requests == []


async def test_a_client_that_is_known_needs_its_issuer_where_nobody_is_asked(
    parts: ToolhubParts, crm: Protected, token_server: TokenServer
) -> None:
    credential = {"kind": "oauth2-authorization-code", "client_id": "public"}
    about = {"name": "crm", "url": crm.endpoint, "discover": False}
    given = ServerRegistration.model_validate({**about, "credential": credential})
    with pytest.raises(RegistrationError, match="write 'issuer'"):
        await parts.registry.register("press", given)
    known = {**credential, "issuer": token_server.authority}
    given = ServerRegistration.model_validate({**about, "credential": known})
    await parts.registry.register("press", given)
    await agree(parts)


async def test_our_own_description_is_our_name_where_it_is_read(
    parts: ToolhubParts, crm: Protected, token_server: TokenServer
) -> None:
    token_server.metadata = {"client_id_metadata_document_supported": True}
    await register(parts, crm)
    said = dict(parse_qsl(urlsplit(await asked(parts, described_at=OURS)).query))
    assert (said["client_id"], said["redirect_uri"], token_server.made) == (OURS, BACK, {})


async def test_our_own_description_is_not_our_name_where_nobody_says_who_answers(
    parts: ToolhubParts, crm: Protected, token_server: TokenServer
) -> None:
    says = {"authorization_response_iss_parameter_supported": False}
    token_server.metadata = {"client_id_metadata_document_supported": True, **says}
    await register(parts, crm)
    said = dict(parse_qsl(urlsplit(await asked(parts, described_at=OURS)).query))
    assert said["client_id"] == "made-1"


async def test_what_comes_back_from_another_authorization_server_is_not_used(
    parts: ToolhubParts, crm: Protected, token_server: TokenServer
) -> None:
    """One that names the authorization endpoint of another one gets nothing of that."""
    token_server.metadata = {"authorization_response_iss_parameter_supported": False}
    await register(parts, crm, client_id="public")
    came_with = {**await browsed(await asked(parts)), "iss": None}
    digest = sha256(token_server.authority.encode()).hexdigest()[:32]
    assert came_with["came_to"] == f"{BACK}/{digest}"
    for elsewhere in (BACK, f"{BACK}/{digest[::-1]}"):
        wrong = ConsentAnswer.model_validate({**came_with, "came_to": elsewhere})
        with pytest.raises(ConsentError, match="where others answer"):
            await parts.consenting.complete(wrong)
        came_with = {**await browsed(await asked(parts)), "iss": None}
    assert token_server.forms == []
    await parts.consenting.complete(ConsentAnswer.model_validate(came_with))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"state": "press.guessed"}, "Nobody was asked this"),
        ({"state": "paint"}, "Nobody was asked this"),
        ({"came_to": BACK}, "where others answer"),
        ({"iss": "https://thief.example"}, "somebody else's"),
        ({"iss": None}, "does not say who gives it"),
        ({"code": None, "error": "access_denied"}, "access_denied"),
    ],
)
async def test_an_answer_that_is_not_to_what_was_asked_counts_nothing(
    parts: ToolhubParts,
    crm: Protected,
    token_server: TokenServer,
    wrong: dict[str, str | None],
    why: str,
) -> None:
    await register(parts, crm)
    came_with = {**await browsed(await asked(parts)), **wrong}
    with pytest.raises(ConsentError, match=why):
        await parts.consenting.complete(ConsentAnswer.model_validate(came_with))
    assert token_server.forms == []


async def test_an_answer_counts_once_for_ten_minutes_and_for_the_credential_it_was_given_for(
    parts: ToolhubParts, crm: Protected, database: Database
) -> None:
    await register(parts, crm)
    once = ConsentAnswer.model_validate(await browsed(await asked(parts)))
    await parts.consenting.complete(once)
    with pytest.raises(ConsentError, match="Nobody was asked this"):
        await parts.consenting.complete(once)
    late = ConsentAnswer.model_validate(await browsed(await asked(parts)))
    with database.session() as session:
        session.execute(text("update mcp_consent_requests set expires_at = now()"))
    with pytest.raises(ConsentError, match="more than ten minutes"):
        await parts.consenting.complete(late)
    other = ConsentAnswer.model_validate(await browsed(await asked(parts)))
    credential = {"kind": "oauth2-authorization-code", "scopes": ["crm:read"]}
    await parts.registry.update(
        "press", "crm", ServerChange.model_validate({"credential": credential})
    )
    with pytest.raises(ConsentError, match="has changed since"):
        await parts.consenting.complete(other)
    with pytest.raises(NoTokenError, match="Nobody has agreed"):
        await parts.registry.refresh("press", "crm")


async def test_nobody_is_sent_where_it_is_not_checked_who_comes_back(
    parts: ToolhubParts, crm: Protected, token_server: TokenServer
) -> None:
    token_server.metadata = {"code_challenge_methods_supported": ["plain"]}
    await register(parts, crm)
    with pytest.raises(NoTokenError, match="PKCE"):
        await asked(parts)


async def test_what_is_dropped_is_used_no_more(
    parts: ToolhubParts, crm: Protected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "KEPT_S", 0.0)
    await register(parts, crm)
    await agree(parts)
    await parts.registry.refresh("press", "crm")
    await parts.consenting.forget("press", "crm", by="kim")
    with pytest.raises(NoTokenError, match="Nobody has agreed"):
        await call(parts)
    with pytest.raises(NotFoundError, match="millwright mcp login crm"):
        await parts.consenting.get("press", "crm")


async def test_nobody_has_to_agree_to_a_server_that_is_logged_in_to_otherwise(
    parts: ToolhubParts, crm: Protected
) -> None:
    about = {"name": "crm", "url": crm.endpoint, "discover": False}
    await parts.registry.register("press", ServerRegistration.model_validate(about))
    with pytest.raises(RegistrationError, match="'oauth2-authorization-code'"):
        await asked(parts)


async def test_another_installation_cannot_open_what_was_agreed_to(
    parts: ToolhubParts, crm: Protected, database: Database, egress: Egress
) -> None:
    await register(parts, crm)
    await agree(parts)
    stranger = build_toolhub(database, Sealer(bytes(32)), egress)
    with pytest.raises(Exception, match="A stored secret cannot be opened"):
        await stranger.consenting.get("press", "crm")
    await stranger.aclose()
