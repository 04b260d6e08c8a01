"""What is told to whom, whatever the channel."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from activities.notify.errors import NotificationError
from activities.notify.types import Channel
from foundation.json import JsonObject

# Also what some programs take for the end of a line, and half of what makes text run backwards.
_BREAKS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Notification:
    """One notification.

    Attributes:
        id: The same on every attempt: whoever gets it twice can tell.
        time: When it was asked for; the same on every attempt, too.
        title: One line.
    """

    id: str
    time: datetime
    title: str | None = None
    text: str | None = None


class Message(Protocol):
    """A notification as one channel sends it, checked as far as that is possible before."""

    @property
    def channel(self) -> Channel:
        """Which way it goes."""
        ...

    @property
    def destination(self) -> list[str]:
        """Where it goes; what goes to the same place is counted together."""
        ...

    async def send(self, timeout_s: float) -> JsonObject:
        """Send it; return what is worth knowing about it.

        Raises:
            NotDeliveredError: When it did not arrive, or nobody knows whether it did.
        """
        ...


def one_line(title: str) -> str:
    """Return a title if it is one: it becomes a header of a mail.

    Raises:
        NotificationError: When there are line breaks or control characters in it.
    """
    if _BREAKS.search(title):
        raise NotificationError(
            "A title (or subject) is one line without control characters. Put the rest into 'text'."
        )
    return title


def written(text: str | None, channel: Channel) -> str:
    """Return the text, where there has to be one.

    Raises:
        NotificationError: When it is missing or empty.
    """
    if not text or not text.strip():
        raise NotificationError(f"There is no text to send by {channel}. Check what 'text' gives.")
    return text
