"""Sending a notification once, at least: claims, the channel, and what becomes of them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, assert_never

import structlog

from activities.notify.errors import BeingSentError, NotDeliveredError, NotificationError
from activities.notify.ledger import (
    AlreadySent,
    Claim,
    Granted,
    Ledger,
    Suppressed,
    Undecided,
)
from activities.notify.mail import MailMessage, MailServer
from activities.notify.notification import Message, Notification
from activities.notify.personal import Letter, Links, NoLinks, letter, recipients
from activities.notify.slack import SlackMessage
from activities.notify.types import Email, NotifyCall
from activities.notify.webhook import WebhookMessage
from activities.patience import patiently, way_out
from foundation.errors import UnavailableError
from foundation.json import JsonObject, digest
from security.egress import Egress

log = structlog.get_logger()

# Beyond the sending itself: the database, a thread, a loaded machine.
_LEASE_MARGIN_S: Final = 15.0
_ASK_AGAIN_S: Final = 0.5


@dataclass(frozen=True)
class Notifier:
    """Everything notifications go through."""

    egress: Egress
    mail_server: MailServer
    ledger: Ledger
    links: Links = field(default_factory=NoLinks)

    async def notify(self, call: NotifyCall, notification: Notification) -> JsonObject:
        """Send it, unless something keeps it back; return what happened.

        Raises:
            NotificationError: When it cannot be sent as it is.
            MailSetupError: When this installation cannot send it.
            BeingSentError: When the same one is being sent for too long.
            NotDeliveredError: When it was not delivered, or nobody knows whether it was.
        """
        return await self._notified(call, notification, ())

    async def notify_each(
        self,
        call: NotifyCall,
        notification: Notification,
        workflow_id: str,
        hide: Callable[[Sequence[str]], None],
    ) -> JsonObject:
        """Send a mail to each recipient that is meant for that person alone.

        Args:
            workflow_id: The run that asks for it.
            hide: Keeps texts out of results and errors.

        Raises:
            NotificationError: When it cannot be sent as it is.
            MailSetupError: When this installation cannot send it.
            BeingSentError: When the same one is being sent for too long.
            NotDeliveredError: When it was delivered to nobody, or may be to more with another try.
        """
        sent: list[JsonObject] = []
        failed: list[tuple[str, NotDeliveredError]] = []
        async for to, each in self._letters(call, notification, workflow_id):
            hide(each.links)
            try:
                sent.append(await self._notified(each.call, each.notification, [each.once]))
            except NotDeliveredError as error:
                failed.append((to, error))
        for _, why in failed:
            if why.retryable or not sent:
                raise why
        told: JsonObject = {"id": notification.id, "channel": "email", "mails": len(sent)}
        refused: JsonObject = {"refused": [to for to, _ in failed]} if failed else {}
        return {"sent": any(each["sent"] for each in sent), **told, **refused}

    async def _letters(
        self, call: NotifyCall, notification: Notification, workflow_id: str
    ) -> AsyncIterator[tuple[str, Letter]]:
        everybody = [*recipients(call.email or Email(to=[]))]
        # All of them or none: whether the author made a mistake does not depend on the order.
        self.mail_server.sender()
        self.mail_server.check(everybody)
        for to in everybody:
            yield (
                to,
                await patiently(
                    lambda to=to: letter(self.links, workflow_id, call, notification, to)  # type: ignore[misc]
                ),
            )

    async def _notified(
        self, call: NotifyCall, notification: Notification, more: Sequence[Claim]
    ) -> JsonObject:
        message = await self._message(call, notification)
        told: JsonObject = {"id": notification.id, "channel": message.channel}
        claims = [*claims_of(call, message), *more]
        if not claims:
            return {"sent": True, **told, **await message.send(call.timeout_s)}
        match await self._verdict(call, notification.id, claims):
            case Granted():
                sending = _Sending(self.ledger, call.tenant_id, notification.id, claims)
                return {"sent": True, **told, **await sending.run(message, call.timeout_s)}
            case AlreadySent():
                return {"sent": True, **told}
            case Suppressed(reason=reason, until=until):
                return {"sent": False, **told, "reason": reason, "until": until.isoformat()}
            case other:
                assert_never(other)

    async def _message(self, call: NotifyCall, notification: Notification) -> Message:
        if call.slack is not None:
            way = await way_out(self.egress, call.tenant_id)
            return SlackMessage.of(way, call.slack, notification)
        if call.email is not None:
            return MailMessage.of(self.mail_server, call.email, notification)
        if call.webhook is not None:
            way = await way_out(self.egress, call.tenant_id)
            return WebhookMessage.of(way, call.webhook, notification, call.data)
        raise NotificationError("A notification needs one of 'slack', 'email' and 'webhook'.")

    async def _verdict(
        self, call: NotifyCall, holder: str, claims: Sequence[Claim]
    ) -> Granted | AlreadySent | Suppressed:
        """Wait for those who are just sending: if they fail, it is our turn."""
        lease_s = call.timeout_s + _LEASE_MARGIN_S
        loop = asyncio.get_running_loop()
        until = loop.time() + call.timeout_s
        while True:
            verdict = await patiently(
                lambda: self.ledger.take(call.tenant_id, holder, claims, lease_s)
            )
            if not isinstance(verdict, Undecided):
                return verdict
            if loop.time() > until:
                raise BeingSentError(
                    "Another worker is sending a notification with the same key and has not said "
                    f"within {call.timeout_s:g} s how it went, so it is not known whether this one "
                    "is needed."
                )
            await asyncio.sleep(_ASK_AGAIN_S)


@dataclass(frozen=True)
class _Sending:
    """Sending with claims: kept when it worked, given back when it did not."""

    ledger: Ledger
    tenant_id: str
    holder: str
    claims: Sequence[Claim]

    async def run(self, message: Message, timeout_s: float) -> JsonObject:
        try:
            told = await message.send(timeout_s)
        except BaseException:
            # Also when nobody knows whether it arrived: the next one may send.
            await self._noted(settled=False)
            raise
        await self._noted(settled=True)
        return told

    async def _noted(self, *, settled: bool) -> None:
        """Write down how it went; what cannot be written ends by itself with the lease.

        That a notification was sent stays true while our database is away, so it is no fault.
        """
        act = self.ledger.settle if settled else self.ledger.release
        try:
            await act(self.tenant_id, self.holder, self.claims)
        except UnavailableError as error:
            log.warning("notification_claim_left", settled=settled, why=error.message)


def claims_of(call: NotifyCall, message: Message) -> list[Claim]:
    """Return what a notification has to claim.

    All is counted by destination: the same alarm by Slack and by mail are two notifications.
    """
    claims = []
    place = [message.channel, *message.destination]
    if call.deduplicate is not None and call.window_s is not None:
        key = digest(["duplicate", call.deduplicate.key, *place])
        claims.append(Claim(key, "duplicate", 1, call.window_s))
    if call.rate_limit is not None and call.period_s is not None:
        key = digest(["rate", [*call.rate_limit.by], *place])
        claims.append(Claim(key, "rate-limited", call.rate_limit.permits, call.period_s))
    return claims
