"""Generic webhooks as https://www.standardwebhooks.com has them.

The signature is our own three lines: the library for it decodes a mistyped secret to some other one
without a word. The tests verify with that library.
"""

import base64
import binascii
import hashlib
import hmac
import time
from dataclasses import dataclass
from datetime import UTC
from typing import Final, Literal

from activities.notify.errors import NotificationError
from activities.notify.notification import Notification, one_line
from activities.notify.posting import post
from activities.notify.types import Webhook
from foundation.json import JsonObject, canonical
from security.egress import WayOut

_PREFIX: Final = "whsec_"
# What the specification asks for.
_KEY_BYTES: Final = range(24, 65)


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """A JSON body; every attempt sends the same bytes.

    Attributes:
        key: What signs it, if anything does.
    """

    way: WayOut
    url: str
    id: str
    body: bytes
    key: bytes | None
    channel: Literal["webhook"] = "webhook"

    @classmethod
    def of(
        cls, way: WayOut, webhook: Webhook, notification: Notification, data: JsonObject
    ) -> "WebhookMessage":
        """Make it.

        Raises:
            NotificationError: When the secret is none.
        """
        body: JsonObject = {
            "type": webhook.type,
            "timestamp": notification.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "data": data,
        }
        if notification.title is not None:
            body["title"] = one_line(notification.title)
        if notification.text is not None:
            body["text"] = notification.text
        key = None if webhook.secret is None else _key(webhook.secret)
        return cls(way, webhook.url, notification.id, canonical(body), key)

    @property
    def destination(self) -> list[str]:
        return [self.url]

    async def send(self, timeout_s: float) -> JsonObject:
        """Post it."""
        # When this attempt was made: receivers refuse what is older than some minutes.
        headers = {"webhook-id": self.id, "webhook-timestamp": str(int(time.time()))}
        if self.key is not None:
            headers["webhook-signature"] = _signature(self.key, headers, self.body)
        return {"status": await post(self.way, self.url, self.body, headers, timeout_s)}


def _signature(key: bytes, headers: dict[str, str], body: bytes) -> str:
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    found = hmac.digest(key, signed, hashlib.sha256)
    return f"v1,{base64.b64encode(found).decode()}"


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) not in _KEY_BYTES:
        raise NotificationError(
            "The secret of the webhook is not what Standard Webhooks sign with: 'whsec_' and the "
            "base64 of 24 to 64 bytes. Make one: echo whsec_$(openssl rand -base64 32)"
        )
    return key
