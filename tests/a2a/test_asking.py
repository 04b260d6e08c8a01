"""One request to an agent: what is sent, what counts as an answer, what may be repeated."""

from dataclasses import replace
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.a2a import A2aActivities, A2aCall
from activities.logins import PlainLogin
from activities.requests import Sealed, SealedField
from foundation.json import JsonValue
from tests.a2a.servers import DONE, FOREIGN, WORKING
from tests.fixtures.agents import Asked
from tests.fixtures.token_server import POST_SECRET, TokenServer
from workflows.expressions import CURRENT

pytestmark = pytest.mark.anyio
HELLO: dict[str, Any] = {"message": {"parts": [{"kind": "text", "text": "hello"}]}}
LOGIN = PlainLogin(scheme="bearer", secret="t0k3n")


def call(uri: str, method: str = "tasks/get", **more: Any) -> A2aCall:
    parameters = HELLO if method.startswith("message") else {"id": "t-1"}
    given: dict[str, Any] = {"address": "card", "parameters": parameters, "timeout_s": 20.0, **more}
    return A2aCall(tenant_id="press", uri=uri, method=method, **given)


async def ask(activities: A2aActivities, request: A2aCall, **info: Any) -> JsonValue:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, **info)
    answer = await environment.run(activities.a2a_call, request)
    return answer.value


async def failed(activities: A2aActivities, request: A2aCall, **info: Any) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await ask(activities, request, **info)
    assert caught.value.details[0]["kind"] == "runtime"
    return caught.value


async def test_the_result_is_handed_on_as_it_is(activities: A2aActivities, bad: str) -> None:
    assert await ask(activities, call(f"{bad}/ok/card")) == {"asked": "tasks/get"}


async def test_a_message_gets_what_its_author_left_out(
    activities: A2aActivities, bad: str, asked: Asked
) -> None:
    await ask(activities, call(f"{bad}/ok/card", "message/send"))
    message = asked.bodies[-1]["params"]["message"]
    assert (message["kind"], message["role"]) == ("message", "user")
    assert message["parts"] == HELLO["message"]["parts"]
    given = {"message": {"messageId": "mine", "role": "agent", "parts": []}}
    await ask(activities, call(f"{bad}/ok/card", "message/send", parameters=given))
    message = asked.bodies[-1]["params"]["message"]
    assert (message["messageId"], message["role"]) == ("mine", "agent")


async def test_each_attempt_sends_the_same_message_and_each_task_its_own(
    activities: A2aActivities, bad: str, asked: Asked
) -> None:
    request = call(f"{bad}/ok/card", "message/send")
    for info in ({"attempt": 1}, {"attempt": 2}, {"activity_id": "/do/1/other"}):
        await ask(activities, request, **info)
    first, second, other = (each["params"]["message"]["messageId"] for each in asked.bodies)
    assert first == second != other


async def test_an_author_may_choose_by_what_a_message_is_recognised(
    activities: A2aActivities, bad: str, asked: Asked
) -> None:
    for key, tenant in (("order-7", "press"), ("order-7", "press"), ("order-7", "paint")):
        request = call(f"{bad}/ok/card", "message/send", idempotency_key=key)
        update = {"tenant_id": tenant}
        await ask(activities, request.model_copy(update=update), activity_id=f"/{len(asked.paths)}")
    first, second, other = (each["params"]["message"]["messageId"] for each in asked.bodies)
    assert first == second != other


async def test_a_card_is_read_once_in_a_while_by_each_tenant(
    activities: A2aActivities, bad: str, asked: Asked
) -> None:
    for tenant in ("press", "press", "paint"):
        request = call(f"{bad}/ok/card").model_copy(update={"tenant_id": tenant})
        await ask(activities, request)
    assert asked.paths.count("/ok/card") == 2


async def test_a_card_is_read_again_after_a_failure(
    activities: A2aActivities, bad: str, asked: Asked
) -> None:
    for _ in range(2):
        await failed(activities, call(f"{bad}/500/card"))
    assert asked.paths.count("/500/card") == 2


async def test_a_card_that_says_text_and_is_json_is_read(
    activities: A2aActivities, bad: str
) -> None:
    assert await ask(activities, call(f"{bad}/text/card"))


async def test_a_server_is_asked_for_its_card_below_its_path(
    activities: A2aActivities, bad: str, asked: Asked
) -> None:
    await ask(activities, call(f"{bad}/ok/", address="server"))
    assert asked.paths == ["/ok/.well-known/agent-card.json", "/ok/rpc"]


async def test_a_server_without_a_card_is_asked_itself(
    activities: A2aActivities, bad: str, asked: Asked
) -> None:
    await ask(activities, call(f"{bad}/ok/rpc", address="server"))
    assert asked.paths == ["/ok/rpc/.well-known/agent-card.json", "/ok/rpc"]


async def test_the_tenant_of_an_interface_is_sent(
    activities: A2aActivities, bad: str, asked: Asked
) -> None:
    await ask(activities, call(f"{bad}/tenant/card", "message/send"))
    assert asked.bodies[-1]["method"] == "SendMessage"
    assert asked.bodies[-1]["params"]["tenant"] == "press-shop"
    assert asked.bodies[-1]["params"]["message"]["role"] == "ROLE_USER"
    assert asked.headers[-1]["a2a-version"] == "1.0"


async def test_a_login_goes_to_the_card_and_to_the_agent(
    activities: A2aActivities, bad: str, asked: Asked
) -> None:
    await ask(activities, call(f"{bad}/ok/card", login=LOGIN))
    assert [each["authorization"] for each in asked.headers] == ["Bearer t0k3n"] * 2


async def test_a_card_cannot_have_a_login_sent_elsewhere(
    activities: A2aActivities, bad: str, asked: Asked
) -> None:
    failure = await failed(activities, call(f"{bad}/foreign/card", login=LOGIN))
    assert failure.type == "a2a-foreign-agent"
    assert f"the agent is at {FOREIGN}/rpc" in failure.message
    assert failure.non_retryable
    assert asked.paths == ["/foreign/card"]


async def test_a_card_cannot_have_a_secret_sent_elsewhere(
    activities: A2aActivities, bad: str, asked: Asked
) -> None:
    template = {"id": "${ $secrets.key }"}
    sealed = Sealed(
        fields={"parameters": SealedField(template=template)},
        secrets=("key",),
        version=CURRENT.name,
    )
    at_home = call(f"{bad}/ok/card", sealed=sealed, parameters={})
    await ask(activities, at_home)
    assert asked.bodies[-1]["params"] == {"id": "s3cr3t-key"}
    failure = await failed(activities, at_home.model_copy(update={"uri": f"{bad}/foreign/card"}))
    assert failure.type == "a2a-foreign-agent"
    assert asked.paths[-1] == "/foreign/card"


async def test_of_two_addresses_the_one_that_the_login_is_meant_for_is_taken(
    activities: A2aActivities, bad: str, asked: Asked
) -> None:
    await ask(activities, call(f"{bad}/two-homes/card", login=LOGIN))
    assert asked.paths[-1] == "/ok/rpc"


async def test_without_a_login_an_agent_may_be_elsewhere(
    activities: A2aActivities, bad: str, asked: Asked
) -> None:
    # The foreign host has no such way, and it was asked.
    await failed(activities, call(f"{bad}/foreign/card"))
    assert asked.headers[-1]["host"] == "foreign.example"


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("grpc", "offers GRPC 0.3. Spoken here is JSONRPC in the versions 0.3 and 1.0"),
        ("old", "offers JSONRPC 0.1.0"),
        ("future", "offers JSONRPC 2.0"),
        ("list", "is no agent's card"),
        ("page", "is no agent's card"),
        ("no-url", "'url' is missing or no text"),
        ("no-interfaces", "no proper list of interfaces"),
        ("secret", "answered 401: who are you?"),
        ("moved", "answered 302"),
        ("local", "MILLWRIGHT_EGRESS_ALLOW_NETWORKS"),
        ("file", "http or https"),
    ],
)
async def test_a_card_that_cannot_be_used_is_refused_with_the_reason(
    activities: A2aActivities, bad: str, way: str, words: str
) -> None:
    failure = await failed(activities, call(f"{bad}/{way}/card"))
    assert words in failure.message
    assert failure.non_retryable


@pytest.mark.parametrize("way", ["away", "nowhere"])
@pytest.mark.parametrize("method", ["message/send", "tasks/get"])
async def test_what_was_certainly_not_sent_is_tried_again(
    activities: A2aActivities, bad: str, way: str, method: str
) -> None:
    failure = await failed(activities, call(f"{bad}/{way}/card", method))
    assert not failure.non_retryable


@pytest.mark.parametrize(
    ("way", "words", "status"),
    [
        ("not-found", "answered with error -32001: Task not found.", 404),
        ("error-400", "answered with error -32602: no such parameter.", 400),
        ("own-code", "answered with error 4711: out of paper?.", 502),
        ("html", "it is no JSON-RPC response", 502),
        ("not-json", "it is no JSON-RPC response", 502),
        ("nan", "it is no JSON-RPC response", 502),
        ("wrong-id", "the id of another request", 502),
        ("nothing", "neither 'result' nor 'error'", 502),
        ("redirect", "answered 307", 307),
        ("401", "does not accept the login", 401),
        ("500", "answered 500: no.", 500),
        ("large", "larger than", 413),
    ],
)
async def test_an_answer_that_is_no_result_says_what_it_is(
    activities: A2aActivities, bad: str, way: str, words: str, status: int
) -> None:
    failure = await failed(activities, call(f"{bad}/{way}/card"))
    assert words in failure.message
    assert failure.details[0]["status"] == status
    assert failure.non_retryable


@pytest.mark.parametrize("way", ["429", "503", "error-503"])
async def test_an_agent_that_is_busy_is_asked_again_later(
    activities: A2aActivities, bad: str, way: str
) -> None:
    failure = await failed(activities, call(f"{bad}/{way}/card", "message/send"))
    assert not failure.non_retryable
    if way != "error-503":
        assert failure.next_retry_delay is not None
        assert failure.next_retry_delay.total_seconds() == 7


@pytest.mark.parametrize("way", ["502", "504", "hang"])
@pytest.mark.parametrize(
    ("method", "again"),
    [
        ("tasks/get", True),
        ("tasks/resubscribe", True),
        ("agent/getAuthenticatedExtendedCard", True),
        ("message/send", False),
        ("message/stream", False),
        ("tasks/cancel", False),
    ],
)
async def test_only_what_changes_nothing_is_repeated_when_nobody_knows(
    activities: A2aActivities, bad: str, way: str, method: str, *, again: bool
) -> None:
    failure = await failed(activities, call(f"{bad}/{way}/card", method, timeout_s=1.0))
    assert failure.non_retryable is not again


async def test_a_message_whose_worker_died_is_not_sent_again(
    activities: A2aActivities, bad: str, asked: Asked
) -> None:
    lost = {"heartbeat_details": [{"sent": True}]}
    failure = await failed(activities, call(f"{bad}/ok/card", "message/send"), **lost)
    assert "its worker went away" in failure.message
    assert asked.paths == ["/ok/card"]
    assert await ask(activities, call(f"{bad}/ok/card", "tasks/get"), **lost)


@pytest.mark.parametrize("way", ["stream", "stream-open"])
async def test_a_stream_is_the_list_of_its_results(
    activities: A2aActivities, bad: str, way: str
) -> None:
    results = await ask(activities, call(f"{bad}/{way}/card", "message/stream"))
    assert results == ([WORKING, DONE] if way == "stream" else [DONE])


async def test_a_result_without_a_stream_is_a_list_of_one(
    activities: A2aActivities, bad: str
) -> None:
    results = await ask(activities, call(f"{bad}/ok/card", "message/stream"))
    assert results == [{"asked": "message/stream"}]


async def test_what_breaks_after_the_last_word_does_not_matter(
    activities: A2aActivities, bad: str
) -> None:
    results = await ask(activities, call(f"{bad}/stream-cut-late/card", "message/stream"))
    assert results == [{"kind": "message", "parts": []}]


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("stream-empty", "the stream ended before the agent had come to an end after 0 results"),
        ("stream-unfinished", "task is 't-1', last told state 'working'"),
        ("stream-cut", "the connection broke (RemoteProtocolError) after 1 results. It is not"),
        ("stream-error", "answered with error -32603: boom."),
        ("stream-endless", "more than 1,000 results"),
        ("stream-large", "larger than 1,048,576 bytes"),
        ("html", "it is no JSON-RPC response"),
    ],
)
async def test_a_stream_without_a_proper_end_is_a_failure(
    activities: A2aActivities, bad: str, way: str, words: str
) -> None:
    failure = await failed(activities, call(f"{bad}/{way}/card", "message/stream"))
    assert words in failure.message
    assert failure.non_retryable


async def test_each_result_of_a_stream_is_a_heartbeat(activities: A2aActivities, bad: str) -> None:
    beats: list[Any] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details[0])
    await environment.run(activities.a2a_call, call(f"{bad}/stream/card", "message/stream"))
    assert beats == [
        {"sent": True},
        {"sent": True, "results": 1, "state": "working"},
        {"sent": True, "results": 2, "state": "completed"},
    ]


@pytest.mark.parametrize("parameters", [{}, {"message": "hello"}, {"message": None}])
async def test_a_message_that_is_none_is_not_sent(
    activities: A2aActivities, bad: str, asked: Asked, parameters: dict[str, Any]
) -> None:
    request = call(f"{bad}/ok/card", "message/send", parameters=parameters)
    failure = await failed(activities, request)
    assert "needs 'parameters.message'" in failure.message
    assert asked.paths == ["/ok/card"]


async def test_a_login_that_no_header_can_carry_is_refused(
    activities: A2aActivities, bad: str
) -> None:
    login = PlainLogin(scheme="bearer", secret="schlüssel")
    failure = await failed(activities, call(f"{bad}/ok/card", login=login))
    assert "must be ASCII" in failure.message


async def test_an_agent_is_asked_with_a_token_and_once_more_when_it_refuses_that(
    activities: A2aActivities, bad: str, asked: Asked, token_server: TokenServer
) -> None:
    client = {"id": "poster", "secret": POST_SECRET}
    properties = {"authority": token_server.authority, "grant": "client_credentials"}
    login = {"scheme": "oauth2", "properties": {**properties, "client": client}}

    await ask(
        activities, A2aCall.model_validate(call(f"{bad}/ok/card").model_dump() | {"login": login})
    )
    assert [asked.headers[-1]["authorization"]] == [
        f"Bearer {each}" for each in token_server.issued
    ]

    refusing = call(f"{bad}/401/card").model_dump() | {"login": login}
    failure = await failed(activities, A2aCall.model_validate(refusing))
    assert failure.details[0]["status"] == 401
    assert len(token_server.issued) == 2
    assert [token for token in token_server.issued if token in str(failure.details)] == []
