"""Mails that are different for each recipient: each has a link by which that person decides.

A definition writes `${ .approval.link }`, which is a mark and no link: what decides must neither
stand in the history of a run nor reach anybody else. The mark becomes the recipient's own link when
the mail is sent to that person alone. Wherever else it stands, it becomes a hint.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from typing_extensions import override

from activities.approvals.marks import ALONE, MARK
from activities.notify.ledger import Claim
from activities.notify.notification import Notification
from activities.notify.types import Email, NotifyCall
from foundation.json import digest

# Attempts of one notification do not go on for longer.
_ONCE_S: Final = 7 * 86_400.0


class Links(Protocol):
    """Makes links by which people decide; see `workflows.approvals.links`."""

    async def for_mail(
        self, *, tenant_id: str, workflow_id: str, approval_id: str, email: str, key: str
    ) -> str | None:
        """Return the address by which somebody decides; None when that person may not."""
        ...


class NoLinks(Links):
    """Where nobody decides by links."""

    @override
    async def for_mail(self, **_: str) -> None:
        """Return None: decide it in the inbox."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What one recipient gets.

    Attributes:
        links: What must not be repeated by anybody who could write it down.
    """

    call: NotifyCall
    notification: Notification
    once: Claim
    links: Sequence[str]


def is_personal(call: NotifyCall) -> bool:
    """Tell whether recipients get different texts."""
    return call.email is not None and MARK.search(call.text or "") is not None


def without_marks(text: str | None) -> str | None:
    """Say in the place of marks where the approval is to be decided."""
    return text and MARK.sub(lambda found: _hint(found[1]), text)


def recipients(email: Email) -> Iterator[str]:
    """Name each recipient once."""
    seen = set()
    for each in (*email.to, *email.cc):
        if each.casefold() not in seen:
            seen.add(each.casefold())
            yield each


async def letter(
    links: Links, workflow_id: str, call: NotifyCall, notification: Notification, to: str
) -> Letter:
    """Write to one recipient."""
    key = digest([notification.id, to.casefold()])
    found = {
        approval: await links.for_mail(
            tenant_id=call.tenant_id,
            workflow_id=workflow_id,
            approval_id=approval,
            email=to,
            key=key,
        )
        for approval in dict.fromkeys(ALONE.findall(notification.text or ""))
    }
    text = ALONE.sub(lambda mark: found[mark[1]] or _hint(mark[1]), notification.text or "")
    text = MARK.sub(lambda mark: _hint(mark[1]), text)
    subject = call.email.subject if call.email else None
    return Letter(
        call.model_copy(update={"email": Email(to=[to], subject=subject)}),
        replace(notification, id=f"ntf_{key[:32]}", text=text),
        # An attempt that reached some of them is repeated for the others only.
        Claim(digest(["letter", key]), "duplicate", 1, _ONCE_S),
        [link for link in found.values() if link],
    )


def _hint(approval: str) -> str:
    return f"(Log in to decide it / 로그인하여 결정하세요: {approval})"
