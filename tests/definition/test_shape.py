"""Findings about the shape of a document: where they point, and what they say."""

import pytest

from tests.definition.documents import HEAD, codes, only, with_tasks
from workflows.definition import validate

HTTP = "- ask: { call: http, with: { method: get, endpoint: 'https://example.com', %s } }"


@pytest.mark.parametrize(
    ("text", "code", "pointer", "message"),
    [
        (
            with_tasks("- a: { sett: { x: 1 } }"),
            "task-kind",
            "/do/0/a",
            "listen, raise, run, set, switch, try, wait. Did you mean 'set'?",
        ),
        (
            with_tasks("- a: { set: { x: 1 }, wait: PT1S }"),
            "task-kind",
            "/do/0/a",
            "A task does one thing; this one has 'set' and 'wait'. Split it.",
        ),
        (with_tasks("- a: 5"), "wrong-type", "/do/0/a", "A task must be an object"),
        (with_tasks("- a: { set: { x: 1 } }\n  b: {}"), "wrong-value", "/do/0", "not 2. Check"),
        (with_tasks("- '': { set: { x: 1 } }"), "wrong-value", "/do/0", "a name that is not empty"),
        (with_tasks("- a"), "wrong-type", "/do/0", "must be an object"),
        (HEAD + "do: { a: { set: { x: 1 } } }", "wrong-type", "/do", "must be a list, not an obj"),
        (HEAD + "do:\n", "wrong-type", "/do", "must be a list, not null"),
        (HEAD, "missing-key", "", "'do' is missing here."),
        ("do: []", "missing-key", "", "'document' is missing here."),
        ("[1]", "wrong-type", "", "A definition is an object"),
        ("just text", "wrong-type", "", "A definition is an object"),
        (
            with_tasks(HTTP % "bodyy: 1"),
            "unknown-key",
            "/do/0/ask/with/bodyy",
            "The key 'bodyy' is not known here. Did you mean 'body'?",
        ),
        (
            with_tasks(HTTP % "zzz: 1"),
            "unknown-key",
            "/do/0/ask/with/zzz",
            "Known here: body, endpoint, headers, method, output, query, redirect.",
        ),
        (
            with_tasks("- ask: { call: http, with: { method: get } }"),
            "missing-key",
            "/do/0/ask/with",
            "'endpoint' is missing here.",
        ),
        (
            with_tasks(HTTP % "output: contents"),
            "wrong-value",
            "/do/0/ask/with/output",
            "This must be 'raw', 'content' or 'response'. Did you mean 'content'?",
        ),
        (
            with_tasks(HTTP % "query: { limit: 5 }"),
            "wrong-type",
            "/do/0/ask/with/query/limit",
            "This must be text, not a number. Put it in quotes.",
        ),
        (
            with_tasks(HTTP % "headers: text"),
            "wrong-value",
            "/do/0/ask/with/headers",
            "one expression on one line",
        ),
        (
            with_tasks(HTTP % "redirect: yes"),
            "wrong-type",
            "/do/0/ask/with/redirect",
            "This must be true or false, not text.",
        ),
        (
            with_tasks("- ask: { call: http, with: { method: get, endpoint: [] } }"),
            "wrong-type",
            "/do/0/ask/with/endpoint",
            "must be an object, not a list",
        ),
        (
            with_tasks("- a: { set: { x: 1 }, if: true }"),
            "wrong-type",
            "/do/0/a/if",
            "This must be text, not true or false. Put it in quotes.",
        ),
        (
            with_tasks("- a: { set: { x: 1 }, timeout: }"),
            "wrong-type",
            "/do/0/a/timeout",
            "There is nothing here. Write a value, or remove the key.",
        ),
        (with_tasks("- a: { set: {} }"), "wrong-value", "/do/0/a/set", "must not be empty"),
        (
            with_tasks("- a: { switch: [ { one: { when: .x } } ] }"),
            "missing-key",
            "/do/0/a/switch/0/one",
            "'then' is missing here.",
        ),
        (
            with_tasks("- a: { try: [], catch: { errors: { with: { status: 'x' } } } }"),
            "wrong-type",
            "/do/0/a/catch/errors/with/status",
            "a whole number, not text",
        ),
        (
            with_tasks("- a: { call: mcp, with: { method: tools/list, transport: {} } }"),
            "missing-key",
            "/do/0/a/with/transport",
            "One of 'http', 'stdio' is missing.",
        ),
        (
            with_tasks("- a: { wait: {} }"),
            "duration",
            "/do/0/a/wait",
            "A duration needs days",
        ),
        (
            HEAD.replace("sample", "'a b'") + "do: []",
            "wrong-value",
            "/document/name",
            "'a b' is not a name",
        ),
        (
            HEAD.replace("1.0.0", "1.0") + "do: []",
            "wrong-value",
            "/document/version",
            "'1.0' is not a semantic version",
        ),
        (
            "document: { dsl: 1.0, namespace: a, name: b, version: '1.0.0' }\ndo: []",
            "wrong-type",
            "/document/dsl",
            "This must be text, not a number. Put it in quotes.",
        ),
        (
            with_tasks("- a: { do: [] }", more="use: { authentications: { x: { basik: {} } } }\n"),
            "unknown-key",
            "/use/authentications/x/basik",
            "Did you mean 'basic'?",
        ),
        (
            with_tasks("- a: { do: [ { b: { wait: 5 } } ] }"),
            "wrong-type",
            "/do/0/a/do/0/b/wait",
            "must be a duration such as PT30S",
        ),
    ],
)
def test_a_wrong_shape_is_explained_at_its_place(
    text: str, code: str, pointer: str, message: str
) -> None:
    finding = next(each for each in validate(text) if each.pointer == pointer)
    assert finding.code == code
    assert message in finding.message


def test_a_wrong_task_is_one_finding() -> None:
    assert codes(with_tasks("- ask: { call: http, with: { method: 5, endpoint: {} } }")) == [
        "wrong-type",
        "missing-key",
    ]
    assert only(with_tasks("- a: { sett: { x: 1 }, then: end }")).code == "task-kind"


def test_the_rest_is_checked_although_one_task_has_the_wrong_shape() -> None:
    found = validate(
        with_tasks(
            """
            - broken: { sett: { x: 1 }, then: nowhere }
            - fine: { set: { x: '${ .a + }' } }
            - 17
            - deep: { do: [ { alsoBroken: 1 }, { inner: { call: unknown } } ], then: broken }
            """
        )
    )
    assert [(each.code, each.pointer) for each in found] == [
        ("task-kind", "/do/0/broken"),
        ("unknown-target", "/do/0/broken/then"),
        ("expression-syntax", "/do/1/fine/set/x"),
        ("wrong-type", "/do/2"),
        ("wrong-type", "/do/3/deep/do/0/alsoBroken"),
        ("unknown-function", "/do/3/deep/do/1/inner/call"),
    ]


def test_names_in_a_broken_part_of_use_are_known_all_the_same() -> None:
    use = "use: { functions: { mine: { sett: 1 } }, errors: { bad: { type: 5 } } }\n"
    tasks = "- a: { call: mine }\n- b: { raise: { error: bad } }"
    assert codes(with_tasks(tasks, more=use)) == ["task-kind", "missing-key", "wrong-type"]


def test_a_header_of_the_wrong_shape_does_not_hide_the_tasks() -> None:
    assert codes("document: 5\ndo: [ { a: { call: nothing } } ]") == [
        "wrong-type",
        "unknown-function",
    ]


@pytest.mark.timeout(10)
def test_a_document_with_thousands_of_mistakes_is_answered_with_the_first_hundred() -> None:
    found = validate(with_tasks("\n".join(f"- t{number}: {{ x: 1 }}" for number in range(12_000))))
    assert len(found) == 100
    assert found[0].line == 3


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "task",
    [
        "- t{}: {{ call: nothing{} }}",
        "- t{}: {{ set: {{ a: 1 }}, then: nowhere{} }}",
        "- t{}: {{ set: {{ a: '${{ $nothing{} }}' }} }}",
        "- t{}: {{ raise: {{ error: nothing{} }} }}",
    ],
)
def test_thousands_of_findings_of_one_kind_take_no_time(task: str) -> None:
    found = validate(with_tasks("\n".join(task.format(n, n) for n in range(4_000))))
    assert len(found) == 100
