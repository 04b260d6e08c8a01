"""Links by which people decide without logging in: once, in one name, and not by a look."""

import re
from collections import Counter
from collections.abc import AsyncIterator

import anyio
import httpx2
import pytest
import structlog
from sqlalchemy import text
from temporalio.client import Client

from api.services import Services
from foundation.database import Database
from tests.api.deciding import APPROVALS, Desk, deciding, text_of
from tests.api.people import Person, person
from tests.fixtures.polling import pause

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(
    http: httpx2.AsyncClient, services: Services, temporal: Client, admin: Person
) -> AsyncIterator[Desk]:
    async with deciding(http, services, temporal, admin.tenant_id) as desk:
        yield desk


async def test_looking_changes_nothing_and_pressing_decides(desk: Desk) -> None:
    shown = await desk.ask()
    token = await desk.link(shown["id"])
    for _ in range(3):
        page = await desk.look(token)
        assert page.status_code == 200
    assert (await desk.approval(shown["id"]))["status"] == "PENDING"
    assert "Release <lot>" in text_of(page)
    assert '"lot": 7' in text_of(page)
    assert desk.operator.email in text_of(page)
    page = await desk.press(token, comment="fine")
    assert (page.status_code, "has been taken" in text_of(page)) == (200, True)
    after = await desk.approval(shown["id"])
    assert after["status"] == "APPROVED"
    (vote,) = after["votes"]
    assert (vote["by"], vote["comment"], vote["verified"]) == (desk.operator.email, "fine", True)
    for page in (await desk.press(token), await desk.look(token)):
        assert (page.status_code, "used already" in text_of(page)) == (410, True)


async def test_the_page_needs_no_script_and_nothing_from_elsewhere(desk: Desk) -> None:
    shown = await desk.ask(value={"lot": "</pre><script>alert(1)</script>\u202egnp"})
    page = await desk.look(await desk.link(shown["id"]))
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "form-action 'self'" in policy
    assert "script" not in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-frame-options"] == "DENY"
    assert "<script" not in page.text
    # What runs backwards is seen as what it is.
    assert "\u202e" not in page.text
    assert "\\u202e" in page.text
    assert re.findall(r"(?:src|href|action)=\"([^\"]*)\"", page.text)[0] == "/decide"
    assert not re.search(r"https?://", page.text)


@pytest.mark.parametrize(
    ("accepts", "says"),
    [("ko-KR,ko;q=0.9,en;q=0.5", "승인"), ("en-GB,ko;q=0.3", "Approve"), ("", "Approve")],
)
async def test_the_page_speaks_korean_and_english(desk: Desk, accepts: str, says: str) -> None:
    shown = await desk.ask()
    page = await desk.look(await desk.link(shown["id"]), **{"Accept-Language": accepts})
    assert says in text_of(page)
    assert ("lang=ko" in page.text) == (says == "Approve")


async def test_of_clicks_at_once_one_decides(desk: Desk) -> None:
    shown = await desk.ask("        quorum: 2\n        onReject: continue")
    token = await desk.link(shown["id"])
    counted: Counter[int] = Counter()

    async def click(decision: str) -> None:
        counted[(await desk.press(token, decision)).status_code] += 1

    async with anyio.create_task_group() as group:
        for number in range(16):
            group.start_soon(click, "approve" if number % 2 else "reject")
    assert counted[200] == 1
    # 403: the decision is there, and that the link is used up is not noted yet.
    assert set(counted) <= {200, 403, 409, 410}
    assert len((await desk.approval(shown["id"]))["votes"]) == 1


async def test_two_links_of_one_person_are_still_one_vote(desk: Desk) -> None:
    shown = await desk.ask("        quorum: 2")
    tokens = [await desk.link(shown["id"]) for _ in range(2)]
    assert (await desk.press(tokens[0])).status_code == 200
    page = await desk.press(tokens[1], "reject")
    assert (page.status_code, "cannot decide" in text_of(page)) == (403, True)
    assert len((await desk.approval(shown["id"]))["votes"]) == 1


async def test_a_link_allows_what_it_was_made_for_and_no_more(desk: Desk) -> None:
    shown = await desk.ask()
    token = await desk.link(shown["id"], decisions=["reject"])
    assert 'value="approve"' not in (await desk.look(token)).text
    assert (await desk.press(token, "approve")).status_code == 422
    assert (await desk.approval(shown["id"]))["status"] == "PENDING"
    assert (await desk.press(token, "reject")).status_code == 200
    assert (await desk.approval(shown["id"]))["status"] == "REJECTED"


async def test_only_who_may_decide_gets_a_link(
    desk: Desk, viewer: Person, stranger: Person
) -> None:
    shown = await desk.ask()
    where = f"{APPROVALS}/{shown['id']}/links"
    for who, status in ((desk.asks, 403), (viewer, 403), (stranger, 404)):
        answer = await desk.http.post(where, json={}, headers=who.headers)
        assert answer.status_code == status, answer.text
    assert (await desk.http.post(where, json={})).status_code == 401


async def test_a_person_who_was_disabled_or_lost_the_role_decides_no_more(
    desk: Desk, database: Database
) -> None:
    shown = await desk.ask("        quorum: 2")
    operator, tenant = desk.operator, desk.operator.tenant_id
    token = await desk.link(shown["id"])
    change = text("update users set roles = :roles where tenant_id = :tenant and id = :id")
    for roles, status in ((["viewer"], 403), (["operator"], 200)):
        with database.session() as session:
            session.execute(change, {"roles": roles, "tenant": tenant, "id": operator.user_id})
        assert (await desk.look(token)).status_code == status
    desk.services.accounts.disable_user(tenant, operator.user_id)
    assert (await desk.look(token)).status_code == 403
    assert (await desk.press(token)).status_code == 403
    assert (await desk.approval(shown["id"]))["votes"] == []


async def test_a_link_is_taken_back(desk: Desk, admin: Person) -> None:
    shown = await desk.ask()
    where = f"{APPROVALS}/{shown['id']}/links"
    own, others = await desk.link(shown["id"]), await desk.link(shown["id"])
    listed = (await desk.http.get(where, headers=desk.operator.headers)).json()["items"]
    assert [each["state"] for each in listed] == ["OPEN", "OPEN"]
    assert own not in str(listed)
    newest, oldest = (each["id"] for each in listed)
    for who, link in ((desk.operator, oldest), (admin, newest)):
        answer = await desk.http.delete(f"{where}/{link}", headers=who.headers)
        assert answer.status_code == 204, answer.text
    for token in (own, others):
        assert (await desk.press(token)).status_code == 410
    assert "taken back" in text_of(await desk.look(own))
    assert (await desk.approval(shown["id"]))["status"] == "PENDING"
    second = person(desk.services.accounts, "plant-9", "operator")
    answer = await desk.http.delete(f"{where}/{newest}", headers=second.headers)
    assert answer.status_code == 404


async def test_a_link_that_was_altered_is_none(desk: Desk, database: Database) -> None:
    shown = await desk.ask()
    token = await desk.link(shown["id"])
    for wrong in ("", "x", token[:-2], f"{token[:10]}AAAA{token[14:]}", token + token, "é" * 50):
        page = await desk.look(wrong)
        assert page.status_code == 404
        assert "Release" not in page.text
        assert (await desk.press(wrong)).status_code == 404
    # Nor one whose row was altered: another person, more decisions, a later end.
    with database.session() as session:
        session.execute(
            text("update approval_links set expires_at = expires_at + interval '1 day'")
        )
    assert (await desk.press(token)).status_code == 404
    assert (await desk.approval(shown["id"]))["votes"] == []


async def test_an_expired_link_says_so(desk: Desk) -> None:
    timeout = "        timeout: { after: { seconds: 3 }, then: default, value: as ever }"
    shown = await desk.ask(timeout)
    token = await desk.link(shown["id"])
    while (page := await desk.look(token)).status_code != 410:
        await pause()
    assert any(said in text_of(page) for said in ("expired", "nothing to decide"))
    assert (await desk.press(token)).status_code == 410


async def test_guessing_is_slowed_down_and_hinders_nobody_else(desk: Desk) -> None:
    shown = await desk.ask()
    token = await desk.link(shown["id"])
    statuses = [(await desk.look(f"guess-{number}")).status_code for number in range(25)]
    assert statuses == [404] * 20 + [429] * 5
    assert (await desk.press(token)).status_code == 200


async def test_a_form_of_another_page_is_not_taken(desk: Desk) -> None:
    shown = await desk.ask()
    token = await desk.link(shown["id"])
    for site in ("cross-site", "same-site"):
        answer = await desk.http.post(
            "/decide",
            data={"link": token, "decision": "approve"},
            headers={"Sec-Fetch-Site": site},
        )
        assert answer.status_code == 403
    # A query decides nothing, nor does a body that is no form.
    answer = await desk.http.post("/decide", params={"link": token, "decision": "approve"})
    assert answer.status_code == 404
    answer = await desk.http.post("/decide", json={"link": token, "decision": "approve"})
    assert answer.status_code == 404
    assert (await desk.approval(shown["id"]))["votes"] == []


async def test_the_token_is_in_no_log_and_no_row(desk: Desk, database: Database) -> None:
    shown = await desk.ask()
    with structlog.testing.capture_logs() as logs:
        token = await desk.link(shown["id"])
        await desk.look(token)
        await desk.press(token)
        await desk.press(token)
    assert {"approval_link_made", "approval_link_used", "http_request"} <= {
        each["event"] for each in logs
    }
    assert token not in str(logs)
    assert token[:40] not in str(logs)
    with database.session() as session:
        rows = session.execute(
            text("select approval_links::text, approvals.body from approval_links, approvals")
        )
        assert token[:40] not in str(rows.all())


FLAT = """
        form:
          type: object
          required: [ checked, temperature, shift ]
          properties:
            checked: { type: boolean, title: All parts were checked }
            temperature: { type: number, maximum: 90 }
            shift: { enum: [ early, late, 3 ] }
            note: { type: string, maxLength: 500 }
"""


async def test_a_flat_form_is_filled_in_on_the_page(desk: Desk) -> None:
    shown = await desk.ask(FLAT)
    token = await desk.link(shown["id"])
    page = await desk.look(token)
    assert "All parts were checked" in text_of(page)
    assert page.text.count('name="form.') == 4
    filled = {"form.checked": "on", "form.temperature": "91", "form.shift": "3"}
    page = await desk.press(token, **filled)
    # It can be mended: what was filled in is there still, and the link is good.
    assert (page.status_code, 'value="91"' in page.text) == (422, True)
    page = await desk.press(token, **{**filled, "form.temperature": "80.5"})
    assert page.status_code == 200, text_of(page)
    (vote,) = (await desk.approval(shown["id"]))["votes"]
    assert vote["form"] == {"checked": True, "temperature": 80.5, "shift": 3}


async def test_what_can_be_chosen_is_shown_as_what_it_is(desk: Desk) -> None:
    hidden = "scrap\u202eton"
    choices = FLAT.replace("[ early, late, 3 ]", '[ "scrap\\u202Eton", " late " ]')
    shown = await desk.ask(choices)
    token = await desk.link(shown["id"])
    assert ">scrap\\u202eton</option>" in (await desk.look(token)).text
    filled = {"form.checked": "on", "form.temperature": "80", "form.shift": hidden}
    page = await desk.press(token, **filled)
    assert page.status_code == 200, text_of(page)
    (vote,) = (await desk.approval(shown["id"]))["votes"]
    assert vote["form"]["shift"] == hidden


NESTED = """
        form:
          type: object
          required: [ parts ]
          properties: { parts: { type: array, items: { type: string } } }
"""


async def test_a_form_that_is_not_flat_is_for_the_inbox_but_a_no_is_not(desk: Desk) -> None:
    shown = await desk.ask(NESTED)
    token = await desk.link(shown["id"])
    page = await desk.look(token)
    assert "cannot be filled in here" in text_of(page)
    assert 'value="approve"' not in page.text
    assert (await desk.press(token, "approve")).status_code == 422
    assert (await desk.press(token, "reject", comment="no")).status_code == 200
    (vote,) = (await desk.approval(shown["id"]))["votes"]
    assert (vote["approves"], vote["form"]) == (False, None)


async def test_a_form_that_asks_for_nothing_is_decided_at_once(desk: Desk) -> None:
    optional = NESTED.replace("          required: [ parts ]\n", "")
    shown = await desk.ask(optional)
    assert (await desk.press(await desk.link(shown["id"]))).status_code == 200
    (vote,) = (await desk.approval(shown["id"]))["votes"]
    assert vote["form"] == {}


async def test_whoever_handed_it_on_holds_a_link_that_is_worth_nothing(desk: Desk) -> None:
    shown = await desk.ask()
    tenant = desk.operator.tenant_id
    desk.services.accounts.create_user(tenant, "bob@plant.example", "press line 7 7", ["operator"])
    token = await desk.link(shown["id"])
    handed = await desk.http.post(
        f"{APPROVALS}/{shown['id']}:delegate",
        json={"to": "bob@plant.example"},
        headers=desk.operator.headers,
    )
    assert handed.status_code == 200, handed.text
    assert (await desk.press(token)).status_code == 403
    assert (await desk.approval(shown["id"]))["votes"] == []
