"""What crosses the wire for `call: notify`. Fields are added, never renamed."""

import json
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, Field

from activities.requests import Request
from foundation.json import JsonObject

Channel: TypeAlias = Literal["slack", "email", "webhook"]

MAX_TITLE_CHARS: Final = 250
MAX_TEXT_CHARS: Final = 30_000
MAX_KEY_CHARS: Final = 500
MAX_URL_CHARS: Final = 2_000
MAX_RECIPIENTS: Final = 50
# Each is a row for as long as the period takes.
MAX_PERMITS: Final = 1_000
MAX_WINDOW_S: Final = 366 * 86_400
DEFAULT_TYPE: Final = "millwright.notification"


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _spelled(value: object) -> object:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return json.dumps(value) if is_number else value


Url: TypeAlias = Annotated[str, Field(min_length=1, max_length=MAX_URL_CHARS)]
Title: TypeAlias = Annotated[str, Field(max_length=MAX_TITLE_CHARS)]
# A line or an order may well be called by its number.
Key: TypeAlias = Annotated[
    str, BeforeValidator(_spelled), Field(min_length=1, max_length=MAX_KEY_CHARS)
]
Recipients: TypeAlias = Annotated[list[str], BeforeValidator(_listed)]


class Slack(BaseModel, frozen=True):
    """An incoming webhook of Slack, or of what speaks like it."""

    url: Url


class Email(BaseModel, frozen=True):
    """A mail through the installation's own server; the subject is the title unless said here."""

    to: Recipients
    cc: Recipients = Field(default_factory=list)
    subject: Title | None = None


class Webhook(BaseModel, frozen=True):
    """A receiver of Standard Webhooks; signed when there is a secret."""

    url: Url
    secret: str | None = None
    type: Annotated[str, Field(min_length=1, max_length=MAX_TITLE_CHARS)] = DEFAULT_TYPE


class Deduplicate(BaseModel, frozen=True):
    """What makes two notifications the same."""

    key: Key


class RateLimit(BaseModel, frozen=True):
    """How many may go to one place.

    Attributes:
        by: What is counted apart there. A list, because no key is not the same as a key that an
            expression does not find.
    """

    by: list[Key] = Field(default_factory=list)
    permits: Annotated[int, Field(ge=1, le=MAX_PERMITS)]


Window: TypeAlias = Annotated[float, Field(gt=0, le=MAX_WINDOW_S)]


class NotifyCall(Request, frozen=True):
    """One notification over one channel.

    Attributes:
        data: Of a webhook, for programs.
        window_s: For how long `deduplicate` holds.
        period_s: In which time `rate_limit` counts.
    """

    slack: Slack | None = None
    email: Email | None = None
    webhook: Webhook | None = None
    title: Title | None = None
    text: Annotated[str, Field(max_length=MAX_TEXT_CHARS)] | None = None
    data: JsonObject = Field(default_factory=dict)
    deduplicate: Deduplicate | None = None
    window_s: Window | None = None
    rate_limit: RateLimit | None = None
    period_s: Window | None = None
