"""E-mail through the administrator's own SMTP server.

The server comes from the settings, never from a definition, so it is reached like PostgreSQL and
Temporal and not through the egress guard: to allow its network there would open it to definitions.
What a definition chooses are recipients, and those only in the domains that the settings allow.

Left out: HTML, attachments, names of recipients, addresses that are not ASCII.
"""

import asyncio
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from functools import cached_property
from typing import Final, Literal, NoReturn

import aiosmtplib

from activities.http.exchange import SHOWN_BODY_CHARS
from activities.notify.errors import MailSetupError, NotDeliveredError, NotificationError
from activities.notify.notification import Notification, one_line, written
from activities.notify.types import MAX_RECIPIENTS, Email
from foundation.json import JsonObject
from foundation.settings import SmtpSettings

# What people write, of what RFC 5322 allows: nothing that a second header could hide in.
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@({_LABEL}(?:\.{_LABEL})*)")
_ADDRESS_CHARS: Final = 254
# 7 bit: not every server on the way takes more.
_POLICY: Final = SMTP_POLICY.clone(cte_type="7bit")
_PERMANENT: Final = range(500, 600)
_ANYWHERE: Final = "*"


class MailServer:
    """The server of this installation, if it has one."""

    def __init__(self, settings: SmtpSettings) -> None:
        self.settings = settings

    def sender(self) -> str:
        """Return whom mails come from.

        Raises:
            MailSetupError: When this installation sends no mail; names the setting.
        """
        settings = self.settings
        missing = [
            name
            for name, value in (
                ("MILLWRIGHT_SMTP_HOST", settings.host),
                ("MILLWRIGHT_SMTP_FROM_ADDRESS", settings.from_address),
                ("MILLWRIGHT_SMTP_ALLOWED_DOMAINS", settings.allowed_domains),
            )
            if not value
        ]
        if missing or settings.from_address is None:
            raise MailSetupError(
                f"This installation sends no mail: {' and '.join(missing)} is not set."
            )
        if settings.user is not None and settings.tls == "none":
            raise MailSetupError(
                "MILLWRIGHT_SMTP_USER is set and MILLWRIGHT_SMTP_TLS is 'none', which would send "
                "the password as it is. Use 'starttls' or 'tls'."
            )
        if not _ADDRESS.fullmatch(settings.from_address):
            raise MailSetupError("MILLWRIGHT_SMTP_FROM_ADDRESS is no plain mail address.")
        return settings.from_address

    def check(self, recipients: Sequence[str]) -> None:
        """Let only such recipients pass as the settings allow.

        Raises:
            NotificationError: When one is no address, or there are none or too many.
            MailSetupError: When one is in a domain that is not allowed.
        """
        if not 0 < len(recipients) <= MAX_RECIPIENTS:
            raise NotificationError(
                f"A mail goes to 1 to {MAX_RECIPIENTS} recipients, not to {len(recipients)}."
            )
        allowed = {domain.casefold() for domain in self.settings.allowed_domains}
        for recipient in recipients:
            match = _ADDRESS.fullmatch(recipient)
            if match is None or len(recipient) > _ADDRESS_CHARS:
                raise NotificationError(
                    f"'{recipient[:100]!a}' is no mail address. Write them plainly: "
                    "shift-leader@plant.example."
                )
            if _ANYWHERE not in allowed and match[1].casefold() not in allowed:
                raise MailSetupError(
                    f"This installation sends no mail to '{match[1]}'. Its administrator can add "
                    "the domain to MILLWRIGHT_SMTP_ALLOWED_DOMAINS."
                )

    async def send(
        self, mail: EmailMessage, sender: str, recipients: Sequence[str], timeout_s: float
    ) -> list[str]:
        """Hand a mail to the server; return the recipients that it refused, if not all.

        Raises:
            NotDeliveredError: When it takes the mail for none, or nobody knows.
            MailSetupError: When the settings do not fit the server.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._sent(mail, sender, recipients, timeout_s)
        except (ssl.SSLError, aiosmtplib.SMTPException, OSError) as error:
            self._explain(error, timeout_s)

    async def _sent(
        self, mail: EmailMessage, sender: str, recipients: Sequence[str], timeout_s: float
    ) -> list[str]:
        settings = self.settings
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            # Its own default looks the machine's name up, and tells it.
            local_hostname=sender.rpartition("@")[2],
            username=settings.user,
            password=settings.password.get_secret_value() if settings.password else None,
            use_tls=settings.tls == "tls",
            # Never "if the server offers it": somebody on the way could take the offer out.
            start_tls=settings.tls == "starttls",
            tls_context=None if settings.tls == "none" else self._tls,
            timeout=timeout_s,
        )
        try:
            await client.connect()
            refused, _ = await client.sendmail(sender, list(recipients), mail.as_bytes())
            return sorted(refused)
        finally:
            # Not QUIT: what the server took it has taken, and its answer could only delay us.
            client.close()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.settings.ca_file)
        except OSError as error:
            raise MailSetupError(
                f"MILLWRIGHT_SMTP_CA_FILE cannot be read as certificates: {error}."
            ) from error

    def _explain(self, error: Exception, timeout_s: float) -> NoReturn:
        where = f"The mail server {self.settings.host}:{self.settings.port}"
        match error:
            case aiosmtplib.SMTPAuthenticationError(code=code) if code in _PERMANENT:
                raise MailSetupError(
                    f"{where} does not accept MILLWRIGHT_SMTP_USER and MILLWRIGHT_SMTP_PASSWORD "
                    f"({_said(error)})."
                ) from error
            case aiosmtplib.SMTPRecipientsRefused(recipients=refused):
                retryable = any(each.code not in _PERMANENT for each in refused)
                said = "; ".join(f"{each.recipient}: {_said(each)}" for each in refused)
                raise _refused(f"{where} takes it for none of the recipients: {said}", retryable)
            case aiosmtplib.SMTPResponseException(code=code):
                raise _refused(
                    f"{where} does not take it: {_said(error)}", code not in _PERMANENT
                ) from error
            case TimeoutError():
                raise NotDeliveredError(
                    f"{where} did not answer within {timeout_s:g} s.",
                    title="The mail server did not answer",
                    kind="timeout",
                    retryable=True,
                ) from error
            case _ if _about_tls(error):
                raise MailSetupError(
                    f"{where} cannot be spoken to as MILLWRIGHT_SMTP_TLS ('{self.settings.tls}') "
                    f"and MILLWRIGHT_SMTP_CA_FILE want it: {error}"
                ) from error
            case OSError():
                raise NotDeliveredError(
                    f"{where} cannot be reached, or the connection broke: {error}",
                    title="The mail server cannot be reached",
                    retryable=True,
                ) from error
            case _:
                raise MailSetupError(
                    f"{where} cannot do what the settings MILLWRIGHT_SMTP_* ask for: {error}"
                ) from error


@dataclass(frozen=True, slots=True)
class MailMessage:
    """A plain text to some recipients."""

    server: MailServer
    mail: EmailMessage
    sender: str
    recipients: Sequence[str]
    channel: Literal["email"] = "email"

    @classmethod
    def of(cls, server: MailServer, email: Email, notification: Notification) -> "MailMessage":
        """Make it.

        Raises:
            NotificationError: When it cannot be a mail.
            MailSetupError: When this installation sends none, or not to such recipients.
        """
        sender = server.sender()
        recipients = list(dict.fromkeys([*email.to, *email.cc]))
        server.check(recipients)
        text = written(notification.text, "email")
        mail = EmailMessage(policy=_POLICY)
        for name, value in _headers(sender, email, notification).items():
            mail[name] = value
        mail.set_content(text)
        return cls(server, mail, sender, recipients)

    @property
    def destination(self) -> list[str]:
        return sorted(recipient.casefold() for recipient in self.recipients)

    async def send(self, timeout_s: float) -> JsonObject:
        """Hand it over."""
        refused = await self.server.send(self.mail, self.sender, self.recipients, timeout_s)
        return {"refused": [*refused]} if refused else {}


def _headers(sender: str, email: Email, notification: Notification) -> Mapping[str, object]:
    subject = email.subject or notification.title
    if not subject or not subject.strip():
        raise NotificationError("A mail needs a 'title', or a 'subject' of its own.")
    headers = {
        "From": sender,
        "To": ", ".join(email.to),
        "Cc": ", ".join(email.cc),
        "Subject": one_line(subject),
        "Date": notification.time,
        # The same on every attempt: mailboxes and people can tell that they have it already.
        "Message-ID": f"<{notification.id}@{sender.rpartition('@')[2]}>",
        # RFC 3834: nobody's holiday notice is to answer a machine.
        "Auto-Submitted": "auto-generated",
    }
    return {name: value for name, value in headers.items() if value}


def _refused(message: str, retryable: bool) -> NotDeliveredError:
    return NotDeliveredError(message, title="The mail was refused", retryable=retryable)


def _said(error: Exception) -> str:
    code, message = getattr(error, "code", ""), getattr(error, "message", "")
    return f"{code} {message}".strip()[:SHOWN_BODY_CHARS]


def _about_tls(error: BaseException) -> bool:
    return isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError)
