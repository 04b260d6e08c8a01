"""What crosses the wire for `call: asyncapi`. Fields are added, never renamed."""

from pydantic import BaseModel, Field

from activities.logins.types import Login
from activities.requests import Request, Texts
from foundation.json import JsonObject


class AsyncApiCall(Request, frozen=True):
    """Which operation of which document, and how to log in.

    Attributes:
        operation: Its name (3.x) or operationId (2.x); else `channel` names the channel.
        server: Its name in the document; the first one of the channel when left out.
        variables: Of the server's address, and parameters of the channel's.
        protocol: Which servers to choose from, when none is named.
    """

    document_uri: str = ""
    document_login: Login | None = None
    operation: str | None = None
    channel: str | None = None
    server: str | None = None
    variables: JsonObject = Field(default_factory=dict)
    protocol: str | None = None
    login: Login | None = None


class AsyncApiPublish(AsyncApiCall, frozen=True):
    """Send one message; no payload is an empty one."""

    payload: JsonObject | None = None
    headers: Texts = Field(default_factory=dict)


class AsyncApiConsume(AsyncApiCall, frozen=True):
    """Begin or end a subscription, or take its next messages.

    Attributes:
        session: Its name at the broker: one for each execution of a task.
        taken: Keys of deliveries that the run has recorded; the broker hears of them now.
        carried: Keys of those that it heard of before and may not have noticed.
        limit: Take at most so many messages.
        wait_s: Come back after this long without any.
        timeout_s: For everything but waiting.
    """

    session: str
    taken: list[str] = Field(default_factory=list)
    carried: list[str] = Field(default_factory=list)
    limit: int = 0
    wait_s: float = 0.0


class Delivery(BaseModel, frozen=True):
    """One message that was taken.

    Attributes:
        key: Tells a delivery that comes again from a new one; empty for one that never does.
        message: `payload`, `headers`, `topic` and, where there is one, `correlationId`.
    """

    key: str
    message: JsonObject


class Polled(BaseModel, frozen=True):
    """Messages in the order in which they came.

    Attributes:
        carried: Of the keys that were handed in, those that may come again.
    """

    deliveries: list[Delivery]
    carried: list[str] = Field(default_factory=list)
    attempts: int
