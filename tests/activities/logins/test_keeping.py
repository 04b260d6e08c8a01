"""Tokens are shared while they are good, renewed when they are not, and never given to others."""

import asyncio
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.http import HttpCall, OpenApiCall
from activities.http.errors import CallFailedError
from activities.logins import PlainLogin, ReadyLogin
from activities.work import working
from tests.activities.logins.conftest import CLIENT, Caller
from tests.fixtures.polling import pause

pytestmark = pytest.mark.anyio


async def test_calls_one_after_the_other_use_one_token(caller: Caller) -> None:
    for _ in range(3):
        await caller()
    assert caller.server.grants.total() == 1


async def test_parallel_calls_get_one_token(caller: Caller) -> None:
    caller.server.held.clear()
    calls = [asyncio.create_task(caller()) for _ in range(20)]
    await asyncio.to_thread(caller.server.asked.wait, 60)
    caller.server.held.set()
    await asyncio.gather(*calls)
    assert caller.server.grants.total() == 1
    assert caller.server.requests.count("GET /api/orders") == 20


async def test_parallel_calls_are_refused_together(caller: Caller) -> None:
    caller.server.held.clear()
    wrong = {"id": "poster", "secret": "wrong"}
    calls = [asyncio.create_task(caller.failure(client=wrong)) for _ in range(10)]
    await asyncio.to_thread(caller.server.asked.wait, 60)
    caller.server.held.set()
    failures = await asyncio.gather(*calls)
    # A client whose secret is wrong is locked out after a few attempts.
    assert caller.server.grants.total() == 1
    assert all("invalid_client" in failure.text for failure in failures)


async def test_a_call_that_is_cancelled_takes_nobody_elses_token_away(caller: Caller) -> None:
    caller.server.held.clear()
    first, second = asyncio.create_task(caller()), asyncio.create_task(caller())
    await asyncio.to_thread(caller.server.asked.wait, 60)
    first.cancel()
    caller.server.held.set()
    await second
    assert caller.server.grants.total() == 1


async def test_an_expired_token_is_renewed(caller: Caller) -> None:
    caller.server.expires_in = 100
    await caller()
    caller.clock.now += 89
    await caller()
    assert caller.server.grants.total() == 1
    caller.clock.now += 2
    await caller()
    assert caller.server.grants.total() == 2


async def test_a_token_that_is_good_for_no_time_is_used_once(caller: Caller) -> None:
    caller.server.expires_in = 0
    await caller()
    await caller()
    assert caller.server.grants.total() == 2


@pytest.mark.parametrize(
    "other",
    [
        {"tenant": "paint"},
        {"scopes": ["write"]},
        {"audiences": ["erp"]},
        {"scheme": "oidc"},
        {"request": {"encoding": "application/json"}},
    ],
)
async def test_another_tenant_or_policy_gets_another_token(
    caller: Caller, other: dict[str, Any]
) -> None:
    await caller()
    await caller(**other)
    assert len(set(caller.server.issued)) == 2


async def test_other_credentials_do_not_get_the_token_of_the_right_ones(caller: Caller) -> None:
    await caller()
    failure = await caller.failure(client={**CLIENT, "secret": "wrong"})
    assert "invalid_client" in failure.text


async def test_a_token_that_the_api_refuses_is_renewed_once(caller: Caller) -> None:
    await caller()
    caller.server.revoke()
    await caller(method="POST", body={"part": 1})
    assert caller.server.grants.total() == 2
    assert caller.server.requests[-3:] == [
        "POST /api/orders",
        "POST /realms/plant/oauth2/token",
        "POST /api/orders",
    ]


async def test_an_api_that_refuses_every_token_is_asked_twice(caller: Caller) -> None:
    caller.server.forgets = True
    failure = await caller.failure()
    assert failure.error.details[0]["status"] == 401
    assert caller.server.requests.count("GET /api/orders") == 2
    assert caller.server.grants.total() == 2
    assert [token for token in caller.server.issued if token in failure.text] == []


async def test_parallel_calls_with_a_refused_token_get_one_new_one(caller: Caller) -> None:
    await caller()
    caller.server.revoke()
    caller.server.asked.clear()
    caller.server.held.clear()
    calls = [asyncio.create_task(caller()) for _ in range(10)]
    await asyncio.to_thread(caller.server.asked.wait, 60)
    while caller.server.requests.count("GET /api/orders") < 11:
        await pause()
    caller.server.held.set()
    await asyncio.gather(*calls)
    assert caller.server.grants.total() == 2


async def test_a_late_refusal_does_not_drop_the_token_that_replaced_the_refused_one(
    caller: Caller,
) -> None:
    login = {"scheme": "oauth2", "properties": caller.properties()}
    call = HttpCall.model_validate({"tenant_id": "press", "method": "GET", "login": login})
    used: list[str] = []
    begun, refused = asyncio.Event(), asyncio.Event()

    async def late(login: ReadyLogin | None) -> None:
        assert isinstance(login, PlainLogin)
        used.append(login.secret)
        if len(used) == 1:
            begun.set()
            await refused.wait()
            raise CallFailedError("no", title="HTTP 401", status=401)

    async def ask() -> None:
        async with working(caller.http.opener, call) as work:
            await caller.http.logins.logged_in(work, call.login, late)

    first = asyncio.create_task(ActivityEnvironment().run(ask))
    await begun.wait()
    caller.server.revoke()
    await caller()
    refused.set()
    await first
    assert used == caller.server.issued
    assert len(used) == 2


async def test_what_the_api_repeats_does_not_hold_the_token(caller: Caller) -> None:
    answer = await caller()
    (token,) = caller.server.issued
    assert answer["headers"]["authorization"] == "Bearer ***"
    assert token not in str(answer)
    failure = await caller.failure(path="/api/refused")
    assert "***" in failure.text
    assert token not in failure.text


async def test_a_redirect_does_not_take_the_token_along(caller: Caller) -> None:
    failure = await caller.failure(path="/api/away")
    assert failure.error.details[0]["status"] == 302
    assert caller.server.requests[-1] == "GET /api/away"


async def test_no_request_leaves_before_there_is_a_token(caller: Caller) -> None:
    caller.server.way = "500"
    environment = ActivityEnvironment()
    beats: list[Any] = []
    environment.on_heartbeat = lambda *details: beats.append(details[0])
    properties = caller.properties()
    call = HttpCall.model_validate(
        {
            "tenant_id": "press",
            "method": "POST",
            "uri": f"{caller.server.url}/api/orders",
            "login": {"scheme": "oauth2", "properties": properties},
        }
    )
    with pytest.raises(Exception, match="out of order"):
        await environment.run(caller.http.http_call, call)
    assert {"sent": True} not in beats


async def test_a_described_api_and_its_description_each_log_in(caller: Caller) -> None:
    login = {"scheme": "oauth2", "properties": caller.properties()}
    call = OpenApiCall.model_validate(
        {
            "tenant_id": "press",
            "document_uri": f"{caller.server.url}/api/openapi",
            "document_login": login,
            "operation_id": "a",
            "login": {"scheme": "oidc", "properties": caller.properties(scopes=["write"])},
        }
    )
    with pytest.raises(Exception, match="no OpenAPI document"):
        # The API answers with what it was sent, which is no description.
        await ActivityEnvironment().run(caller.http.openapi_call, call)
    assert caller.server.requests[-1] == "GET /api/openapi"
