"""Servers that take tokens: whose they are is found out, they are got, shared, renewed, hidden."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from foundation.database import Database
from foundation.errors import MillwrightError
from foundation.json import JsonObject
from security.authority.errors import LoginError
from tests.fixtures.token_server import BASIC_SECRET, POST_SECRET, TokenServer
from tests.toolhub.protected import Protected, credential, protected
from toolhub.errors import (
    AuthorityDownError,
    CallForbiddenError,
    CredentialRefusedError,
    NoTokenError,
    RegistrationError,
)
from toolhub.logins.challenges import Challenge, challenge_of
from toolhub.logins.metadata import check_safe
from toolhub.policies.types import ToolPolicy
from toolhub.protection import Protection
from toolhub.schemas import CallTool, ServerChange, ServerInfo, ServerRegistration
from toolhub.wiring import ToolhubParts

pytestmark = pytest.mark.anyio


@pytest.fixture
def mes(token_server: TokenServer) -> Iterator[Protected]:
    with protected(token_server) as server:
        yield server


async def register(
    parts: ToolhubParts, mes: Protected, given: dict[str, Any] | None = None, **more: Any
) -> ServerInfo:
    about = {"name": "mes", "url": mes.endpoint, "credential": given or credential(), **more}
    return await parts.registry.register("press", ServerRegistration.model_validate(about))


async def call(parts: ToolhubParts, tool: str = "book", **more: Any) -> Any:
    arguments: JsonObject = {"part": 7} if tool == "book" else {}
    asked = CallTool(tenant_id="press", server="mes", tool=tool, arguments=arguments, **more)
    return (await parts.hub.call(asked)).value


def tokens_asked_for(server: TokenServer) -> list[dict[str, Any]]:
    return [form for form in server.forms if form["grant_type"] == "client_credentials"]


async def test_a_server_says_itself_whose_tokens_it_takes(
    parts: ToolhubParts, mes: Protected, token_server: TokenServer
) -> None:
    mes.says = {"scopes_supported": ["mes:read", "mes:write"]}
    found = await register(parts, mes)
    assert found.credential.kind == "oauth2-client-credentials"
    shown = found.credential.token
    assert shown is not None
    assert (shown.issuer, shown.resource) == (token_server.authority, mes.endpoint)
    assert shown.scopes == ["mes:read", "mes:write"]
    assert await call(parts) == "booked 7"
    (asked,) = tokens_asked_for(token_server)
    assert asked["resource"] == mes.endpoint
    assert asked["scope"] == "mes:read mes:write"


async def test_a_server_that_wants_a_token_is_not_asked_in_the_manner_of_2025(
    parts: ToolhubParts, mes: Protected
) -> None:
    await register(parts, mes)
    assert mes.refused == [401]  # whoever asks whose tokens it takes has none


async def test_calls_share_a_token_also_at_once(
    parts: ToolhubParts, mes: Protected, token_server: TokenServer
) -> None:
    await register(parts, mes)
    token_server.revoke()
    await asyncio.gather(*(call(parts) for _ in range(20)))
    assert mes.seen.ran["book"] == 20
    assert token_server.grants["client_credentials"] == 2


async def test_a_token_is_renewed_before_it_ends(
    parts: ToolhubParts, mes: Protected, token_server: TokenServer
) -> None:
    token_server.expires_in = 0
    await register(parts, mes)
    asked = token_server.grants.total()
    mes.refused.clear()
    await call(parts)
    await call(parts)
    assert token_server.grants.total() == asked + 2
    assert mes.refused == []


async def test_a_token_that_is_refused_is_renewed_once_and_the_call_sent_once_more(
    parts: ToolhubParts, mes: Protected, token_server: TokenServer
) -> None:
    await register(parts, mes)
    token_server.revoke()
    mes.refused.clear()
    # Not to be run twice: the ledger is asked.
    assert await call(parts, call_id="press/1/book") == "booked 7"
    assert mes.refused == [401]
    assert mes.seen.ran["book"] == 1


async def test_a_server_of_2025_is_logged_in_to_alike(
    parts: ToolhubParts, token_server: TokenServer
) -> None:
    with protected(token_server, legacy=True) as mes:
        found = await register(parts, mes)
        assert (found.protocol or {})["version"] == "2025-11-25"
        token_server.revoke()
        mes.refused.clear()
        assert await call(parts) == "booked 7"
        assert (mes.refused, mes.seen.ran["book"]) == ([401], 1)


async def test_a_server_that_refuses_every_token_is_asked_twice(
    parts: ToolhubParts, mes: Protected, token_server: TokenServer
) -> None:
    await register(parts, mes)
    token_server.revoke()
    token_server.forgets = True
    mes.refused.clear()
    with pytest.raises(CredentialRefusedError) as caught:
        await call(parts)
    assert mes.refused == [401, 401]
    assert not caught.value.retryable
    assert [token for token in token_server.issued if token in str(caught.value)] == []


async def test_an_authority_that_is_away_is_not_the_servers_fault(
    parts: ToolhubParts, mes: Protected, token_server: TokenServer, database: Database
) -> None:
    few = Protection(breaker_window=1, breaker_min_calls=1)
    token_server.expires_in = 0
    await register(parts, mes, protection=few)
    token_server.way = "503"
    sent: list[str] = []
    asked = len(mes.queries)
    for _ in range(2):
        with pytest.raises(AuthorityDownError) as caught:
            await call(parts, call_id="press/1/book", on_send=lambda: sent.append("sent"))
        assert (caught.value.retryable, caught.value.retry_after_s) == (True, 7.0)
    assert (sent, len(mes.queries)) == ([], asked)
    assert (await parts.breakers.get("press", "mes")).state == "closed"
    with database.session() as session:
        assert session.scalar(text("select count(*) from mcp_ledger")) == 0
    token_server.way = ""
    assert await call(parts, call_id="press/1/book") == "booked 7"


async def test_a_tool_falls_back_while_the_authority_is_away_and_not_when_it_refuses(
    parts: ToolhubParts, mes: Protected, token_server: TokenServer
) -> None:
    token_server.expires_in = 0
    await register(parts, mes)
    policy = ToolPolicy.model_validate({"fallback": {"kind": "static", "value": "later"}})
    await asyncio.to_thread(parts.policies.put, "press", "mes", "book", policy, by="ana")
    token_server.way = "503"
    assert await call(parts, call_id="press/1/book") == "later"
    token_server.way = ""
    token_server.forgets = True
    with pytest.raises(CredentialRefusedError):
        await call(parts, call_id="press/1/book")
    assert mes.seen.ran["book"] == 0


async def test_a_client_that_is_refused_is_told_so_when_it_is_registered(
    parts: ToolhubParts, mes: Protected
) -> None:
    with pytest.raises(NoTokenError, match="invalid_client") as caught:
        await register(parts, mes, credential(client_secret="wr0ng-secret"))
    assert "wr0ng-secret" not in str(caught.value)
    assert parts.registry.list_servers("press").items == []


@pytest.mark.parametrize(
    ("who", "proof"),
    [
        ({"client_id": "poster", "client_secret": POST_SECRET}, "client_secret_post"),
        ({"client_id": "basic:client", "client_secret": BASIC_SECRET}, "client_secret_basic"),
    ],
)
async def test_a_client_proves_who_it_is_as_its_authority_likes_it(
    parts: ToolhubParts,
    mes: Protected,
    token_server: TokenServer,
    who: dict[str, str],
    proof: str,
) -> None:
    token_server.metadata = {"token_endpoint_auth_methods_supported": ["private_key_jwt", proof]}
    await register(parts, mes, credential(**who))
    assert await call(parts) == "booked 7"


async def test_a_client_may_prove_who_it_is_with_a_key(
    parts: ToolhubParts, mes: Protected, token_server: TokenServer
) -> None:
    key = token_server.ec.as_pem(private=True).decode()
    given = credential(client_id="ec", client_secret=key, authentication="private_key_jwt")
    await register(parts, mes, given)
    assert await call(parts) == "booked 7"


async def test_what_is_written_is_not_asked_for(
    parts: ToolhubParts, mes: Protected, token_server: TokenServer
) -> None:
    mes.silent = True
    endpoint = f"{token_server.authority}/oauth2/token"
    await register(parts, mes, credential(token_endpoint=endpoint, scopes=["mes:read"]))
    assert await call(parts) == "booked 7"
    assert {line for line in token_server.requests if "well-known" in line} == set()
    (asked,) = tokens_asked_for(token_server)
    assert (asked["scope"], asked["resource"]) == ("mes:read", mes.endpoint)


async def test_a_server_that_is_not_asked_needs_an_issuer(
    parts: ToolhubParts, mes: Protected, token_server: TokenServer
) -> None:
    with pytest.raises(RegistrationError, match="'issuer' or 'token_endpoint'"):
        await register(parts, mes, discover=False)
    await register(parts, mes, credential(issuer=token_server.authority), discover=False)
    assert (await parts.registry.refresh("press", "mes")).tool_count == 2


@pytest.mark.parametrize(
    ("says", "given", "why"),
    [
        ({"resource": "https://other.example/mcp"}, {}, "another resource than itself"),
        ({"authorization_servers": []}, {}, "it names none"),
        ({"authorization_servers": ["https://a.example", "https://b.example"]}, {}, "several"),
        ({}, {"issuer": "https://mine.example"}, "does not take tokens of"),
    ],
)
async def test_a_client_is_not_shown_to_somebody_else(
    parts: ToolhubParts,
    mes: Protected,
    token_server: TokenServer,
    says: dict[str, Any],
    given: dict[str, Any],
    why: str,
) -> None:
    mes.says = says
    with pytest.raises(NoTokenError, match=why):
        await register(parts, mes, credential(**given))
    assert token_server.forms == []


async def test_an_authority_that_describes_another_issuer_is_not_asked(
    parts: ToolhubParts, mes: Protected, token_server: TokenServer
) -> None:
    token_server.metadata = {"issuer": f"{token_server.authority}/"}
    with pytest.raises(NoTokenError, match="another issuer than itself"):
        await register(parts, mes)
    assert token_server.forms == []


async def test_a_server_that_names_another_authority_later_gets_nobody_asked(
    parts: ToolhubParts, mes: Protected, token_server: TokenServer
) -> None:
    await register(parts, mes)
    mes.says = {"authorization_servers": ["http://127.0.0.1:1/thief"]}
    token_server.revoke()
    assert await call(parts) == "booked 7"
    assert token_server.grants["client_credentials"] == 2


async def test_an_authority_that_redirects_is_not_followed(
    parts: ToolhubParts, mes: Protected, token_server: TokenServer
) -> None:
    token_server.way = "redirect"
    with pytest.raises(NoTokenError, match="redirects"):
        await register(parts, mes)
    assert [line for line in token_server.requests if "stolen" in line] == []


async def test_the_guard_stands_before_authorities_too(parts: ToolhubParts, mes: Protected) -> None:
    mes.says = {"authorization_servers": ["http://169.254.169.254/latest"]}
    with pytest.raises(MillwrightError, match="not on the public internet"):
        await register(parts, mes)


async def test_a_server_behind_https_names_no_address_without_it() -> None:
    with pytest.raises(LoginError, match="has to be https"):
        check_safe("http://login.example/token", like="https://mes.example/mcp", shown="It")


@pytest.mark.parametrize("named", ["issuer", "token_endpoint"])
async def test_a_server_behind_https_has_no_authority_without_it(
    parts: ToolhubParts, token_server: TokenServer, named: str
) -> None:
    given = credential(resource="urn:mes", **{named: token_server.authority})
    about = {"name": "mes", "url": "https://mes.example/mcp", "credential": given}
    wanted = ServerRegistration.model_validate({**about, "discover": False})
    with pytest.raises(NoTokenError, match="has to be https"):
        await parts.registry.register("press", wanted)


async def test_scopes_that_are_missing_are_asked_for_once_when_the_server_may_say_so(
    parts: ToolhubParts, mes: Protected, token_server: TokenServer
) -> None:
    mes.tool_scopes = {"mes:write"}
    await register(parts, mes)
    mes.refused.clear()
    assert await call(parts) == "booked 7"
    assert await call(parts) == "booked 7"
    assert mes.refused == [403]
    assert [form.get("scope") for form in tokens_asked_for(token_server)] == [None, "mes:write"]


async def test_scopes_that_are_written_are_all_that_is_asked_for(
    parts: ToolhubParts, mes: Protected, token_server: TokenServer
) -> None:
    mes.tool_scopes = {"mes:write"}
    await register(parts, mes, credential(scopes=["mes:read"]))
    with pytest.raises(CallForbiddenError, match="with the scopes: mes:write") as caught:
        await call(parts)
    assert not caught.value.retryable
    assert token_server.grants["client_credentials"] == 1


async def test_a_client_that_may_not_have_more_is_told_what_is_missing(
    parts: ToolhubParts, mes: Protected, token_server: TokenServer
) -> None:
    mes.tool_scopes, token_server.allowed = {"mes:write"}, {"mes:read"}
    await register(parts, mes)
    for _ in range(2):
        with pytest.raises(CallForbiddenError, match="mes:write"):
            await call(parts)
    assert token_server.grants["client_credentials"] == 3  # one good, and two that were refused


async def test_nothing_repeats_a_token(
    parts: ToolhubParts,
    mes: Protected,
    token_server: TokenServer,
    database: Database,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        await register(parts, mes)
        said = await call(parts, "echo")
        token_server.revoke()
        again = await call(parts, "echo")
    assert "[redacted]" in said
    assert "[redacted]" in again
    await parts.log.aclose()
    with database.session() as session:
        rows = [str(row) for table in _TABLES for row in session.execute(text(table))]
    seen = " ".join([said, again, caplog.text, str(logs), *rows])
    assert len(token_server.issued) == 2
    assert [secret for secret in [*token_server.issued, BASIC_SECRET] if secret in seen] == []


_TABLES = "select * from mcp_servers", "select * from mcp_call_logs", "select * from mcp_ledger"


async def test_checks_and_refreshes_log_in_too(
    parts: ToolhubParts, mes: Protected, token_server: TokenServer
) -> None:
    await register(parts, mes)
    token_server.revoke()
    assert (await parts.health.check("press", "mes")).healthy
    token_server.revoke()
    assert (await parts.registry.refresh("press", "mes")).tool_count == 2


async def test_a_credential_that_was_changed_elsewhere_is_looked_up_when_the_old_one_is_refused(
    parts: ToolhubParts, another: ToolhubParts, mes: Protected
) -> None:
    mes.bearers = {"the-old-one"}
    await register(parts, mes, {"kind": "bearer", "token": "the-old-one"})
    await call(parts)
    mes.bearers = {"the-new-one"}
    new = ServerChange.model_validate({"credential": {"kind": "bearer", "token": "the-new-one"}})
    await another.registry.update("press", "mes", new)
    mes.refused.clear()
    assert await call(parts) == "booked 7"
    assert await call(parts) == "booked 7"
    assert mes.refused == [401]
    assert mes.seen.ran["book"] == 3


async def test_a_new_credential_that_is_wrong_is_not_stored_because_the_old_one_is_good(
    parts: ToolhubParts, mes: Protected
) -> None:
    mes.bearers = {"the-old-one"}
    await register(parts, mes, {"kind": "bearer", "token": "the-old-one"})
    new = ServerChange.model_validate({"credential": {"kind": "bearer", "token": "a-wrong-one"}})
    with pytest.raises(CredentialRefusedError):
        await parts.registry.update("press", "mes", new)


async def test_a_key_in_the_address_is_written_down_nowhere(
    parts: ToolhubParts, mes: Protected, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    mes.key = ("api_key", "k3y/of the+mes")
    given = {"kind": "query", "name": "api_key", "value": "k3y/of the+mes"}
    with capture_logs() as logs:
        found = await register(parts, mes, given)
        said = await call(parts, "echo")
        mes.key = ("api_key", "another")
        with pytest.raises(CredentialRefusedError) as caught:
            await call(parts)
    assert (found.credential.parameter, found.credential.header) == ("api_key", None)
    assert "api_key=[redacted]" in said
    await parts.log.aclose()
    with database.session() as session:
        rows = [str(row) for table in _TABLES for row in session.execute(text(table))]
    seen = " ".join(
        [said, str(caught.value), found.model_dump_json(), caplog.text, str(logs), *rows]
    )
    spelled = "k3y/of the+mes", "k3y%2Fof%20the%2Bmes", "k3y%2Fof+the%2Bmes", "k3y/of"
    assert [each for each in spelled if each in seen] == []


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (None, Challenge()),
        ("Bearer", Challenge()),
        ('Basic realm="x, scope=no", Bearer scope="a b a"', Challenge(scopes=("a", "b"))),
        ("Negotiate abc==, Bearer error=invalid_token", Challenge("invalid_token")),
        ('Bearer error="NOT one"', Challenge()),
        (
            'Bearer resource_metadata="https://h/x?a=b", DPoP scope="c"',
            Challenge(resource_metadata="https://h/x?a=b"),
        ),
        ("Bearer scope=a", Challenge(scopes=("a",))),
    ],
)
async def test_challenges_are_read_as_they_are_meant(header: str | None, said: Challenge) -> None:
    assert challenge_of(header) == said
