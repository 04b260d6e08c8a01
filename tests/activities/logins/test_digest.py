"""Digest authentication against a server that checks it as RFC 7616 says."""

from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.http import HttpCall
from tests.activities.logins.conftest import Caller
from tests.fixtures.token_server import DIGEST_PASSWORD

pytestmark = pytest.mark.anyio


async def ask(caller: Caller, path: str, password: str = DIGEST_PASSWORD) -> Any:
    call = HttpCall.model_validate(
        {
            "tenant_id": "press",
            "method": "POST",
            "uri": f"{caller.server.url}{path}",
            "query": {"line": 7},
            "body": {"part": 1},
            "login": {"scheme": "digest", "username": "kim", "secret": password},
        }
    )
    return (await ActivityEnvironment().run(caller.http.http_call, call)).value


async def test_the_challenge_is_answered_and_the_body_arrives(caller: Caller) -> None:
    answer = await ask(caller, "/digest/orders")
    assert answer["data"] == '{"part":1}'
    assert caller.server.digests == {"asked": 1, "right": 1}


async def test_a_wrong_password_is_refused(caller: Caller) -> None:
    with pytest.raises(ApplicationError) as caught:
        await ask(caller, "/digest/orders", "wrong")
    assert caught.value.details[0]["status"] == 401
    assert caller.server.digests == {"asked": 2}


@pytest.mark.parametrize("way", ["odd", "int", "broken"])
async def test_a_challenge_that_cannot_be_answered_is_told(caller: Caller, way: str) -> None:
    with pytest.raises(ApplicationError) as caught:
        await ask(caller, f"/digest/{way}")
    assert caught.value.details[0]["kind"] == "authentication"
    assert "in a way that cannot be answered" in caught.value.message
    assert DIGEST_PASSWORD not in str(caught.value)
