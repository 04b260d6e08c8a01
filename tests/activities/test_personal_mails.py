"""Marks for links: where no mail goes to one person, they are a hint and never a link."""

from datetime import UTC, datetime

import pytest
from typing_extensions import override

from activities.approvals.marks import mark
from activities.notify.notification import Notification
from activities.notify.personal import Links, is_personal, letter, recipients, without_marks
from activities.notify.types import Email, NotifyCall, Slack

ID = "0" * 32


def call(**more: object) -> NotifyCall:
    return NotifyCall(tenant_id="plant", timeout_s=1, text=f"Decide: {mark(ID)}", **more)


def test_only_mails_are_personal() -> None:
    assert is_personal(call(email=Email(to=["ada@plant.example"])))
    assert not is_personal(call(slack=Slack(url="https://hooks.example/x")))
    plain = call(email=Email(to=["ada@plant.example"])).model_copy(update={"text": "Hello"})
    assert not is_personal(plain)


def test_a_chat_is_told_where_to_decide() -> None:
    text = without_marks(f"Decide: {mark(ID)}")
    assert text is not None
    assert "approval-link" not in text
    assert ID in text
    assert without_marks(None) is None


class Known(Links):
    """Everybody may decide."""

    @override
    async def for_mail(self, **_: str) -> str:
        return "https://plant.example/decide?link=token"


@pytest.mark.anyio
async def test_a_link_is_not_put_into_somebody_elses_address() -> None:
    text = f"https://evil.example/?x={mark(ID)} {mark(ID)}, x{mark(ID)}\n{mark(ID)}"
    given = call(email=Email(to=["ada@plant.example"])).model_copy(update={"text": text})
    notification = Notification(id="n", time=datetime.now(UTC), text=text)
    written = await letter(Known(), "plant/a/b/c", given, notification, "ada@plant.example")
    lines = (written.notification.text or "").split("\n")
    assert lines[1] == "https://plant.example/decide?link=token"
    assert "token" not in lines[0]
    assert lines[0].count(ID) == 3


def test_each_recipient_is_named_once() -> None:
    email = Email(to=["Ada@plant.example", "bob@plant.example"], cc=["ada@plant.example"])
    assert list(recipients(email)) == ["Ada@plant.example", "bob@plant.example"]
