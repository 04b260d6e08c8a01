"""Every authentication of the language, through a definition: what arrives, and what stays behind.

Secrets and tokens reach the authority and the API, and nothing that anybody can read later.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import Client

from foundation.database import Database
from foundation.json import JsonValue
from tests.fixtures.token_server import (
    ACCESS_TOKEN,
    ACTOR,
    BASIC_SECRET,
    DIGEST_PASSWORD,
    EXCHANGE,
    HOST,
    JWT_SECRET,
    PASSWORD,
    POST_SECRET,
    REALM,
    REFRESH,
    REFRESH_TOKEN,
    SUBJECT,
    TokenServer,
)
from tests.interpreter.conftest import Runner, working
from tests.interpreter.test_secrets import everything_of

pytestmark = pytest.mark.anyio

AUTHORITY = f"https://{HOST}{REALM}"
API = "https://api.example/api/orders"
SECRETS: dict[str, JsonValue] = {
    "post": POST_SECRET,
    "basic": BASIC_SECRET,
    "jwt": JWT_SECRET,
    "password": PASSWORD,
    "refresh": REFRESH,
    "subject": SUBJECT,
    "actor": ACTOR,
    "digest": {"username": "kim", "password": DIGEST_PASSWORD},
    "policy": {
        "authority": AUTHORITY,
        "grant": "client_credentials",
        "client": {"id": "poster", "secret": POST_SECRET},
        "scopes": ["orders"],
    },
    "halfPolicy": {"grant": "client_credentials"},
    "badPolicy": {"authority": AUTHORITY, "grant": "client_credentials", "client": {"id": "a"}},
}
CLIENTS = [POST_SECRET, BASIC_SECRET, JWT_SECRET]
PLANTED = [*CLIENTS, PASSWORD, REFRESH, SUBJECT, ACTOR, DIGEST_PASSWORD]
CLIENT = "client: { id: poster, secret: '${ $secrets.post }' }"


@pytest.fixture
async def run(
    temporal: Client,
    task_queue: str,
    tenant: str,
    stub_hosts: dict[str, str],
    token_server: TokenServer,
    shared_database: Database,
) -> AsyncIterator[Runner]:
    hosts = {**stub_hosts, **token_server.hosts}
    async with working(temporal, task_queue, tenant, hosts, shared_database, SECRETS) as runner:
        yield runner


def call(policy: str, uri: str = API, more: str = "") -> str:
    return (
        f"use: {{ secrets: [ {', '.join(SECRETS)} ] }}\n"
        "do: [ { ask: { call: http, with: { method: post, body: { part: 1 }, "
        f"endpoint: {{ uri: '{uri}', authentication: {policy} }} {more} }} }} }} ]"
    )


def policy(scheme: str = "oauth2", more: str = CLIENT, grant: str = "client_credentials") -> str:
    return f"{{ {scheme}: {{ authority: '{AUTHORITY}', grant: '{grant}', {more} }} }}"


def assert_hidden(kept: str, server: TokenServer) -> None:
    assert "part" in kept, "the search looks at the wrong thing"
    planted = [*PLANTED, *server.issued]
    assert [text for text in planted if text in kept] == []


def party(role: str) -> str:
    return f"{role}: {{ token: '${{ $secrets.{role} }}', type: '{ACCESS_TOKEN}' }}"


@pytest.mark.parametrize("scheme", ["oauth2", "oidc"])
@pytest.mark.parametrize(
    ("grant", "more", "about"),
    [
        ("client_credentials", f"{CLIENT}, scopes: [ a, b ], audiences: [ erp ]", "poster"),
        (
            "client_credentials",
            (
                "client: { id: 'basic:client', secret: '${ $secrets.basic }', "
                "authentication: client_secret_basic }, "
                "request: { encoding: application/json }"
            ),
            "basic:client",
        ),
        (
            "client_credentials",
            (
                "client: { id: signer, secret: '${ $secrets.jwt }', "
                "authentication: client_secret_jwt }"
            ),
            "signer",
        ),
        (
            "password",
            (
                "username: kim, password: '${ $secrets.password }', "
                "client: { id: public, authentication: none }"
            ),
            "public",
        ),
        (
            "refresh_token",
            f"{CLIENT}, subject: {{ token: '${{ $secrets.refresh }}', type: '{REFRESH_TOKEN}' }}",
            "poster",
        ),
        (EXCHANGE, f"{CLIENT}, {party('subject')}, {party('actor')}", "poster"),
    ],
    ids=["post", "basic", "jwt", "password", "refresh", "exchange"],
)
async def test_a_token_is_got_and_used_and_is_nowhere_else(
    run: Runner, token_server: TokenServer, scheme: str, grant: str, more: str, about: str
) -> None:
    output, error, kept = await everything_of(run, call(policy(scheme, more, grant)))

    assert error is None
    (given,) = token_server.good.values()
    assert (given["grant"], given["client"]) == (grant, about)
    assert output["headers"]["authorization"] == "Bearer ***"
    assert output["data"] == '{"part":1}'
    assert_hidden(kept, token_server)


async def test_a_client_signs_with_a_key_that_is_a_secret(
    run: Runner, token_server: TokenServer
) -> None:
    # The key of this run is not among the secrets: it comes with the input, as any text may.
    more = "client: { id: ec, secret: '${ .key }', authentication: private_key_jwt }"
    key = token_server.ec.as_pem(private=True).decode()
    ended = await run(call(policy(more=more)), {"key": key})
    assert ended.error is None
    (given,) = token_server.good.values()
    assert given["client"] == "ec"


async def test_a_whole_policy_can_be_a_secret_and_answers_stay_readable(
    run: Runner, token_server: TokenServer
) -> None:
    output, _, kept = await everything_of(run, call("{ oauth2: { use: policy } }"))

    # The address of the authority is part of the policy, and of the answer.
    assert output["links"] == [f"{AUTHORITY}/orders/1"]
    assert next(iter(token_server.good.values()))["scope"] == "orders"
    assert_hidden(kept, token_server)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("halfPolicy", "login.oauth2.properties.authority"),
        ("badPolicy", "needs 'client.secret'"),
        ("post", "What the secrets make of login has the wrong type"),
    ],
)
async def test_a_secret_that_is_no_policy_says_what_it_lacks(
    run: Runner, token_server: TokenServer, name: str, words: str
) -> None:
    _, error, kept = await everything_of(run, call(f"{{ oauth2: {{ use: {name} }} }}"))
    assert words in error["detail"]
    assert token_server.requests == []
    assert_hidden(kept, token_server)


@pytest.mark.parametrize(
    "written",
    [
        "{ digest: { username: kim, password: '${ $secrets.digest.password }' } }",
        "{ digest: { use: digest } }",
    ],
)
async def test_a_digest_proves_the_password_without_sending_it(
    run: Runner, token_server: TokenServer, written: str
) -> None:
    output, error, kept = await everything_of(
        run, call(written, "https://api.example/digest/orders")
    )
    assert error is None
    assert output["data"] == '{"part":1}'
    assert token_server.digests == {"asked": 1, "right": 1}
    assert_hidden(kept, token_server)


async def test_a_policy_has_a_name_and_is_used_by_parallel_calls_with_one_token(
    run: Runner, token_server: TokenServer
) -> None:
    ask = (
        "{ call: http, with: { method: get, endpoint: "
        f"{{ uri: '{API}', authentication: {{ use: erp }} }} }} }}"
    )
    branches = ", ".join(f"{{ b{number}: {ask} }}" for number in range(10))
    ended = await run(
        f"use: {{ secrets: [ post ], authentications: {{ erp: {policy()} }} }}\n"
        f"do: [ {{ all: {{ fork: {{ branches: [ {branches} ] }} }} }} ]"
    )
    assert ended.error is None
    assert token_server.grants.total() == 1
    assert token_server.requests.count("GET /api/orders") == 10


async def test_a_token_that_the_api_refuses_is_renewed(
    run: Runner, token_server: TokenServer
) -> None:
    await run(call(policy()))
    token_server.revoke()
    ended = await run(call(policy()))
    assert ended.error is None
    assert token_server.grants.total() == 2
    # By itself, not by another attempt of Temporal's.
    assert [each.attempts for each in ended.progress.events if each.attempts] == [1]


async def test_an_address_of_an_authority_can_have_variables(
    run: Runner, token_server: TokenServer
) -> None:
    written = policy().replace("/realms/plant", "/realms/{realm}")
    ended = await run(call(written), {"realm": "plant"})
    assert ended.error is None
    ended = await run(call(written), {"realm": "../x"})
    assert ended.kind == "authentication"
    assert token_server.requests[-1] == "POST /realms/..%2Fx/oauth2/token"


async def test_a_variable_that_is_missing_is_told(run: Runner, token_server: TokenServer) -> None:
    more = "client: { id: poster, secret: '${ .secret }' }"
    written = policy(more=more).replace("/realms/plant", "/realms/{realm}")
    ended = await run(call(written), {"secret": POST_SECRET})
    assert "'{realm}'" in ended.error["detail"]
    assert token_server.requests == []


@pytest.mark.parametrize(
    ("way", "kind"),
    [("401", "authentication"), ("secret-code", "authentication"), ("html", "communication")],
)
async def test_a_refusal_is_an_error_that_can_be_caught_and_tells_nothing(
    run: Runner, token_server: TokenServer, way: str, kind: str
) -> None:
    token_server.way = way
    _, error, kept = await everything_of(run, call(policy()))
    assert error["type"].endswith(f"/{kind}")
    assert AUTHORITY in error["detail"]
    assert "GET" not in str(token_server.requests), "nothing but the token was asked for"
    assert_hidden(kept, token_server)


async def test_what_the_api_repeats_in_an_error_hides_the_token(
    run: Runner, token_server: TokenServer
) -> None:
    _, error, kept = await everything_of(run, call(policy(), f"{API}/refused"))
    assert error["status"] == 422
    assert "Bearer ***" in error["detail"]
    assert_hidden(kept, token_server)


async def test_who_logs_in_with_a_token_cannot_be_read(
    run: Runner, token_server: TokenServer
) -> None:
    more = ", headers: { X-Copy: '${ $authorization.parameter }' }"
    _, error, _ = await everything_of(run, call(policy(), more=more))
    assert "can be read with basic and bearer authentication only" in error["detail"]
    assert token_server.requests == []


async def test_an_openapi_document_and_its_operation_log_in(
    run: Runner, token_server: TokenServer
) -> None:
    token_server.document = {
        "openapi": "3.1.0",
        "servers": [{"url": "https://api.example/api"}],
        "paths": {"/orders": {"get": {"operationId": "list"}}},
    }
    document = f"{{ endpoint: {{ uri: '{API}.json', authentication: {policy()} }} }}"
    operation: Any = policy("oidc")
    ended = await run(
        "use: { secrets: [ post ] }\n"
        f"do: [ {{ ask: {{ call: openapi, with: {{ document: {document}, operationId: list, "
        f"authentication: {operation} }} }} }} ]"
    )
    assert ended.error is None
    assert [each for each in token_server.requests if "/api/" in each] == [
        "GET /api/orders.json",
        "GET /api/orders",
    ]
    assert token_server.grants.total() == 2
