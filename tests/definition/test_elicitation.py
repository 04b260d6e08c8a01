"""`elicitation` of `call: mcp.tool`: who answers what a tool asks is judged like who approves."""

import pytest

from tests.definition.documents import codes, only, with_tasks
from workflows.definition import validate

CALL = """
- weld:
    call: mcp.tool
    with: {{ server: cell, tool: weld, arguments: {{}}, elicitation: {} }}
"""


@pytest.mark.parametrize(
    "given",
    [
        "{}",
        "{ ask: false }",
        "{ allowRequester: false, timeout: { after: PT1H }, notify: tell }",
        "{ candidates: { users: [ ada@plant.example ], roles: [ manager ] } }",
        "{ candidates: '${ .who }', timeout: { after: '${ .patience }' } }",
    ],
)
def test_it_is_written_like_an_approval(given: str) -> None:
    use = "use: { functions: { tell: { set: { told: true } } } }\n"
    assert validate(with_tasks(CALL.format(given), more=use)) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("{ candidates: { roles: [ boss ] } }", "There is no role"),
        ("{ candidates: { users: [ ada ] } }", "is no mail address"),
        ("{ candidates: {} }", "One of 'users', 'roles' is missing"),
        ("{ timeout: { after: PT0S } }", "longer than nothing"),
        ("{ timeout: { then: reject } }", "after"),
        ("{ ask: maybe }", "true or false"),
        ("{ quorum: 2 }", "quorum"),
        ("{ notify: tell }", "There is no function 'tell'"),
    ],
)
def test_what_cannot_be_is_refused_at_publish(given: str, words: str) -> None:
    found = validate(with_tasks(CALL.format(given)))
    assert any(words in each.message for each in found), found


def test_secrets_are_not_for_those_who_answer() -> None:
    use = "use: { secrets: [ boss ] }\n"
    given = "{ candidates: { users: [ '${ $secrets.boss }' ] } }"
    assert codes(with_tasks(CALL.format(given), more=use)) == ["secret-flow"]


@pytest.mark.parametrize(
    "call",
    [
        "call: mcp.tool, with: { server: c, tool: t, elicitation: { notify: tell } }",
        "call: approval, with: { title: T, candidates: { roles: [ admin ] }, notify: tell }",
    ],
)
def test_a_function_that_notifies_with_itself_calls_itself(call: str) -> None:
    use = f"use: {{ functions: {{ tell: {{ {call} }} }} }}\n"
    found = only(with_tasks("- one: { set: { a: 1 } }", more=use))
    assert "calls itself: tell -> tell" in found.message
