"""`millwright approvals` against the whole system, API and worker included."""

import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from cli.main import FAILED, OK, USAGE
from foundation.database import Database
from millwright_client import Millwright
from security.accounts.wiring import build_accounts
from security.sealing import Sealer
from tests.cli.test_running import Command, millwright
from tests.fixtures.system import PASSWORD, System

__all__ = ["millwright"]

RELEASE = """
document: { dsl: '1.0.3', namespace: press-line, name: release, version: '1.0.0' }
do:
  - ask:
      call: approval
      with:
        title: 'Release lot ${ .lot }'
        data: '${ . }'
        form: { type: object, properties: { note: { type: string } } }
        candidates: { roles: [ admin ] }
        allowRequester: true
        onReject: continue
"""


@pytest.fixture
def plant(client: Millwright, system: System, monkeypatch: pytest.MonkeyPatch) -> Millwright:
    client.workflows.publish(RELEASE)
    monkeypatch.setenv("MILLWRIGHT_CLIENT_URL", system.url)
    monkeypatch.setenv("MILLWRIGHT_CLIENT_TOKEN", client.access_token or "")
    return client


def waiting(client: Millwright, lot: int) -> tuple[str, str]:
    """Start an instance; return its id and that of its approval."""
    instance = client.workflows.start("press-line", "release", input={"lot": lot}).id
    while not (items := client.approvals.list(instance_id=instance).items):
        time.sleep(0.05)
    return instance, items[0].id


def test_what_waits_is_listed_shown_and_approved(plant: Millwright, millwright: Command) -> None:
    status, out, err = millwright("approvals", "list")
    assert (status, out, "There are none" in err) == (OK, "", True)
    instance, approval = waiting(plant, 7)
    _, other = waiting(plant, 8)
    status, out, _ = millwright("approvals", "list")
    assert status == OK
    assert out.splitlines()[0].split() == ["STATUS", "OPENED", "UNTIL", "MINE", "APPROVAL", "TITLE"]
    assert "Release lot 7" in out
    assert "Release lot 8" in out
    status, out, _ = millwright("approvals", "list", "--instance", instance, "--json")
    assert [each["id"] for each in json.loads(out)] == [approval]
    status, out, err = millwright("approvals", "show", approval)
    assert (status, '"lot": 7' in out, instance in out) == (OK, True, True)
    hash_ = json.loads(millwright("approvals", "show", approval, "--json")[1])["data_hash"]
    assert f"approve {approval} --seen {hash_}" in err

    status, out, err = millwright("approvals", "approve", approval, "--seen", "0" * 64)
    assert (status, out, "not what you saw" in err) == (FAILED, "", True)
    status, out, _ = millwright(
        *("approvals", "approve", approval, "--seen", hash_),
        *("--form", '{"note": "ok"}', "--comment", "looks good"),
    )
    assert (status, out) == (OK, f"You have approved: {approval} is APPROVED.\n")
    assert plant.wait(instance, timeout=60).output["form"] == {"note": "ok"}
    assert "approved: looks good" in millwright("approvals", "show", approval)[1]
    _, out, _ = millwright("approvals", "list", "--json")
    assert [each["id"] for each in json.loads(out)] == [other]
    _, out, _ = millwright("approvals", "list", "--status", "all", "--everybody", "--json")
    assert {each["id"] for each in json.loads(out)} == {approval, other}
    plant.approvals.reject(plant.approvals.get(other))


def test_a_no_is_told(plant: Millwright, millwright: Command) -> None:
    instance, approval = waiting(plant, 7)
    status, out, _ = millwright("approvals", "reject", approval, "--comment", "no", "--json")
    told: dict[str, Any] = json.loads(out)
    assert (status, told["status"], told["votes"][0]["comment"]) == (OK, "REJECTED", "no")
    assert plant.wait(instance, timeout=60).output["approved"] is False
    status, _, err = millwright("approvals", "approve", approval)
    assert (status, "has ended" in err or "already" in err) == (FAILED, True)


def test_an_approval_is_handed_on(plant: Millwright, system: System, millwright: Command) -> None:
    _, approval = waiting(plant, 7)
    status, _, err = millwright("approvals", "delegate", approval, "nobody@plant.example")
    assert (status, "Nobody who may decide" in err) == (FAILED, True)
    database = Database(system.settings.database)
    sealer = Sealer.from_settings(system.settings.security)
    accounts = build_accounts(database, sealer, system.settings)
    tenant = plant.me().tenant_id
    accounts.create_user(tenant, "bob@plant.example", PASSWORD, ["operator"])
    database.close()
    status, out, _ = millwright("approvals", "delegate", approval, "bob@plant.example")
    assert (status, out) == (OK, f"bob@plant.example decides now: {approval} is PENDING.\n")
    status, _, err = millwright("approvals", "approve", approval)
    assert (status, "handed it on" in err) == (FAILED, True)
    with Millwright.login(system.url, "bob@plant.example", PASSWORD, tenant=tenant) as bob:
        # By a link, which the whole system makes and takes.
        first, second = (bob.approvals.make_link(approval, ["approve"]) for _ in range(2))
        assert first.url.startswith(f"{system.url}/decide?link=")
        bob.approvals.revoke_link(approval, first.id)
        states = {each.id: each.state for each in bob.approvals.links(approval).items}
        assert states == {first.id: "REVOKED", second.id: "OPEN"}
        token = parse_qs(urlsplit(second.url).query)["link"][0]
        page = httpx.post(f"{system.url}/decide", data={"link": token, "decision": "approve"})
        assert page.status_code == 200, page.text
        assert bob.approvals.get(approval).votes[0].by == "bob@plant.example"


def test_what_is_misspelled_is_misuse(millwright: Command) -> None:
    for flags in (("list", "--limit", "x"), ("list", "--status", "open"), ("approve",)):
        with pytest.raises(SystemExit) as ended:
            millwright("approvals", *flags)
        assert ended.value.code == USAGE
