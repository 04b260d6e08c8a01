import base64

import pytest

from tests.interpreter.conftest import Runner

pytestmark = pytest.mark.anyio
PETS = "https://petstore.swagger.io/v2"


def call(arguments: str) -> str:
    return f"do: [ {{ ask: {{ call: http, with: {{ method: get, {arguments} }} }} }} ]"


async def test_a_uri_variable_is_encoded_and_cannot_leave_its_segment(run: Runner) -> None:
    ended = await run(call(f"endpoint: '{PETS}/pet/{{petId}}'"), {"petId": "../../v2/pet/1"})
    assert ended.error["status"] == 404
    assert "%2F" in ended.error["detail"]


async def test_an_endpoint_is_put_together_from_texts_expressions_and_variables(
    run: Runner,
) -> None:
    ended = await run(
        call("endpoint: '${ .base }/${ .kind }/{petId}', output: response"),
        {"base": PETS, "kind": "pet", "petId": "{kind}"},
    )
    assert ended.error["status"] == 404
    assert "/v2/pet/%7Bkind%7D" in ended.error["detail"]
    found = await run(call(f"endpoint: '{PETS}/pet/${{.id}}'"), {"id": 2})
    assert found.output["name"] == "pet-2"


async def test_an_endpoint_does_not_take_null_for_a_text(run: Runner) -> None:
    ended = await run(call(f"endpoint: '{PETS}/pet/${{.id}}'"), {})
    assert ended.kind == "expression"
    assert "'${ .id }' must give a text or number" in ended.error["detail"]


async def test_a_missing_uri_variable_is_named(run: Runner) -> None:
    ended = await run(call(f"endpoint: '{PETS}/pet/{{petId}}'"), {})
    assert ended.kind == "expression"
    assert "petId" in ended.error["detail"]


async def test_query_and_raw_output(run: Runner) -> None:
    ended = await run(
        call(f"endpoint: '{PETS}/pet/findByStatus', query: {{ status: available }}, output: raw")
    )
    assert b"pet-1" in base64.b64decode(ended.output)


async def test_an_answer_never_shows_the_credentials_that_were_sent(run: Runner) -> None:
    ended = await run(
        call(
            "output: response, endpoint: { uri: 'https://httpbin.org/basic-auth/u/p', "
            "authentication: { basic: { username: '${ .u }', password: '${ .p }' } } }"
        ),
        {"u": "u", "p": "p"},
    )
    assert ended.output["content"] == {"authenticated": True}
    assert "authorization" not in ended.output["request"]["headers"]


@pytest.mark.parametrize("method", ["get", "post"])
async def test_a_server_that_is_not_there_is_asked_four_times_and_named(
    run: Runner, method: str
) -> None:
    ended = await run(call("endpoint: 'http://127.0.0.1:9/x'").replace("get", method))
    assert ended.kind == "communication"
    assert "127.0.0.1:9" in ended.error["detail"]
    assert ended.progress.events[-1].attempts == 4


async def test_an_address_inside_the_network_is_refused_unless_it_is_allowed(run: Runner) -> None:
    ended = await run(call("endpoint: 'http://169.254.169.254/latest/meta-data'"))
    assert ended.kind == "authorization"
    assert "169.254.169.254" in ended.error["detail"]


async def test_an_unknown_operation_lists_the_known_ones(run: Runner) -> None:
    ended = await run(
        "do: [ { ask: { call: openapi, with: { operationId: nope, "
        f"document: {{ endpoint: '{PETS}/swagger.json' }} }} }} }} ]"
    )
    assert "getPetById" in ended.error["detail"]
