"""Secrets that are written out."""

import pytest

from tests.definition.documents import HEAD, with_tasks
from workflows.definition import validate

HTTP = "- a: { call: http, with: { method: get, endpoint: { uri: 'https://e.com', %s } } }"
PLAIN = "- a: { call: http, with: { method: get, endpoint: 'https://e.com', %s } }"


def secrets(text: str) -> list[str]:
    return [each.pointer for each in validate(text) if each.code == "literal-secret"]


@pytest.mark.parametrize(
    ("policy", "pointer"),
    [
        ("bearer: { token: abc }", "bearer/token"),
        ("bearer: { token: '${ \"abc\" }' }", "bearer/token"),
        ("basic: { username: u, password: p }", "basic/password"),
        ("digest: { username: u, password: p }", "digest/password"),
        (
            (
                "oauth2: { authority: 'https://e.com', grant: client_credentials, "
                "client: { id: i, secret: s } }"
            ),
            "oauth2/client/secret",
        ),
        (
            "oidc: { authority: 'https://e.com', grant: password, username: u, password: p }",
            "oidc/password",
        ),
        (
            (
                "oidc: { authority: 'https://e.com', grant: refresh_token, "
                "subject: { token: t, type: x } }"
            ),
            "oidc/subject/token",
        ),
    ],
)
def test_a_secret_in_a_policy_is_found_where_it_is_used_and_where_it_is_declared(
    policy: str, pointer: str
) -> None:
    used = with_tasks(HTTP % f"authentication: {{ {policy} }}")
    assert secrets(used) == [f"/do/0/a/with/endpoint/authentication/{pointer}"]
    declared = f"{HEAD}use: {{ authentications: {{ x: {{ {policy} }} }} }}\ndo: []"
    assert secrets(declared) == [f"/use/authentications/x/{pointer}"]


@pytest.mark.parametrize(
    "name",
    [
        *("Authorization", "proxy-authorization", "X-Api-Key", "api_key", "apikey", "X-Auth-Token"),
        *("Cookie", "X-Client-Secret", "Ocp-Apim-Subscription-Key", "password"),
    ],
)
def test_a_secret_in_a_header_or_query_is_found_by_its_name(name: str) -> None:
    assert secrets(with_tasks(PLAIN % f"headers: {{ {name}: abc }}")) == [
        f"/do/0/a/with/headers/{name}"
    ]
    assert secrets(with_tasks(PLAIN % f"query: {{ {name}: abc }}")) == [
        f"/do/0/a/with/query/{name}"
    ]
    assert secrets(with_tasks(PLAIN % f"headers: {{ {name}: '${{ .x }}' }}")) == []


@pytest.mark.parametrize(
    "name", ["Accept", "Content-Type", "Idempotency-Key", "page_token", "tokens", "X-Request-ID"]
)
def test_other_headers_may_be_written_out(name: str) -> None:
    assert validate(with_tasks(PLAIN % f"headers: {{ {name}: abc }}")) == []


def test_secrets_for_mcp_servers_are_found() -> None:
    http = "transport: { http: { endpoint: 'https://e.com', headers: { Authorization: x } } }"
    stdio = "transport: { stdio: { command: npx, environment: { SLACK_TOKEN: x, LEVEL: debug } } }"
    call = "- a: { call: mcp, with: { method: tools/list, %s } }"
    base = "/do/0/a/with/transport"
    assert secrets(with_tasks(call % http)) == [f"{base}/http/headers/Authorization"]
    assert secrets(with_tasks(call % stdio)) == [f"{base}/stdio/environment/SLACK_TOKEN"]


def test_a_password_in_an_address_is_found() -> None:
    text = with_tasks("- a: { call: http, with: { method: get, endpoint: 'https://u:p@e.com' } }")
    assert secrets(text) == ["/do/0/a/with/endpoint"]


@pytest.mark.parametrize(
    ("text", "is_secret"),
    [
        ("Bearer ${ .token }", False),
        ("${ .scheme } ${ .token }", False),
        ('Bearer ${ "abc" }', True),
        ("Bearer ${ .token", True),
    ],
)
def test_a_text_is_a_secret_unless_something_in_it_is_computed(text: str, is_secret: bool) -> None:
    found = secrets(with_tasks(PLAIN % f"headers: {{ Authorization: '{text}' }}"))
    assert bool(found) == is_secret


@pytest.mark.parametrize(
    ("address", "is_secret"),
    [("https://u:${ .p }@e.com/${ .x }", False), ("https://u:p${ .p }@e.com", True)],
)
def test_a_password_in_an_address_with_expressions_is_found(address: str, is_secret: bool) -> None:
    text = with_tasks(f"- a: {{ call: http, with: {{ method: get, endpoint: '{address}' }} }}")
    assert bool(secrets(text)) == is_secret


def test_an_empty_password_and_a_user_name_are_no_secrets() -> None:
    policy = "authentication: { basic: { username: somebody, password: '' } }"
    assert validate(with_tasks(HTTP % policy)) == []
