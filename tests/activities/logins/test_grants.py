"""Every grant and every way in which a client proves who it is, against a strict server."""

import json
from typing import Any

import pytest

from tests.activities.logins.conftest import Caller
from tests.fixtures.token_server import (
    ACCESS_TOKEN,
    ACTOR,
    BASIC_SECRET,
    EXCHANGE,
    JWT_SECRET,
    PASSWORD,
    POST_SECRET,
    REFRESH,
    REFRESH_TOKEN,
    SUBJECT,
    TokenServer,
)

pytestmark = pytest.mark.anyio

SUBJECT_TOKEN = {"token": SUBJECT, "type": ACCESS_TOKEN}


def client(name: str, way: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "authentication": way, **more}


@pytest.mark.parametrize("encoding", ["application/x-www-form-urlencoded", "application/json"])
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {"grant": "client_credentials", "client": "poster"}),
        (
            {"scopes": ["read", "write"], "audiences": ["erp"]},
            {"scope": "read write", "audience": "erp"},
        ),
        ({"audiences": ["erp", "mes"]}, {"audience": ["erp", "mes"]}),
        (
            {"grant": "password", "username": "kim", "password": PASSWORD},
            {"grant": "password", "client": "poster"},
        ),
        (
            {"grant": "password", "username": "kim", "password": PASSWORD, "client": None},
            {"grant": "password", "client": None},
        ),
        (
            {"grant": "refresh_token", "subject": {"token": REFRESH, "type": REFRESH_TOKEN}},
            {"grant": "refresh_token"},
        ),
        ({"grant": EXCHANGE, "subject": SUBJECT_TOKEN}, {"grant": EXCHANGE}),
        (
            {
                "grant": EXCHANGE,
                "subject": SUBJECT_TOKEN,
                "actor": {"token": ACTOR, "type": ACCESS_TOKEN},
                "audiences": ["erp"],
            },
            {"grant": EXCHANGE, "actor": ACTOR, "audience": "erp"},
        ),
    ],
)
async def test_each_grant_gets_a_token_that_the_api_takes(
    caller: Caller, more: dict[str, Any], expected: dict[str, Any], encoding: str
) -> None:
    await caller(request={"encoding": encoding}, **more)

    (given,) = caller.server.good.values()
    assert expected.items() <= given.items()


@pytest.mark.parametrize("encoding", ["application/x-www-form-urlencoded", "application/json"])
@pytest.mark.parametrize(
    "given",
    [
        client("poster", "client_secret_post", secret=POST_SECRET),
        client("basic:client", "client_secret_basic", secret=BASIC_SECRET),
        client("signer", "client_secret_jwt", secret=JWT_SECRET),
    ],
    ids=lambda given: given["authentication"],
)
async def test_each_client_proves_who_it_is(
    caller: Caller, given: dict[str, Any], encoding: str
) -> None:
    await caller(client=given, request={"encoding": encoding})

    (about,) = caller.server.good.values()
    assert about["client"] == given["id"]


async def test_a_public_client_only_names_itself(caller: Caller) -> None:
    given = {"grant": "password", "username": "kim", "password": PASSWORD}
    await caller(client=client("public", "none"), **given)
    (about,) = caller.server.good.values()
    assert about["client"] == "public"


@pytest.mark.parametrize("form", ["jwk", "pem"])
async def test_a_client_signs_with_its_private_key(caller: Caller, form: str) -> None:
    server = caller.server
    name, key = (
        ("rsa", json.dumps(server.rsa.as_dict(private=True)))
        if form == "jwk"
        else ("ec", server.ec.as_pem(private=True).decode())
    )
    await caller(client=client(name, "private_key_jwt", secret=key))
    assert [about["client"] for about in server.good.values()] == [name]


async def test_an_assertion_that_is_signed_already_is_sent_as_it_is(caller: Caller) -> None:
    given = client("poster", "private_key_jwt", assertion="a.b.c")
    await caller.failure(client=given)
    (sent,) = caller.server.forms
    assert (sent["client_id"], sent["client_assertion"]) == ("poster", "a.b.c")


async def test_every_assertion_is_a_new_one(caller: Caller) -> None:
    given = client("signer", "client_secret_jwt", secret=JWT_SECRET)
    await caller(client=given)
    caller.server.revoke()
    # The server refuses an assertion that it has seen.
    await caller(client=given)
    assert len(caller.server.issued) == 2


@pytest.mark.parametrize(
    "key",
    [
        "a",
        "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----",
        "{}",
        '{"kty": "oct", "k": "YWJj"}',
    ],
)
async def test_a_key_that_is_none_is_not_shown(caller: Caller, key: str) -> None:
    failure = await caller.failure(client=client("rsa", "private_key_jwt", secret=key))
    assert "'client.secret' is no private key that can be used" in failure.text
    assert (failure.kind, failure.retried) == ("configuration", False)
    assert caller.server.requests == []


async def test_a_public_key_is_not_signed_with(caller: Caller) -> None:
    key = json.dumps(caller.server.rsa.as_dict(private=False))
    failure = await caller.failure(client=client("rsa", "private_key_jwt", secret=key))
    assert "no private key" in failure.text


async def test_a_secret_that_is_too_short_is_not_signed_with(caller: Caller) -> None:
    given = client("signer", "client_secret_jwt", secret="short")
    assert "at least 32 bytes" in (await caller.failure(client=given)).text


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"grant": "authorization_code"}, "needs a person in a browser. Use 'client_credentials'"),
        ({"client": None}, "'grant: client_credentials' needs 'client'."),
        ({"client": {"id": "a"}}, "'client_secret_post' needs 'client.secret'"),
        ({"client": {"secret": "a"}}, "needs 'client.id'"),
        ({"client": client("a", "none")}, "which 'none' does not"),
        ({"client": client("a", "private_key_jwt")}, "needs 'client.assertion'"),
        ({"grant": "password", "username": "a"}, "needs 'password'"),
        ({"grant": "refresh_token"}, "'grant: refresh_token' needs 'subject'."),
        ({"grant": EXCHANGE}, "needs 'subject'"),
    ],
)
async def test_an_incomplete_policy_says_what_it_lacks(
    caller: Caller, more: dict[str, Any], words: str
) -> None:
    failure = await caller.failure(**more)
    assert words.replace("'client_secret_post' needs", "client_secret_post' needs") in failure.text
    assert (failure.kind, failure.retried) == ("configuration", False)
    assert caller.server.requests == []


async def test_endpoints_are_relative_to_the_authority(caller: Caller) -> None:
    await caller()
    await caller(endpoints={"token": "/auth/token"}, authority=f"{caller.server.authority}/")
    assert caller.server.requests[::2] == [
        "POST /realms/plant/oauth2/token",
        "POST /realms/plant/auth/token",
    ]


async def test_an_endpoint_may_be_elsewhere_if_the_author_says_so(caller: Caller) -> None:
    await caller(endpoints={"token": f"{caller.server.url}/elsewhere/token"})
    assert caller.server.requests[0] == "POST /elsewhere/token"


async def test_a_rotating_refresh_token_is_followed(
    caller: Caller, token_server: TokenServer
) -> None:
    token_server.rotates = True
    given: dict[str, Any] = {
        "grant": "refresh_token",
        "subject": {"token": REFRESH, "type": REFRESH_TOKEN},
    }
    for _ in range(3):
        await caller(**given)
        token_server.revoke()
    sent = [form["refresh_token"] for form in token_server.forms]
    assert len(token_server.issued) == len(set(sent)) == 3
    assert sent[0] == REFRESH
