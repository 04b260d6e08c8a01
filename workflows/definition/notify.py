"""What `call: notify` takes. What is written out is judged here, the rest when it is known."""

import re
from collections.abc import Callable
from typing import Annotated, ClassVar, Final, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from foundation.json import JsonObject
from workflows.definition.arguments import Arguments, Computed, has_computed, is_expression
from workflows.definition.durations import duration_seconds
from workflows.definition.findings import Code, Path, shown
from workflows.definition.models.base import Given, Json, JsonMap, exactly_one, refusal
from workflows.expressions import has_expressions

MAX_PERMITS: Final = 1_000
MAX_WINDOW_S: Final = 366 * 86_400
_CHANNELS: Final = ("slack", "email", "webhook")
_OBJECTS: Final = (*_CHANNELS, "deduplicate", "rateLimit")
_ADDRESS: Final = re.compile(r"https?://[^/?#\s]+\S*", re.IGNORECASE)
MAIL_ADDRESS: Final = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")
_LINE: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*")


def _written_out(check: Callable[[str], None]) -> Callable[[str], str]:
    """Leave texts with expressions to the run."""

    def judged(text: str) -> str:
        if not has_expressions(text):
            check(text)
        return text

    return judged


def _address(text: str) -> None:
    if not _ADDRESS.fullmatch(text):
        raise refusal(Code.URI, f"{shown(text)} cannot be called. Begin with https:// or http://.")


def _line(text: str) -> None:
    if not _LINE.fullmatch(text):
        raise refusal(Code.WRONG_VALUE, "This must be one line. Put the rest into 'text'.")


def _recipients(value: Json) -> Json:
    if is_expression(value):
        return value
    for each in value if isinstance(value, list) else [value]:
        if not isinstance(each, str):
            message = "This must be a mail address, a list of them, or an expression."
            raise refusal(Code.WRONG_TYPE, message)
        if not has_expressions(each) and not MAIL_ADDRESS.fullmatch(each):
            message = f"{shown(each)} is no mail address. Write shift-leader@plant.example."
            raise refusal(Code.WRONG_VALUE, message)
    return value


def _window(value: Json) -> Json:
    if isinstance(value, (str, dict)) and has_computed(value):
        return value
    try:
        seconds = duration_seconds(value)
    except ValueError as error:
        raise refusal(Code.DURATION, str(error)) from None
    if not 0 < seconds <= MAX_WINDOW_S:
        raise refusal(Code.DURATION, "This must be longer than nothing and at most 366 days.")
    return value


def _key(value: Json) -> Json:
    if not isinstance(value, (str, int, float)) or isinstance(value, bool) or value == "":
        message = "The key must be a text, such as 'line-${ .line }-stopped'."
        raise refusal(Code.WRONG_TYPE, message)
    return value


Line: TypeAlias = Annotated[str, Field(min_length=1), AfterValidator(_written_out(_line))]
Url: TypeAlias = Annotated[str, AfterValidator(_written_out(_address))]
Recipients: TypeAlias = Annotated[Json, AfterValidator(_recipients)]
Window: TypeAlias = Annotated[Json, AfterValidator(_window)]
Key: TypeAlias = Annotated[Json, AfterValidator(_key)]


class SlackArguments(Arguments):
    """An incoming webhook. Its address is its password."""

    url: Url


class EmailArguments(Arguments):
    """Through the mail server of the installation."""

    to: Recipients
    cc: Given[Recipients] = None
    subject: Given[Line] = None


class WebhookArguments(Arguments):
    """A receiver of Standard Webhooks."""

    url: Url
    secret: Given[str] = None
    type: Given[Line] = None


class DeduplicateArguments(Arguments):
    """Send the same one to the same place only once in a while."""

    key: Key
    window: Window


class RateLimitArguments(Arguments):
    """Send no more than so many to one place in such a time."""

    key: Given[Key] = None
    permits: Computed[Annotated[int, Field(ge=1, le=MAX_PERMITS)]]
    period: Window


class NotifyArguments(Arguments):
    """One notification over exactly one channel."""

    SECRETS: ClassVar[tuple[Path, ...]] = (("slack", "url"), ("webhook", "secret"))

    slack: Given[SlackArguments] = None
    email: Given[EmailArguments] = None
    webhook: Given[WebhookArguments] = None
    title: Given[Line] = None
    text: Given[Annotated[str, Field(min_length=1)]] = None
    data: Given[Computed[JsonMap]] = None
    deduplicate: Given[DeduplicateArguments] = None
    rate_limit: Given[RateLimitArguments] = None

    @model_validator(mode="before")
    @classmethod
    def _objects(cls, given: JsonObject) -> JsonObject:
        """Want the parts written out: only then can their keys be judged."""
        for name in _OBJECTS:
            if isinstance(given.get(name), str):
                message = f"'{name}' must be an object. Expressions can stand in its members."
                raise refusal(Code.WRONG_TYPE, message)
        return given

    @model_validator(mode="after")
    def _one_channel(self) -> Self:
        exactly_one(self, *_CHANNELS)
        return self

    @model_validator(mode="after")
    def _something_to_say(self) -> Self:
        if self.webhook is not None:
            if self.title is None and self.text is None and self.data is None:
                raise refusal(Code.MISSING_KEY, "One of 'title', 'text', 'data' is missing.")
            return self
        if self.text is None:
            raise refusal(Code.MISSING_KEY, "'text' is missing here.")
        if self.data is not None:
            raise refusal(Code.WRONG_VALUE, "Only a webhook has 'data'. Put it into 'text'.")
        if self.email is not None and self.email.subject is None and self.title is None:
            message = "A mail needs a 'title', or a 'subject' of its own."
            raise refusal(Code.MISSING_KEY, message)
        return self
