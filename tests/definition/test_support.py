"""What is not executed yet is refused at publish, by name; what is executed is not."""

import pytest

from tests.definition.documents import with_tasks
from workflows.definition import validate

HTTP = "call: http, with: { method: get, endpoint: { uri: 'https://e.com', authentication: %s } }"
CLIENT = "client: { id: a, secret: '${ .s }' }"
OAUTH2 = f"{{ oauth2: {{ authority: 'https://e.com', grant: client_credentials, {CLIENT} }} }}"
ASYNCAPI = "call: asyncapi, with: { document: { endpoint: 'https://e.com' }, operation: a, %s }"
TAKE = "subscription: { consume: { amount: 1 } }"
MCP = "call: mcp, with: { method: %s, transport: %s }"
A2A = "call: a2a, with: { method: %s, server: 'https://e.com', parameters: %s }"
OVER_HTTP = "{ http: { endpoint: 'https://e.com' } }"


@pytest.mark.parametrize(
    ("task", "pointer", "what"),
    [
        (
            "run: { container: { image: a, ports: { '80': 80 } } }",
            "run/container/ports",
            "no network",
        ),
        (
            "run: { container: { image: a, volumes: { /a: /b } } }",
            "run/container/volumes",
            "no volumes",
        ),
        (
            "run: { container: { image: a, pullPolicy: always } }",
            "run/container/pullPolicy",
            "Nothing is pulled",
        ),
        (
            "run: { container: { image: a, lifetime: { cleanup: never } } }",
            "run/container/lifetime/cleanup",
            "Nothing of a container is left",
        ),
        ("run: { container: { image: a }, await: false }", "run/await", "always waited for"),
        (
            "run: { script: { language: lua, code: '1' } }",
            "run/script/language",
            "Scripts in 'lua'",
        ),
        ("run: { shell: { command: a }, await: false }", "run/await", "always waited for"),
        (ASYNCAPI % "protocol: kafka, message: {}", "with/protocol", "The protocol 'kafka'"),
        (ASYNCAPI % f"protocol: ws, {TAKE}", "with/protocol", "The protocol 'ws'"),
        (
            ASYNCAPI % f"protocol: http, {TAKE}",
            "with/protocol",
            "HTTP has nothing",
        ),
        (
            MCP % ("tools/list", "{ stdio: { command: a, environment: { B: c } } }"),
            "with/transport/stdio/environment",
            "MILLWRIGHT_STDIO_COMMANDS",
        ),
        (
            MCP % ("tools/list", "{ stdio: { command: '${ .a }' } }"),
            "with/transport/stdio/command",
            "cannot be computed",
        ),
        (
            MCP % ("tools/list", "{ stdio: { command: a, arguments: [b, '--x=${ .a }'] } }"),
            "with/transport/stdio/arguments",
            "cannot be computed",
        ),
        (
            MCP % ("tools/list", "{ stdio: { command: a } }, client: { name: a, version: b }"),
            "with/client",
            "Leave 'client' out",
        ),
    ],
)
def test_a_task_that_is_not_executed_yet_is_named(task: str, pointer: str, what: str) -> None:
    (found,) = validate(with_tasks(f"- first: {{ set: {{ x: 1 }} }}\n- second: {{ {task} }}"))
    assert (found.code, found.pointer) == ("not-supported-yet", f"/do/1/second/{pointer}")
    assert what in found.message


def test_the_message_names_the_task() -> None:
    stdio = MCP % ("tools/list", "{ stdio: { command: a, environment: { B: c } } }")
    (found,) = validate(with_tasks(f"- outer: {{ do: [ {{ start: {{ {stdio} }} }} ] }}"))
    assert found.message.startswith("Task 'start': Variables for an MCP server over stdio are not")


@pytest.mark.parametrize(
    "task",
    [
        "call: http, with: { method: get, endpoint: 'https://e.com' }",
        "call: openapi, with: { document: { endpoint: 'https://e.com' }, operationId: a }",
        *(
            MCP % (method, OVER_HTTP)
            for method in (
                *("tools/list", "tools/call", "prompts/list", "prompts/get", "resources/list"),
                *("resources/read", "resources/templates/list"),
            )
        ),
        *(
            A2A % (method, "{ id: '1', message: {} }")
            for method in (
                *("message/send", "message/stream", "tasks/get", "tasks/list", "tasks/cancel"),
                *("tasks/resubscribe", "tasks/pushNotificationConfig/set"),
                *("tasks/pushNotificationConfig/get", "tasks/pushNotificationConfig/list"),
                *("tasks/pushNotificationConfig/delete", "agent/getAuthenticatedExtendedCard"),
            )
        ),
        "call: mcp.tool, with: { server: a, tool: b }",
        ASYNCAPI % "message: { payload: { a: '${ .b }' } }",
        ASYNCAPI % "protocol: http, message: {}",
        ASYNCAPI % f"protocol: mqtt, {TAKE}",
        ASYNCAPI % f"protocol: mqtt5, {TAKE}",
        # A server decides; the protocol beside it is ignored.
        ASYNCAPI % f"protocol: kafka, server: {{ name: a }}, {TAKE}",
        "do: []",
        "emit: { event: { with: { type: a } } }",
        "for: { in: . }, while: .x, do: []",
        "for: { in: [ { a: 1 } ] }, do: []",
        "fork: { branches: [ { a: { do: [] } } ], compete: true }",
        "run: { shell: { command: 'echo ${ .a } $1', arguments: [ '${ .b }' ] }, return: code }",
        "run: { script: { language: python, code: '1' } }",
        "run: { script: { language: js, code: '`a ${b c}`', stdin: '${ . }' } }",
        "run: { script: { language: js, source: { endpoint: 'https://e.com/a.mjs' } } }",
        "raise: { error: { type: 'https://e.com', status: 400 } }",
        "set: { a: 1 }",
        "switch: [ { a: { then: end } } ]",
        (
            "try: [], catch: { errors: { with: { status: 4 } }, as: e, when: .a, exceptWhen: .b, "
            "do: [], then: end }"
        ),
        (
            "wait: PT1S, timeout: { after: PT2S }, if: .a, then: end, input: { from: . }, "
            "output: { as: . }, export: { as: . }"
        ),
        HTTP % "{ basic: { username: '${ .u }', password: '${ .p }' } }",
        HTTP % "{ bearer: { token: '${ .t }' } }",
        HTTP % "{ digest: { username: '${ .u }', password: '${ .p }' } }",
        HTTP % OAUTH2,
        HTTP % OAUTH2.replace("oauth2", "oidc"),
    ],
)
def test_what_is_executed_has_no_findings(task: str) -> None:
    assert validate(with_tasks(f"- a: {{ {task} }}")) == []
