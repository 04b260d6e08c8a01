"""`call: grpc` as definitions use it."""

from typing import Any

import pytest

from activities.logins import PlainLogin
from tests.fixtures.grpc_line import HOST, Line, Protos
from tests.interpreter.conftest import SECRETS, Runner

pytestmark = pytest.mark.anyio


def definition(protos: Protos, line: Line, *tasks: str, use: str = "") -> str:
    steps = "".join(f"\n  - {task}" for task in tasks)
    text = f"{use}\ndo:{steps}"
    return text.replace("PROTO", protos.line).replace("PORT", str(line.port))


def call(name: str, method: str, arguments: str = "{}", more: str = "") -> str:
    return (
        f"{name}: {{ call: grpc, with: {{ proto: {{ endpoint: 'PROTO' }}, service: {{ "
        f"name: press.v1.Line, host: {HOST}, port: PORT {more} }}, method: {method}, "
        f"arguments: {arguments} }} }}"
    )


async def test_a_definition_reads_a_press_and_stops_it(
    run: Runner, protos: Protos, line: Line
) -> None:
    ended = await run(
        definition(
            protos,
            line,
            call("watch", "Watch", "{ measurements: 3 }"),
            "count: { set: { press: '${ .[2].count | tonumber }' } }",
            call("stop", "Stop", "{ press: 'P${ .press }', kind: KIND_ROUND }"),
        )
    )
    assert ended.output["press"] == "P2"
    assert ended.output["request"]["kind"] == "KIND_ROUND"
    assert line.calls == {"Watch": 1, "Stop": 1}
    assert protos.read == {"press/v1/line.proto": 1, "press/v1/parts.proto": 1}


async def test_a_status_is_caught_by_its_title(run: Runner, protos: Protos, line: Line) -> None:
    fail = call("fail", "Fail", "{ code: NOT_FOUND, message: no such press }")
    ended = await run(
        definition(
            protos,
            line,
            f"try: {{ try: [ {{ {fail} }} ], catch: {{ errors: {{ with: {{ status: 404 }} }}, "
            "do: [ { note: { set: { why: '${ $error.detail }', title: '${ $error.title }' } } } "
            "] } }",
        )
    )
    assert ended.output["title"] == "gRPC NOT_FOUND"
    assert "no such press" in ended.output["why"]


async def test_credentials_of_document_and_service_come_from_secrets(
    run: Runner, protos: Protos, line: Line
) -> None:
    pair: Any = SECRETS["pair"]
    protos.login = PlainLogin(
        scheme="basic", username=pair["username"], secret=pair["password"]
    ).authorization
    ended = await run(
        definition(
            protos,
            line,
            "measure: { call: grpc, with: { proto: { endpoint: { uri: 'PROTO', "
            "authentication: { basic: { use: pair } } } }, "
            f"service: {{ name: press.v1.Line, host: {HOST}, port: PORT, "
            "authentication: { bearer: { use: planted } } }, method: Measure } }",
            use="use: { secrets: [ planted, pair ] }",
        )
    )
    # It arrived, and what comes back shows nothing of it.
    assert ended.output["authorization"] == "Bearer ***"


async def test_a_server_that_is_not_there_is_asked_four_times(
    run: Runner, protos: Protos, line: Line
) -> None:
    tasks = definition(protos, line, call("stop", "Stop")).replace(f"port: {line.port}", "port: 9")
    ended = await run(tasks)
    assert ended.kind == "communication"
    assert f"{HOST}:9" in ended.error["detail"]
    assert ended.progress.events[-1].attempts == 4


async def test_without_a_port_it_is_that_of_tls(run: Runner, protos: Protos, line: Line) -> None:
    tasks = definition(protos, line, call("stop", "Stop")).replace(f", port: {line.port}", "")
    ended = await run(tasks)
    assert ended.error["detail"].startswith(f"{HOST}: no connection")
    assert not line.calls
