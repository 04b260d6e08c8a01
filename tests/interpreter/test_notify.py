"""`call: notify` against real receivers: an HTTP server, three SMTP servers, a real database."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from activities.notify import MailServer, Notifier, NotifyActivities
from foundation.database import Database
from foundation.settings import EgressSettings, SmtpSettings
from security.egress import UNRULED, Egress
from tests.fixtures.mail_server import DROPPED, FROM, PASSWORD, USER, MailBox
from tests.fixtures.polling import pause
from tests.fixtures.receiver import SLACK_PATH, Answer, Receiver
from tests.interpreter.conftest import Ended, Runner
from tests.interpreter.test_secrets import payloads_of
from workflows.interpreter.workflow import Interpreter
from workflows.notifications import StoredLedger
from workflows.secrets import SecretOpener, SecretsInMemory

pytestmark = pytest.mark.anyio
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
OTHER_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SLACK = "slack: { url: '${ $secrets.slack }' }"
WEBHOOK = "webhook: { url: '${ .url }/hooks', secret: '${ $secrets.signing }' }"
MAIL = "email: { to: leader@plant.example }, title: Line 4 stopped, text: Come and see."

Start = Callable[[SmtpSettings], AbstractAsyncContextManager[Runner]]


@pytest.fixture
def start(
    temporal: Client, task_queue: str, tenant: str, database: Database, receiver: Receiver
) -> Start:
    """Start a worker of an installation with these settings."""

    @asynccontextmanager
    async def started(smtp: SmtpSettings) -> AsyncIterator[Runner]:
        egress = Egress(EgressSettings(allow_networks=["127.0.0.0/8"]), UNRULED)
        secrets = {
            (tenant, "slack"): f"{receiver.url}{SLACK_PATH}",
            (tenant, "signing"): SECRET,
            (tenant, "short"): "whsec_c2hvcnQ=",
        }
        notifier = Notifier(egress, MailServer(smtp), StoredLedger(database))
        activities = NotifyActivities(notifier, SecretOpener(SecretsInMemory(secrets)))
        async with Worker(
            temporal,
            task_queue=task_queue,
            workflows=[Interpreter],
            activities=[activities.notify],
        ):
            yield Runner(temporal, task_queue, tenant)
        await egress.aclose()

    return started


@pytest.fixture
async def run(start: Start) -> AsyncIterator[Runner]:
    """A worker without mail."""
    async with start(SmtpSettings()) as runner:
        yield runner


def telling(arguments: str, metadata: str = "") -> str:
    more = f", metadata: {{ millwright: {{ {metadata} }} }}" if metadata else ""
    return (
        "use: { secrets: [ slack, signing, short ] }\n"
        f"do: [ {{ tell: {{ call: notify, with: {{ {arguments} }}{more} }} }} ]"
    )


# --- Slack ------------------------------------------------------------------------------------


async def test_slack_gets_a_headline_and_a_text_in_which_nothing_is_a_mention(
    run: Runner, receiver: Receiver
) -> None:
    ended = await run(
        telling(f"{SLACK}, title: 'Line ${{ .line }} <stopped>', text: 'Said: ${{ .said }}'"),
        {"line": 4, "said": "<!channel> a & b <https://evil.example|ours>"},
    )

    (posted,) = receiver.posted
    assert posted.path == SLACK_PATH
    assert json.loads(posted.body) == {
        "text": "*Line 4 &lt;stopped&gt;*\n"
        "Said: &lt;!channel&gt; a &amp; b &lt;https://evil.example|ours&gt;"
    }
    assert ended.output == {
        "sent": True,
        "id": ended.output["id"],
        "channel": "slack",
        "status": 200,
    }


@pytest.mark.parametrize("status", [400, 403, 404, 410, 302])
async def test_a_receiver_that_will_say_the_same_again_is_asked_once(
    run: Runner, receiver: Receiver, status: int
) -> None:
    receiver.answers.extend([Answer(status, b"no_service")] * 5)
    ended = await run(telling(f"{SLACK}, text: hello"))
    assert len(receiver.posted) == 1
    assert ended.kind == "communication"
    assert ended.error["status"] == status
    assert "127.0.0.1 answered" in ended.error["detail"]
    assert "no_service" in ended.error["detail"]


@pytest.mark.parametrize(
    "answer", [Answer(429, headers={"Retry-After": "1"}), Answer(503), Answer(500), Answer(0)]
)
async def test_a_receiver_in_trouble_gets_it_again_under_the_same_id(
    run: Runner, receiver: Receiver, answer: Answer
) -> None:
    receiver.answers.append(answer)
    ended = await run(telling(f"{WEBHOOK}, text: hello"), {"url": receiver.url})
    assert ended.output["sent"] is True
    first, second = receiver.posted
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == ended.output["id"]
    assert first.body == second.body


async def pause_of(handle: WorkflowHandle[Any, Any]) -> float:
    """Return the seconds until the second attempt of the one activity."""
    while True:
        description = (await handle.describe()).raw_description
        for pending in description.pending_activities:
            if pending.attempt > 1:
                last = pending.last_attempt_complete_time.ToDatetime()
                return (pending.scheduled_time.ToDatetime() - last).total_seconds()
        await pause()


async def test_a_receiver_says_how_long_to_wait(run: Runner, receiver: Receiver) -> None:
    receiver.answers.append(Answer(429, headers={"Retry-After": "3600"}))
    handle = await run.start(telling(f"{SLACK}, text: hello"))
    await asyncio.to_thread(receiver.arrived.wait)
    async with asyncio.timeout(30):
        left = await pause_of(handle)
    assert 50 < left <= 61, "at most a minute"
    await handle.terminate()


async def test_in_a_try_with_retry_it_is_sent_once_per_attempt(
    run: Runner, receiver: Receiver
) -> None:
    receiver.answers.extend([Answer(503)] * 20)
    ended = await run(
        "use: { secrets: [ slack ] }\n"
        f"do: [ {{ t: {{ try: [ {{ tell: {{ call: notify, with: {{ {SLACK}, text: hi }} }} }} ], "
        "catch: { retry: { delay: PT0S, limit: { attempt: { count: 2 } } } } } } ]"
    )
    assert ended.error["status"] == 503
    assert len(receiver.posted) == 2


async def test_the_address_of_a_webhook_is_in_nothing_that_is_kept(
    run: Runner, receiver: Receiver, database: Database
) -> None:
    said = f"no hook at {SLACK_PATH}, called {SLACK_PATH.rpartition('/')[2]}"
    receiver.answers.append(Answer(404, said.encode()))
    limits = "deduplicate: { key: k, window: PT1H }"
    handle = await run.start(telling(f"{SLACK}, text: hello, {limits}"))
    failed = await run.ended(handle)
    again = await run.start(telling(f"{SLACK}, text: hello, {limits}"))
    assert (await run.ended(again)).output["sent"] is True

    assert "no hook at ***, called ***" in failed.error["detail"]
    kept = [
        payload.data.decode(errors="replace")
        for each in (handle, again)
        async for event in each.fetch_history_events()
        for payload in payloads_of(event)
    ]
    with database.session() as session:
        kept += [str(row) for row in session.execute(text("select * from notification_claims"))]
    assert any("hello" in each for each in kept), "the search looks at the wrong thing"
    assert [each for each in kept if "sl4ckPath" in each or SECRET[6:] in each] == []


async def test_a_private_address_that_is_not_allowed_is_not_asked(run: Runner) -> None:
    ended = await run(telling("webhook: { url: 'http://10.1.2.3/' }, text: hello"))
    assert ended.kind == "authorization"
    assert "MILLWRIGHT_EGRESS_ALLOW_NETWORKS" in ended.error["detail"]


async def test_what_several_tasks_share_is_a_function(run: Runner, receiver: Receiver) -> None:
    await run(
        "use: { secrets: [ slack ], functions: { alarm: { call: notify, "
        f"with: {{ {SLACK}, text: 'Line ${{ .line }}' }} }} }} }}\n"
        "do: [ { a: { call: alarm, with: { line: 4 } } }, "
        "{ b: { call: alarm, with: { line: 5 } } } ]"
    )
    assert [json.loads(each.body)["text"] for each in receiver.posted] == ["Line 4", "Line 5"]


# --- Webhooks ---------------------------------------------------------------------------------


async def test_a_webhook_is_signed_as_the_library_of_standard_webhooks_verifies(
    run: Runner, receiver: Receiver
) -> None:
    ended = await run(
        telling(f"{WEBHOOK}, title: Böse, text: 'Linie 4 ✗', data: {{ line: '${{ .line }}' }}"),
        {"url": receiver.url, "line": 4},
    )

    (posted,) = receiver.posted
    body = Webhook(SECRET).verify(posted.body, posted.headers)
    assert body == {
        "type": "millwright.notification",
        "timestamp": body["timestamp"],
        "title": "Böse",
        "text": "Linie 4 ✗",
        "data": {"line": 4},
    }
    assert posted.headers["content-type"] == "application/json"
    assert posted.headers["webhook-id"] == ended.output["id"]
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER_SECRET).verify(posted.body, posted.headers)


async def test_a_webhook_without_secret_is_not_signed(run: Runner, receiver: Receiver) -> None:
    await run(
        telling("webhook: { url: '${ .url }/x', type: line.stopped }, data: { a: 1 }"),
        {"url": receiver.url},
    )
    (posted,) = receiver.posted
    assert "webhook-signature" not in posted.headers
    assert json.loads(posted.body)["type"] == "line.stopped"


async def test_a_secret_that_cannot_sign_sends_nothing(run: Runner, receiver: Receiver) -> None:
    hook = "webhook: { url: '${ .url }', secret: '${ $secrets.short }' }"
    ended = await run(telling(f"{hook}, text: hello"), {"url": receiver.url})
    assert ended.kind == "validation"
    assert "openssl rand -base64 32" in ended.error["detail"]
    assert receiver.posted == []


async def test_the_authors_key_makes_the_id(run: Runner, receiver: Receiver) -> None:
    task = telling(f"{WEBHOOK}, text: hello", "idempotencyKey: 'order-${ .order }'")
    for order in (7, 7, 8):
        await run(task, {"url": receiver.url, "order": order})
    first, second, third = (posted.headers["webhook-id"] for posted in receiver.posted)
    assert first == second != third
    assert "order" not in first


# --- E-mail -----------------------------------------------------------------------------------


async def test_a_mail_goes_over_starttls_after_a_log_in(
    start: Start, starttls_server: MailBox
) -> None:
    async with start(starttls_server.settings) as run:
        ended = await run(
            telling(
                "email: { to: [ leader@plant.example, '${ .who }' ], cc: qa@plant.example }, "
                "title: 'Linie ${ .line } gestört', text: \"Bitte kommen.\\n.\\nEnde ✓\""
            ),
            {"line": 4, "who": "night@plant.example"},
        )

    assert ended.output == {"sent": True, "id": ended.output["id"], "channel": "email"}
    (mail,) = starttls_server.mails
    assert (mail.encrypted, mail.user, mail.sender) == (True, USER, FROM)
    assert mail.recipients == ["leader@plant.example", "night@plant.example", "qa@plant.example"]
    assert mail.message["Subject"] == "Linie 4 gestört"
    assert mail.message["To"] == "leader@plant.example, night@plant.example"
    assert mail.message["Cc"] == "qa@plant.example"
    assert mail.message["Message-ID"] == f"<{ended.output['id']}@plant.example>"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert mail.text == "Bitte kommen.\n.\nEnde ✓\n"
    assert mail.content.isascii()


async def test_a_mail_goes_over_tls(start: Start, tls_server: MailBox) -> None:
    async with start(tls_server.settings) as run:
        ended = await run(telling(MAIL))
    assert ended.output["sent"] is True
    assert tls_server.mails[0].encrypted


async def test_a_mail_whose_answer_was_lost_comes_again_as_the_same_mail(
    start: Start, mail_server: MailBox
) -> None:
    mail_server.answers.append(DROPPED)
    async with start(mail_server.settings) as run:
        ended = await run(telling(MAIL))
    assert ended.output["sent"] is True
    first, second = mail_server.mails
    assert first.content == second.content, "the same id, the same date"


async def test_a_server_that_is_busy_gets_the_mail_again(
    start: Start, mail_server: MailBox
) -> None:
    mail_server.answers.extend(["451 4.7.1 greylisted", "421 4.3.2 going down"])
    async with start(mail_server.settings) as run:
        ended = await run(telling(MAIL))
    assert ended.output["sent"] is True
    assert len(mail_server.mails) == 1


async def test_a_mail_that_is_refused_for_good_is_not_sent_again(
    start: Start, mail_server: MailBox
) -> None:
    mail_server.answers.append("554 5.7.1 looks like spam")
    async with start(mail_server.settings) as run:
        ended = await run(telling(MAIL))
    assert ended.kind == "communication"
    assert "554 5.7.1 looks like spam" in ended.error["detail"]
    assert mail_server.mails == []


async def test_one_recipient_that_is_refused_does_not_keep_it_from_the_others(
    start: Start, mail_server: MailBox
) -> None:
    mail_server.refusals["gone@plant.example"] = "550 5.1.1 nobody"
    mail = "email: { to: [ gone@plant.example, here@plant.example ] }, title: t, text: x"
    only = "email: { to: gone@plant.example }, title: t, text: x"
    async with start(mail_server.settings) as run:
        ended = await run(telling(mail))
        refused = await run(telling(only))
    assert ended.output["refused"] == ["gone@plant.example"]
    assert mail_server.mails[0].recipients == ["here@plant.example"]
    assert "550 5.1.1 nobody" in refused.error["detail"]


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"host": None}, "MILLWRIGHT_SMTP_HOST is not set"),
        ({"from_address": None}, "MILLWRIGHT_SMTP_FROM_ADDRESS is not set"),
        ({"allowed_domains": []}, "MILLWRIGHT_SMTP_ALLOWED_DOMAINS is not set"),
        ({"allowed_domains": ["other.example"]}, "'plant.example'"),
        ({"ca_file": None}, "MILLWRIGHT_SMTP_CA_FILE"),
        ({"password": None}, "MILLWRIGHT_SMTP_PASSWORD"),
        ({"tls": "none"}, "MILLWRIGHT_SMTP_TLS is 'none'"),
        ({"tls": "tls"}, "MILLWRIGHT_SMTP_TLS ('tls')"),
    ],
)
async def test_a_setting_that_is_missing_or_wrong_is_named(
    start: Start, starttls_server: MailBox, changes: dict[str, Any], setting: str
) -> None:
    async with start(starttls_server.settings.model_copy(update=changes)) as run:
        ended = await run(telling(MAIL))
    assert ended.kind == "configuration"
    assert setting in ended.error["detail"]
    assert PASSWORD not in str(ended.error)
    assert starttls_server.mails == []


async def test_a_server_without_starttls_gets_no_mail_in_the_clear(
    start: Start, mail_server: MailBox
) -> None:
    async with start(mail_server.settings.model_copy(update={"tls": "starttls"})) as run:
        ended = await run(telling(MAIL))
    assert ended.kind == "configuration"
    assert mail_server.mails == []


@pytest.mark.parametrize(
    ("title", "to"),
    [
        ("a\r\nBcc: boss@plant.example", "leader@plant.example"),
        ("a\u2028b", "leader@plant.example"),
        ("a", "leader@plant.example\r\nBcc: boss@plant.example"),
        ("a", "leader@plant.example, boss@plant.example"),
        ("a", "leader@plant.example> SIZE=1"),
        ("a", "leader@evil.example"),
        ("a", ".leader@plant.example"),
        ("", "leader@plant.example"),
        ("a", [f"n{number}@plant.example" for number in range(51)]),
        ("a", []),
        ("a", None),
    ],
)
async def test_headers_and_recipients_are_what_they_seem(
    start: Start, mail_server: MailBox, title: str, to: Any
) -> None:
    async with start(mail_server.settings) as run:
        ended = await run(
            telling("email: { to: '${ .to }' }, title: '${ .title }', text: x"),
            {"title": title, "to": to},
        )
    assert ended.kind in {"validation", "configuration"}
    assert mail_server.mails == []


# --- Deduplication and rate limit -------------------------------------------------------------


def limited(arguments: str) -> str:
    return telling(f"{SLACK}, text: hello, {arguments}")


async def test_the_same_one_is_sent_once_in_a_window(run: Runner, receiver: Receiver) -> None:
    task = limited("deduplicate: { key: 'line-${ .line }', window: { minutes: 5 } }")
    first, second, other = [(await run(task, {"line": line})).output for line in (4, 4, 5)]
    assert first["sent"] is other["sent"] is True
    assert second == {
        "sent": False,
        "id": second["id"],
        "channel": "slack",
        "reason": "duplicate",
        "until": second["until"],
    }
    assert len(receiver.posted) == 2


async def test_the_same_key_at_another_place_is_another_notification(
    start: Start, mail_server: MailBox, receiver: Receiver
) -> None:
    same = "deduplicate: { key: k, window: '${ .window }' }"
    async with start(mail_server.settings) as run:
        for task in (limited(same), telling(f"{MAIL}, {same}")):
            assert (await run(task, {"window": "PT1H"})).output["sent"] is True
    assert (len(receiver.posted), len(mail_server.mails)) == (1, 1)


async def test_no_more_are_sent_than_the_rate_allows(run: Runner, receiver: Receiver) -> None:
    task = limited("rateLimit: { permits: 2, period: PT1H, key: '${ .n }' }")
    sent = [(await run(task, {"n": n})).output for n in (1, 1, 1, 2)]
    assert [each["sent"] for each in sent] == [True, True, False, True]
    assert sent[2]["reason"] == "rate-limited"
    assert len(receiver.posted) == 3


async def test_a_key_that_is_not_there_is_no_key(run: Runner, receiver: Receiver) -> None:
    for task in (
        limited("deduplicate: { key: '${ .nothing }', window: PT1H }"),
        limited("rateLimit: { key: '${ .nothing }', permits: 1, period: PT1H }"),
        limited("deduplicate: { key: k, window: '${ .nothing }' }"),
    ):
        ended = await run(task, {})
        assert ended.kind in {"validation", "expression"}
    assert receiver.posted == []


def claims(database: Database) -> int:
    with database.session() as session:
        return session.scalar(text("select count(*) from notification_claims")) or 0


async def test_what_could_not_be_sent_is_no_duplicate(
    run: Runner, receiver: Receiver, database: Database
) -> None:
    receiver.answers.append(Answer(404))
    task = limited("deduplicate: { key: k, window: PT1H }, rateLimit: { permits: 1, period: P1D }")
    assert (await run(task)).error["status"] == 404
    assert claims(database) == 0, "nobody has to wait until the lease is over"
    assert (await run(task)).output["sent"] is True
    assert claims(database) == 2
    assert (await run(task)).output["reason"] == "duplicate"


async def test_what_was_sent_under_an_id_is_not_sent_again_under_it(
    run: Runner, receiver: Receiver
) -> None:
    task = telling(
        f"{SLACK}, text: hello, deduplicate: {{ key: k, window: PT1H }}", "idempotencyKey: order-7"
    )
    outputs = [(await run(task)).output for _ in range(2)]
    assert [each["sent"] for each in outputs] == [True, True]
    assert len(receiver.posted) == 1


async def test_a_retry_gets_its_own_claim_again(run: Runner, receiver: Receiver) -> None:
    receiver.answers.append(Answer(503))
    task = limited("deduplicate: { key: k, window: PT1H }, rateLimit: { permits: 1, period: P1D }")
    assert (await run(task)).output["sent"] is True
    assert len(receiver.posted) == 2


@pytest.mark.parametrize("fails", [False, True])
async def test_who_wants_to_send_the_same_waits_for_who_is_sending(
    run: Runner, receiver: Receiver, fails: bool
) -> None:
    receiver.held.clear()
    if fails:
        receiver.answers.append(Answer(404))
    task = limited("deduplicate: { key: k, window: PT1H }")
    first = await run.start(task)
    await asyncio.to_thread(receiver.arrived.wait)
    second = await run.start(task)
    # It has begun, and asks.
    await run.until(second, lambda progress: bool(progress.events))
    receiver.held.set()

    ended: list[Ended] = [await run.ended(handle) for handle in (first, second)]

    if fails:
        assert ended[0].error["status"] == 404
        assert ended[1].output["sent"] is True, "or nobody would ever have been told"
    else:
        assert ended[0].output["sent"] is True
        assert ended[1].output["reason"] == "duplicate"
    assert len(receiver.posted) == (2 if fails else 1)


async def test_of_twenty_runs_at_the_same_moment_one_sends(run: Runner, receiver: Receiver) -> None:
    task = limited("deduplicate: { key: k, window: PT1H }")
    handles = await asyncio.gather(*(run.start(task) for _ in range(20)))
    outputs = [(await run.ended(handle)).output for handle in handles]
    assert sum(each["sent"] for each in outputs) == 1
    assert len(receiver.posted) == 1
