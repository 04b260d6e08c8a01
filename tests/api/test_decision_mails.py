"""Mails that ask for a decision: each recipient has a link of his own, and nobody else has it."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from activities.approvals import ApprovalActivities
from activities.notify import MailServer, Notifier, NotifyActivities
from api.services import Services
from security.egress import Egress
from tests.api.deciding import APPROVALS, Desk, text_of, token_of
from tests.api.people import PASSWORD, Person, person
from tests.fixtures.mail_server import Mail, MailBox
from tests.fixtures.polling import pause
from tests.interpreter.resetting import moments_of, reset
from tests.interpreter.test_secrets import payloads_of
from workflows.interpreter.types import PROGRESS_QUERY, Progress, TaskState
from workflows.interpreter.workflow import Interpreter
from workflows.notifications import StoredLedger
from workflows.secrets import SecretOpener, SecretsInMemory

pytestmark = pytest.mark.anyio

DEFINITION = """
document: { dsl: '1.0.3', namespace: press-line, name: release, version: '1.0.0' }
use:
  functions:
    tell:
      call: notify
      with:
        email:
          to: [ ada@plant.example, bob@plant.example, group@plant.example ]
          cc: asks@plant.example
        title: '${ .reason }: ${ .approval.title }'
        text: 'Decide: ${ .approval.link } Thank you.'
do:
  - ask:
      call: approval
      with:
        title: Release
        data: { lot: 7 }
        candidates: { users: [ ada@plant.example ], roles: [ manager ] }
        notify: tell
"""


@pytest.fixture
async def desk(
    http: httpx2.AsyncClient,
    services: Services,
    temporal: Client,
    egress: Egress,
    admin: Person,
    mail_server: MailBox,
) -> AsyncIterator[Desk]:
    tenant = admin.tenant_id
    operator = person(services.accounts, tenant, "operator", new_tenant=False)
    for name, role in (("ada", "operator"), ("bob", "manager"), ("asks", "manager")):
        services.accounts.create_user(tenant, f"{name}@plant.example", PASSWORD, [role])
    pair = services.accounts.login("asks@plant.example", PASSWORD)
    asks = Person(tenant, "", "asks@plant.example", pair.access_token, pair.refresh_token)
    notifier = Notifier(
        egress, MailServer(mail_server.settings), StoredLedger(services.database), services.links
    )
    notify = NotifyActivities(notifier, SecretOpener(SecretsInMemory({})))
    async with Worker(
        temporal,
        task_queue=services.settings.temporal.task_queue,
        workflows=[Interpreter],
        activities=[ApprovalActivities(services.approvals.inbox.desk).show, notify.notify],
    ):
        yield Desk(http, services, asks, operator)


async def started(desk: Desk) -> str:
    await desk.http.post(
        "/api/v1/workflows",
        content=DEFINITION,
        headers={**desk.asks.headers, "Content-Type": "application/yaml"},
    )
    answer = await desk.http.post(
        "/api/v1/workflows/press-line/release/instances", json={}, headers=desk.asks.headers
    )
    found: str = answer.json()["id"]
    return found


async def asked(desk: Desk, temporal: Client) -> dict[str, Any]:
    """Wait until people have been told: the mails are out then."""
    instance = await started(desk)
    name = instance.split(".")[-1]
    run = temporal.get_workflow_handle(f"{desk.asks.tenant_id}/press-line/release/{name}")
    over = {TaskState.COMPLETED, TaskState.FAULTED}
    while True:
        told: Progress = await run.query(PROGRESS_QUERY, 0, result_type=Progress)
        if any(each.name == "tell" and each.state in over for each in told.events):
            break
        await pause()
    (item,) = await desk.inbox(desk.asks, everybody=True)
    return item


def tokens(mails: list[Mail]) -> dict[str, str]:
    """Return the tokens by who got them."""
    found = {}
    for mail in mails:
        (recipient,) = mail.recipients
        if link := re.search(r"http\S+/decide\?link=\S+", mail.text):
            found[recipient] = token_of(link[0])
    return found


async def test_each_recipient_has_a_link_of_his_own_or_none(
    desk: Desk, mail_server: MailBox, temporal: Client
) -> None:
    shown = await asked(desk, temporal)
    assert sorted(mail.recipients[0] for mail in mail_server.mails) == [
        f"{name}@plant.example" for name in ("ada", "asks", "bob", "group")
    ]
    sent = tokens(mail_server.mails)
    # Neither who asked has one, nor an address that is nobody's.
    assert set(sent) == {"ada@plant.example", "bob@plant.example"}
    assert len(set(sent.values())) == 2
    assert all("approval-link" not in mail.text for mail in mail_server.mails)
    hint = next(
        mail.text for mail in mail_server.mails if mail.recipients == ["asks@plant.example"]
    )
    assert "Log in to decide it" in hint

    assert "ada@plant.example" in text_of(await desk.look(sent["ada@plant.example"]))
    assert (await desk.press(sent["bob@plant.example"], comment="by mail")).status_code == 200
    (vote,) = (await desk.approval(shown["id"]))["votes"]
    assert (vote["by"], vote["verified"]) == ("bob@plant.example", True)
    assert (await desk.press(sent["ada@plant.example"])).status_code == 410

    tenant = desk.asks.tenant_id
    name = shown["instance_id"].split(".")[-1]
    run = temporal.get_workflow_handle(f"{tenant}/press-line/release/{name}")
    history = await run.fetch_history()
    kept = [payload.data.decode() for event in history.events for payload in payloads_of(event)]
    assert any("[[approval-link:" in each for each in kept)
    for token in sent.values():
        assert not any(token[:40] in each for each in kept)


@pytest.mark.parametrize("before_it_was_asked", [True, False])
async def test_links_of_the_time_before_a_reset_point_to_the_newer_mail(
    desk: Desk, mail_server: MailBox, temporal: Client, before_it_was_asked: bool
) -> None:
    shown = await asked(desk, temporal)
    old = tokens(mail_server.mails)["bob@plant.example"]
    mail_server.mails.clear()
    name = shown["instance_id"].split(".")[-1]
    run = temporal.get_workflow_handle(f"{desk.asks.tenant_id}/press-line/release/{name}")
    moments = await moments_of(run)
    await reset(temporal, run, moments[0 if before_it_was_asked else -1])
    while len(mail_server.mails) < 4:
        await pause()
    new = tokens(mail_server.mails)["bob@plant.example"]

    for answer in (await desk.look(old), await desk.press(old)):
        assert answer.status_code == 410
        assert "asked anew" in text_of(answer)
        assert "newer mail" in text_of(answer)
    where = f"{APPROVALS}/{shown['id']}/links"
    bob = desk.services.accounts.login("bob@plant.example", PASSWORD).access_token
    listed = await desk.http.get(where, headers={"Authorization": f"Bearer {bob}"})
    assert [each["state"] for each in listed.json()["items"]] == ["OPEN", "REVOKED"]
    assert (await desk.press(new)).status_code == 200
    assert (await desk.approval(shown["id"]))["status"] == "APPROVED"


async def test_an_attempt_that_failed_in_the_middle_repeats_only_the_rest(
    desk: Desk, mail_server: MailBox, temporal: Client
) -> None:
    mail_server.answers.extend(["250 OK", "451 busy", "250 OK"])
    await asked(desk, temporal)
    assert sorted(mail.recipients[0] for mail in mail_server.mails) == [
        f"{name}@plant.example" for name in ("ada", "asks", "bob", "group")
    ]


async def test_a_mailbox_that_is_gone_keeps_nobody_else_from_deciding(
    desk: Desk, mail_server: MailBox, temporal: Client
) -> None:
    mail_server.refusals["group@plant.example"] = "550 no such mailbox"
    await asked(desk, temporal)
    assert set(tokens(mail_server.mails)) == {"ada@plant.example", "bob@plant.example"}


async def test_the_links_of_mails_are_listed_and_can_be_taken_back(
    desk: Desk, mail_server: MailBox, admin: Person, temporal: Client
) -> None:
    shown = await asked(desk, temporal)
    where = f"{APPROVALS}/{shown['id']}/links"
    everybody = {"everybody": True}
    answer = await desk.http.get(where, params=everybody, headers=admin.headers)
    items = answer.json()["items"]
    assert [each["state"] for each in items] == ["OPEN", "OPEN"]
    answer = await desk.http.get(where, params=everybody, headers=desk.operator.headers)
    assert answer.status_code == 404
    for each in items:
        await desk.http.delete(f"{where}/{each['id']}", headers=admin.headers)
    for token in tokens(mail_server.mails).values():
        assert (await desk.press(token)).status_code == 410
