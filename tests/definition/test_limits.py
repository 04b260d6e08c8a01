"""Limits of calls and search attributes: what would not hold is refused at publish."""

import pytest

from tests.definition.documents import with_tasks
from workflows.definition import validate
from workflows.definition.findings import Finding

GET = "call: http, with: { method: get, endpoint: 'https://e.com' }"
TAKE = (
    "call: asyncapi, with: { document: { endpoint: 'https://e.com' }, operation: a, "
    "subscription: { consume: { amount: 1 } } }"
)
LIMIT = "concurrency: { limit: 2 }"
LONG_NAME = "a" * 63


def tags(text: str, count: int) -> str:
    return "searchAttributes: { " + ", ".join(f"t{n}: {text}" for n in range(count)) + " }"


def found(task: str, policy: str, more: str = "") -> list[Finding]:
    text = with_tasks(f"- a: {{ {task}, metadata: {{ millwright: {{ {policy} }} }} }}")
    return validate(text + more)


@pytest.mark.parametrize(
    "task",
    [
        GET,
        "call: mcp.tool, with: { server: s, tool: t }",
        "call: notify, with: { webhook: { url: '${ .url }' }, text: Stopped }",
        "call: openapi, with: { document: { endpoint: 'https://e.com' }, operationId: a }",
    ],
)
@pytest.mark.parametrize(
    "policy",
    [
        LIMIT,
        "concurrency: { limit: 1, key: 'press-${ .line }' }",
        tags("x" * 200, 9),
        tags("한" * 60, 5),
        "rateLimit: { limit: 5, period: PT1M, key: mes }",
        "rateLimit: { limit: 5, period: { seconds: 1 } }, concurrency: { limit: 1 }",
    ],
)
def test_a_call_can_have_limits(task: str, policy: str) -> None:
    assert found(task, policy) == []


@pytest.mark.parametrize(
    ("task", "policy", "member", "words"),
    [
        ("set: { x: 1 }", LIMIT, "concurrency", "Write it at each call inside"),
        (
            "run: { workflow: { namespace: a, name: b, version: latest } }",
            "rateLimit: { limit: 1, period: PT1S }",
            "rateLimit",
            "other workflows limit their own calls",
        ),
        (TAKE, LIMIT, "concurrency", "A subscription has no end"),
        (GET, f"{LIMIT}, local: true", "concurrency", "Remove 'local' or 'concurrency'"),
        (GET, "rateLimit: { limit: 1, period: PT0S }", "rateLimit/period", "7 days at most"),
        (GET, "rateLimit: { limit: 1, period: P8D }", "rateLimit/period", "7 days at most"),
        (GET, "rateLimit: { limit: 1, period: '${ .p }' }", "rateLimit/period", "fixed before"),
        (GET, "rateLimit: { limit: 1 }", "rateLimit", "period"),
        (GET, "concurrency: { limit: 0 }", "concurrency/limit", "1"),
        (GET, "concurrency: { limit: 1, keys: a }", "concurrency/keys", "'key'"),
        (GET, "concurrency: { limit: 1, key: '${ $nothing }' }", "concurrency/key", "nothing"),
        (GET, "concurrency: { limit: 1, key: '${ . | }' }", "concurrency/key", ""),
        (GET, "searchAttributes: { 7up: 1 }", "searchAttributes/7up", "a letter first"),
        (GET, "searchAttributes: { a: [ 1 ] }", "searchAttributes/a", "a text, a number"),
        (GET, "searchAttributes: { a: '' }", "searchAttributes/a", "1 to 200 bytes"),
        (GET, "searchAttributes: { a: '${ $nothing }' }", "searchAttributes/a", "nothing"),
        (
            GET,
            f"searchAttributes: {{ {LONG_NAME}: {'x' * 200} }}",
            f"searchAttributes/{LONG_NAME}",
            "255 bytes with its name",
        ),
        (GET, tags("x" * 200, 12), "searchAttributes", "more than 2,000 bytes"),
        (GET, tags("한" * 60, 8), "searchAttributes", "counts six times"),
    ],
)
def test_a_limit_that_would_not_hold_is_refused(
    task: str, policy: str, member: str, words: str
) -> None:
    findings = found(task, policy)
    assert [each.pointer for each in findings] == [f"/do/0/a/metadata/millwright/{member}"]
    assert words in findings[0].message


def test_a_limit_of_a_function_stands_where_its_call_is() -> None:
    ask = f"ask: {{ {GET}, metadata: {{ millwright: {{ {LIMIT} }} }} }}"
    function = f"\nuse: {{ functions: {{ {ask} }} }}"
    assert found("call: ask", "priority: 2", function) == []
    (refused,) = found("call: ask", LIMIT, function)
    assert "of the function itself" in refused.message


def test_a_secret_is_nothing_to_search_for_or_to_share_a_limit_by() -> None:
    more = "\nuse: { secrets: [ erp ] }"
    for policy in (
        "searchAttributes: { a: '${ $secrets.erp }' }",
        "concurrency: { limit: 1, key: '${ $secrets.erp }' }",
    ):
        (refused,) = found(GET, policy, more)
        assert refused.code == "secret-flow"


LISTEN = "listen: { to: { one: { with: { type: a.b } } } }"


@pytest.mark.parametrize(
    ("task", "policy", "member", "words"),
    [
        (GET, "heartbeat: PT0S", "heartbeat", "longer than nothing"),
        (GET, "heartbeat: { seconds: 0 }", "heartbeat", "longer than nothing"),
        (GET, "retry: { delay: PT10S, maxDelay: PT1S }", "retry/maxDelay", "shorter than the"),
        (GET, "retry: { maxDelay: { milliseconds: 500 } }", "retry/maxDelay", "1 second without"),
        (GET, "retry: { delay: PT0S, maxDelay: PT0.5S }", "retry/maxDelay", "'delay' shorter"),
        (GET, "local: true, retry: { maxDelay: PT0S }", "retry/maxDelay", "1 second without"),
        (GET, "taskQueue: '/_sys/x'", "taskQueue", "Temporal's own"),
        (GET, "local: true, taskQueue: far", "taskQueue", "Remove 'local' or 'taskQueue'"),
        (GET, "local: true, heartbeat: PT5S", "heartbeat", "Remove 'local' or 'heartbeat'"),
        (GET, "local: true, priority: 1", "priority", "Remove 'local' or 'priority'"),
        (GET, "local: true, fairnessKey: k", "fairnessKey", "Remove 'local' or 'fairnessKey'"),
        (GET, "keptEvents: false", "keptEvents", "is for 'listen'"),
        ("set: { x: 1 }", "keptEvents: true", "keptEvents", "is for 'listen'"),
    ],
)
def test_a_wish_that_would_mean_nothing_is_refused(
    task: str, policy: str, member: str, words: str
) -> None:
    (finding,) = found(task, policy)
    assert (finding.code, finding.pointer) == (
        "wrong-value",
        f"/do/0/a/metadata/millwright/{member}",
    )
    assert words in finding.message


@pytest.mark.parametrize(
    ("task", "policy"),
    [
        (GET, "local: true, timeout: PT5S, retry: { attempts: 2 }, summary: s"),
        (GET, "local: false, taskQueue: far, heartbeat: PT0.5S, priority: 1, fairnessKey: k"),
        (GET, "retry: { maxDelay: PT1S }"),
        (GET, "retry: { delay: PT0.1S, maxDelay: PT0.1S }, taskQueue: /far"),
        (LISTEN, "keptEvents: false"),
    ],
)
def test_a_wish_that_means_something_is_accepted(task: str, policy: str) -> None:
    assert found(task, policy) == []
