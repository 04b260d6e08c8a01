"""What MCP and A2A demand of a call is checked when it is published."""

import pytest

from tests.definition.documents import codes, only, with_tasks
from workflows.definition import validate
from workflows.definition.off import Off

MCP = "- a: { call: mcp, with: { method: tools/list, %s } }"
HTTP = "http: { endpoint: 'https://e.com' }"
A2A = "- a: { call: a2a, with: { method: %s, server: 'https://e.com' %s } }"


@pytest.mark.parametrize(
    ("version", "code"),
    [
        ("2024-11-05", None),
        ("2026-07-28", None),
        ("latest", "wrong-value"),
        ("1.0", "wrong-value"),
        ("2025-06", "wrong-value"),
        ("${ .v }", "wrong-value"),
    ],
)
def test_a_version_of_mcp_is_a_day(version: str, code: str | None) -> None:
    given = f"transport: {{ {HTTP} }}, protocolVersion: '{version}'"
    assert set(codes(with_tasks(MCP % given))) == ({code} if code else set())


def test_each_option_of_a_transport_is_refused_by_name() -> None:
    options = "options: { maxRetries: '3', proxy: 'http://e.com' }"
    found = validate(with_tasks(MCP % f"transport: {{ {HTTP}, {options} }}"))
    base = "/do/0/a/with/transport/options"
    assert [(each.code, each.pointer) for each in found] == [
        ("unknown-key", f"{base}/maxRetries"),
        ("unknown-key", f"{base}/proxy"),
    ]
    assert "no option 'maxRetries'" in found[0].message
    assert "'timeout' beside 'transport'" in found[0].message


def test_a_server_over_stdio_is_a_command_of_the_installation() -> None:
    text = with_tasks(MCP % "transport: { stdio: { command: time, arguments: [--utc] } }")
    assert validate(text) == []
    (found,) = validate(text, off=Off({"mcp-programs": "An administrator publishes it."}))
    assert (found.code, found.pointer) == ("not-enabled", "/do/0/a/with/transport/stdio")
    assert found.message == "An administrator publishes it."


def test_a_call_of_an_agent_names_one() -> None:
    found = only(with_tasks("- a: { call: a2a, with: { method: tasks/list } }"))
    assert (found.code, found.pointer) == ("missing-key", "/do/0/a/with")
    assert "One of 'agentCard', 'server' is missing." in found.message


def test_a_card_and_a_server_may_both_be_there() -> None:
    card = ", agentCard: { endpoint: 'https://e.com/card.json' }"
    assert validate(with_tasks(A2A % ("tasks/list", card))) == []


@pytest.mark.parametrize(
    ("method", "parameters", "pointer"),
    [
        ("message/send", "", "/do/0/a/with"),
        ("message/send", ", parameters: { text: a }", "/do/0/a/with/parameters"),
        ("message/stream", ", parameters: { text: a }", "/do/0/a/with/parameters"),
        ("tasks/get", ", parameters: { taskId: a }", "/do/0/a/with/parameters"),
        ("tasks/cancel", "", "/do/0/a/with"),
        ("tasks/resubscribe", "", "/do/0/a/with"),
    ],
)
def test_a_request_that_no_agent_could_answer_is_found(
    method: str, parameters: str, pointer: str
) -> None:
    found = only(with_tasks(A2A % (method, parameters)))
    assert (found.code, found.pointer) == ("missing-key", pointer)
    assert f"'{method}' needs" in found.message


def test_parameters_that_are_computed_are_not_judged() -> None:
    assert validate(with_tasks(A2A % ("message/send", ", parameters: '${ .x }'"))) == []
