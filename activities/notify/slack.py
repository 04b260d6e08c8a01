"""Slack: one text to an incoming webhook."""

from dataclasses import dataclass
from typing import Final, Literal

from activities.notify.errors import NotificationError
from activities.notify.notification import Notification, one_line, written
from activities.notify.posting import post
from activities.notify.types import Slack
from foundation.json import JsonObject, canonical
from security.egress import WayOut

# Slack cuts what is longer, without a word.
MAX_CHARS: Final = 40_000


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """A text with a headline."""

    way: WayOut
    url: str
    text: str
    channel: Literal["slack"] = "slack"

    @classmethod
    def of(cls, way: WayOut, slack: Slack, notification: Notification) -> "SlackMessage":
        """Make it.

        Raises:
            NotificationError: When there is no text, or too much.
        """
        text = escaped(written(notification.text, "slack"))
        if notification.title:
            text = f"*{escaped(one_line(notification.title))}*\n{text}"
        if len(text) > MAX_CHARS:
            raise NotificationError(
                f"The text for Slack has {len(text):,} characters; {MAX_CHARS:,} are allowed."
            )
        return cls(way, slack.url, text)

    @property
    def destination(self) -> list[str]:
        return [self.url]

    async def send(self, timeout_s: float) -> JsonObject:
        """Post it."""
        body = canonical({"text": self.text})
        return {"status": await post(self.way, self.url, body, {}, timeout_s)}


def escaped(text: str) -> str:
    """Keep a text from being a mention (`<!channel>`) or a link that says one thing and is another.

    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
