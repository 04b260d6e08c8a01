"""Secrets reach the other side of a call, and nothing that anybody can read later."""

import base64
import hashlib
from typing import Any

import pytest

from foundation.settings import TemporalSettings
from tests.fixtures.plant import HOST, Plant
from tests.fixtures.polling import pause
from tests.interpreter.conftest import SECRETS, Runner
from workflows.instances.inspection import Inspector
from workflows.instances.types import Status
from workflows.interpreter.types import Progress
from workflows.runs.names import of_workflow_id

pytestmark = pytest.mark.anyio

KEY = str(SECRETS["planted"])
PAIR: Any = SECRETS["pair"]
BASIC = base64.b64encode(f"{PAIR['username']}:{PAIR['password']}".encode()).decode()
PLANTED = (KEY, PAIR["password"], BASIC, base64.b64encode(KEY.encode()).decode())
ECHO = "https://httpbin.org/anything"


def call(arguments: str, method: str = "get") -> str:
    return (
        "use: { secrets: [ planted, pair ] }\n"
        f"do: [ {{ ask: {{ call: http, with: {{ method: {method}, {arguments} }} }} }} ]"
    )


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def everything_of(run: Runner, tasks: str, value: Any = None) -> tuple[Any, Any, str]:
    """Run, and return output, error, and all that Temporal and the timeline keep of it."""
    handle = await run.start(tasks, value)
    ended = await run.ended(handle)
    progress: Progress = await run.progress(handle)
    history = (await handle.fetch_history()).to_json()
    # Payloads are base64 in the history's JSON.
    payloads = [
        payload.data.decode(errors="replace")
        async for event in handle.fetch_history_events()
        for payload in payloads_of(event)
    ]
    kept = "\n".join([history, progress.model_dump_json(), *payloads])
    return ended.output, ended.error, kept


def payloads_of(message: Any) -> list[Any]:
    """Find all payloads in an event."""
    found = []
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.name == "Payload" and field.message_type.fields_by_name.get("data"):
            found += list(value) if field.is_repeated else [value]
        elif field.message_type.GetOptions().map_entry:
            for item in value.values():
                found += payloads_of(item) if hasattr(item, "ListFields") else []
        else:
            for item in value if field.is_repeated else [value]:
                found += payloads_of(item)
    return found


def assert_hidden(kept: str) -> None:
    assert "anything" in kept, "the search looks at the wrong thing"
    assert [text for text in PLANTED if text in kept] == []


async def test_a_secret_arrives_and_is_nowhere_else(run: Runner) -> None:
    output, _, kept = await everything_of(
        run,
        call(
            f"endpoint: '{ECHO}/{{line}}', headers: {{ X-Key: '${{ $secrets.planted }}', "
            "X-Line: '${ .line }' }, body: { token: '${ $secrets.planted }', "
            "line: '${ $context.line }' }",
            "post",
        ),
        {"line": 7},
    )

    assert output["hashes"]["X-Key"] == hashed(KEY)
    assert output["headers"]["X-Key"] == "***"
    assert output["headers"]["X-Line"] == "7"
    assert output["data"] == '{"token":"***","line":7}'
    assert_hidden(kept)


@pytest.mark.parametrize(
    "endpoint",
    [
        "${ .base }/{line}/${ $secrets.planted }${ .end }",
        '${ "\\(.base)/\\(.line | @uri)/\\($secrets.planted)\\(.end)" }',
    ],
)
async def test_a_secret_can_be_part_of_an_address(run: Runner, endpoint: str) -> None:
    output, _, kept = await everything_of(
        run,
        call(f"endpoint: '{endpoint}', output: response"),
        {"base": ECHO, "line": "a/b ${ .x }", "end": "/x"},
    )

    path = f"/anything/a%2Fb%20%24%7B%20.x%20%7D/{KEY}/x"
    assert output["content"]["hashes"]["url"] == hashed(path)
    assert output["request"]["uri"].endswith("/***/x")
    assert_hidden(kept)


async def test_a_policy_takes_its_credentials_from_a_secret(run: Runner) -> None:
    policy = "authentication: { basic: { use: pair } }"
    output, _, kept = await everything_of(run, call(f"endpoint: {{ uri: '{ECHO}', {policy} }}"))

    assert output["hashes"]["authorization"] == hashed(f"Basic {BASIC}")
    assert_hidden(kept)


async def test_the_authorization_of_a_call_can_be_read_by_its_own_arguments(run: Runner) -> None:
    policy = "authentication: { bearer: { token: '${ $secrets.planted }' } }"
    headers = (
        "headers: { X-Scheme: '${ $authorization.scheme }', "
        "X-Copy: '${ $authorization.parameter }' }"
    )
    output, _, kept = await everything_of(
        run, call(f"endpoint: {{ uri: '{ECHO}', {policy} }}, {headers}")
    )

    assert output["headers"]["X-Scheme"] == "Bearer"
    assert output["hashes"]["X-Copy"] == hashed(KEY)
    assert_hidden(kept)


async def test_a_raw_answer_does_not_hide_a_secret_in_its_encoding(run: Runner) -> None:
    output, _, kept = await everything_of(
        run,
        call(f"endpoint: '{ECHO}', output: raw, headers: {{ X-Key: '${{ $secrets.planted }}' }}"),
    )

    assert b'"X-Key": "***"' in base64.b64decode(output)
    assert_hidden(kept)


@pytest.mark.parametrize("name", ["shouted", "foreign"])
async def test_a_secret_in_the_name_of_a_host_is_hidden_however_it_is_spelled(
    run: Runner, name: str
) -> None:
    """Names are looked up in small letters, and in ASCII."""
    url = f'"http://press-\\($secrets.{name}).invalid/x"'
    asks = call(f"endpoint: '${{ {url} }}'")
    _, error, kept = await everything_of(run, asks.replace("pair", name))
    assert "no connection" in error["detail"]
    secret = str(SECRETS[name])
    encoded = f"press-{secret}".lower().encode("punycode").decode()
    assert [text for text in (secret, secret.lower(), encoded) if text in kept] == []


async def test_a_secret_in_a_path_is_hidden_of_which_only_a_part_has_to_be_encoded(
    run: Runner,
) -> None:
    url = f'"{ECHO}/\\($secrets.odd)"'
    asks = call(f"output: response, endpoint: '${{ {url} }}'").replace("pair", "odd")
    output, _, kept = await everything_of(run, asks)
    assert output["request"]["uri"] == f"{ECHO}/***"
    assert "x=1" not in kept


async def test_an_error_does_not_repeat_a_secret(run: Runner) -> None:
    _, error, kept = await everything_of(
        run, call(f"endpoint: '{ECHO}/refused', headers: {{ X-Key: '${{ $secrets.planted }}' }}")
    )

    assert error["status"] == 422
    assert "***" in error["detail"]
    assert_hidden(kept)


@pytest.mark.parametrize(
    "expression",
    [
        "error($secrets.planted)",
        "$secrets.planted | tonumber",
        "{} | .[$secrets.planted] | .a[0].b.c | error",
    ],
)
async def test_an_expression_cannot_fail_with_a_secret(run: Runner, expression: str) -> None:
    _, error, kept = await everything_of(
        run, call(f"endpoint: '{ECHO}', body: '${{ {expression} }}'")
    )

    assert error["type"].endswith("/expression")
    assert "'body'" in error["detail"]
    assert_hidden(kept)


async def test_a_secret_that_has_the_wrong_type_is_not_shown(run: Runner) -> None:
    _, error, kept = await everything_of(
        run, call(f"endpoint: '{ECHO}', headers: '${{ $secrets.planted }}'")
    )

    assert "What the secrets make of headers has the wrong type" in error["detail"]
    assert_hidden(kept)


async def test_a_call_that_waits_for_its_next_try_shows_no_secret_either(
    run: Runner, plant: Plant
) -> None:
    """The server says why it is busy, and quotes what it was asked with."""
    plant.answers["/busy"] = [{"status": 503, "text": f"not now, {KEY}"}]
    handle = await run.start(
        call(f"endpoint: 'http://{HOST}/busy', headers: {{ X-Key: '${{ $secrets.planted }}' }}")
    )
    known = of_workflow_id(handle.id)
    assert known is not None
    inspector = Inspector(run.client, TemporalSettings())
    while not (look := await inspector.look(*known)).instance.waiting_for:
        await pause()
    (waiting,) = look.instance.waiting_for
    assert (waiting["kind"], waiting["task"], waiting["attempts"]) == ("retry", "/do/0/ask", 4)
    error: Any = waiting["error"]
    assert error["status"] == 503
    assert look.instance.status is Status.RUNNING
    assert [text for text in PLANTED if text in look.body.decode()] == []
    assert plant.asked_at("/busy")[0].headers["x-key"] == KEY
    await handle.terminate()
