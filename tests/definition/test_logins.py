"""Policies that could never log in, and calls that a policy is not for, are refused at publish."""

import pytest

from tests.definition.documents import HEAD, with_tasks
from workflows.definition import validate

AUTHORITY = "authority: 'https://e.com/realm'"
EXCHANGE = "grant: 'urn:ietf:params:oauth:grant-type:token-exchange'"
SECRET = "'${ .secret }'"
DIGEST = f"{{ digest: {{ username: kim, password: {SECRET} }} }}"
HTTP = "call: http, with: { method: get, endpoint: { uri: 'https://e.com', authentication: %s } }"
PLACE = "/do/0/a/with/endpoint/authentication"


def policy(grant: str, more: str = "") -> str:
    return f"oauth2: {{ {AUTHORITY}, {grant} {more and ', ' + more} }}"


@pytest.mark.parametrize("scheme", ["oauth2", "oidc"])
@pytest.mark.parametrize(
    ("grant", "more", "words"),
    [
        ("grant: client_credentials", "", "'grant: client_credentials' needs 'client'."),
        ("grant: client_credentials", "client: { id: a }", "needs 'client.secret'. Without a"),
        ("grant: client_credentials", f"client: {{ secret: {SECRET} }}", "needs 'client.id'"),
        (
            "grant: client_credentials",
            "client: { id: a, authentication: none }",
            "proves who it is, which 'none' does not",
        ),
        (
            "grant: password",
            "username: a, client: { id: a, authentication: none }",
            "'grant: password' needs 'password'.",
        ),
        ("grant: refresh_token", "", "'grant: refresh_token' needs 'subject'."),
        (EXCHANGE, "", "needs 'subject'."),
        (
            EXCHANGE,
            (
                f"subject: {{ token: {SECRET}, type: a }}, "
                "client: { id: a, authentication: private_key_jwt }"
            ),
            "needs 'client.assertion', a JWT that is signed already, or 'client.secret'",
        ),
        (
            EXCHANGE,
            (
                f"subject: {{ token: {SECRET}, type: a }}, "
                f"client: {{ secret: {SECRET}, authentication: private_key_jwt }}"
            ),
            "needs 'client.id' to sign",
        ),
    ],
)
def test_a_policy_that_lacks_something_is_refused(
    scheme: str, grant: str, more: str, words: str
) -> None:
    written = f"{{ {policy(grant, more).replace('oauth2', scheme)} }}"
    (found,) = validate(with_tasks(f"- a: {{ {HTTP % written} }}"))
    assert (found.code, found.pointer) == ("missing-key", f"{PLACE}/{scheme}")
    assert words in found.message


def test_a_grant_that_needs_a_person_names_what_to_use_instead() -> None:
    written = f"{{ {policy('grant: authorization_code')} }}"
    (found,) = validate(with_tasks(f"- a: {{ {HTTP % written} }}"))
    assert (found.code, found.pointer) == ("not-supported-yet", f"{PLACE}/oauth2/grant")
    assert "needs a person in a browser. Use 'client_credentials', or 'refresh_token'" in (
        found.message
    )


def test_a_named_policy_is_checked_where_it_stands() -> None:
    use = f"use: {{ authentications: {{ erp: {{ {policy('grant: refresh_token')} }} }} }}"
    (found,) = validate(f"{HEAD}{use}\ndo: []")
    assert found.pointer == "/use/authentications/erp/oauth2"


@pytest.mark.parametrize(
    ("task", "pointer"),
    [
        (
            (
                "call: grpc, with: { proto: { endpoint: 'https://e.com/a.proto' }, "
                "service: { name: a.B, host: e.com, authentication: LOGIN }, method: C }"
            ),
            "service/authentication",
        ),
        (
            (
                "call: mcp, with: { method: tools/list, transport: { http: { endpoint: "
                "{ uri: 'https://e.com', authentication: LOGIN } } } }"
            ),
            "transport/http/endpoint/authentication",
        ),
        (
            (
                "call: a2a, with: { method: tasks/list, agentCard: { endpoint: "
                "{ uri: 'https://e.com', authentication: LOGIN } } }"
            ),
            "agentCard/endpoint/authentication",
        ),
        (
            (
                "call: a2a, with: { method: tasks/list, server: "
                "{ uri: 'https://e.com', authentication: LOGIN } }"
            ),
            "server/authentication",
        ),
    ],
    ids=["grpc", "mcp", "card", "server"],
)
@pytest.mark.parametrize("login", [DIGEST, "{ use: gate }"], ids=["inline", "named"])
def test_digest_is_refused_where_nobody_answers_a_challenge(
    task: str, pointer: str, login: str
) -> None:
    use = f"use: {{ authentications: {{ gate: {DIGEST} }} }}"
    (found,) = validate(f"{HEAD}{use}\ndo:\n- a: {{ {task.replace('LOGIN', login)} }}")
    assert (found.code, found.pointer) == ("not-supported-yet", f"/do/0/a/with/{pointer}")
    assert "works for HTTP requests" in found.message


def test_a_document_may_be_read_with_a_digest() -> None:
    task = (
        "call: grpc, with: { proto: { endpoint: { uri: 'https://e.com/a.proto', authentication: "
        f"{DIGEST} }} }}, service: {{ name: a.B, host: e.com }}, method: C }}"
    )
    assert validate(with_tasks(f"- a: {{ {task} }}")) == []
