"""What authorities answer when they do not give a token; none of it may repeat a credential."""

from contextlib import suppress
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.http import HttpActivities
from activities.logins import Authenticator
from security.authority import tokens
from security.egress import Egress
from tests.activities.logins.conftest import Caller
from tests.fixtures.token_server import POST_SECRET

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("way", "words", "kind", "retried"),
    [
        ("400", "(HTTP 400: server_error)", "authentication", False),
        ("401", "(HTTP 401: server_error)", "authentication", False),
        ("404", "(HTTP 404: server_error)", "authentication", False),
        ("error-200", "(HTTP 200: invalid_scope)", "authentication", False),
        ("secret-code", "(HTTP 400).", "authentication", False),
        ("500", "answered 500", "communication", True),
        ("503", "answered 503", "communication", True),
        ("429", "answered 429", "communication", True),
        ("html", "text/html that is no JSON object", "communication", False),
        ("list", "no JSON object", "communication", False),
        ("huge", "more than 131,072 bytes", "communication", False),
        ("redirect", "redirects (307), which is not followed", "communication", False),
        ("cut", "broke the connection", "communication", True),
        ("mac", "without 'token_type: Bearer'", "communication", False),
        ("no-token", "no 'access_token'", "communication", False),
        ("bad-token", "no 'access_token'", "communication", False),
        ("short", "no 'access_token'", "communication", False),
    ],
)
async def test_an_answer_that_is_no_token_is_told_without_what_it_repeats(
    caller: Caller, way: str, words: str, kind: str, *, retried: bool
) -> None:
    caller.server.way = way
    failure = await caller.failure()
    assert words in failure.text
    assert caller.server.authority in failure.text
    assert (failure.kind, failure.retried) == (kind, retried)
    for planted in (POST_SECRET, "p0st", "client_secret"):
        assert planted not in failure.text
    assert [each for each in caller.server.requests if "token" not in each] == []


async def test_wrong_credentials_are_refused_with_the_code_of_oauth(caller: Caller) -> None:
    failure = await caller.failure(client={"id": "poster", "secret": "wrong"})
    assert "(HTTP 401: invalid_client)" in failure.text
    assert failure.kind == "authentication"


async def test_when_to_come_back_is_heeded(caller: Caller) -> None:
    caller.server.way = "503"
    delay = (await caller.failure()).error.next_retry_delay
    assert delay is not None
    assert delay.total_seconds() == 7


async def test_an_authority_that_is_not_there_is_asked_again(caller: Caller) -> None:
    failure = await caller.failure(authority="http://127.0.0.1:1/realms/plant")
    assert "cannot be reached" in failure.text
    assert (failure.kind, failure.retried) == ("communication", True)


async def test_a_slow_authority_is_a_timeout_that_may_be_tried_again(
    caller: Caller, egress: Egress
) -> None:
    opener = caller.http.opener
    caller.http = HttpActivities(egress, opener, Authenticator(egress, patience_s=0.2))
    caller.server.held.clear()
    failure = await caller.failure()
    assert (failure.kind, failure.retried) == ("timeout", True)
    assert "gave no token within 0.2 s" in failure.text
    # The question goes on, and a later attempt gets its answer.
    caller.server.held.set()
    while not caller.server.requests.count("GET /api/orders"):
        with suppress(ApplicationError):
            await caller()
    assert caller.server.grants.total() == 1


@pytest.mark.parametrize(
    ("authority", "words"),
    [
        ("http://10.0.0.1/realm", "MILLWRIGHT_EGRESS_ALLOW_NETWORKS"),
        ("http://user:pw@login.example/realm", "user name or password"),
        ("ftp://login.example", "http or https"),
        ("http://login.example/realm?a=b", "has a query or fragment"),
        ("realm", "http or https"),
    ],
)
async def test_an_authority_that_may_not_be_asked_is_refused(
    caller: Caller, authority: str, words: str
) -> None:
    assert words in (await caller.failure(authority=authority)).text


async def test_credentials_do_not_go_over_http_for_an_authority_of_https(caller: Caller) -> None:
    failure = await caller.failure(
        authority="https://login.example/realm",
        endpoints={"token": f"{caller.server.url}/elsewhere/token"},
    )
    assert "over http" in failure.text
    assert caller.server.requests == []


class TestDiscovery:
    """OpenID Connect: the authority says where its token endpoint is."""

    async def test_the_token_endpoint_is_discovered(self, caller: Caller) -> None:
        await caller("oidc")
        assert caller.server.requests == [
            "GET /realms/plant/.well-known/openid-configuration",
            "POST /realms/plant/oauth2/token",
            "GET /api/orders",
        ]

    @pytest.mark.parametrize("issuer", ["https://evil.example", "", None, 7])
    async def test_the_description_of_another_issuer_is_not_used(
        self, caller: Caller, issuer: Any
    ) -> None:
        caller.server.metadata = {"issuer": issuer}
        failure = await caller.failure("oidc")
        assert "describes another issuer than itself" in failure.text
        assert failure.kind == "authentication"
        assert caller.server.grants.total() == 0

    async def test_a_slash_makes_another_issuer(self, caller: Caller) -> None:
        failure = await caller.failure("oidc", authority=f"{caller.server.authority}/")
        assert "down to the last slash" in failure.text

    @pytest.mark.parametrize(
        "endpoint", [None, 7, "ftp://a/b", "/oauth2/token", "http://10.1.1.1/"]
    )
    async def test_an_endpoint_that_cannot_be_asked_is_refused(
        self, caller: Caller, endpoint: Any
    ) -> None:
        caller.server.metadata = {"token_endpoint": endpoint}
        failure = await caller.failure("oidc")
        assert not failure.retried
        assert caller.server.grants.total() == 0

    @pytest.mark.parametrize(
        ("way", "words", "retried"),
        [
            ("html", "no JSON object", False),
            ("huge", "more than 131,072 bytes", False),
            ("redirect", "does not say where its token endpoint is", False),
            ("404", "openid-configuration answered 404", False),
            ("500", "openid-configuration answered 500", True),
        ],
    )
    async def test_a_description_that_cannot_be_read_is_told(
        self, caller: Caller, way: str, words: str, *, retried: bool
    ) -> None:
        caller.server.way = f"discovery-{way}"
        failure = await caller.failure("oidc")
        assert words in failure.text
        assert failure.retried is retried
        assert caller.server.grants.total() == 0


class TestIssuers:
    """`issuers`: whose tokens are taken."""

    @pytest.mark.parametrize("scheme", ["oauth2", "oidc"])
    async def test_a_token_of_a_listed_issuer_is_used(self, caller: Caller, scheme: str) -> None:
        caller.server.jwt_tokens = True
        await caller(scheme, issuers=["https://other.example", caller.server.authority])

    async def test_a_token_of_another_issuer_is_not_used(self, caller: Caller) -> None:
        caller.server.jwt_tokens = True
        failure = await caller.failure(issuers=["https://other.example"])
        assert "an issuer that is not in 'issuers'" in failure.text
        assert failure.kind == "authentication"

    async def test_an_issuer_that_cannot_be_told_is_not_guessed(self, caller: Caller) -> None:
        failure = await caller.failure(issuers=[caller.server.authority])
        assert "does not say who issued it" in failure.text

    async def test_a_discovered_authority_vouches_for_its_opaque_tokens(
        self, caller: Caller
    ) -> None:
        await caller("oidc", issuers=[caller.server.authority])
        failure = await caller.failure("oidc", issuers=["https://other.example"])
        assert "is not in 'issuers'" in failure.text


@pytest.mark.parametrize(
    ("said", "kept"),
    [(3600, 3570), ("7200", 7170), (100, 90), (0, 0), (-5, 0), (10**9, 86_370), (None, 54)]
    + [(each, 54) for each in ("soon", float("nan"), float("inf"), [1], "9" * 400)],
)
def test_a_token_is_given_up_before_its_end(said: Any, kept: float) -> None:
    assert tokens._kept_s(said) == kept
