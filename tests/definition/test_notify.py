"""`call: notify`: what is written out is judged at publish."""

import pytest

from activities.notify import types
from tests.definition.documents import only, with_tasks
from workflows.definition import notify, validate

USE = "use: { secrets: [ slack, signing ] }\n"
SLACK = "slack: { url: '${ $secrets.slack }' }"
MAIL = "email: { to: a@plant.example }"
HOOK = "webhook: { url: 'https://e.com/hook', secret: '${ $secrets.signing }' }"


def telling(arguments: str) -> str:
    return with_tasks(f"- a: {{ call: notify, with: {{ {arguments} }} }}", more=USE)


@pytest.mark.parametrize(
    "arguments",
    [
        f"{SLACK}, text: hello",
        f"{SLACK}, title: 'Line ${{ .line }}', text: '${{ .text }}'",
        "slack: { url: 'https://hooks.slack.com/services/${ $secrets.slack }' }, text: hello",
        f"{MAIL}, title: t, text: hello",
        "email: { to: [ a@plant.example, '${ .b }' ], cc: '${ .c }', subject: s }, text: hello",
        f"{HOOK}, data: {{ line: '${{ .line }}' }}",
        "webhook: { url: '${ .url }', type: line.stopped }, text: hello",
        f"{SLACK}, text: t, deduplicate: {{ key: 'line-${{ .l }}', window: {{ minutes: 5 }} }}",
        f"{SLACK}, text: t, deduplicate: {{ key: 7, window: '${{ .w }}' }}",
        f"{SLACK}, text: t, deduplicate: {{ key: k, window: {{ minutes: '${{ .m }}' }} }}",
        f"{SLACK}, text: t, rateLimit: {{ permits: '${{ .n }}', period: PT1H, key: '${{ .k }}' }}",
    ],
)
def test_a_notification_can_be_published(arguments: str) -> None:
    assert validate(telling(arguments)) == []


@pytest.mark.parametrize(
    ("arguments", "pointer", "message"),
    [
        ("text: t", "", "One of 'slack', 'email', 'webhook' is missing."),
        (f"{SLACK}, {MAIL}, title: t, text: t", "", "Only one of"),
        (SLACK, "", "'text' is missing"),
        (f"{MAIL}, text: t", "", "needs a 'title'"),
        ("webhook: { url: 'https://e.com' }", "", "'title', 'text', 'data'"),
        (f"{SLACK}, text: t, data: {{}}", "", "Only a webhook has 'data'"),
        ("slack: '${ .slack }', text: t", "", "'slack' must be an object"),
        ("slack: {}, text: t", "/slack", "'url' is missing"),
        (f"{SLACK}, txt: t, text: t", "/txt", "Did you mean 'text'?"),
        (f"{SLACK}, text: t, ratelimit: {{}}", "/ratelimit", "Did you mean 'rateLimit'?"),
        ("email: { to: a@b.c, subjet: s }, text: t", "/email/subjet", "Did you mean 'subject'?"),
        ("webhook: { url: 'ftp://e.com' }, text: t", "/webhook/url", "Begin with https://"),
        ("email: { to: [ a@b.c, nobody ] }, title: t, text: t", "/email/to", "'nobody' is no mail"),
        ("email: { to: 'A <a@b.c>' }, title: t, text: t", "/email/to", "is no mail address"),
        ("email: { to: { a: 1 } }, title: t, text: t", "/email/to", "must be a mail address"),
        (f'{SLACK}, title: "a\\nb", text: t', "/title", "must be one line"),
        (f"{SLACK}, text: ''", "/text", "must not be empty"),
        (f"{SLACK}, text:", "/text", "There is nothing here"),
        (f"{SLACK}, text: t, deduplicate: {{ key: k }}", "/deduplicate", "'window' is missing"),
        (
            f"{SLACK}, text: t, deduplicate: {{ key: k, window: 5m }}",
            "/deduplicate/window",
            "not an ISO 8601 duration",
        ),
        (
            f"{SLACK}, text: t, deduplicate: {{ key: k, window: P400D }}",
            "/deduplicate/window",
            "at most 366 days",
        ),
        (
            f"{SLACK}, text: t, deduplicate: {{ key: [ k ], window: PT1H }}",
            "/deduplicate/key",
            "must be a text",
        ),
        (
            f"{SLACK}, text: t, rateLimit: {{ permits: 0, period: PT1H }}",
            "/rateLimit/permits",
            "greater than or equal to 1",
        ),
    ],
)
def test_what_is_wrong_is_found_where_it_stands(arguments: str, pointer: str, message: str) -> None:
    found = only(telling(arguments))
    assert (found.code, found.pointer) == ("function-arguments", f"/do/0/a/with{pointer}")
    assert message in found.message


@pytest.mark.parametrize(
    ("arguments", "pointer"),
    [
        ("slack: { url: 'https://hooks.slack.com/services/T/B/x' }, text: t", "slack/url"),
        ("slack: { url: '${ \"https://e.com\" }' }, text: t", "slack/url"),
        ("webhook: { url: 'https://e.com', secret: whsec_abc }, text: t", "webhook/secret"),
    ],
)
def test_a_key_that_is_written_out_is_refused(arguments: str, pointer: str) -> None:
    found = only(telling(arguments))
    assert (found.code, found.pointer) == ("literal-secret", f"/do/0/a/with/{pointer}")
    assert "$secrets" in found.message


def test_publish_and_activity_have_the_same_bounds() -> None:
    assert types.MAX_PERMITS == notify.MAX_PERMITS
    assert types.MAX_WINDOW_S == notify.MAX_WINDOW_S
